"""unittest suites that record each outcome in a file."""

import json

from .commands import Running, wait_for_all
from .comparison import FAIL
from .report import Broken

# A test may have several lines; the worst one counts.
SEVERITY = {"pass": 0, "skip": 1, FAIL: 2}


class Recorded:
    """A running suite. `name` is the name of its log and of its file of outcomes."""

    def __init__(self, environment, name, argv, env, cwd=None):
        self.file = environment.own / "outcomes" / f"{name}.jsonl"
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text("")
        paths = f"{environment.clients}"
        env = {**env, "OUTCOMES": str(self.file), "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        self.running = Running(argv, environment.log(name), cwd, env)

    @property
    def log(self):
        """The path of its log."""
        return self.running.log

    def outcomes(self):
        """`{test: outcome}` so far."""
        outcomes = {}
        # The last line may be incomplete while the suite runs.
        for line in self.file.read_text(encoding="utf-8").split("\n")[:-1]:
            test, outcome = json.loads(line)
            outcomes[test] = max(outcome, outcomes.get(test, outcome), key=SEVERITY.get)
        return outcomes

    def final(self):
        """The outcomes of a suite that has ended. Raises `Broken` if its exit status does not match them."""
        outcomes = self.outcomes()
        failed = FAIL in outcomes.values()
        status = self.running.process.returncode
        if not outcomes or status not in (0, 1) or failed != (status == 1):
            raise Broken(f"the suite exited with {status}", self.log)
        return outcomes


def finish(suites):
    """Waits for suites that run at the same time and returns the outcomes of each."""

    def progress():
        return ", ".join(f"{len(suite.outcomes())} tests" for suite in suites)

    wait_for_all([suite.running for suite in suites], progress)
    return [suite.final() for suite in suites]
