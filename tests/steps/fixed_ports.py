"""Exclusive use of the fixed ports that the test suites of some clients require."""

import socket
import time
from contextlib import contextmanager

from .report import Missing, print_line

# A name of the abstract namespace of unix sockets: it is free again when its process exits.
LOCK = "\0larder-tests-with-fixed-ports"
POLL_SECS = 1
# For a server of the previous step, which may still be closing its sockets.
WAIT_MAX_SECS = 120


@contextmanager
def reserved(tcp=(), udp=()):
    """Waits until no other run of these tests uses fixed ports. Raises `Missing` if another program has one of them."""
    with socket.socket(socket.AF_UNIX) as lock:
        if not can_bind(lock, LOCK):
            print_line("waiting for another run of these tests, which uses the same ports")
            while not can_bind(lock, LOCK):
                time.sleep(POLL_SECS)
        deadline = time.monotonic() + WAIT_MAX_SECS
        while taken := taken_ports(tcp, udp):
            if time.monotonic() > deadline:
                raise Missing(f"another program uses port {taken[0]}, which these tests require")
            time.sleep(POLL_SECS)
        yield


def taken_ports(tcp, udp):
    """Those of the ports that another socket is bound to."""
    taken = []
    for kind, ports in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
        for port in ports:
            with socket.socket(type=kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if not can_bind(probe, ("127.0.0.1", port)):
                    taken.append(port)
    return taken


def can_bind(probe, address):
    """Binds the socket; false if the address is in use."""
    try:
        probe.bind(address)
    except OSError:
        return False
    return True
