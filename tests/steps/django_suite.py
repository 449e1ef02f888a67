"""Django's own tests of its cache and its sessions, from its source release, unchanged.

The labels `cache` and `sessions_tests` run with pymemcache as the client of the default cache. `sessions_tests` runs
again with pylibmc, and a third time with pylibmc in the binary protocol, together with pylibmc's class of the label
`cache`. larder and memcached are tested at the same time.
"""

from contextlib import ExitStack

import servers

from .comparison import demand, judge, tally
from .recorded import Recorded, finish
from .report import Missing, print_line

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
        """The outcomes on larder and on memcached (None without memcached), and the path of the log on larder."""
        with ExitStack() as running:
            suites = []
            for program, path in programs.items():
                server = running.enter_context(servers.Server(path))
                env = {"SERVER": server.location, "DEFAULT_CLIENT": client, "BINARY": "1" if binary else ""}
                argv = [environment.python, "runtests.py", "--parallel=1", "--settings=django_settings", *labels]
                suites.append(Recorded(environment, f"django-{name}-{program}", argv, env, cwd=tests))
            both = finish(suites)
            return both[0], both[1] if len(both) == 2 else None, suites[0].log

    ours, theirs, log = outcomes("labels", "PyMemcacheCache", ["cache", "sessions_tests"])
    judge(result, "cache and sessions_tests", ours, theirs, log)
    demand(result, "cache and sessions_tests", ours, LABELS_FLOOR, log)
    for name in CLASSES:
        part = {test: outcome for test, outcome in ours.items() if test.startswith(f"{name}.")}
        print_line(f"of these {name}: {tally(part)}")
        demand(result, name, part, CLASS_FLOOR, log)
    ours, theirs, log = outcomes("sessions", "PyLibMCCache", ["sessions_tests"])
    judge(result, "sessions_tests by pylibmc", ours, theirs, log)
    demand(result, "sessions_tests by pylibmc", ours, SESSIONS_FLOOR, log)
    labels = [CLASSES[1], "sessions_tests"]
    ours, theirs, log = outcomes("binary", "PyLibMCCache", labels, binary=True)
    judge(result, "by pylibmc in the binary protocol", ours, theirs, log)
    demand(result, "by pylibmc in the binary protocol", ours, CLASS_FLOOR + SESSIONS_FLOOR, log)
