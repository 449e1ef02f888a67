"""`benches/backends/measure.py` in its smallest size: it shows that every cache backend of Django works."""

from .commands import run
from .report import Missing

SCRIPT = "benches/backends/measure.py"
BACKENDS = 8
PROGRESS = {"rows": r"^\| "}


def run_smoke(environment, result):
    """The step."""
    result.counts_tests = False
    for name in ("memcached", "redis-server"):
        try:
            environment.program(name)
        except Missing as missing:
            result.skip(str(missing))
    log = environment.log("cache-backends")
    command = [environment.python, environment.root / SCRIPT, "--smoke", "--larder", environment.larder]
    program = run(command, log, progress=PROGRESS)
    lines = program.text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith(("| backend ", "| --- "))]
    skipped = [line for line in lines if line.startswith("skipped: ")]
    result.passed += len(rows)
    if program.process.returncode != 0 or len(rows) + len(skipped) != BACKENDS:
        result.fail(SCRIPT, log)
