"""Records the outcome of every unittest as a JSON line in the file `OUTCOMES`.

`python recording.py MODULE...` runs modules; `django_runner.Runner` does the same for Django.
"""

import json
import os
import sys
import unittest


class RecordingResult(unittest.TextTestResult):
    """A text result that also writes lines `[test, outcome]`. The outcome is pass, skip or fail.

    A test may have several lines, one per failed subtest; the reader uses the worst one.
    """

    def _record(self, test, outcome):
        with open(os.environ["OUTCOMES"], "a", encoding="utf-8") as file:
            print(json.dumps([test.id(), outcome]), file=file)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._record(test, "pass")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._record(test, "pass")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._record(test, "skip")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._record(test, "fail")

    def addError(self, test, err):
        super().addError(test, err)
        self._record(test, "fail")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._record(test, "fail")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._record(test, "fail")


def main():
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    outcome = unittest.TextTestRunner(resultclass=RecordingResult, verbosity=2).run(suite)
    sys.exit(not outcome.wasSuccessful())


if __name__ == "__main__":
    main()
