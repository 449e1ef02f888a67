"""The steps that cargo runs."""

import os
import re
from pathlib import Path

from .commands import build, check, run
from .report import Missing, print_line

COMPILED = {"crates compiled": r"^ +Compiling"}
TESTED = {"tests": r"^test .* \.\.\. (?:ok|FAILED)$"}
# The line before the output of a test program: `Running tests/wire/main.rs (path)`.
PROGRAM = re.compile(r"^ +(?:Running (?:unittests )?|Doc-tests )(\S+).*$", re.MULTILINE)
RESULT = re.compile(r"^test result: \S+ (\d+) passed; (\d+) failed", re.MULTILINE)
FAILED_TEST = re.compile(r"^test (.+) \.\.\. FAILED$", re.MULTILINE)
# The output of a failed test, up to that of the next one or to the list of their names.
OUTPUT = r"^---- {test} stdout ----\n(.*?)(?=^---- |^failures:$)"
OUTPUT_LINES_MAX = 12
# tests/oracle knows the differences between this version and 1.6.45.
ORACLE_VERSION = "memcached 1.6.18"


def build_release(environment, result):
    """Builds the program that the clients connect to. It counts no tests, but a failure fails the run."""
    result.counts_tests = False
    print_line(f"{environment.larder}")


def debug_tests(environment, result):
    """All tests of the crate, with debug assertions."""
    service_tools(environment, result)
    cargo_test(environment, result, "debug", [])


def release_tests(environment, result):
    """The tests that start larder, with the release binary."""
    service_tools(environment, result)
    program = {"LARDER_PROGRAM": environment.larder}
    cargo_test(environment, result, "release", ["--test", "wire", "--test", "daemon"], program)


def oracle(environment, result):
    """The comparison with memcached."""
    memcached = os.environ.get("LARDER_ORACLE") or environment.program("memcached")
    version = check([memcached, "-V"], environment.log("memcached-version")).text().strip()
    if version != ORACLE_VERSION:
        raise Missing(f"the oracle is {ORACLE_VERSION}, not {version} (Debian 12 has it, or set LARDER_ORACLE)")
    cargo_test(environment, result, "oracle", ["--test", "oracle"], {"LARDER_ORACLE": memcached})


def benches(environment, result):
    """Runs every benchmark in its smallest size, which shows only that it works."""
    result.counts_tests = False
    # The dev profile, because most crates are compiled with it already. Optimised linking takes minutes per benchmark,
    # and no time is measured.
    command = ["cargo", "bench", "--profile", "dev"]
    build([*command, "--benches", "--no-run"], environment.log("benches-build"), progress=COMPILED)
    targets = environment.metadata["packages"][0]["targets"]
    for name in sorted(target["name"] for target in targets if target["kind"] == ["bench"]):
        program = run([*command, "--bench", name, "--", "--test"], environment.log(f"bench-{name}"))
        if program.process.returncode == 0:
            result.passed += 1
        else:
            result.fail(name, program.log)


def fuzz_targets(environment, result):
    """The fuzz targets compile. Their assertions are part of the other tests."""
    result.counts_tests = False
    environment.program("g++")
    manifest = environment.root / "tests" / "fuzz" / "Cargo.toml"
    command = ["cargo", "check", "--locked", "--manifest-path", manifest, "--target-dir", environment.target / "fuzz"]
    build(command, environment.log("fuzz"), progress={"crates checked": r"^ +(?:Compiling|Checking)"})
    result.passed += 1


def service_tools(environment, result):
    """The tests of the systemd units need these tools."""
    for name in ("systemd-analyze", "systemd-socket-activate", "kill"):
        try:
            environment.program(name)
        except Missing as missing:
            result.skip(str(missing))


def cargo_test(environment, result, name, arguments, env=None):
    """Runs `cargo test` with these arguments and adds the results of its test programs."""
    env = {"RUST_BACKTRACE": "0", **(env or {})}
    command = ["cargo", "test", "--no-fail-fast", *arguments]
    build([*command, "--no-run"], environment.log(f"{name}-build"), progress=COMPILED, env=env)
    program = run(command, environment.log(name), progress=TESTED, env=env)
    add_results(result, program)
    if program.process.returncode != 0 and not result.failures:
        quote(program.text().splitlines()[-30:])
        result.fail(f"{' '.join(command)} exited with {program.process.returncode}", program.log)


def add_results(result, program):
    """Adds the results in the log of `cargo test`."""
    _, *sections = PROGRAM.split(program.text())
    for source, text in zip(sections[::2], sections[1::2]):
        tests = test_program_name(source)
        totals = RESULT.search(text)
        if totals is None:
            quote(text.splitlines()[-30:])
            result.fail(f"{tests}: the test program crashed", program.log)
            continue
        result.passed += int(totals[1])
        for test in FAILED_TEST.findall(text):
            result.fail(f"{tests}: {test}", program.log)
            output = re.search(OUTPUT.format(test=re.escape(test)), text, re.MULTILINE | re.DOTALL)
            quote(output[1].split("\n")[:OUTPUT_LINES_MAX] if output else [])


def test_program_name(source):
    """The name for `--test` of a test program, given the path of its source: `wire` for `tests/wire/main.rs`."""
    path = Path(source)
    if path.parts[0] != "tests":
        return source
    return path.parent.name if path.stem == "main" else path.stem


def quote(lines):
    """Shows lines of a log."""
    for line in filter(str.strip, lines):
        print_line(f"| {line}")
