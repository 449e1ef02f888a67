"""Runs the programs of a step: output goes to a log, the terminal shows progress, a stuck program is killed.

No program has a limit on its total time, because a machine may be slow or busy. A program is stuck if it prints nothing
for half an hour. Builds have no limit at all.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from .report import Broken, print_line

PROGRESS_SECS = 15
POLL_SECS = 0.1
SILENCE_MAX_SECS = 30 * 60
# The same language and encoding on every machine.
LOCALE = {"LC_ALL": "C.UTF-8"}


class Running:
    """A started program and its log. The program leads a process group of its own."""

    def __init__(self, argv, log, cwd=None, env=None):
        self.argv = [str(word) for word in argv]
        self.log = Path(log)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **LOCALE, **(env or {})},
                start_new_session=True,
            )

    def text(self):
        """The output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def counts(self, patterns):
        """The number of log lines that match each regular expression: `3 crates, 12 tests`."""
        text = self.text()
        return ", ".join(f"{len(re.findall(pattern, text, re.M))} {unit}" for unit, pattern in patterns.items())

    def is_running(self):
        return self.process.poll() is None

    def end(self):
        """Kills the program and all processes that it started, if it still runs."""
        if self.is_running():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def wait_for_all(programs, progress, silence_max_secs=SILENCE_MAX_SECS):
    """Waits until all programs have exited; every 15 s it prints the result of `progress()`.

    Raises `Broken` if none of them prints anything for `silence_max_secs` seconds; None means no limit. No program is
    left running.
    """
    started = last_report = last_output = time.monotonic()
    printed = 0
    try:
        while any(program.is_running() for program in programs):
            now = time.monotonic()
            size = sum(program.log.stat().st_size for program in programs)
            if size != printed:
                printed, last_output = size, now
            if silence_max_secs is not None and now - last_output > silence_max_secs:
                stuck = next(program for program in programs if program.is_running())
                raise Broken(f"{stuck.argv[0]} printed nothing for {silence_max_secs} s", stuck.log)
            if now - last_report >= PROGRESS_SECS:
                last_report = now
                print_line(f"... {now - started:.0f} s, {progress()}")
            time.sleep(POLL_SECS)
    finally:
        for program in programs:
            program.end()


ANY_LINE = {"lines of output": "^"}


def run(argv, log, silence_max_secs=SILENCE_MAX_SECS, progress=ANY_LINE, cwd=None, env=None):
    """Runs a program until it exits and returns it. `progress` maps units to the patterns of log lines to count."""
    program = Running(argv, log, cwd, env)
    wait_for_all([program], lambda: program.counts(progress), silence_max_secs)
    return program


def check(argv, log, **options):
    """Runs a program. If it fails, shows the end of its log and raises `Broken`."""
    program = run(argv, log, **options)
    if program.process.returncode != 0:
        for line in program.text().splitlines()[-30:]:
            print_line(f"| {line}")
        raise Broken(f"{' '.join(program.argv)} exited with {program.process.returncode}", program.log)
    return program


def build(argv, log, **options):
    """Runs the command of a build, however long it takes. Raises `Broken` if it fails."""
    return check(argv, log, silence_max_secs=None, **options)
