"""Clients in other languages: each is met by a driver in its own, which prints TAP. All of them run side by side."""

import re
import shutil
from contextlib import ExitStack

import servers

from .commands import Running, check, wait_for_all
from .comparison import FAIL, PASS, judge
from .report import Broken, say

TAP_TEST = re.compile(r"^(not ok|ok) \d+ - (.+)$", re.MULTILINE)
TAP_PLAN = re.compile(r"^1\.\.(\d+)$", re.MULTILINE)
LIMIT_SECS = 120
# The interpreter, the driver, the Debian packages that it needs.
DRIVERS = (
    (
        ["perl"],
        "cache_memcached.pl",
        ["libcache-memcached-perl", "libcache-memcached-fast-perl", "libmemcached-libmemcached-perl"],
    ),
    (["ruby"], "dalli.rb", ["ruby-dalli"]),
    (["php"], "php_memcached.php", ["php-memcached"]),
    (["node", "--test-reporter=tap"], "memjs.js", []),
    (["node", "--test-reporter=tap"], "node_memcached.js", []),
    (["go", "run"], "gomemcache.go", ["golang-github-bradfitz-gomemcache-dev"]),
)
# Where Debian's packages for Go keep their sources.
GOPATH = "/usr/share/gocode"


def run(environment, result):
    """The step."""
    for _, _, packages in DRIVERS:
        environment.libraries(packages)
    go = {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": GOPATH, "GOCACHE": str(environment.own / "go-cache")}
    env = {"NODE_PATH": str(node_modules(environment)), **go}
    with ExitStack() as running:
        drivers = []
        for interpreter, file, _ in DRIVERS:
            server = running.enter_context(servers.Server(environment.larder, arguments=["--debug-commands"]))
            login = running.enter_context(servers.Server(environment.larder, arguments=["-S"], users="ann:secret\n"))
            argv = [environment.program(interpreter[0]), *interpreter[1:], environment.clients / file]
            addresses = {"SERVER": server.address, "LOGIN_SERVER": login.address}
            drivers.append(Running(argv, environment.log(f"driver-{file}"), env={**env, **addresses}))
        wait_for_all(drivers, LIMIT_SECS, lambda: f"{sum(len(outcomes(driver)) for driver in drivers)} tests")
    for driver, (_, file, _) in zip(drivers, DRIVERS):
        judge(result, file, whole(driver), None)


def outcomes(driver):
    """`{test: outcome}` so far."""
    return {name: PASS if verdict == "ok" else FAIL for verdict, name in TAP_TEST.findall(driver.text())}


def whole(driver):
    """The outcomes of a driver that has ended. Raises `Broken` unless it ran all it planned and ended accordingly."""
    ended = outcomes(driver)
    # Perl's subtests have plans of their own, further to the right.
    plans = [int(count) for count in TAP_PLAN.findall(driver.text())]
    failed = FAIL in ended.values()
    if not ended or plans != [len(ended)] or failed != (driver.process.returncode != 0):
        raise Broken(f"a driver ended with {driver.process.returncode} before its time, see {driver.log}")
    return ended


def node_modules(environment):
    """The pinned packages of npm, installed under target/."""
    npm = environment.program("npm")
    directory = environment.own / "node"
    directory.mkdir(exist_ok=True)
    locked = environment.clients / "package-lock.json"
    complete = directory / "complete"
    if not complete.exists() or complete.read_bytes() != locked.read_bytes():
        say("fetching the packages of npm")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(environment.clients / name, directory)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", directory]
        check(command, environment.log("npm"))
        shutil.copy(locked, complete)
    return directory / "node_modules"
