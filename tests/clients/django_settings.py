"""Settings for Django's own tests with the server under test as the default cache.

`SERVER` is the server's address, `DEFAULT_CLIENT` the client of the default cache. If `BINARY` is set, pylibmc uses the
binary protocol. Both clients are configured, because the classes `PyMemcacheCacheTests` and `PyLibMCCacheTests` are
skipped without theirs.
"""

import os

from test_sqlite import *  # noqa: F403, Django's settings for its tests on SQLite

CLIENTS = ["PyMemcacheCache", "PyLibMCCache"]
CLIENTS.sort(key=lambda client: client != os.environ["DEFAULT_CLIENT"])
OPTIONS = {"PyLibMCCache": {"binary": True}} if os.environ.get("BINARY") else {}
CACHES = {
    alias: {
        "BACKEND": f"django.core.cache.backends.memcached.{client}",
        "LOCATION": os.environ["SERVER"],
        "OPTIONS": OPTIONS.get(client, {}),
    }
    for alias, client in zip(["default", "other_client"], CLIENTS)
}
TEST_RUNNER = "django_runner.Runner"
