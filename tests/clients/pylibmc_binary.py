"""pylibmc, which uses libmemcached, in the binary protocol: without a login, with a login, and with three servers."""

import unittest
from contextlib import ExitStack

import pylibmc
import servers

LONG_AGO = 60 * 60 * 24 * 30 + 1
# Each touch takes that long; a busy server must reply within it.
TOUCH_TIMEOUT_MILLIS = 3000


class WithoutLogin(unittest.TestCase):
    """One server for each test."""

    server_options = {}
    login = {}

    def setUp(self):
        resources = ExitStack()
        self.addCleanup(resources.close)
        self.server = resources.enter_context(servers.larder(**self.server_options))
        self.client = self.connected(behaviors={"cas": True})

    def connected(self, **options):
        behaviors = {"_poll_timeout": servers.WAIT_MAX_SECS * 1000, **options.pop("behaviors", {})}
        return pylibmc.Client([self.server.address], binary=True, behaviors=behaviors, **{**self.login, **options})

    def test_values_come_back_in_their_type(self):
        for value in ("text", b"bytes\r\n\0", 42, -1, 1.5, ["a", {"b": None}], "", b"v" * 1_000_000):
            self.assertTrue(self.client.set("k", value))
            self.assertEqual(self.client.get("k"), value)
        self.assertIsNone(self.client.get("missing"))

    def test_a_value_over_the_limit_is_refused_and_the_connection_stays_usable(self):
        self.client.set("k", b"old")
        with self.assertRaises(pylibmc.TooBig):
            self.client.set("k", b"v" * (1 << 20))
        self.assertIsNone(self.client.get("k"))

    def test_stores_check_their_condition(self):
        with self.assertRaises(pylibmc.NotFound):
            self.client.replace("k", "lost")
        self.assertFalse(self.client.append("k", "lost"))
        self.assertTrue(self.client.add("k", "and"))
        self.assertFalse(self.client.add("k", "second"))
        self.assertTrue(self.client.append("k", " cheese"))
        self.assertTrue(self.client.prepend("k", "bread "))
        self.assertEqual(self.client.get("k"), "bread and cheese")
        self.assertTrue(self.client.delete("k"))
        self.assertFalse(self.client.delete("k"))

    def test_many_keys_are_stored_read_and_deleted_at_once(self):
        pairs = {f"key-{number}": number for number in range(500)}
        self.assertEqual(self.client.set_multi(pairs), [])
        self.assertEqual(self.client.get_multi([*pairs, "missing"]), pairs)
        self.assertTrue(self.client.delete_multi(list(pairs)))
        self.assertEqual(self.client.get_multi(list(pairs)), {})

    def test_cas_stores_only_over_the_value_that_was_read(self):
        self.client.set("k", "read")
        value, unique = self.client.gets("k")
        self.assertEqual(value, "read")
        self.assertTrue(self.client.cas("k", "written", unique))
        self.assertFalse(self.client.cas("k", "too late", unique))
        self.assertEqual(self.client.get("k"), "written")

    def test_numbers_are_incremented_and_not_created(self):
        with self.assertRaises(pylibmc.NotFound):
            self.client.incr("n")
        self.client.set("n", 40)
        self.assertEqual(self.client.incr("n", 2), 42)
        self.assertEqual(self.client.decr("n", 50), 0)

    def test_touch_and_exptimes_take_effect(self):
        # This libmemcached waits for more bytes after the reply to a touch until its timeout, with memcached as well.
        self.client = self.connected(behaviors={"_poll_timeout": TOUCH_TIMEOUT_MILLIS})
        self.assertFalse(self.client.touch("k", 100))
        self.client.set("k", "v")
        self.assertTrue(self.client.touch("k", 100))
        self.assertEqual(self.client.get("k"), "v")
        self.assertTrue(self.client.touch("k", LONG_AGO))
        self.assertIsNone(self.client.get("k"))
        self.client.set("k", "v", time=LONG_AGO)
        self.assertIsNone(self.client.get("k"))

    def test_flush_all_empties_the_server(self):
        self.client.set("k", "v")
        self.assertTrue(self.client.flush_all())
        self.assertIsNone(self.client.get("k"))

    def test_statistics_are_complete(self):
        self.client.set("k", "v")
        ((_, statistics),) = self.client.get_stats()
        self.assertEqual((statistics["curr_items"], statistics["version"]), (b"1", b"1.6.45"))
        self.assertEqual(self.client.get("k"), "v")

    def test_stores_without_a_reply_arrive(self):
        for behavior in ("_noreply", "no_block"):
            client = self.connected(behaviors={behavior: True})
            for number in range(300):
                client.set(f"{behavior}-{number}", number)
            self.assertEqual(client.get(f"{behavior}-299"), 299)


class WithLogin(WithoutLogin):
    """The same tests with a login."""

    server_options = {"arguments": ["-S"], "users": "ann:secret\n"}
    login = {"username": "ann", "password": "secret"}

    def test_a_wrong_login_is_refused(self):
        for login in ({"username": "ann", "password": "wrong"}, {"username": "bob", "password": "secret"}):
            with self.assertRaises(pylibmc.Error):
                self.connected(**login).set("k", "v")
        self.assertIsNone(self.client.get("k"))


class OverThreeServers(unittest.TestCase):
    """Keys distributed by consistent hashing."""

    def test_ketama_distributes_the_keys_and_finds_them_again(self):
        with ExitStack() as running:
            three = [running.enter_context(servers.larder()) for _ in range(3)]
            addresses = [server.address for server in three]
            client = pylibmc.Client(addresses, binary=True, behaviors={"ketama": True})
            pairs = {f"key-{number}": number for number in range(600)}
            self.assertEqual(client.set_multi(pairs), [])
            self.assertEqual(client.get_multi(list(pairs)), pairs)
            held = [int(server.statistics()["curr_items"]) for server in three]
            self.assertEqual(sum(held), len(pairs))
            self.assertGreater(min(held), 50, held)
            again = pylibmc.Client(addresses[:2], binary=True, behaviors={"ketama": True})
            self.assertGreater(len(again.get_multi(list(pairs))), 250, "two of three servers keep their keys")
