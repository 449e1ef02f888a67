"""Judges the outcomes of a client's suite on larder by those of the same suite on memcached in the same run.

Which tests a suite skips depends on the Python version and the installed packages, so no list of expected outcomes is
kept. Instead each suite has a floor: the number of tests that must pass. It detects a suite that has vanished on both
servers.
"""

from .report import Missing, print_line

PASS, SKIP, FAIL = "pass", "skip", "fail"


def judge(result, name, ours, theirs, log=None):
    """Adds the outcomes of a suite on larder and on memcached, both as `{test: outcome}`. `theirs` is None without
    memcached. `log` is the path of the log on larder.

    A test fails if its outcome differs from that on memcached. A test that fails on both servers is shown, but not
    counted. A test that fails on memcached only has passed.
    """
    print_line(f"{name}: larder {tally(ours)}" + (f"; memcached {tally(theirs)}" if theirs is not None else ""))
    for test in sorted(ours.keys() | (theirs or {}).keys()):
        outcome = ours.get(test, "not run")
        expected = outcome if theirs is None else theirs.get(test, "not run")
        if outcome == PASS and expected in (PASS, FAIL):
            result.passed += 1
        elif outcome != expected:
            result.fail(f"{name}: {test}: {outcome}, on memcached: {expected}", log)
        elif outcome == FAIL and theirs is None:
            result.fail(f"{name}: {test}", log)
        elif outcome == FAIL:
            print_line(f"{name}: {test} fails on memcached too")


def beside_memcached(environment, result, name, outcomes, floor):
    """Judges a suite on larder and, if it is installed, on memcached. At least `floor` tests must pass.

    `outcomes(program_name, program)` runs the suite and returns `{test: outcome}` and the path of the log.
    """
    ours, log = outcomes("larder", environment.larder)
    try:
        theirs, _ = outcomes("memcached", environment.program("memcached"))
    except Missing as missing:
        theirs = None
        result.skip(f"comparison with memcached: {missing}")
    judge(result, name, ours, theirs, log)
    demand(result, name, ours, floor, log)


def demand(result, name, outcomes, floor, log=None):
    """Fails unless at least `floor` of these tests passed."""
    passed = list(outcomes.values()).count(PASS)
    if passed < floor:
        result.fail(f"{name}: only {passed} tests passed, at least {floor} must", log)


def tally(outcomes):
    """`58 pass, 3 skip`."""
    values = list(outcomes.values())
    return ", ".join(f"{values.count(kind)} {kind}" for kind in (PASS, SKIP, FAIL) if kind in values) or "nothing"
