"""The command line tools of libmemcached with larder, used as described in their manual pages."""

import subprocess
import tempfile
import unittest
from contextlib import ExitStack
from pathlib import Path

import servers


class LibmemcachedTools(unittest.TestCase):
    """One server for each test."""

    def setUp(self):
        resources = ExitStack()
        self.addCleanup(resources.close)
        self.server = resources.enter_context(servers.larder())
        self.directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="larder-")))

    def tool(self, name, *arguments, status=0):
        """Runs a tool against the server and returns what it printed."""
        ended = subprocess.run(
            [name, f"--servers={self.server.address}", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=servers.WAIT_MAX_SECS,
            cwd=self.directory,
            check=False,
        )
        self.assertEqual(ended.returncode, status, ended)
        return ended.stdout

    def store(self, key, value):
        self.assertEqual(self.server.ask(b"set %s 0 0 %d\r\n%s\r\n" % (key, len(value), value), b"\r\n"), b"STORED\r\n")

    def test_memcping_reaches_the_server(self):
        self.tool("memcping")

    def test_memcstat_prints_the_statistics(self):
        printed = self.tool("memcstat").decode()
        self.assertIn(f"Server: 127.0.0.1 ({self.server.port})", printed)
        statistics = dict(line.strip().split(": ", 1) for line in printed.splitlines() if line.startswith("\t"))
        self.assertEqual(statistics["version"], self.server.statistics()["version"])
        self.assertEqual(statistics["curr_items"], "0")

    def test_memcexist_tells_a_stored_key_from_a_missing_one(self):
        self.store(b"here", b"x")
        self.tool("memcexist", "here")
        self.tool("memcexist", "elsewhere", status=1)

    def test_memccp_stores_a_file_that_memccat_prints(self):
        content = bytes(range(33, 127)) * 1000
        (self.directory / "copied").write_bytes(content)
        self.tool("memccp", "copied")
        self.assertEqual(self.tool("memccat", "copied"), content + b"\n")

    def test_memccat_fails_on_a_missing_key(self):
        self.tool("memccat", "missing", status=1)

    def test_memcrm_removes_a_key_once(self):
        self.store(b"gone", b"x")
        self.tool("memcrm", "gone")
        self.assertEqual(self.server.ask(b"get gone\r\n", b"END\r\n"), b"END\r\n")
        self.tool("memcrm", "gone", status=1)

    def test_memctouch_gives_a_key_a_new_expiry(self):
        self.store(b"kept", b"x")
        self.tool("memctouch", "--expire=-1", "kept")
        self.assertEqual(self.server.ask(b"get kept\r\n", b"END\r\n"), b"END\r\n")

    def test_memcflush_empties_the_server(self):
        self.store(b"gone", b"x")
        self.tool("memcflush")
        self.assertEqual(self.server.ask(b"get gone\r\n", b"END\r\n"), b"END\r\n")

    def test_memcdump_lists_every_key(self):
        for key, size in ((b"one", 1), (b"two", 1), (b"long", 5000), (b"large", 100_000)):
            self.store(key, b"v" * size)
        self.assertEqual(sorted(self.tool("memcdump").split()), [b"large", b"long", b"one", b"two"])

    def test_memcslap_finds_every_value_it_stored(self):
        self.tool("memcslap", "--test=set", "--concurrency=4", "--execute-number=500")
        self.assertEqual(self.server.statistics()["cmd_set"], "2000")
