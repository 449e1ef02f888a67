"""unittest suites that record each outcome in a file: starting them and reading what they wrote."""

import json

from .comparison import FAIL
from .commands import Running, wait_for_all
from .report import Broken

# Of several lines about one test the worst counts.
SEVERITY = {"pass": 0, "skip": 1, FAIL: 2}


class Recorded:
    """A running suite. `name` is that of its log and of its file of outcomes."""

    def __init__(self, environment, name, argv, env, cwd=None):
        self.file = environment.own / "outcomes" / f"{name}.jsonl"
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text("")
        paths = f"{environment.clients}"
        env = {**env, "OUTCOMES": str(self.file), "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        self.running = Running(argv, environment.log(name), cwd, env)

    def outcomes(self):
        """`{test: outcome}` so far."""
        outcomes = {}
        for line in self.file.read_text().splitlines():
            test, outcome = json.loads(line)
            outcomes[test] = max(outcome, outcomes.get(test, outcome), key=SEVERITY.get)
        return outcomes

    def final(self):
        """The outcomes of a suite that has ended. Raises `Broken` if it ended otherwise than by its tests' outcome."""
        outcomes = self.outcomes()
        failed = FAIL in outcomes.values()
        status = self.running.process.returncode
        if not outcomes or status not in (0, 1) or failed != (status == 1):
            raise Broken(f"the suite itself failed with status {status}, see {self.running.log}")
        return outcomes


def finish(suites, limit_secs=900):
    """Waits for suites that run side by side and returns the outcomes of each."""

    def progress():
        return ", ".join(f"{len(suite.outcomes())} tests" for suite in suites)

    wait_for_all([suite.running for suite in suites], limit_secs, progress)
    return [suite.final() for suite in suites]
