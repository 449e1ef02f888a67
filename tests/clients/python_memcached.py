"""python-memcached, the oldest client for Python and still widely used, in the text protocol."""

import unittest
from contextlib import ExitStack

import memcache
import servers


class PythonMemcached(unittest.TestCase):
    """One server for each test."""

    def setUp(self):
        resources = ExitStack()
        self.addCleanup(resources.close)
        self.server = resources.enter_context(servers.larder(arguments=["--debug-commands"]))
        # As in Django, the server enforces the value limit, not the client.
        options = {"server_max_value_length": 1 << 24, "socket_timeout": servers.WAIT_MAX_SECS}
        self.client = memcache.Client([self.server.address], cache_cas=True, **options)
        self.addCleanup(self.client.disconnect_all)

    def test_values_come_back_in_their_type(self):
        for value in ("text", "żółć ☃", bytes(range(256)), 42, -1, 1.5, ["a", {"b": None}], "", b"v" * 1_000_000):
            self.assertTrue(self.client.set("k", value))
            self.assertEqual(self.client.get("k"), value)
        self.assertIsNone(self.client.get("missing"))

    def test_keys_may_be_utf_8(self):
        self.assertTrue(self.client.set("ключ", "v"))
        self.assertEqual(self.client.get_multi(["ключ", "clé"]), {"ключ": "v"})

    def test_a_value_over_the_limit_is_refused_and_the_connection_stays_usable(self):
        self.client.set("k", "old")
        self.assertFalse(self.client.set("k", b"v" * (1 << 20)))
        self.assertIsNone(self.client.get("k"))
        self.assertTrue(self.client.set("k", "new"))
        self.assertEqual(self.client.get("k"), "new")

    def test_stores_check_their_condition(self):
        self.assertFalse(self.client.replace("k", "lost"))
        self.assertFalse(self.client.append("k", "lost"))
        self.assertTrue(self.client.add("k", "and"))
        self.assertFalse(self.client.add("k", "second"))
        self.assertTrue(self.client.append("k", " cheese"))
        self.assertTrue(self.client.prepend("k", "bread "))
        self.assertEqual(self.client.get("k"), "bread and cheese")
        self.assertTrue(self.client.replace("k", "ham"))
        self.assertEqual(self.client.get("k"), "ham")
        self.assertEqual(self.client.delete("k"), 1)
        self.assertIsNone(self.client.get("k"))

    def test_many_keys_are_stored_read_and_deleted_at_once(self):
        pairs = {f"key-{number}": number for number in range(500)}
        self.assertEqual(self.client.set_multi(pairs), [])
        self.assertEqual(self.client.get_multi([*pairs, "missing"]), pairs)
        self.assertTrue(self.client.delete_multi(list(pairs)))
        self.assertEqual(self.client.get_multi(list(pairs)), {})

    def test_cas_stores_only_over_the_value_that_was_read(self):
        self.client.set("k", "read")
        self.assertEqual(self.client.gets("k"), "read")
        self.assertTrue(self.client.cas("k", "written"))
        self.client.gets("k")
        memcache.Client([self.server.address]).set("k", "between")
        self.assertFalse(self.client.cas("k", "too late"))
        self.assertEqual(self.client.get("k"), "between")

    def test_numbers_are_incremented_and_not_created(self):
        self.assertIsNone(self.client.incr("n"))
        self.client.set("n", 40)
        self.assertEqual(self.client.incr("n", 2), 42)
        self.assertEqual(self.client.decr("n", 50), 0)

    def test_touch_and_exptimes_take_effect(self):
        self.assertFalse(self.client.touch("k", 100))
        self.client.set("k", "v", time=10)
        self.client.set("kept", "v", time=10)
        self.assertTrue(self.client.touch("kept", 100))
        self.server.advance_clock(20)
        self.assertEqual(self.client.get_multi(["k", "kept"]), {"kept": "v"})

    def test_commands_without_a_reply_take_effect_in_order(self):
        for number in range(300):
            self.client.set("k", number, noreply=True)
        self.client.incr("k", 2, noreply=True)
        self.assertEqual(self.client.get("k"), 301)
        self.client.delete("k", noreply=True)
        self.assertIsNone(self.client.get("k"))

    def test_flush_all_empties_the_server(self):
        self.client.set("k", "v")
        self.client.flush_all()
        self.assertIsNone(self.client.get("k"))

    def test_statistics_are_complete(self):
        self.client.set("k", "v")
        ((_, statistics),) = self.client.get_stats()
        self.assertEqual((statistics["curr_items"], statistics["version"]), ("1", "1.6.45"))
        ((_, settings),) = self.client.get_stats("settings")
        self.assertEqual(settings["maxbytes"], str(64 << 20))
        ((_, classes),) = self.client.get_slab_stats()
        self.assertEqual([each["used_chunks"] for each in classes.values() if isinstance(each, dict)], ["1"])
        self.assertEqual(self.client.get("k"), "v")
