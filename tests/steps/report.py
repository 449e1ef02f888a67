"""The output of a run: a heading per step, progress, failures, and a summary.

Invariant: each test is counted once, as passed or failed. A step that breaks off counts as one failure, and so does
a step without any result that was not skipped.
"""

import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

# Per step, in the summary. All failures are shown below the heading of the step.
SUMMARY_FAILURES_MAX = 10
ROOT = Path(__file__).resolve().parent.parent.parent


class Missing(Exception):
    """A step lacks something that cannot be fetched. The text is one line with the remedy."""


class Broken(Exception):
    """A step cannot continue. The text says why; `log` is the path of the log that shows it."""

    def __init__(self, text, log=None):
        super().__init__(text)
        self.log = log


@dataclass
class Step:
    """A part of the run that can be selected by its name."""

    name: str
    title: str
    function: Callable
    # False for a step that runs only by its name.
    by_default: bool = True


@dataclass
class Result:
    """The result of one step."""

    name: str
    passed: int = 0
    failures: list = field(default_factory=list)
    skips: list = field(default_factory=list)
    counts_tests: bool = True
    seconds: float = 0.0

    def fail(self, what, log=None):
        """Adds a failed test, or another failure of the suite, with the path of its log."""
        failure = what if log is None else f"{what} (log: {relative(log)})"
        self.failures.append(failure)
        print_line(f"FAILED {failure}")

    def skip(self, why):
        """Adds a part of the step that this machine cannot run; `why` is one line with the remedy."""
        self.skips.append(why)
        print_line(f"skipped: {why}")


def print_line(text):
    """Prints a line below the current heading."""
    print(f"   {text}", flush=True)


def relative(path):
    """The path relative to the project. A path outside of the project is returned unchanged."""
    path = Path(path)
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


class Report:
    """The results of a run."""

    def __init__(self, may_skip):
        self.may_skip = may_skip
        self.results = []

    @property
    def failures(self):
        """The number of failures so far. It includes skips if they are not allowed."""
        return sum(len(result.failures) for result in self.results)

    def run(self, step, environment):
        """Runs one step and records its result, even if the step raises an exception."""
        print(f"== {step.name}: {step.title}", flush=True)
        result = Result(step.name)
        self.results.append(result)
        started = time.monotonic()
        try:
            step.function(environment, result)
        except Missing as missing:
            result.skip(str(missing))
        except Broken as broken:
            result.fail(str(broken), broken.log)
        except Exception as error:
            result.fail(f"{type(error).__name__}: {error}", write_traceback(step, environment))
        if not self.may_skip:
            for skip in result.skips:
                result.fail(f"skipped although CI=true: {skip}")
        if result.counts_tests and not (result.passed or result.failures or result.skips):
            result.fail("no test ran")
        result.seconds = time.monotonic() - started
        print_line(f"{result.passed} passed, {len(result.failures)} failed in {result.seconds:.0f} s")

    def summary(self):
        """Prints a table of all steps, then failures and skips. The last line is meant for machines."""
        print("== summary")
        for result in self.results:
            counts = f"{result.passed:>6} passed {len(result.failures):>4} failed"
            print_line(f"{result.name:<18}{counts} {result.seconds:>6.0f} s")
        if self.may_skip:
            for result in self.results:
                for skip in result.skips:
                    print_line(f"skipped {result.name}: {skip}")
        for result in self.results:
            for failure in result.failures[:SUMMARY_FAILURES_MAX]:
                print_line(f"FAILED {result.name}: {failure}")
            if len(result.failures) > SUMMARY_FAILURES_MAX:
                print_line(f"FAILED {result.name}: and {len(result.failures) - SUMMARY_FAILURES_MAX} more, see above")
        passed = sum(result.passed for result in self.results)
        print(f"{passed} passed, {self.failures} failed", flush=True)


def write_traceback(step, environment):
    """Writes the current exception to a log and returns its path."""
    log = environment.log(f"{step.name}-traceback")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(traceback.format_exc(), encoding="utf-8")
    return log
