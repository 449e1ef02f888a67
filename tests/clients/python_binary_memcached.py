"""python-binary-memcached, the client of Datadog's check and of many hosting platforms, without and with a login."""

import threading
import unittest
from contextlib import ExitStack

import bmemcached
import servers
from bmemcached.exceptions import MemcachedException

LONG_AGO = 60 * 60 * 24 * 30 + 1


class WithoutLogin(unittest.TestCase):
    """One server for each test."""

    server_options = {}
    login = ()

    def setUp(self):
        resources = ExitStack()
        self.addCleanup(resources.close)
        self.server = resources.enter_context(servers.larder(**self.server_options))
        self.client = self.connected(*self.login)

    def connected(self, *login):
        client = bmemcached.Client((self.server.address,), *login, socket_timeout=servers.WAIT_MAX_SECS)
        self.addCleanup(client.disconnect_all)
        return client

    def test_values_come_back_in_their_type(self):
        for value in ("text", b"bytes\r\n\0", 42, -1, 1.5, ["a", {"b": None}], "", "ü" * 300_000):
            self.assertTrue(self.client.set("k", value))
            self.assertEqual(self.client.get("k"), value)
        self.assertIsNone(self.client.get("missing"))

    def test_stores_check_their_condition(self):
        self.assertFalse(self.client.replace("k", "lost"))
        self.assertTrue(self.client.add("k", "first"))
        self.assertFalse(self.client.add("k", "second"))
        self.assertTrue(self.client.replace("k", "third"))
        self.assertEqual(self.client.get("k"), "third")
        self.assertTrue(self.client.delete("k"))
        self.assertIsNone(self.client.get("k"))

    def test_many_keys_are_stored_read_and_deleted_at_once(self):
        pairs = {f"key-{number}": f"value-{number}" for number in range(500)}
        self.assertEqual(self.client.set_multi(pairs), [])
        self.assertEqual(self.client.get_multi([*pairs, "missing"]), pairs)
        self.assertEqual(self.client.get_multi(["missing", "key-1"]), {"key-1": "value-1"})
        self.assertTrue(self.client.delete_multi(list(pairs)))
        self.assertEqual(self.client.get_multi(list(pairs)), {})

    def test_cas_stores_only_over_the_value_that_was_read(self):
        self.client.set("k", "read")
        value, unique = self.client.gets("k")
        self.assertEqual(value, "read")
        self.assertTrue(self.client.cas("k", "written", unique))
        self.assertFalse(self.client.cas("k", "too late", unique))
        self.assertFalse(self.client.cas("missing", "x", unique))
        self.assertEqual(self.client.get("k"), "written")

    def test_numbers_are_created_and_incremented(self):
        self.assertEqual(self.client.incr("n", 5), 0)
        self.assertEqual(self.client.incr("n", 5), 5)
        self.assertEqual(self.client.decr("n", 7), 0)

    def test_exptimes_take_effect(self):
        self.client.set("k", "v", time=LONG_AGO)
        self.assertIsNone(self.client.get("k"))
        self.client.set("k", "v", time=1000)
        self.assertEqual(self.client.get("k"), "v")

    def test_flush_all_empties_the_server(self):
        self.client.set("k", "v")
        self.assertTrue(self.client.flush_all())
        self.assertIsNone(self.client.get("k"))

    def test_statistics_are_complete(self):
        self.client.set("k", "v")
        statistics = self.client.stats()[self.server.address]
        self.assertEqual(statistics["curr_items"], b"1")
        self.assertEqual(statistics["version"], b"1.6.45")
        self.assertIn("maxbytes", self.client.stats("settings")[self.server.address])
        self.assertTrue(self.client.stats("slabs")[self.server.address])
        self.assertEqual(self.client.get("k"), "v")

    def test_threads_lose_no_increment(self):
        self.client.incr("n", 0)
        threads = [threading.Thread(target=self.count, args=(200,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.incr("n", 0), 1600)

    def count(self, times):
        client = self.connected(*self.login)
        for _ in range(times):
            client.incr("n", 1)


class WithLogin(WithoutLogin):
    """The same tests with a login."""

    server_options = {"arguments": ["-S"], "users": "ann:secret\n"}
    login = ("ann", "secret")

    def test_a_wrong_login_is_refused(self):
        for login in (("ann", "wrong"), ("bob", "secret"), ("", "")):
            with self.assertRaises(MemcachedException):
                self.connected(*login).set("k", "v")
        self.assertIsNone(self.client.get("k"))
