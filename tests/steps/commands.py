"""Runs the programs of a step: output to a log, a sign of life on the terminal, an upper bound on the time."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from .report import Broken, Missing, say

SIGN_OF_LIFE_SECS = 15
POLL_SECS = 0.1


class Running:
    """A program that was started, with everything it prints in `log`. It is the leader of its own process group."""

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
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def text(self):
        """All it printed so far."""
        return self.log.read_text(errors="replace")

    def counts(self, patterns):
        """How often each regular expression matches a line of the log: `3 crates, 12 tests`."""
        text = self.text()
        return ", ".join(f"{len(re.findall(pattern, text, re.M))} {unit}" for unit, pattern in patterns.items())

    def end(self):
        """Kills it with all it started, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def wait_for_all(programs, limit_secs, progress):
    """Waits until all have ended; every 15 s it says how far they are, in the words of `progress()`.

    Raises `Broken` if they need more than `limit_secs` seconds. None of them runs on after this returns or raises.
    """
    started = time.monotonic()
    told = started
    try:
        while any(program.process.poll() is None for program in programs):
            now = time.monotonic()
            if now - started > limit_secs:
                late = next(program for program in programs if program.process.poll() is None)
                raise Broken(f"{late.argv[0]} did not end within {limit_secs} s, see {late.log}")
            if now - told >= SIGN_OF_LIFE_SECS:
                told = now
                say(f"... {now - started:.0f} s, {progress()}")
            time.sleep(POLL_SECS)
    finally:
        for program in programs:
            program.end()


ANY_LINE = {"lines of output": "^"}


def run(argv, log, limit_secs=600, progress=ANY_LINE, cwd=None, env=None):
    """Runs one program to its end and returns it; `progress` says which lines of its log to count, by their unit."""
    program = Running(argv, log, cwd, env)
    wait_for_all([program], limit_secs, lambda: program.counts(progress))
    return program


def check(argv, log, **options):
    """As `run`, but raises `Broken` with the end of the log if the program fails."""
    program = run(argv, log, **options)
    if program.process.returncode != 0:
        for line in program.text().splitlines()[-30:]:
            say(f"| {line}")
        raise Broken(f"{' '.join(program.argv)} ended with {program.process.returncode}, see {program.log}")
    return program


def require_free(port):
    """Raises `Missing` if something listens there."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
        except OSError as error:
            raise Missing(f"port {port}, which these tests ask for, is taken") from error
