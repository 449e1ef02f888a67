"""The shorter suites: libmemcached's conformance test and tools, memcached's report script, TLS, the Django site."""

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
# Where the plugins of Cyrus SASL are, without which libmemcached cannot log in.
SASL_PLUGINS = ("/usr/lib/*/sasl2/libplain.so", "/usr/lib*/sasl2/libplain.so")


def memccapable(environment, result):
    """`memccapable`: libmemcached asks for the answers that the documentation of both protocols promises."""
    tool = environment.program("memccapable")

    def outcomes(name, program):
        with servers.Server(program) as server:
            argv = [tool, "-h", "127.0.0.1", "-p", server.port]
            # Names and verdicts are on different streams in one log: a failed test may stand alone on its line.
            text = run(argv, environment.log(f"memccapable-{name}")).text()
        return {test: PASS if verdict == "pass" else FAIL for test, verdict in CAPABLE_TEST.findall(text)}

    beside_memcached(environment, result, "memccapable", outcomes, CAPABLE_FLOOR)


def libmemcached_tools(environment, result):
    """memccp, memccat and their kin against larder."""
    environment.program("memccapable")
    module(environment, result, "libmemcached_tools", sys.executable)


def memcached_tool(environment, result):
    """`memcached-tool` against larder."""
    environment.program("memcached")
    environment.program("perl")
    module(environment, result, "memcached_tool", sys.executable)


def larder_top(environment, result):
    """The live view on a terminal of tmux, of larder and of memcached."""
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
    """python-memcached in the text protocol, meta-memcache in the meta commands."""
    module(environment, result, "python_memcached", environment.python)
    module(environment, result, "meta_memcache_client", environment.python)


def pymemcache_tls(environment, result):
    """pymemcache over TLS."""
    environment.program("openssl")
    module(environment, result, "pymemcache_tls", environment.python)


def several_servers(environment, result):
    """Keys spread over three servers, of which one is killed and comes back."""
    env = {"NUTCRACKER": environment.program("nutcracker")}
    module(environment, result, "several_servers", environment.python, env)


def site(environment, result):
    """The Django project of `django_site.py`, hit by eight processes at once."""
    module(environment, result, "django_site_under_load", environment.python)


def module(environment, result, name, python, env=()):
    """Runs the unittest module `name` of tests/clients/ and counts its tests."""
    argv = [python, environment.clients / "recording.py", name]
    suite = Recorded(environment, name, argv, {"LARDER": str(environment.larder), **dict(env)})
    (outcomes,) = finish([suite])
    judge(result, name, outcomes, None)
