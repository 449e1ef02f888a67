"""The Debian package in a clean Debian: installation, service, upgrade, purge, memcached's service, the container.

Every test has a Debian of its own: an overlay on the directory `DEBIAN_ROOT`. The module runs as root in new namespaces
for mounts, processes and the network (`unshare --mount --pid --net --fork`), so that nothing outlives it and port 11211
is free. There is no systemd in it: programs start as their unit says.
"""

import fcntl
import json
import os
import re
import shlex
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DEB = Path(os.environ.get("DEB", ""))
WAIT_MAX_SECS = 60
SIZE_MAX = 6 << 20
PORT = 11211
CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
UNITS = "/usr/lib/systemd/system"
# What dpkg, adduser and apt keep beside the package: databases, logs, caches, locks, backups of /etc/passwd.
NOT_OF_THE_PACKAGE = re.compile(
    r"/(var/lib/dpkg|var/log|var/cache|run/adduser|tmp|proc|etc/(sub)?(passwd|shadow|group|gshadow|uid|gid)-)(/|$)"
)


def setUpModule():
    """Turns on the loopback device of the new network namespace, by SIOCSIFFLAGS (0x8914) with IFF_UP."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


class Debian:
    """A clean Debian that is discarded at the end of the `with` block."""

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="larder-debian-"))
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.directory], check=True)
        self.root = self.directory / "root"
        for name in ("root", "changes", "work"):
            (self.directory / name).mkdir()
        layers = f"lowerdir={os.environ['DEBIAN_ROOT']},upperdir={self.directory}/changes,workdir={self.directory}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", self.root], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", self.root / "proc"], check=True)
        self.started = []
        return self

    def __exit__(self, *_):
        for program in self.started:
            program.kill()
            program.wait()
        for mounted in (self.root / "proc", self.root, self.directory):
            subprocess.run(["umount", "--lazy", mounted], check=True)
        self.directory.rmdir()

    def path(self, path):
        """The path of this Debian as seen from outside."""
        return self.root / path.lstrip("/")

    def run(self, *argv, user="root", ok=True):
        """Runs a program inside and returns its output."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        command = [CHROOT, f"--userspec={user}", self.root, *argv]
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ok and done.returncode != 0:
            raise ChildProcessError(f"{argv} exited with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr if ok else done.returncode

    def install(self, deb, *options):
        """Installs a package file and returns the output of dpkg."""
        shutil.copy(deb, self.path("/tmp/larder.deb"))
        return self.run("dpkg", *options, "--install", "/tmp/larder.deb")

    def start(self, argv, user, env=(), umask=0o022):
        """Starts a program inside. It is killed at the end."""
        command = [CHROOT, f"--userspec={user}", self.root, *argv]
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **dict(env)}
        program = subprocess.Popen(command, env=env, umask=umask, stdin=subprocess.DEVNULL)
        self.started.append(program)
        return program

    def start_unit(self, name, instance=""):
        """Starts a service as its unit says and waits for its message READY=1."""
        service = Unit(self.path(f"{UNITS}/{name}").read_text(encoding="utf-8").replace("%i", instance))
        env = dict(service.environment())
        for file in service.all("EnvironmentFile"):
            env |= assignments(self.path(file.lstrip("-")).read_text(encoding="utf-8"))
        argv = []
        for word in service.one("ExecStart").split():
            argv += shlex.split(env.get(word[1:], "")) if word.startswith("$") else [word]
        user, group = service.one("User"), service.one("Group")
        directory = self.path(f"/run/{service.one('RuntimeDirectory')}")
        directory.mkdir(exist_ok=True)
        directory.chmod(int(service.one("RuntimeDirectoryMode"), 8))
        self.run("chown", f"{user}:{group}", f"/run/{directory.name}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            notify = self.path("/run/notify")
            notify.unlink(missing_ok=True)
            manager.bind(str(notify))
            notify.chmod(0o666)
            manager.settimeout(WAIT_MAX_SECS)
            env["NOTIFY_SOCKET"] = "/run/notify"
            program = self.start(argv, f"{user}:{group}", env, int(service.one("UMask"), 8))
            message = manager.recv(1000)
            notify.unlink()
        if message.strip() != b"READY=1":
            raise ChildProcessError(f"{name} sent {message!r}")
        return program

    def is_enabled(self):
        """True if larder.service starts at boot."""
        return self.path("/etc/systemd/system/multi-user.target.wants/larder.service").is_symlink()

    def files(self):
        """All paths with the content of files, except those that no package removes."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            inside = "/" + os.path.relpath(folder, self.root)
            folders[:] = [name for name in folders if not NOT_OF_THE_PACKAGE.match(os.path.join(inside, name))]
            for name in folders + names:
                path = os.path.join(folder, name)
                label = os.path.normpath(os.path.join(inside, name))
                if not NOT_OF_THE_PACKAGE.match(label):
                    regular = stat.S_ISREG(os.lstat(path).st_mode) and label.startswith("/etc/")
                    found[label] = Path(path).read_bytes() if regular else b""
        return found


class Unit:
    """The settings of a unit file."""

    def __init__(self, text):
        section = text.split("[Service]\n")[1].split("[Install]")[0]
        lines = [line for line in section.splitlines() if "=" in line and not line.startswith("#")]
        self.settings = [tuple(line.split("=", 1)) for line in lines]

    def all(self, name):
        """All values of a setting."""
        return [value for key, value in self.settings if key == name]

    def one(self, name):
        """The last value of a setting."""
        return self.all(name)[-1]

    def environment(self):
        """The variables of `Environment=`."""
        return [word.split("=", 1) for value in self.all("Environment") for word in shlex.split(value)]


def assignments(text):
    """The variables of an EnvironmentFile."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {name: "".join(shlex.split(value)) for name, value in (line.split("=", 1) for line in lines)}


def ask(address, request):
    """The first line of the reply to a request."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(WAIT_MAX_SECS)
        connection.connect(address)
        connection.sendall(request)
        with connection.makefile("rb") as replies:
            return replies.readline()


def ask_until_served(address, request):
    """Like `ask`, but waits for a server that starts."""
    deadline = time.monotonic() + WAIT_MAX_SECS
    while True:
        try:
            return ask(address, request)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def documented(chapter, start):
    """The commands of the block of a chapter that contains a line with this start, continued lines joined."""
    text = (ROOT / "src" / "manual" / chapter).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    block = next(block for block in blocks if any(line.startswith(start) for line in block.splitlines()))
    return [line.split(" #")[0].strip() for line in block.replace("\\\n", " ").splitlines()]


class Package(unittest.TestCase):
    """The package, installed by dpkg."""

    def setUp(self):
        self.debian = Debian()
        self.debian.__enter__()
        self.addCleanup(self.debian.__exit__)

    def test_the_package_is_small_and_complete(self):
        self.debian.install(DEB)
        program = self.debian.path("/usr/bin/larder")
        self.assertLess(program.stat().st_size, SIZE_MAX)
        self.assertLess(DEB.stat().st_size, SIZE_MAX)
        files = self.debian.run("dpkg", "--listfiles", "larder").split("\n")
        for name in ("copyright", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "manual/packages.md"):
            self.assertIn(f"/usr/share/doc/larder/{name}", files)
        for name in ("larder.service", "larder@.service", "larder.socket"):
            self.assertIn(f"{UNITS}/{name}", files)
        self.assertIn("larder 0", self.debian.run("larder", "--version"))

    def test_the_service_is_enabled_and_serves_tcp_and_the_unix_socket(self):
        self.debian.install(DEB)
        self.assertTrue(self.debian.is_enabled())
        server = self.debian.start_unit("larder.service")
        self.assertEqual(ask(("127.0.0.1", PORT), b"set a 0 0 1\r\nx\r\n"), b"STORED\r\n")
        path = self.debian.path("/run/larder/larder.sock")
        self.assertEqual(ask(str(path), b"get a\r\n"), b"VALUE a 0 1\r\n")
        self.assertIn("items", self.debian.run("larder", "stats"))
        users = self.debian.path("/etc/passwd").read_text(encoding="utf-8")
        uid = int(re.search(r"^larder:x:(\d+):", users, re.MULTILINE)[1])
        # The numbers of processes are those of the new namespace, which the /proc of this Debian shows.
        process = self.debian.path(f"/proc/{server.pid}").stat()
        self.assertEqual((process.st_uid, path.stat().st_uid), (uid, uid))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o660)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(WAIT_MAX_SECS), 0)
        self.assertNotEqual(self.debian.run("larder", "stats", ok=False), 0)
        # The socket of a killed server does not prevent a start.
        self.debian.start_unit("larder.service").kill()
        self.debian.start_unit("larder.service")
        self.assertEqual(ask(str(path), b"get a\r\n"), b"END\r\n")

    def test_members_of_the_group_connect_to_the_socket_and_other_users_do_not(self):
        self.debian.install(DEB)
        self.debian.start_unit("larder.service")
        probe = ("larder", "stats", "--server", "/run/larder/larder.sock")
        self.assertNotEqual(self.debian.run(*probe, user="www-data", ok=False), 0)
        (command,) = [line for line in documented("packages.md", "sudo adduser www-data") if "www-data" in line]
        self.debian.run(*shlex.split(command.removeprefix("sudo ")))
        self.debian.run(*probe, user="www-data:www-data", ok=True)

    def test_an_instance_has_its_own_options_and_socket(self):
        self.debian.install(DEB)
        options = 'LARDER_OPTIONS="-m 64 -p 11212 -s /run/larder-sessions/larder.sock -a 0660"\n'
        self.debian.path("/etc/default/larder-sessions").write_text(options, encoding="utf-8")
        self.debian.start_unit("larder.service")
        self.debian.start_unit("larder@.service", "sessions")
        self.assertEqual(ask(("127.0.0.1", 11212), b"set a 0 0 1\r\nx\r\n"), b"STORED\r\n")
        self.assertEqual(ask(("127.0.0.1", PORT), b"get a\r\n"), b"END\r\n")
        path = str(self.debian.path("/run/larder-sessions/larder.sock"))
        self.assertEqual(ask(path, b"get a\r\n"), b"VALUE a 0 1\r\n")

    def test_an_upgrade_keeps_the_changed_configuration(self):
        self.debian.install(DEB)
        file = self.debian.path("/etc/default/larder")
        file.write_text('LARDER_OPTIONS="-m 100"\n', encoding="utf-8")
        self.debian.install(self.newer_package(), "--force-confold")
        self.assertEqual(self.debian.run("dpkg-query", "--show", "--showformat=${Version}", "larder"), "9.9.9")
        self.assertEqual(file.read_text(encoding="utf-8"), 'LARDER_OPTIONS="-m 100"\n')
        self.assertTrue(self.debian.is_enabled())
        self.debian.start_unit("larder.service")
        self.assertIn("100 MB", self.debian.run("larder", "stats"))

    def newer_package(self):
        """The package with another version and another default configuration."""
        unpacked = self.debian.directory / "unpacked"
        subprocess.run(["dpkg-deb", "--raw-extract", DEB, unpacked], check=True)
        control = unpacked / "DEBIAN" / "control"
        text = re.sub(r"^Version: .*$", "Version: 9.9.9", control.read_text(encoding="utf-8"), flags=re.MULTILINE)
        control.write_text(text, encoding="utf-8")
        with open(unpacked / "etc/default/larder", "a", encoding="utf-8") as file:
            file.write("# A line of the newer package.\n")
        newer = self.debian.directory / "newer.deb"
        build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", unpacked, newer]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
        return newer

    def test_a_removal_keeps_the_configuration_and_a_purge_leaves_nothing(self):
        before = self.debian.files()
        self.debian.install(DEB)
        server = self.debian.start_unit("larder.service")
        self.assertNotEqual(self.debian.files(), before)
        server.kill()
        self.debian.path("/etc/default/larder-sessions").touch()
        wanted = self.debian.path("/etc/systemd/system/multi-user.target.wants/larder@sessions.service")
        wanted.symlink_to(f"{UNITS}/larder@.service")
        self.debian.run("dpkg", "--remove", "larder")
        self.assertTrue(self.debian.path("/etc/default/larder").exists())
        self.assertFalse(self.debian.path("/usr/bin/larder").exists())
        self.debian.run("dpkg", "--purge", "larder")
        after = self.debian.files()
        self.assertEqual({path for path in after if after[path] != before.get(path)}, set())
        self.assertEqual(set(before) - set(after), set())

    def test_a_used_port_is_reported_and_the_service_stays_stopped(self):
        with socket.create_server(("127.0.0.1", PORT)):
            output = self.debian.install(DEB)
        self.assertIn("port 11211 is in use", output)
        self.assertFalse(self.debian.is_enabled())
        # A later installation without the other server does not enable it either.
        self.assertNotIn("in use", self.debian.install(DEB))
        self.assertFalse(self.debian.is_enabled())

    def test_the_documented_diversion_puts_larder_in_memcached_s_service(self):
        self.debian.install(DEB)
        for path in ("/usr/bin/memcached", "/usr/share/memcached/scripts/systemd-memcached-wrapper"):
            self.debian.path(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.debian.path(path))
        self.debian.run("adduser", "--system", "--group", "--no-create-home", "--home", "/nonexistent", "memcache")
        # What Debian's file says, without its comments.
        self.debian.path("/etc/memcached.conf").write_text("-d\n-m 77\n-p 11211\n-u memcache\n-l 127.0.0.1\n")
        original = self.debian.path("/usr/bin/memcached").read_bytes()
        for command in documented("packages.md", "sudo dpkg-divert"):
            if not command.startswith("sudo systemctl"):
                self.debian.run(*shlex.split(command.removeprefix("sudo ")))
        wrapper = "/usr/share/memcached/scripts/systemd-memcached-wrapper"
        server = self.debian.start([wrapper, "/etc/memcached.conf"], "root:root")
        ask_until_served(("127.0.0.1", PORT), b"version\r\n")
        self.assertIn("77 MB", self.debian.run("larder", "stats"))
        self.assertNotEqual(ask(("127.0.0.1", PORT), b"why none\r\n"), b"ERROR\r\n")
        server.kill()
        for command in documented("packages.md", "sudo rm /usr/bin/memcached"):
            if not command.startswith("sudo systemctl"):
                self.debian.run(*shlex.split(command.removeprefix("sudo ")))
        self.assertEqual(self.debian.path("/usr/bin/memcached").read_bytes(), original)

    def test_the_steps_of_the_dockerfile_make_an_image_that_serves(self):
        stages = dockerfile_stages()
        self.assertEqual(len(stages), 2)
        build, final = (dict(stage) for stage in stages)
        self.assertEqual((build["WORKDIR"], final["FROM"], final["COPY"]), ("/src", "scratch", "--from=build /image /"))
        self.assertEqual((final["USER"], final["EXPOSE"]), ("11211:11211", "11211"))
        self.debian.install(DEB)
        self.debian.run("mkdir", "-p", "/src/target/release")
        self.debian.run("cp", "/usr/bin/larder", "/src/target/release/larder")
        # The step before this one is the build.
        self.debian.run("env", "--chdir=/src", "sh", "-c", build["RUN"])
        names = {path.name for path in self.debian.path("/image").rglob("*") if not path.is_dir()}
        self.assertTrue({"larder", "memcached", "passwd", "group", "libc.so.6"} <= names and len(names) < 12, names)
        entry = json.loads(final["ENTRYPOINT"])
        image = self.debian.path("/image")
        # A container engine mounts these.
        for name in ("proc", "dev"):
            (image / name).mkdir()
            subprocess.run(["mount", "--bind", self.debian.path(name), image / name], check=True)
        probe = [CHROOT, "--userspec=11211:11211", image, "larder", "stats"]
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.assertNotEqual(subprocess.run(probe, env=env, capture_output=True).returncode, 0)
        for arguments, limit in ((["-m", "70"], "70 MB"), (["memcached", "-m", "80"], "80 MB"), ([], "64 MB")):
            command = [CHROOT, "--userspec=11211:11211", image, *entry, *arguments]
            server = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL)
            self.addCleanup(server.kill)
            ask_until_served(("127.0.0.1", PORT), b"version\r\n")
            output = subprocess.run(probe, env=env, capture_output=True, text=True)
            self.assertEqual(output.returncode, 0, output.stderr)
            self.assertIn(limit, output.stdout)
            server.terminate()
            self.assertEqual(server.wait(WAIT_MAX_SECS), 0)
        subprocess.run(["umount", image / "proc", image / "dev"], check=True)


def dockerfile_stages():
    """The instructions of each stage of the Dockerfile, as pairs of name and arguments."""
    text = (ROOT / ".container" / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    stages = []
    for line in filter(str.strip, lines):
        name, arguments = line.split(None, 1)
        if name not in {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "ENTRYPOINT"}:
            raise ValueError(f"unknown instruction {name}")
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, arguments))
    return stages


if __name__ == "__main__":
    unittest.main()
