"""The site of `django_site.py` in eight processes that serve requests at the same time: no data is lost or mixed up.

Each process has the whole site and its own connections, as under a process manager. A barrier makes them start at the
same time. Their data in the cache is checked immediately and again at the end by another process.
"""

import hashlib
import multiprocessing
import os
import unittest
from concurrent.futures import ProcessPoolExecutor

import servers

PROCESSES = 8
VISITORS = 5  # per process
VISITS = 40  # per visitor
CLAIMS = 300  # keys that every process tries to add
VALUES = 30  # private values per process
TOPICS = ["bread", "cheese", "ham", "jam"]


class SiteUnderLoad(unittest.TestCase):
    """The same load by each client and transport."""

    def test_nothing_is_lost_by_pymemcache_over_tcp(self):
        self.load("PyMemcacheCache", unix=False)

    def test_nothing_is_lost_by_pymemcache_over_a_unix_socket(self):
        self.load("PyMemcacheCache", unix=True)

    def test_nothing_is_lost_by_pylibmc_over_tcp(self):
        self.load("PyLibMCCache", unix=False)

    def test_nothing_is_lost_by_pylibmc_over_a_unix_socket(self):
        self.load("PyLibMCCache", unix=True)

    def load(self, client, unix):
        """Fills the cached sidebars, serves all visitors, and compares the cached data with the expected data."""
        with servers.larder(unix=unix) as server:
            os.environ.update(SERVER=server.location, CLIENT=client)
            spawn = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, spawn) as alone:
                author = alone.submit(warm_up).result()
                barrier = spawn.Barrier(PROCESSES)
                with ProcessPoolExecutor(PROCESSES, spawn, set_barrier, [barrier]) as processes:
                    tasks = [processes.submit(serve, number, author) for number in range(PROCESSES)]
                    reports = [task.result() for task in tasks]
                self.assertEqual(sum(report["claims"] for report in reports), CLAIMS)
                baskets = {key: basket for report in reports for key, basket in report["baskets"].items()}
                self.assertEqual(len(baskets), PROCESSES * VISITORS)
                visits, kept = alone.submit(read_back, list(baskets)).result()
            self.assertEqual(visits, PROCESSES * VISITORS * VISITS + len(TOPICS))
            self.assertEqual(kept, baskets)
            statistics = server.statistics()
            self.assertEqual(statistics["evictions"], "0")
            if client == "PyMemcacheCache":
                # This backend closes its connections after each request.
                self.assertGreater(int(statistics["total_connections"]), PROCESSES * VISITORS * VISITS)


def warm_up():
    """Sets the counter and renders each sidebar once; returns the author in the sidebars."""
    from django.core.cache import cache

    client = new_client()
    cache.set("visits", 0, timeout=None)
    for number, topic in enumerate(TOPICS):
        expect(client.get(f"/{topic}?item=first").content.decode(), f"{number + 1} {topic} by {os.getpid()}")
    return os.getpid()


def set_barrier(barrier):
    """Initializes each process."""
    global start_barrier
    start_barrier = barrier


def serve(number, author):
    """The work of one process: visits of its visitors, `add` of shared keys, and values of its own."""
    from django.core.cache import cache

    clients = [new_client() for _ in range(VISITORS)]
    private = {f"private-{number}-{at}": value(number, at) for at in range(VALUES)}
    baskets = [[] for _ in clients]
    start_barrier.wait(servers.WAIT_MAX_SECS)
    expect(cache.set_many(private), [])
    claims = sum(cache.add(f"claim-{claim}", number) for claim in range(CLAIMS))
    for visit in range(VISITS):
        topic = TOPICS[(number + visit) % len(TOPICS)]
        for client, basket in zip(clients, baskets):
            basket.append(f"item {visit} of {number}")
            page = client.get(f"/{topic}", {"item": basket[-1]}).content.decode()
            expect(page, f"{len(basket)} {topic} by {author}")
    expect(cache.get_many(private), private)
    keys = [client.cookies["sessionid"].value for client in clients]
    return {"claims": claims, "baskets": dict(zip(keys, baskets))}


def read_back(session_keys):
    """The counter and the baskets in the cache."""
    from django.contrib.sessions.backends.cache import SessionStore
    from django.core.cache import cache

    return cache.get("visits"), {key: SessionStore(key).get("basket") for key in session_keys}


def new_client():
    """A client with its own cookies, for this process's copy of the site."""
    import django_site  # noqa: F401, configures Django
    import django
    from django.test import Client

    django.setup()
    return Client()


def value(number, at):
    """Bytes that are unique to the process and the key, from a few to tens of thousands."""
    return hashlib.sha256(f"{number} {at}".encode()).digest() * (at * at * 3 + 1)


def expect(got, wanted):
    """Raises an error unless both are equal."""
    if got != wanted:
        raise AssertionError(f"got {str(got)[:200]}, not {str(wanted)[:200]}")
