"""python-binary-memcached's own tests, from its source release, unchanged.

They connect to port 11211 and to a unix socket in /tmp. A pytest plugin redirects them to servers with addresses of
their own. Two files are left out: their fixtures are not in the release, or they use fixed ports.
"""

import os
from contextlib import ExitStack
from functools import partial

import servers

from .commands import run as run_program
from .comparison import beside_memcached, demand, judge
from .pymemcache_suite import reported

LEFT_OUT = ("test_ipv6.py", "test_tls.py")
LOGIN = "test_sasl_integration.py"
USERS = "user:password\n"
# Tests that pass on memcached 1.6.
FLOOR = 247
LOGIN_FLOOR = 3


def run(environment, result):
    """The step."""
    tests = environment.source_release("python-binary-memcached", "python_binary_memcached") / "test"
    files = [name for name in sorted(os.listdir(tests)) if name.startswith("test_") and name.endswith(".py")]
    files = [name for name in files if name not in (*LEFT_OUT, LOGIN)]
    judged = partial(outcomes, environment, tests=tests, files=files)
    beside_memcached(environment, result, "python-binary-memcached's tests", judged, FLOOR)
    # Debian's memcached does not support password files, so there is no comparison.
    options = {"arguments": ["-S"], "users": USERS}
    login, log = outcomes(environment, "login", environment.larder, tests, [LOGIN], options)
    judge(result, "its tests of a login", login, None, log)
    demand(result, "its tests of a login", login, LOGIN_FLOOR, log)


def outcomes(environment, name, program, tests, files, options=None):
    """`{test: outcome}` of these files on one program, and the path of the log."""
    name = f"binary-memcached-{name}"
    file = environment.own / "outcomes" / f"{name}.xml"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    with ExitStack() as running:
        tcp = running.enter_context(servers.Server(program, **(options or {})))
        unix = running.enter_context(servers.Server(program, unix=True, **(options or {})))
        argv = [environment.python, "-m", "pytest", "-p", "no:cacheprovider", "-p", "binary_memcached_servers"]
        argv += [f"--junitxml={file}", f"--rootdir={tests}", *files]
        env = {
            "MEMCACHED_HOST": "127.0.0.1",
            "SERVER_PORT": str(tcp.port),
            "SERVER_SOCKET": unix.unix_path,
            "PYTHONPATH": str(environment.clients),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        suite = run_program(argv, environment.log(name), env=env, cwd=tests)
    return reported(suite, file), suite.log
