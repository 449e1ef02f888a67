"""gomemcache's own tests, from Debian's package, unchanged.

One of them starts `memcached` by name, so its PATH has a script of that name. The other needs a server on port 11211.
"""

import os
import re
import shutil
from functools import partial

import servers

from .commands import run as run_program
from .comparison import FAIL, PASS, beside_memcached
from .fixed_ports import reserved

PACKAGE = "github.com/bradfitz/gomemcache/memcache"
SOURCES = "/usr/share/gocode/src"
PORT = 11211
TEST = re.compile(r"^--- (PASS|FAIL): (\w+) ", re.MULTILINE)
FLOOR = 2
# As root, memcached starts only with an explicit user.
LINK = """\
#!/bin/sh
exec "{program}" {user} "$@"
"""


def run(environment, result):
    """The step."""
    go = environment.program("go")
    environment.libraries(["golang-github-bradfitz-gomemcache-dev"])
    with reserved(tcp=[PORT]):
        beside_memcached(environment, result, "gomemcache's tests", partial(outcomes, environment, go), FLOOR)


def outcomes(environment, go, name, program):
    """`{test: outcome}` on one program under the name `memcached`, and the path of the log."""
    directory = environment.own / f"gomemcache-{name}"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(os.path.join(SOURCES, PACKAGE), directory / "src" / PACKAGE)
    (directory / "bin").mkdir()
    named = directory / "bin" / "called" / "memcached"
    named.parent.mkdir()
    named.symlink_to(program)
    script = directory / "bin" / "memcached"
    script.write_text(LINK.format(program=named, user="-u root" if os.geteuid() == 0 else ""), encoding="utf-8")
    script.chmod(0o755)
    env = {
        "PATH": f"{script.parent}:{os.environ['PATH']}",
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": str(directory),
        "GOCACHE": str(environment.own / "go-cache"),
    }
    with servers.Server(str(named), arguments=["-p", str(PORT)]):
        argv = [go, "test", "-v", "-count=1", PACKAGE]
        suite = run_program(argv, environment.log(f"gomemcache-{name}"), env=env, cwd=directory)
    found = TEST.findall(suite.text())
    return {test: PASS if verdict == "PASS" else FAIL for verdict, test in found}, suite.log
