"""Clients in other languages. Each has a driver in its language, which prints TAP. All drivers run at the same time."""

import re
import shutil
from contextlib import ExitStack

import servers

from .commands import Running, check, wait_for_all
from .comparison import FAIL, PASS, judge
from .report import Broken, print_line

TAP_TEST = re.compile(r"^(not ok|ok) \d+ - (.+)$", re.MULTILINE)
TAP_PLAN = re.compile(r"^1\.\.(\d+)$", re.MULTILINE)
# The interpreter, the driver, and the Debian packages that it needs.
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
# The folder of the sources in Debian's Go packages.
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
        wait_for_all(drivers, lambda: f"{sum(len(outcomes(driver)) for driver in drivers)} tests")
    for driver, (_, file, _) in zip(drivers, DRIVERS):
        judge(result, file, complete_outcomes(driver), None, driver.log)


def outcomes(driver):
    """`{test: outcome}` so far."""
    return {name: PASS if verdict == "ok" else FAIL for verdict, name in TAP_TEST.findall(driver.text())}


def complete_outcomes(driver):
    """The outcomes of a driver that has exited. Raises `Broken` unless all planned tests ran and the status matches."""
    ended = outcomes(driver)
    # Plans of Perl's subtests are indented, so they do not match.
    plans = [int(count) for count in TAP_PLAN.findall(driver.text())]
    failed = FAIL in ended.values()
    if not ended or plans != [len(ended)] or failed != (driver.process.returncode != 0):
        raise Broken(f"a driver exited with {driver.process.returncode} before all tests ran", driver.log)
    return ended


def node_modules(environment):
    """The folder of the pinned npm packages, installed under target/."""
    npm = environment.program("npm")
    directory = environment.own / "node"
    directory.mkdir(exist_ok=True)
    locked = environment.clients / "package-lock.json"
    complete = directory / "complete"
    if not complete.exists() or complete.read_bytes() != locked.read_bytes():
        print_line("fetching the packages of npm")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(environment.clients / name, directory)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", directory]
        check(command, environment.log("npm"))
        shutil.copy(locked, complete)
    return directory / "node_modules"
