"""Programs and packages that the steps need beyond Rust and Python 3. They are fetched or built once, under target/.

The machine is changed by `apt-get install` as root only, and no installed service is left running or enabled.
Everything is lazy: a step that does not run fetches nothing.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from functools import cached_property
from pathlib import Path

from .commands import build, check
from .report import Broken, Missing, print_line

PYTHON_MIN = (3, 10)
# The Debian package of each program.
PACKAGES = {
    "chromium": "chromium",
    "debootstrap": "debootstrap",
    "dpkg-shlibdeps": "dpkg-dev",
    "g++": "g++",
    "go": "golang-go",
    "kill": "procps",
    "memcached": "memcached",
    "memccapable": "libmemcached-tools",
    "node": "nodejs",
    "npm": "npm",
    "nutcracker": "nutcracker",
    "openssl": "openssl",
    "perl": "perl",
    "php": "php-cli",
    "redis-server": "redis-server",
    "ruby": "ruby",
    "systemd-analyze": "systemd",
    "systemd-socket-activate": "systemd",
    "tmux": "tmux",
    "unshare": "util-linux",
}
# pip compiles pylibmc and gevent with these if PyPI has no wheel for this Python.
BUILD_PACKAGES = ["build-essential", "libmemcached-dev", "python3-dev", "zlib1g-dev"]
SYSTEM_DIRECTORIES = "/usr/bin:/usr/sbin:/bin:/sbin"
POLICY = Path("/usr/sbin/policy-rc.d")


class Environment:
    """The machine. `root` is the top of the project."""

    def __init__(self, root):
        self.root = root
        self.clients = root / "tests" / "clients"
        self._apt_is_fresh = False

    @cached_property
    def metadata(self):
        """The metadata of the project from cargo."""
        command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
        try:
            return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Broken(f"cargo metadata failed: {error}") from error

    @cached_property
    def target(self):
        """cargo's target directory. All downloads and logs are below it."""
        return Path(self.metadata["target_directory"])

    @cached_property
    def own(self):
        """The directory of these tests in the target directory."""
        directory = self.target / "tests"
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def log(self, name):
        """The path of the log with that name."""
        return self.own / "logs" / f"{name}.log"

    @cached_property
    def larder(self):
        """The release binary, built from the current sources."""
        build(["cargo", "build", "--release"], self.log("build"), progress={"crates compiled": r"^ +Compiling"})
        return self.target / "release" / "larder"

    def program(self, name):
        """The path of a program from `PACKAGES`, which is installed if necessary. Raises `Missing`."""
        path = f"{os.environ.get('PATH', '')}:{SYSTEM_DIRECTORIES}"
        found = shutil.which(name, path=path)
        if not found:
            self.install([PACKAGES[name]])
            found = shutil.which(name, path=path)
        if not found:
            raise Missing(f"{name} is not installed (apt-get install {PACKAGES[name]})")
        return found

    def libraries(self, packages):
        """Installs those of the Debian packages that are missing. Raises `Missing`."""

        def is_installed(package):
            query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
            try:
                found = subprocess.run(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            except OSError:
                return False
            return found.stdout == b"installed"

        missing = [package for package in packages if not is_installed(package)]
        if missing:
            self.install(missing)

    def install(self, packages):
        """Installs Debian packages. Raises `Missing` without root, apt-get or network."""
        wanted = " ".join(packages)
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Missing(f"not installed: {wanted} (as root: apt-get install {wanted})")
        print_line(f"installing {wanted}")
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            if not self._apt_is_fresh:
                check(["apt-get", "update"], self.log("apt-update"), env=quiet)
                self._apt_is_fresh = True
            with no_service_starts():
                command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
                check(command, self.log(f"apt-{packages[0]}"), env=quiet)
        except Broken as broken:
            raise Missing(f"not installed: {wanted} ({broken})") from broken
        services = [name for name in ("memcached", "redis-server") if name in packages]
        if services and shutil.which("systemctl"):
            # Otherwise they would start at the next boot, and memcached would use larder's port.
            subprocess.run(["systemctl", "disable", *services], stderr=subprocess.DEVNULL, check=False)

    @cached_property
    def requirements(self):
        """The pinned Python packages."""
        return self.clients / "requirements.txt"

    @cached_property
    def python(self):
        """The interpreter of a virtual environment with the pinned packages."""
        if sys.version_info < PYTHON_MIN:
            version = sys.version.split()[0]
            raise Missing(f"Python {version} is too old for Django 5.2 (run tests/run with 3.10 or newer)")
        identity = hashlib.sha256(self.requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
        directory = self.own / f"venv-{identity}"
        python = directory / "bin" / "python"
        complete = directory / "complete"
        if not complete.exists():
            print_line("creating a Python environment under target/")
            if subprocess.run([sys.executable, "-c", "import ensurepip"], stderr=subprocess.DEVNULL).returncode:
                self.install(["python3-venv"])
            check([sys.executable, "-m", "venv", "--clear", directory], self.log("venv"))
            self.install_requirements(python)
            complete.touch()
        return python

    def install_requirements(self, python):
        """Installs the pinned packages, and a compiler if PyPI lacks wheels."""
        command = [python, "-m", "pip", "install", "--disable-pip-version-check", "-r", self.requirements]
        try:
            check(command, self.log("pip"))
        except Broken as without_compiler:
            try:
                self.install(BUILD_PACKAGES)
                check(command, self.log("pip"))
            except (Missing, Broken) as error:
                raise Missing(f"no Python packages: {without_compiler}; {error}") from error

    @cached_property
    def django_tests(self):
        """The `tests` directory of the source release of the pinned Django."""
        return self.source_release("Django", "django") / "tests"

    def source_release(self, package, name):
        """The unpacked source release of a pinned package. `name` is the name of its archive."""
        version = re.search(rf"^{re.escape(package)}==(\S+)$", self.requirements.read_text(), re.MULTILINE)[1]
        unpacked = self.own / f"{name}-{version}"
        if not unpacked.exists():
            print_line(f"fetching the source release of {package} {version}")
            sources = self.own / "sources"
            command = [self.python, "-m", "pip", "download", "--disable-pip-version-check", "--no-deps"]
            command += ["--no-binary", ":all:", "--dest", sources, f"{package}=={version}"]
            check(command, self.log(f"{name}-source"))
            partial = self.own / f"{name}-{version}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            with tarfile.open(sources / f"{name}-{version}.tar.gz") as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(partial)
            (partial / f"{name}-{version}").rename(unpacked)
            shutil.rmtree(partial)
        return unpacked


class no_service_starts:
    """A context in which newly installed Debian packages do not start their services."""

    def __enter__(self):
        self.created = not POLICY.exists()
        if self.created:
            POLICY.write_text("#!/bin/sh\nexit 101\n")
            POLICY.chmod(0o755)

    def __exit__(self, *_):
        if self.created:
            POLICY.unlink()
