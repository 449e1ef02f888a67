"""A pytest plugin that runs pymemcache's own tests over a unix socket.

The tests address the server as `(host, port)` by the options `--server` and `--port`. With this plugin a host that
is a path selects the unix socket of that path. The tests are unchanged.
"""

from pymemcache.client import base, hash as hashed

_normalize = base.normalize_server_spec


def _normalize_server_spec(server):
    if isinstance(server, tuple) and server[0].startswith("/"):
        return server[0]
    return _normalize(server)


base.normalize_server_spec = _normalize_server_spec
hashed.normalize_server_spec = _normalize_server_spec
