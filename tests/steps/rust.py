"""The steps that cargo runs."""

import os
import re

from .commands import check, run
from .report import Missing, say

PROGRESS = {"crates compiled": r"^ +Compiling", "tests": r"^test .* \.\.\. (?:ok|FAILED)$"}
RESULT_LINE = re.compile(r"^test result: \S+ (\d+) passed; (\d+) failed", re.MULTILINE)
FAILED_TEST = re.compile(r"^test (.+) \.\.\. FAILED$", re.MULTILINE)
# What a failed test printed, up to the next one's or the list of their names.
SAID = r"^---- {test} stdout ----\n(.*?)(?=^---- |^failures:$)"
SAID_LINES_MAX = 12
# The version whose differences from 1.6.45 tests/oracle knows.
ORACLE_VERSION = "memcached 1.6.18"


def build(environment, result):
    """Builds what the clients meet; nothing is counted, but a failure fails the run."""
    result.counts_tests = False
    say(f"{environment.larder}")


def debug_tests(environment, result):
    """All tests of the crate with its assertions on."""
    service_tools(environment, result)
    cargo_test(environment, result, "debug", [])


def release_tests(environment, result):
    """The tests that start larder, on the program as it is shipped."""
    service_tools(environment, result)
    program = {"LARDER_PROGRAM": environment.larder}
    cargo_test(environment, result, "release", ["--test", "wire", "--test", "daemon"], program)


def oracle(environment, result):
    """The differential test beside memcached."""
    memcached = os.environ.get("LARDER_ORACLE") or environment.program("memcached")
    version = check([memcached, "-V"], environment.log("memcached-version")).text().strip()
    if version != ORACLE_VERSION:
        raise Missing(f"the oracle is {ORACLE_VERSION}, not {version} (Debian 12 has it, or set LARDER_ORACLE)")
    cargo_test(environment, result, "oracle", ["--test", "oracle"], {"LARDER_ORACLE": memcached})


def benches(environment, result):
    """Every benchmark once, in a size that proves only that it still runs."""
    result.counts_tests = False
    # By the profile of the tests, whose parts are compiled already: linking each of them at full optimisation takes
    # minutes, and nothing is measured here.
    targets = environment.metadata["packages"][0]["targets"]
    for name in sorted(target["name"] for target in targets if target["kind"] == ["bench"]):
        command = ["cargo", "bench", "--profile", "dev", "--bench", name, "--", "--test"]
        program = run(command, environment.log(f"bench-{name}"), progress=PROGRESS)
        if program.process.returncode == 0:
            result.passed += 1
        else:
            result.fail(f"{name}, see {program.log}")


def fuzz_targets(environment, result):
    """The fuzz targets compile; what they assert runs in the plain tests."""
    result.counts_tests = False
    environment.program("g++")
    manifest = environment.root / "tests" / "fuzz" / "Cargo.toml"
    command = ["cargo", "check", "--locked", "--manifest-path", manifest, "--target-dir", environment.target / "fuzz"]
    program = run(command, environment.log("fuzz"), progress=PROGRESS)
    if program.process.returncode == 0:
        result.passed += 1
    else:
        result.fail(f"tests/fuzz does not compile, see {program.log}")


def service_tools(environment, result):
    """The tests of systemd's units ask for its tools."""
    for name in ("systemd-analyze", "systemd-socket-activate", "kill"):
        try:
            environment.program(name)
        except Missing as missing:
            result.skip(str(missing))


def cargo_test(environment, result, name, arguments, env=None):
    """Runs `cargo test` with these arguments and adds up what its test programs say."""
    env = {"RUST_BACKTRACE": "0", **(env or {})}
    command = ["cargo", "test", "--no-fail-fast", *arguments]
    program = run(command, environment.log(name), limit_secs=900, progress=PROGRESS, env=env)
    counts = [(int(passed), int(failed)) for passed, failed in RESULT_LINE.findall(program.text())]
    result.passed += sum(passed for passed, _ in counts)
    failed = FAILED_TEST.findall(program.text())
    for test in failed:
        result.fail(test)
        said = re.search(SAID.format(test=re.escape(test)), program.text(), re.MULTILINE | re.DOTALL)
        quote(said[1].split("\n")[:SAID_LINES_MAX] if said else [])
    if program.process.returncode != 0 and not failed:
        quote(program.text().splitlines()[-30:])
        result.fail(f"{' '.join(command)} ended with {program.process.returncode}, see {program.log}")


def quote(lines):
    """Shows lines of a log."""
    for line in filter(str.strip, lines):
        say(f"| {line}")
