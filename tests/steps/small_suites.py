"""Short suites: libmemcached's conformance test and tools, memcached's report script, TLS, the Django site."""

import glob
import os
import re
import sys

import servers

from .commands import run
from .comparison import FAIL, PASS, beside_memcached, judge
from .recorded import Recorded, finish
from .report import Missing

CAPABLE_TEST = re.compile(r"^((?:ascii|binary) \w+(?: noreply)?) +\[(\w+)\]$", re.MULTILINE)
CAPABLE_FLOOR = 54
# The plugins of Cyrus SASL, which libmemcached needs for a login.
SASL_PLUGINS = ("/usr/lib/*/sasl2/libplain.so", "/usr/lib*/sasl2/libplain.so")


def memccapable(environment, result):
    """`memccapable`: libmemcached tests both protocols against their documentation."""
    tool = environment.program("memccapable")

    def outcomes(name, program):
        with servers.Server(program) as server:
            argv = [tool, "-h", "127.0.0.1", "-p", server.port]
            suite = run(argv, environment.log(f"memccapable-{name}"))
        # The log mixes standard output with standard error, so the verdict of a failed test may be on another line.
        found = CAPABLE_TEST.findall(suite.text())
        return {test: PASS if verdict == "pass" else FAIL for test, verdict in found}, suite.log

    beside_memcached(environment, result, "memccapable", outcomes, CAPABLE_FLOOR)


def libmemcached_tools(environment, result):
    """memccp, memccat and the other tools of libmemcached against larder."""
    environment.program("memccapable")
    module(environment, result, "libmemcached_tools", sys.executable)


def memcached_tool(environment, result):
    """`memcached-tool` against larder."""
    environment.program("memcached")
    environment.program("perl")
    module(environment, result, "memcached_tool", sys.executable)


def larder_top(environment, result):
    """The live view of larder and of memcached, in a terminal of tmux."""
    environment.program("tmux")
    env = {"MEMCACHED": environment.program("memcached")}
    module(environment, result, "larder_top", sys.executable, env)


def binary_clients(environment, result):
    """pylibmc and python-binary-memcached in the binary protocol, with and without a login."""
    module(environment, result, "python_binary_memcached", environment.python)
    found = [path for pattern in SASL_PLUGINS for path in glob.glob(pattern)]
    if not found:
        environment.install(["libsasl2-modules"])
        found = [path for pattern in SASL_PLUGINS for path in glob.glob(pattern)]
    if not found:
        raise Missing("pylibmc cannot log in without the plugins of SASL (apt-get install libsasl2-modules)")
    module(environment, result, "pylibmc_binary", environment.python, {"SASL_PATH": os.path.dirname(found[0])})


def python_clients(environment, result):
    """python-memcached in the text protocol, meta-memcache with meta commands."""
    module(environment, result, "python_memcached", environment.python)
    module(environment, result, "meta_memcache_client", environment.python)


def pymemcache_tls(environment, result):
    """pymemcache over TLS."""
    environment.program("openssl")
    module(environment, result, "pymemcache_tls", environment.python)


def several_servers(environment, result):
    """Keys on three servers, one of which is killed and restarted."""
    env = {"NUTCRACKER": environment.program("nutcracker")}
    module(environment, result, "several_servers", environment.python, env)


def site(environment, result):
    """The Django project of `django_site.py` in eight processes."""
    module(environment, result, "django_site_under_load", environment.python)


def module(environment, result, name, python, env=()):
    """Runs the unittest module `name` of tests/clients/ and adds its results."""
    argv = [python, environment.clients / "recording.py", name]
    suite = Recorded(environment, name, argv, {"LARDER": str(environment.larder), **dict(env)})
    (outcomes,) = finish([suite])
    judge(result, name, outcomes, None, suite.log)
