"""Keys spread over three servers, by nutcracker (twemproxy) and by pymemcache itself: one is killed and comes back."""

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
# How long a server that failed is left alone.
RETRY_SECS = 0.3

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


def await_true(what, condition):
    deadline = time.monotonic() + servers.DEADLINE_SECS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(servers.PAUSE_SECS)


class SeveralServers(unittest.TestCase):
    """Three servers for each test; `kill` and `revive` are for the second."""

    def setUp(self):
        self.resources = ExitStack()
        self.addCleanup(self.resources.close)
        self.running = [self.start() for _ in range(3)]

    def start(self, *arguments):
        return self.resources.enter_context(servers.Server(os.environ["LARDER"], arguments=arguments))

    def kill(self):
        self.running[1].kill()

    def revive(self):
        self.running[1] = self.start("-p", str(self.running[1].port))

    def items(self):
        return [int(server.figures()["curr_items"]) for server in self.running]

    def lose_one_and_get_it_back(self, client, stores):
        """`stores(key)` is true if a set went well."""
        for key in KEYS:
            self.assertTrue(stores(key))
        before = self.items()
        self.assertEqual(sum(before), len(KEYS))
        self.assertTrue(all(before), before)

        self.kill()
        await_true("the dead server to be left out", lambda: all(stores(key) for key in KEYS))
        found = client.get_many(KEYS)
        self.assertEqual(len(found), len(KEYS))
        survivors = [int(self.running[at].figures()["curr_items"]) for at in (0, 2)]
        self.assertEqual(sum(survivors), len(KEYS), "what the dead one had went to the others, nothing else moved")

        self.revive()
        await_true("the server to be used again", lambda: [stores(key) for key in KEYS] and self.items()[1])
        self.assertTrue(all(stores(key) for key in KEYS))
        self.assertEqual(self.items()[1], before[1], "it has the keys again that it had")
        self.assertEqual(len(client.get_many(KEYS)), len(KEYS))

    def test_nutcracker_goes_on_without_a_server_and_takes_it_back(self):
        directory = Path(self.resources.enter_context(tempfile.TemporaryDirectory(prefix="larder-")))
        port = free_port()
        named = zip(("one", "two", "three"), self.running)
        lines = [f"   - 127.0.0.1:{server.port}:1 {name}" for name, server in named]
        text = NUTCRACKER.format(
            listen=f"127.0.0.1:{port}", retry_millis=int(RETRY_SECS * 1000), servers="\n".join(lines)
        )
        (directory / "nutcracker.yml").write_text(text, encoding="ascii")
        proxy = subprocess.Popen(
            [os.environ["NUTCRACKER"], "-c", directory / "nutcracker.yml", "-a", "127.0.0.1", "-s", str(free_port())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.resources.callback(proxy.wait)
        self.resources.callback(proxy.terminate)
        client = Client(("127.0.0.1", port), default_noreply=False)
        self.resources.callback(client.close)

        def stores(key):
            try:
                return client.set(key, b"value")
            except Exception:
                client.close()
                return False

        await_true("nutcracker to listen", lambda: stores(KEYS[0]))
        self.lose_one_and_get_it_back(client, stores)
        self.assertTrue(client.delete(KEYS[0]))
        self.assertIsNone(client.get(KEYS[0]))

    def test_a_hash_client_goes_on_without_a_server_and_takes_it_back(self):
        client = HashClient(
            [("127.0.0.1", server.port) for server in self.running],
            connect_timeout=1,
            timeout=1,
            retry_attempts=0,
            retry_timeout=RETRY_SECS,
            dead_timeout=RETRY_SECS,
            ignore_exc=True,
            default_noreply=False,
        )
        self.resources.callback(client.close)
        self.lose_one_and_get_it_back(client, lambda key: client.set(key, b"value"))


if __name__ == "__main__":
    unittest.main()
