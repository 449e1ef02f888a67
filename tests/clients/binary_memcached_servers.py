"""A pytest plugin that redirects python-binary-memcached's own tests to the servers under test.

The tests connect to port 11211 and to a unix socket with a fixed path. The plugin replaces them by `SERVER_PORT` and
`SERVER_SOCKET`. The tests are unchanged.
"""

import os
import socket

import pytest

PORT = 11211
SOCKET = "/tmp/memcached.sock"

_connect = socket.socket.connect


def _connect_redirected(self, address):
    if address == SOCKET:
        address = os.environ["SERVER_SOCKET"]
    elif isinstance(address, tuple) and address[1] == PORT:
        address = (address[0], int(os.environ["SERVER_PORT"]), *address[2:])
    return _connect(self, address)


socket.socket.connect = _connect_redirected


@pytest.fixture
def memcached_sasl():
    """Port, user and password of a server that requires a login."""
    return int(os.environ["SERVER_PORT"]), "user", "password"
