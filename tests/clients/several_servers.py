"""Keys on three servers, by nutcracker (twemproxy) and by pymemcache. One server is killed and restarted."""

import os
import socket
import subprocess
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

from pymemcache.client.base import Client
from pymemcache.client.hash import HashClient

import servers

KEYS = [f"key-{number}" for number in range(300)]
# A failed server is not used for this time. Then the next request to it fails again.
RETRY_SECS = 1

NUTCRACKER = """\
larder:
  listen: {listen}
  hash: murmur
  distribution: ketama
  auto_eject_hosts: true
  server_failure_limit: 1
  server_retry_timeout: {retry_millis}
  servers:
{servers}
"""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def accepts(port):
    """True if a program accepts connections on the port."""
    try:
        socket.create_connection(("127.0.0.1", port), servers.WAIT_MAX_SECS).close()
    except OSError:
        return False
    return True


def wait_until(event, condition):
    deadline = time.monotonic() + servers.WAIT_MAX_SECS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no sign of {event} within {servers.WAIT_MAX_SECS} s")
        time.sleep(servers.PAUSE_SECS)


class SeveralServers(unittest.TestCase):
    """Three servers for each test. `kill` and `restart` are for the second one."""

    def setUp(self):
        self.resources = ExitStack()
        self.addCleanup(self.resources.close)
        self.running = [self.start() for _ in range(3)]

    def start(self, *arguments):
        return self.resources.enter_context(servers.Server(os.environ["LARDER"], arguments=arguments))

    def kill(self):
        self.running[1].kill()

    def restart(self):
        port = str(self.running[1].port)

        def has_started():
            # The port may be in use by an outgoing connection of another program for a while.
            try:
                self.running[1] = self.start("-p", port)
            except ChildProcessError:
                return False
            return True

        wait_until(f"a server on port {port}", has_started)

    def items(self):
        return [int(server.statistics()["curr_items"]) for server in self.running]

    def kill_and_restart_one(self, stores, reads):
        """`stores(key)` is true if a set succeeds; `reads()` is the number of keys that the client finds."""
        for key in KEYS:
            self.assertTrue(stores(key))
        before = self.items()
        self.assertEqual(sum(before), len(KEYS))
        self.assertTrue(all(before), before)

        self.kill()
        # The client tries the killed server again from time to time, so some requests fail.
        wait_until("stores without the killed server", lambda: all(stores(key) for key in KEYS))
        wait_until("reads without the killed server", lambda: reads() == len(KEYS))
        survivors = [int(self.running[at].statistics()["curr_items"]) for at in (0, 2)]
        self.assertEqual(sum(survivors), len(KEYS), "the keys of the killed server moved and no others")

        self.restart()
        wait_until("stores on the restarted server", lambda: all(stores(key) for key in KEYS) and self.items()[1])
        self.assertTrue(all(stores(key) for key in KEYS))
        self.assertEqual(self.items()[1], before[1], "the restarted server has its keys again")
        self.assertEqual(reads(), len(KEYS))

    def start_nutcracker(self):
        """Starts nutcracker on a free port and returns the port."""
        directory = Path(self.resources.enter_context(tempfile.TemporaryDirectory(prefix="larder-")))
        named = zip(("one", "two", "three"), self.running)
        lines = "\n".join(f"   - 127.0.0.1:{server.port}:1 {name}" for name, server in named)
        while True:
            port = free_port()
            text = NUTCRACKER.format(
                listen=f"127.0.0.1:{port}", retry_millis=int(RETRY_SECS * 1000), servers=lines
            )
            (directory / "nutcracker.yml").write_text(text, encoding="ascii")
            options = ["-c", directory / "nutcracker.yml", "-a", "127.0.0.1", "-s", str(free_port())]
            proxy = subprocess.Popen(
                [os.environ["NUTCRACKER"], *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            self.resources.callback(proxy.wait)
            self.resources.callback(proxy.terminate)
            wait_until("nutcracker", lambda: proxy.poll() is not None or accepts(port))
            # It exits if another program has taken one of its ports in the meantime.
            if proxy.poll() is None:
                return port

    def test_nutcracker_works_without_a_server_and_uses_it_again(self):
        client = Client(("127.0.0.1", self.start_nutcracker()), default_noreply=False)
        self.resources.callback(client.close)

        def stores(key):
            try:
                return client.set(key, b"value")
            except Exception:
                client.close()
                return False

        def reads():
            try:
                return len(client.get_many(KEYS))
            except Exception:
                client.close()
                return 0

        self.kill_and_restart_one(stores, reads)
        self.assertTrue(client.delete(KEYS[0]))
        self.assertIsNone(client.get(KEYS[0]))

    def test_a_hash_client_works_without_a_server_and_uses_it_again(self):
        client = HashClient(
            [("127.0.0.1", server.port) for server in self.running],
            connect_timeout=servers.WAIT_MAX_SECS,
            timeout=servers.WAIT_MAX_SECS,
            retry_attempts=0,
            retry_timeout=RETRY_SECS,
            dead_timeout=RETRY_SECS,
            ignore_exc=True,
            default_noreply=False,
        )
        self.resources.callback(client.close)
        stores = lambda key: client.set(key, b"value")
        self.kill_and_restart_one(stores, lambda: len(client.get_many(KEYS)))


if __name__ == "__main__":
    unittest.main()
