"""meta-memcache, a client that uses meta commands only."""

import random
import unittest
from contextlib import ExitStack

import servers
from meta_memcache import (
    CacheClient,
    Key,
    LeasePolicy,
    MemcacheServerError,
    RecachePolicy,
    ServerAddress,
    SetMode,
    StalePolicy,
    connection_pool_factory_builder,
)

TTL = 1000


class MetaMemcache(unittest.TestCase):
    """One server for each test."""

    def setUp(self):
        resources = ExitStack()
        self.addCleanup(resources.close)
        self.server = resources.enter_context(servers.larder(arguments=["--debug-commands"]))
        self.client = CacheClient.cache_client_from_servers(
            servers=[ServerAddress("127.0.0.1", self.server.port)],
            connection_pool_factory_fn=connection_pool_factory_builder(recv_timeout=servers.WAIT_MAX_SECS),
        )

    def test_values_come_back_in_their_type(self):
        for value in ("text", "żółć ☃", bytes(range(256)), 42, -1, 1.5, ["a", {"b": None}], b"", b"v" * 1_000_000):
            self.assertTrue(self.client.set("k", value, ttl=TTL))
            self.assertEqual(self.client.get("k"), value)
        self.assertIsNone(self.client.get("missing"))

    def test_a_value_over_the_limit_is_refused_and_the_next_request_works(self):
        noise = random.Random(1).randbytes(1 << 20)  # incompressible
        self.client.set("k", "old", ttl=TTL)
        with self.assertRaises(MemcacheServerError), self.assertLogs("meta_memcache"):
            self.client.set("k", noise, ttl=TTL)
        self.assertIsNone(self.client.get("k"))
        self.assertTrue(self.client.set("k", "new", ttl=TTL))
        self.assertEqual(self.client.get("k"), "new")

    def test_keys_of_any_text_and_length_are_encoded(self):
        for key in (Key("ключ с пробелом"), Key("🍺"), Key("k" * 600)):
            self.assertTrue(self.client.set(key, f"{key}", ttl=TTL))
            self.assertEqual(self.client.get(key), f"{key}")
        self.assertEqual(self.server.ask("get 🍺\r\n".encode(), b"END\r\n").split(b"\r\n")[1], f"{Key('🍺')}".encode())

    def test_stores_check_their_condition(self):
        def stored(value, mode):
            return self.client.set("k", value, ttl=TTL, set_mode=mode)

        self.assertFalse(stored("lost", SetMode.REPLACE))
        self.assertFalse(stored("lost", SetMode.APPEND))
        self.assertTrue(stored("and", SetMode.ADD))
        self.assertFalse(stored("second", SetMode.ADD))
        self.assertTrue(stored(" cheese", SetMode.APPEND))
        self.assertTrue(stored("bread ", SetMode.PREPEND))
        self.assertEqual(self.client.get("k"), "bread and cheese")
        self.assertTrue(self.client.delete("k"))
        self.assertFalse(self.client.delete("k"))
        self.assertTrue(self.client.invalidate("k"))

    def test_cas_stores_only_over_the_value_that_was_read(self):
        self.client.set("k", "read", ttl=TTL)
        value, unique = self.client.get_cas("k")
        self.assertEqual(value, "read")
        written = self.client.set_cas("k", "written", ttl=TTL, cas_token=unique)
        self.assertGreater(written, unique)
        self.assertFalse(self.client.set("k", "too late", ttl=TTL, cas_token=unique))
        self.assertFalse(self.client.delete("k", cas_token=unique))
        self.assertEqual(self.client.get_cas("k"), ("written", written))
        self.assertTrue(self.client.delete("k", cas_token=written))

    def test_many_keys_are_read_at_once(self):
        pairs = {Key(f"key-{number}"): number for number in range(500)}
        for key, value in pairs.items():
            self.assertTrue(self.client.set(key, value, ttl=TTL, no_reply=True))
        self.assertEqual(self.client.multi_get([*pairs, Key("missing")]), {**pairs, Key("missing"): None})

    def test_numbers_are_created_and_incremented(self):
        self.assertIsNone(self.client.delta_and_get("n", 1))
        self.assertEqual(self.client.delta_initialize_and_get("n", 1, initial_value=40, initial_ttl=TTL), 40)
        self.assertEqual(self.client.delta_and_get("n", 2), 42)
        self.assertEqual(self.client.delta_and_get("n", -50), 0)
        self.assertTrue(self.client.delta("n", 7))
        self.assertEqual(self.client.delta_and_get("n", 0), 7)

    def test_touch_and_exptimes_take_effect(self):
        self.assertFalse(self.client.touch("kept", ttl=100))
        for key in ("k", "kept", "read"):
            self.client.set(key, "v", ttl=10)
        self.assertTrue(self.client.touch("kept", ttl=100))
        self.assertEqual(self.client.get("read", touch_ttl=100), "v")
        self.server.advance_clock(20)
        self.assertEqual([self.client.get(key) for key in ("k", "kept", "read")], [None, "v", "v"])

    def test_a_client_without_the_lease_waits_for_the_value_of_the_winner(self):
        missing, lease = self.client.get_or_lease_cas("k", lease_policy=LeasePolicy())
        self.assertIsNone(missing)
        stored = []

        def wait(_secs):
            stored.append(self.client.set("k", "made", ttl=TTL, cas_token=lease))

        value = self.client.get_or_lease("k", lease_policy=LeasePolicy(miss_retries=5), lease_wait_fn=wait)
        self.assertEqual((value, stored), ("made", [True]))

    def test_a_value_that_expires_soon_is_renewed_by_one_client(self):
        self.client.set("k", "v", ttl=30)
        policy = RecachePolicy(ttl=60)
        self.assertIsNone(self.client.get("k", recache_policy=policy), "the winner sees a miss")
        self.assertEqual(self.client.get("k", recache_policy=policy), "v", "the others see the value")

    def test_an_invalidated_value_is_served_as_stale_for_a_while(self):
        self.client.set("k", "v", ttl=TTL)
        stale = StalePolicy(mark_stale_on_deletion_ttl=30)
        self.assertTrue(self.client.delete("k", stale_policy=stale))
        policy = RecachePolicy()
        self.assertIsNone(self.client.get("k", recache_policy=policy), "the winner sees a miss")
        self.assertEqual(self.client.get("k", recache_policy=policy), "v", "the others see the stale value")
        self.server.advance_clock(31)
        self.assertIsNone(self.client.get("k", recache_policy=policy))
