"""pymemcache's own integration tests, from its package, over TCP and over a unix socket."""

import xml.etree.ElementTree as xml
from pathlib import Path

import servers

from .commands import check, run as run_program
from .comparison import FAIL, PASS, SKIP, demand, judge
from .report import Broken, Missing

# Tests that pass on memcached 1.6. The others need TLS.
FLOOR = 200


def run(environment, result):
    """The step."""
    where = "import pymemcache.test as t; print(t.__path__[0])"
    tests = Path(check([environment.python, "-c", where], environment.log("pymemcache-path")).text().strip())
    try:
        memcached = environment.program("memcached")
    except Missing as missing:
        memcached = None
        result.skip(f"comparison with memcached: {missing}")
    for unix, way in ((False, "tcp"), (True, "unix")):
        name = f"pymemcache-{way}"
        ours, log = outcomes(environment, f"{name}-larder", tests, environment.larder, unix)
        theirs = None
        if memcached:
            theirs, _ = outcomes(environment, f"{name}-memcached", tests, memcached, unix)
        judge(result, f"integration tests over {way}", ours, theirs, log)
        demand(result, f"integration tests over {way}", ours, FLOOR, log)


def outcomes(environment, name, tests, program, unix):
    """`{test: outcome}` of the suite on one server, and the path of the log."""
    file = environment.own / "outcomes" / f"{name}.xml"
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    with servers.Server(program, unix=unix) as server:
        argv = [environment.python, "-m", "pytest", "-p", "no:cacheprovider", "-p", "pymemcache_unix_socket"]
        argv += ["-W", "ignore::pytest.PytestUnknownMarkWarning", "-m", "integration", f"--junitxml={file}"]
        argv += [f"--rootdir={tests}", "--server", server.unix_path or "127.0.0.1", "--port", server.port, tests]
        env = {"PYTHONPATH": str(environment.clients), "PYTHONDONTWRITEBYTECODE": "1"}
        suite = run_program(argv, environment.log(name), env=env, cwd=tests)
    return reported(suite, file), suite.log


def reported(suite, file):
    """`{test: outcome}` from the JUnit report of a pytest that has exited."""
    if suite.process.returncode not in (0, 1) or not file.exists():
        raise Broken(f"pytest exited with {suite.process.returncode}", suite.log)
    return {
        f"{case.get('classname')}.{case.get('name')}": outcome(case)
        for case in xml.parse(file).getroot().iter("testcase")
    }


def outcome(case):
    """The outcome of one `testcase` of a JUnit report."""
    if case.find("failure") is not None or case.find("error") is not None:
        return FAIL
    return SKIP if case.find("skipped") is not None else PASS
