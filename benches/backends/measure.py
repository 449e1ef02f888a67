#!/usr/bin/env python3
"""Measures the cache backends that Django ships, side by side: microseconds per call.

Backends: LocMemCache, FileBasedCache, DatabaseCache on sqlite, PyMemcacheCache and PyLibMCCache, each on memcached and
on larder, and RedisCache on redis-server. The servers are started for the run, on ports of 127.0.0.1 that are free, and
are stopped at its end. A backend whose server or Python package is missing is skipped with one line.

Load: a value is a dict of about 1 KB when pickled. Every process uses its own 1000 keys, and all keys are stored before
the measurement begins. All backends keep Django's defaults, with these exceptions: no backend has a limit on entries
that these keys reach, and sqlite uses write-ahead logging with `synchronous=NORMAL`. FileBasedCache lists its folder at
every set, so that a set takes longer the more keys there are. Operations:

- get: `cache.get` of a stored key
- set: `cache.set` of a stored key
- get_many: `cache.get_many` of 20 stored keys
- incr: `cache.incr` of a counter
- session: a request with a session; one call loads the session, changes it and saves it, with the session engine
  `django.contrib.sessions.backends.cache`

Method: the backends take turns within a round. In each turn all processes make the same number of calls of one
operation at the same time. A process reports its time per call, and a turn counts as the mean over its processes. The
table shows the median over all rounds: microseconds per call of one process, with one process and with four.

Usage:

    cargo build --release
    python benches/backends/measure.py --larder target/release/larder [--rounds 30] [--processes 1,4] [--smoke]

Python needs Django, pymemcache, pylibmc and redis; tests/clients/requirements.txt pins them. `tests/run backends` makes
a virtual environment with them under target/ and runs this script in its smoke size, which proves only that it works.
The script prints a Markdown table and writes only to a temporary directory.
"""

import argparse
import importlib.util
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.dont_write_bytecode = True

KEYS = 1000
SMOKE_KEYS = 40
GET_MANY_KEYS = 20
# Calls of one process in one turn: about 0.1 s on a backend that takes 100 us for a call.
CALLS = {"get": 1000, "set": 1000, "get_many": 200, "incr": 1000, "session": 300}
SMOKE_CALLS = 5
SMOKE_PROCESSES = [1, 2]
MEMORY_MB = 256
SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"
# Imported once, before the processes are forked.
PRELOADED = ["django.core.cache", "django.contrib.sessions.backends.cache", "pylibmc", "pymemcache", "redis"]
SERVER_PATHS = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"
START_LIMIT_SECS = 20
TURN_LIMIT_SECS = 300
POLL_SECS = 0.01


class Skipped(Exception):
    """A backend cannot be measured on this machine. The text says why."""


def value(number):
    """A dict such as a site caches for a page fragment or a row: about 1 KB when pickled."""
    return {
        "id": number,
        "slug": f"article-{number}",
        "title": f"Article number {number} of the archive",
        "tags": [f"tag-{(number + step) % 97}" for step in range(8)],
        "author": {"id": number % 500, "name": f"Author {number % 500}", "email": f"author{number % 500}@example.org"},
        "published": "2025-01-01T12:00:00+00:00",
        "body": "All work and no play makes a dull sentence. " * 15,
    }


# The servers.


@contextmanager
def server(argv, port):
    """Runs a server until the block ends. The block begins when the port accepts a connection."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + START_LIMIT_SECS
        while True:
            if process.poll() is not None:
                raise Skipped(f"{argv[0]} ended with status {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise Skipped(f"{argv[0]} did not listen within {START_LIMIT_SECS} s") from None
                time.sleep(POLL_SECS)
        yield
    finally:
        process.terminate()
        process.wait()


def free_port():
    """A TCP port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name):
    """The path of an installed program. Raises `Skipped`."""
    path = shutil.which(str(name), path=SERVER_PATHS)
    if not path:
        raise Skipped(f"{name} is not installed")
    return path


def start_memcached(running, path):
    """Starts memcached, or larder, with four threads. Returns its address."""
    port = free_port()
    user = ["-u", "root"] if os.geteuid() == 0 else []
    argv = [program(path), *user, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-m", str(MEMORY_MB), "-t", "4"]
    running.enter_context(server(argv, port))
    return f"127.0.0.1:{port}"


def start_redis(running, directory):
    """Starts redis-server without persistence. Returns its address as a URL."""
    port = free_port()
    argv = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    argv += ["--save", "", "--appendonly", "no", "--maxmemory", f"{MEMORY_MB}mb", "--maxmemory-policy", "allkeys-lru"]
    running.enter_context(server(argv, port))
    return f"redis://127.0.0.1:{port}"


# The backends.


class Backend:
    """One row of the table: a title, and how to make the setting `CACHES["default"]` once its server runs."""

    def __init__(self, title, backend, package=None, start=None, **options):
        self.title = title
        self.backend = backend
        self.package = package
        self.start = start
        self.options = options

    def prepare(self, running):
        """Starts the server and returns the setting. Raises `Skipped`."""
        if self.package and not importlib.util.find_spec(self.package):
            raise Skipped(f"the Python package {self.package} is not installed")
        setting = {"BACKEND": f"django.core.cache.backends.{self.backend}", "TIMEOUT": 3600}
        if self.start:
            setting["LOCATION"] = self.start(running)
        return {**setting, **self.options}


def backends(larder, directory):
    """All rows, in the order of the table."""

    def memcached(running):
        return start_memcached(running, "memcached")

    def this_larder(running):
        return start_memcached(running, larder)

    def redis(running):
        return start_redis(running, directory)

    many = {"OPTIONS": {"MAX_ENTRIES": 1_000_000}}
    pymemcache = ("memcached.PyMemcacheCache", "pymemcache")
    pylibmc = ("memcached.PyLibMCCache", "pylibmc")
    return [
        Backend("LocMemCache", "locmem.LocMemCache", LOCATION="bench", **many),
        Backend("FileBasedCache", "filebased.FileBasedCache", LOCATION=str(directory / "files"), **many),
        Backend("DatabaseCache, sqlite", "db.DatabaseCache", LOCATION="bench_cache", **many),
        Backend("PyMemcacheCache, memcached", *pymemcache, start=memcached),
        Backend("PyMemcacheCache, larder", *pymemcache, start=this_larder),
        Backend("PyLibMCCache, memcached", *pylibmc, start=memcached),
        Backend("PyLibMCCache, larder", *pylibmc, start=this_larder),
        Backend("RedisCache, redis", "redis.RedisCache", "redis", start=redis),
    ]


# What a process does.


def configure(setting, directory):
    """Sets Django up in this process, with one cache and one sqlite database."""
    import django
    from django.conf import settings

    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(directory / "database.sqlite3"),
        # Writers of several processes wait for each other instead of failing.
        "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE", "init_command": SQLITE_PRAGMAS},
    }
    settings.configure(
        CACHES={"default": setting},
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.sessions"],
        SECRET_KEY="bench",
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        USE_TZ=True,
    )
    django.setup()


def create_table(setting, directory):
    """Makes the table of DatabaseCache."""
    configure(setting, directory)
    from django.core.management import call_command

    call_command("createcachetable", verbosity=0)


def operations(index, key_count):
    """Stores what the operations need; returns each as a function of the number of its call."""
    from django.contrib.sessions.backends.cache import SessionStore
    from django.core.cache import cache

    keys = [f"article:{index}:{number}" for number in range(key_count)]
    values = [value(number) for number in range(key_count)]
    for key, stored in zip(keys, values):
        cache.set(key, stored)
    counter = f"counter:{index}"
    cache.set(counter, 0)
    session = SessionStore()
    session["user"] = {"id": index, "name": "Ann", "roles": ["editor", "reader"]}
    session["cart"] = value(index)
    session.save()
    session_key = session.session_key

    def get(call):
        found = cache.get(keys[call % key_count])
        if found is None:
            raise ValueError("a stored key is missing")

    def set_(call):
        cache.set(keys[call % key_count], values[call % key_count])

    def get_many(call):
        start = call * GET_MANY_KEYS % key_count
        found = cache.get_many(keys[start : start + GET_MANY_KEYS])
        if len(found) != GET_MANY_KEYS:
            raise ValueError(f"{len(found)} of {GET_MANY_KEYS} stored keys were found")

    def incr(_):
        cache.incr(counter)

    def load_and_save(call):
        session = SessionStore(session_key)
        session["visits"] = call if "user" in session else None
        session.save()
        if session["visits"] is None:
            raise ValueError("a stored session is missing")

    return {"get": get, "set": set_, "get_many": get_many, "incr": incr, "session": load_and_save}


def work(setting, directory, index, key_count, orders):
    """The body of a process: sends "ready", then answers each `(operation, calls)` with the seconds for a call."""
    try:
        configure(setting, directory)
        functions = operations(index, key_count)
        orders.send("ready")
        for name, calls in iter(orders.recv, None):
            function = functions[name]
            started = time.perf_counter()
            for call in range(calls):
                function(call)
            orders.send((time.perf_counter() - started) / calls)
    except EOFError:
        pass
    except Exception as error:
        orders.send(error)


class Workers:
    """Processes that use one backend."""

    def __init__(self, context, setting, directory, count, key_count):
        self._pipes = []
        self._processes = []
        for index in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(setting, directory, index, key_count, theirs), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def wait_until_ready(self):
        """Waits until all processes have stored their keys."""
        self._collect()

    def turn(self, name, calls):
        """Lets all processes make these calls at the same time; returns the mean time of a call, in microseconds."""
        for pipe in self._pipes:
            pipe.send((name, calls))
        return statistics.mean(self._collect()) * 1e6

    def _collect(self):
        replies = []
        for pipe in self._pipes:
            if not pipe.poll(TURN_LIMIT_SECS):
                raise TimeoutError(f"a process did not answer within {TURN_LIMIT_SECS} s")
            replies.append(pipe.recv())
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def stop(self):
        """Ends the processes."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(5)
            process.kill()


# The run.


def prepared(context, rows, directory, running):
    """The backends that this machine can run, as `(title, setting)`. Prints a line for each of the others."""
    ready = []
    for row in rows:
        try:
            setting = row.prepare(running)
            if row.backend == "db.DatabaseCache":
                in_process(context, create_table, setting, directory)
            ready.append((row.title, setting))
        except Skipped as reason:
            print(f"skipped: {row.title}: {reason}", file=sys.stderr)
    return ready


def in_process(context, function, *arguments):
    """Runs a function in a process of its own, because Django is configured once in a process."""
    process = context.Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode != 0:
        raise Skipped(f"{function.__name__} failed")


def measure(context, ready, directory, processes, rounds, smoke):
    """`{(title, operation): median microseconds per call}` with this number of processes."""
    key_count = SMOKE_KEYS if smoke else KEYS
    calls = {name: SMOKE_CALLS if smoke else count for name, count in CALLS.items()}
    times = {(title, name): [] for title, _ in ready for name in calls}
    with ExitStack() as running:
        workers = []
        for title, setting in ready:
            group = Workers(context, setting, directory, processes, key_count)
            running.callback(group.stop)
            workers.append((title, group))
        for _, group in workers:
            group.wait_until_ready()
        for round_number in range(rounds):
            for name, count in calls.items():
                for title, group in workers:
                    times[title, name].append(group.turn(name, count))
            if sys.stderr.isatty():
                print(f"\r{processes} process(es): round {round_number + 1} of {rounds}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return {key: statistics.median(samples) for key, samples in times.items()}


def print_table(ready, results):
    """Prints a Markdown table: a row for each backend, a column for each operation and number of processes."""
    counts = sorted(results)
    columns = [(name, count) for name in CALLS for count in counts]
    heads = [f"{name}, {count} proc." for name, count in columns]
    print("Microseconds per call, median over the rounds:\n")
    print(f"| backend | {' | '.join(heads)} |")
    print(f"| --- |{' ---: |' * len(columns)}")
    for title, _ in ready:
        cells = [f"{results[count][title, name]:.0f}" for name, count in columns]
        print(f"| {title} | {' | '.join(cells)} |")


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--larder", type=Path, default="larder", help="the program, for example target/release/larder")
    parser.add_argument("--rounds", type=int, default=30, help="rounds; the median is printed (default: 30)")
    counts = "numbers of processes, separated by commas (default: 1,4)"
    parser.add_argument("--processes", default="1,4", help=counts)
    parser.add_argument("--smoke", action="store_true", help="one round of a few calls, to see that it works")
    return parser.parse_args()


def main():
    """Measures all backends and prints the table; returns the exit status."""
    options = arguments()
    if not importlib.util.find_spec("django"):
        print("skipped: the Python package Django is not installed", file=sys.stderr)
        return 0
    # The processes share imported modules, but no connections and no settings.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    larder = options.larder.absolute() if options.larder.exists() else options.larder
    rounds = 1 if options.smoke else options.rounds
    with tempfile.TemporaryDirectory(prefix="larder-backends-") as path, ExitStack() as running:
        directory = Path(path)
        ready = prepared(context, backends(larder, directory), directory, running)
        counts = SMOKE_PROCESSES if options.smoke else [int(count) for count in options.processes.split(",")]
        results = {count: measure(context, ready, directory, count, rounds, options.smoke) for count in counts}
        print_table(ready, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
