"""`memcached-tool`, the report script of Debian's memcached, with larder."""

import subprocess
import unittest
from contextlib import ExitStack

import servers

TOOL = "/usr/share/memcached/scripts/memcached-tool"


class MemcachedTool(unittest.TestCase):
    """One server for each test, with a few items."""

    def setUp(self):
        resources = ExitStack()
        self.addCleanup(resources.close)
        self.server = resources.enter_context(servers.larder())
        for size in (10, 1000, 100_000):
            request = b"set size-%d 0 0 %d\r\n%s\r\n" % (size, size, b"v" * size)
            self.assertEqual(self.server.ask(request, b"\r\n"), b"STORED\r\n")

    def tool(self, mode, address=None, announced=""):
        """The output of the tool in a mode. Its standard error must be equal to `announced`."""
        ended = subprocess.run(
            ["perl", TOOL, address or self.server.address, mode],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=servers.WAIT_MAX_SECS,
            text=True,
            check=False,
        )
        self.assertEqual((ended.returncode, ended.stderr), (0, announced), ended)
        return ended.stdout.splitlines()

    def test_display_of_an_empty_server_is_only_a_heading(self):
        with servers.larder() as server:
            self.assertEqual(len(self.tool("display", server.address)), 1)

    def test_display_lists_the_classes_that_hold_items(self):
        heading, *rows = self.tool("display")
        self.assertEqual(
            heading.split(),
            ["#", "Item_Size", "Max_age", "Pages", "Count", "Full?", "Evicted", "Evict_Time", "OOM"],
        )
        fields = [row.split() for row in rows]
        self.assertEqual([len(row) for row in fields], [9] * len(rows))
        self.assertEqual(sum(int(row[4]) for row in fields), 3)
        self.assertEqual([row[6:] for row in fields], [["0", "0", "0"]] * len(rows))

    def test_stats_match_the_stats_command(self):
        heading, *rows = self.tool("stats")
        self.assertEqual(heading.split(), [f"#{self.server.address}", "Field", "Value"])
        printed = {name: value.strip() for name, value in (row.split(None, 1) for row in rows)}
        self.assertEqual(printed.keys(), self.server.statistics().keys())
        self.assertEqual((printed["curr_items"], printed["cmd_set"]), ("3", "3"))

    def test_settings_match_the_stats_command(self):
        heading, *rows = self.tool("settings")
        self.assertEqual(heading.split(), [f"#{self.server.address}", "Field", "Value"])
        printed = dict(row.split(None, 1) for row in rows)
        self.assertEqual(printed["maxbytes"], str(64 << 20))
        self.assertEqual(printed["maxconns"], "1024")
        self.assertEqual(printed["evictions"], "on")

    def test_sizes_match_the_stored_items(self):
        with servers.larder(arguments=("-o", "track_sizes")) as server:
            server.ask(b"set k 0 0 1000\r\n%s\r\n" % (b"v" * 1000), b"\r\n")
            heading, row = self.tool("sizes", server.address)
            self.assertEqual(heading.split()[1:], ["Size", "Count"])
            self.assertEqual(row.split(), ["1024", "1"])

    def test_keys_lists_every_item(self):
        names = sorted(row.split()[0] for row in self.tool("keys", announced="Dumping memcache keys\n"))
        self.assertEqual(names, ["key=size-10", "key=size-1000", "key=size-100000"])

    def test_dump_prints_commands_that_store_every_item_again(self):
        rows = self.tool("dump", announced="Dumping memcache contents\n")
        self.assertEqual(len(rows), 6)
        with servers.larder() as copy:
            for line, value in zip(rows[::2], rows[1::2], strict=True):
                self.assertEqual(copy.ask(f"{line}\r\n{value}\r\n".encode(), b"\r\n"), b"STORED\r\n")
            self.assertEqual(copy.statistics()["bytes"], self.server.statistics()["bytes"])

    def test_stats_of_a_unix_socket(self):
        with servers.larder(unix=True) as server:
            server.ask(b"set k 0 0 1\r\nx\r\n", b"\r\n")
            rows = dict(row.split(None, 1) for row in self.tool("stats", server.address)[1:])
            self.assertEqual(rows["curr_items"].strip(), "1")
