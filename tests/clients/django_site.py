"""A small Django project that keeps its sessions, a counter and template fragments in the server under test.

The environment contains `SERVER`, the server's address, and `CLIENT`, the name of Django's backend.
"""

import os

from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.template import engines
from django.urls import path

BACKEND = f"django.core.cache.backends.memcached.{os.environ['CLIENT']}"
settings.configure(
    ALLOWED_HOSTS=["testserver"],
    CACHES={"default": {"BACKEND": BACKEND, "LOCATION": os.environ["SERVER"]}},
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for tests",
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
PAGE = "{% load cache %}{{ items }}{% cache 300 sidebar topic %} {{ topic }} by {{ author }}{% endcache %}"


def visit(request, topic):
    """Adds an item to the basket of the session, counts the visit, and renders a page with a cached sidebar."""
    request.session["basket"] = request.session.get("basket", []) + [request.GET["item"]]
    cache.incr("visits")
    page = {"items": len(request.session["basket"]), "topic": topic, "author": os.getpid()}
    return HttpResponse(engines["django"].from_string(PAGE).render(page, request))


urlpatterns = [path("<topic>", visit)]
