"""A pytest plugin that leads python-binary-memcached's own tests to the servers under test.

They connect to port 11211 and to a unix socket of a fixed name; with this plugin these stand for `SERVER_PORT` and
`SERVER_SOCKET`. The tests stay as they are.
"""

import os
import socket

import pytest

PORT = 11211
SOCKET = "/tmp/memcached.sock"

_connect = socket.socket.connect


def _connect_elsewhere(self, address):
    if address == SOCKET:
        address = os.environ["SERVER_SOCKET"]
    elif isinstance(address, tuple) and address[1] == PORT:
        address = (address[0], int(os.environ["SERVER_PORT"]), *address[2:])
    return _connect(self, address)


socket.socket.connect = _connect_elsewhere


@pytest.fixture
def memcached_sasl():
    """Port, user and password of a server that asks for a login."""
    return int(os.environ["SERVER_PORT"]), "user", "password"
