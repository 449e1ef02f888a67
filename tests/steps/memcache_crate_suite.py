"""The own tests of `memcache`, the client for Rust programs, from the source that cargo fetched, unchanged.

They need servers on fixed ports and sockets, as `setup_tests.sh` in that source starts them. TLS is left out, because
the crate needs the headers of OpenSSL for it; so is the test that uses all transports.
"""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import servers

from .commands import build
from .commands import run as run_program
from .comparison import FAIL, PASS, beside_memcached
from .fixed_ports import reserved
from .report import Broken, Missing

TCP_PORTS = (12345, 12346, 12347, 12348, 12349)
UDP_PORT = 22345
SOCKETS = ("/tmp/memcached.sock", "/tmp/memcached2.sock")
PROGRAM = re.compile(r"^ +Running (?:unittests )?(\S+) \(", re.MULTILINE)
TEST = re.compile(r"^test (.+?) \.\.\. (ok|FAILED)$", re.MULTILINE)
COMPILED = {"crates compiled": r"^ +Compiling"}
TESTED = {"tests": r"^test .* \.\.\. (?:ok|FAILED)$"}
FLOOR = 162
LEFT_OUT = "test"


def run(environment, result):
    """The step."""
    source = environment.own / "memcache-crate"
    if not source.exists():
        shutil.copytree(fetched_source(environment), source)
    with reserved(tcp=TCP_PORTS, udp=[UDP_PORT]):
        judged = partial(outcomes, environment, source)
        beside_memcached(environment, result, "the memcache crate's tests", judged, FLOOR)


def fetched_source(environment):
    """The folder with the source of the version that larder's own tests use."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    try:
        packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    except (OSError, subprocess.CalledProcessError) as error:
        raise Broken(f"cargo metadata failed: {error}") from error
    (manifest,) = [package["manifest_path"] for package in packages if package["name"] == "memcache"]
    return Path(manifest).parent


def outcomes(environment, source, name, program):
    """`{test: outcome}` on one program, and the path of the log."""
    name = f"memcache-crate-{name}"
    command = ["cargo", "test", "--no-default-features", "--features", "tokio", "--tests", "--no-fail-fast"]
    env = {"CARGO_TARGET_DIR": str(environment.own / "memcache-crate-target"), "RUST_BACKTRACE": "0"}
    build([*command, "--no-run"], environment.log("memcache-crate-build"), progress=COMPILED, env=env, cwd=source)
    command += ["--", "--test-threads=1", "--exact", "--skip", LEFT_OUT]
    with ExitStack() as running:
        for port in TCP_PORTS:
            running.enter_context(servers.Server(program, arguments=["-p", str(port)]))
        running.enter_context(servers.Server(program, arguments=["-U", str(UDP_PORT)]))
        for path in SOCKETS:
            remove_socket(path)
            running.callback(Path(path).unlink, missing_ok=True)
            running.enter_context(servers.Server(program, unix=path))
        suite = run_program(command, environment.log(name), progress=TESTED, env=env, cwd=source)
    found = {}
    programs = PROGRAM.split(suite.text())
    for file, output in zip(programs[1::2], programs[2::2]):
        found.update({f"{file} {test}": PASS if verdict == "ok" else FAIL for test, verdict in TEST.findall(output)})
    return found, suite.log


def remove_socket(path):
    """Removes a socket of an earlier run. Raises `Missing` if it belongs to another user."""
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise Missing(f"the tests require the path {path} (remove it: {error})") from error
