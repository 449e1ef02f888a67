"""Django's own tests of its cache and its sessions, from its source release, unchanged.

The labels `cache` and `sessions_tests` run with pymemcache as the client of the default cache; the sessions once more
with pylibmc, and once more with pylibmc in the binary protocol, together with its class of the label `cache`. Both clients' own classes are part of the label `cache`. larder and memcached are tested at the same time.
"""

from contextlib import ExitStack

import servers

from .comparison import demand, judge, tally
from .recorded import Recorded, finish
from .report import Missing, say

CLASSES = ("cache.tests.PyMemcacheCacheTests", "cache.tests.PyLibMCCacheTests")
# Tests of each class that pass on memcached 1.6.
CLASS_FLOOR = 58
LABELS_FLOOR = 1100
SESSIONS_FLOOR = 400


def run(environment, result):
    """The step."""
    tests = environment.django_tests
    programs = {"larder": environment.larder}
    try:
        programs["memcached"] = environment.program("memcached")
    except Missing as missing:
        result.skip(f"comparison with memcached: {missing}")

    def outcomes(name, client, labels, binary=False):
        """Of larder and, if it is there, of memcached."""
        with ExitStack() as running:
            suites = []
            for program, path in programs.items():
                server = running.enter_context(servers.Server(path))
                env = {"SERVER": server.location, "DEFAULT_CLIENT": client, "BINARY": "1" if binary else ""}
                argv = [environment.python, "runtests.py", "--parallel=1", "--settings=django_settings", *labels]
                suites.append(Recorded(environment, f"django-{name}-{program}", argv, env, cwd=tests))
            both = finish(suites)
            return both[0], both[1] if len(both) == 2 else None

    ours, theirs = outcomes("labels", "PyMemcacheCache", ["cache", "sessions_tests"])
    judge(result, "cache and sessions_tests", ours, theirs)
    demand(result, "cache and sessions_tests", ours, LABELS_FLOOR)
    for name in CLASSES:
        part = {test: outcome for test, outcome in ours.items() if test.startswith(f"{name}.")}
        say(f"of these {name}: {tally(part)}")
        demand(result, name, part, CLASS_FLOOR)
    ours, theirs = outcomes("sessions", "PyLibMCCache", ["sessions_tests"])
    judge(result, "sessions_tests by pylibmc", ours, theirs)
    demand(result, "sessions_tests by pylibmc", ours, SESSIONS_FLOOR)
    labels = [CLASSES[1], "sessions_tests"]
    ours, theirs = outcomes("binary", "PyLibMCCache", labels, binary=True)
    judge(result, "by pylibmc in the binary protocol", ours, theirs)
    demand(result, "by pylibmc in the binary protocol", ours, CLASS_FLOOR + SESSIONS_FLOOR)
