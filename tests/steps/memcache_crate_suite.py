"""The own tests of `memcache`, the client that Rust programs use, from the source that cargo fetched, unchanged.

They want servers on ports and sockets of their choice, as `setup_tests.sh` in that source starts them. TLS is left out,
because theirs needs the headers of OpenSSL, and with it the one test that tries all transports.
"""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import servers

from .commands import require_free
from .commands import run as run_program
from .comparison import FAIL, PASS, beside_memcached
from .report import Broken

TCP_PORTS = (12345, 12346, 12347, 12348, 12349)
UDP_PORT = 22345
SOCKETS = ("/tmp/memcached.sock", "/tmp/memcached2.sock")
PROGRAM = re.compile(r"^ +Running (?:unittests )?(\S+) \(", re.MULTILINE)
TEST = re.compile(r"^test (.+?) \.\.\. (ok|FAILED)$", re.MULTILINE)
PROGRESS = {"crates compiled": r"^ +Compiling", "tests": r"^test .* \.\.\. (?:ok|FAILED)$"}
FLOOR = 162
LEFT_OUT = "test"
LIMIT_SECS = 300


def run(environment, result):
    """The step."""
    for port in (*TCP_PORTS, UDP_PORT):
        require_free(port)
    source = environment.own / "memcache-crate"
    if not source.exists():
        shutil.copytree(fetched_source(environment), source)
    judged = partial(outcomes, environment, source)
    beside_memcached(environment, result, "the memcache crate's tests", judged, FLOOR)


def fetched_source(environment):
    """Where cargo keeps the source of the version that larder's own tests use."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    try:
        packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]
    except (OSError, subprocess.CalledProcessError) as error:
        raise Broken(f"cargo does not answer: {error}") from error
    (manifest,) = [package["manifest_path"] for package in packages if package["name"] == "memcache"]
    return Path(manifest).parent


def outcomes(environment, source, name, program):
    """`{test: outcome}` on one program."""
    name = f"memcache-crate-{name}"
    command = ["cargo", "test", "--no-default-features", "--features", "tokio", "--tests", "--no-fail-fast"]
    command += ["--", "--test-threads=1", "--exact", "--skip", LEFT_OUT]
    with ExitStack() as running:
        for port in TCP_PORTS:
            running.enter_context(servers.Server(program, arguments=["-p", str(port)]))
        running.enter_context(servers.Server(program, arguments=["-U", str(UDP_PORT)]))
        for path in SOCKETS:
            Path(path).unlink(missing_ok=True)
            running.callback(Path(path).unlink, missing_ok=True)
            running.enter_context(servers.Server(program, unix=path))
        env = {"CARGO_TARGET_DIR": str(environment.own / "memcache-crate-target"), "RUST_BACKTRACE": "0"}
        log = environment.log(name)
        text = run_program(command, log, limit_secs=LIMIT_SECS, progress=PROGRESS, env=env, cwd=source).text()
    found = {}
    programs = PROGRAM.split(text)
    for file, said in zip(programs[1::2], programs[2::2]):
        found.update({f"{file} {test}": PASS if verdict == "ok" else FAIL for test, verdict in TEST.findall(said)})
    return found
