"""The step that builds the Debian package and installs it into a clean Debian."""

import os
import shutil
import subprocess
import sys

from .commands import build, check
from .comparison import judge
from .recorded import Recorded, finish
from .report import Broken, Missing, print_line

CARGO_DEB_VERSION = "3.8.0"
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"


def run(environment, result):
    """Builds the package from the release binary, then runs the tests of `tests/clients/debian_package.py`."""
    if os.geteuid() != 0:
        raise Missing("root is needed to install packages in a chroot (run tests/run debian-package as root)")
    unshare = [environment.program("unshare"), "--mount", "--pid", "--net", "--fork", "--kill-child"]
    if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise Missing("new namespaces are not allowed here (in a container: docker run --privileged)")
    environment.program("memcached")
    env = {"DEBIAN_ROOT": str(clean_root(environment)), "DEB": str(package(environment))}
    argv = [*unshare, sys.executable, environment.clients / "recording.py", "debian_package"]
    suite = Recorded(environment, "debian_package", argv, env)
    (outcomes,) = finish([suite])
    judge(result, "debian_package", outcomes, None, suite.log)


def clean_root(environment):
    """A directory with a minimal Debian, fetched once. No test writes to it."""
    debootstrap = environment.program("debootstrap")
    root = environment.own / f"debian-{SUITE}"
    if not root.exists():
        print_line("fetching a minimal Debian to target/")
        partial = environment.own / f"debian-{SUITE}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        fetch([debootstrap, "--variant=minbase", SUITE, partial, MIRROR], environment.log("debootstrap"))
        partial.rename(root)
    return root


def fetch(command, log):
    """Runs a command that needs the network. Raises `Missing` if it fails."""
    try:
        build(command, log)
    except Broken as broken:
        raise Missing(f"not fetched: {broken}") from broken


def package(environment):
    """The Debian package of the release binary."""
    directory = environment.own / f"cargo-deb-{CARGO_DEB_VERSION}"
    cargo_deb = directory / "bin" / "cargo-deb"
    if not cargo_deb.exists():
        print_line(f"building cargo-deb {CARGO_DEB_VERSION}")
        install = ["cargo", "install", "cargo-deb", "--version", CARGO_DEB_VERSION, "--locked", "--debug"]
        fetch([*install, "--root", directory], environment.log("cargo-deb-build"))
    environment.program("dpkg-shlibdeps")
    deb = environment.own / "larder.deb"
    binary = environment.larder
    command = [cargo_deb, "deb", "--no-build", "--locked", "--fast", "--output", deb]
    check(command, environment.log("cargo-deb"), env={"CARGO_TARGET_DIR": binary.parent.parent})
    return deb
