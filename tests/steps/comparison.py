"""Judges a client's suite on larder by the outcome of the same suite on memcached in the same run.

memcached is asked anew each time, because what a suite skips depends on the Python version and on the packages that
are there; a list kept in the project would be wrong on the next machine. Each suite also has a floor, the number of
tests that must pass: without it a suite that had vanished from both sides would count as equal.
"""

from .report import Missing, say

PASS, SKIP, FAIL = "pass", "skip", "fail"


def judge(result, name, ours, theirs):
    """Adds the outcomes of one suite, both given as `{test: outcome}`; `theirs` is None if there is no memcached.

    A test counts as failed if its outcome is not memcached's. One that fails on both is told, not counted; one that
    fails on memcached only has passed.
    """
    say(f"{name}: larder {tally(ours)}" + (f"; memcached {tally(theirs)}" if theirs is not None else ""))
    for test in sorted(ours.keys() | (theirs or {}).keys()):
        outcome = ours.get(test, "not run")
        expected = outcome if theirs is None else theirs.get(test, "not run")
        if outcome == PASS and expected in (PASS, FAIL):
            result.passed += 1
        elif outcome != expected:
            result.fail(f"{name}: {test}: {outcome}, on memcached: {expected}")
        elif outcome == FAIL and theirs is None:
            result.fail(f"{name}: {test}")
        elif outcome == FAIL:
            say(f"{name}: {test} fails on memcached too")


def beside_memcached(environment, result, name, outcomes, floor):
    """Judges `outcomes(program_name, program)` on larder, and on memcached where there is one; `floor` must pass."""
    ours = outcomes("larder", environment.larder)
    try:
        theirs = outcomes("memcached", environment.program("memcached"))
    except Missing as missing:
        theirs = None
        result.skip(f"comparison with memcached: {missing}")
    judge(result, name, ours, theirs)
    demand(result, name, ours, floor)


def demand(result, name, outcomes, floor):
    """At least `floor` of these tests passed."""
    passed = list(outcomes.values()).count(PASS)
    if passed < floor:
        result.fail(f"{name}: only {passed} tests passed, at least {floor} must")


def tally(outcomes):
    """`58 pass, 3 skip`."""
    values = list(outcomes.values())
    return ", ".join(f"{values.count(kind)} {kind}" for kind in (PASS, SKIP, FAIL) if kind in values) or "nothing"
