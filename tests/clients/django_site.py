"""A Django project of ten lines: its sessions, a counter and its template fragments live in the server under test.

`SERVER` in the environment is the server's address, `CLIENT` names Django's backend.
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
    """Puts an item into the visitor's basket, counts the visit, shows a page with a cached sidebar."""
    request.session["basket"] = request.session.get("basket", []) + [request.GET["item"]]
    cache.incr("visits")
    page = {"items": len(request.session["basket"]), "topic": topic, "author": os.getpid()}
    return HttpResponse(engines["django"].from_string(PAGE).render(page, request))


urlpatterns = [path("<topic>", visit)]
