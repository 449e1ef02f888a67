"""What the user sees of a run: a heading per step, progress, failures, the summary.

Invariant: each test is counted once, as passed or failed. A step that breaks off counts as one failure, and so does
a step that neither passed nor failed anything nor said that it was skipped.
"""

import time
from dataclasses import dataclass, field
from typing import Callable

# Of each step, in the summary; all of them stand under its heading.
FAILURES_TOLD_MAX = 10


class Missing(Exception):
    """Something a step needs is not here and cannot be fetched. The text is one line: what, and how to get it."""


class Broken(Exception):
    """A step could not go on. The text says why and names the log."""


@dataclass
class Step:
    """One nameable part of the run."""

    name: str
    title: str
    function: Callable


@dataclass
class Result:
    """What one step adds up to."""

    name: str
    passed: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)
    counts_tests: bool = True
    seconds: float = 0.0

    def fail(self, what):
        """One failed test, or one broken promise of the suite as a whole."""
        self.failures.append(what)
        say(f"FAILED {what}")

    def skip(self, why):
        """A part of the step that this machine cannot run; `why` is one line with the remedy."""
        self.skips.append(why)
        say(f"skipped: {why}")


def say(text):
    """A line below the current heading."""
    print(f"   {text}", flush=True)


class Report:
    """All results of one invocation."""

    def __init__(self, may_skip):
        self.may_skip = may_skip
        self.results = []

    @property
    def failures(self):
        """The number of failures so far, skips included where they are not allowed."""
        return sum(len(result.failures) for result in self.results)

    def run(self, step, environment):
        """Runs one step to its end, whatever happens in it."""
        print(f"== {step.name}: {step.title}", flush=True)
        result = Result(step.name)
        self.results.append(result)
        started = time.monotonic()
        try:
            step.function(environment, result)
        except Missing as missing:
            result.skip(str(missing))
        except Broken as broken:
            result.fail(str(broken))
        if not self.may_skip:
            for skip in result.skips:
                result.fail(f"skipped although CI=true: {skip}")
        if result.counts_tests and not (result.passed or result.failures or result.skips):
            result.fail("no test ran")
        result.seconds = time.monotonic() - started
        say(f"{result.passed} passed, {len(result.failures)} failed in {result.seconds:.0f} s")

    def summary(self):
        """The table of all steps; its last line is the one that machines read."""
        print("== summary")
        for result in self.results:
            say(f"{result.name:<16}{result.passed:>6} passed {len(result.failures):>4} failed {result.seconds:>6.0f} s")
        for result in self.results:
            for failure in result.failures[:FAILURES_TOLD_MAX]:
                say(f"FAILED {result.name}: {failure}")
            if len(result.failures) > FAILURES_TOLD_MAX:
                say(f"FAILED {result.name}: and {len(result.failures) - FAILURES_TOLD_MAX} more, see above")
        if self.may_skip:
            for result in self.results:
                for skip in result.skips:
                    say(f"skipped {result.name}: {skip}")
        passed = sum(result.passed for result in self.results)
        print(f"{passed} passed, {self.failures} failed", flush=True)
