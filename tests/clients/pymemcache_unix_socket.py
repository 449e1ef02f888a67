"""A pytest plugin that lets pymemcache's own tests reach a unix socket.

They name the server as `(host, port)` from the options `--server` and `--port` and have no option for a socket. With
this plugin a host that is a path stands for the unix socket of that path; the tests stay as they are.
"""

from pymemcache.client import base, hash as hashed

_normalize = base.normalize_server_spec


def _normalize_server_spec(server):
    if isinstance(server, tuple) and server[0].startswith("/"):
        return server[0]
    return _normalize(server)


base.normalize_server_spec = _normalize_server_spec
hashed.normalize_server_spec = _normalize_server_spec
