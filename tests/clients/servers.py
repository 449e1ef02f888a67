"""Starts a server for a client's test: larder, or the memcached it is compared with, on a port nobody else has.

Both are started by the same flags; that larder takes them is part of the test. A server that does not end by SIGTERM
with status 0 fails its test.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

DEADLINE_SECS = 20
PAUSE_SECS = 0.01


class Server:
    """A running server, ended when the `with` block ends. `port` is 0 if it listens on a unix socket only: `unix` is True
    for a path that nobody else has, or the path.

    `users` are lines of a password file, which the server must ask for by `-S`. `http_port` is that of `--metrics 0` among
    the arguments.
    """

    def __init__(self, program, unix=False, arguments=(), users=None):
        self._directory = tempfile.TemporaryDirectory(prefix="larder-")
        directory = Path(self._directory.name)
        self.unix_path = (str(directory / "socket") if unix is True else unix) or None
        self._port_file = directory / "ports"
        passwords = {}
        if users is not None:
            (directory / "users").write_text(users, encoding="utf-8")
            passwords["MEMCACHED_SASL_PWDB"] = str(directory / "users")
        self._errors = open(directory / "stderr", "w+", encoding="utf-8")
        address = ["-s", self.unix_path, "-p", "0"] if unix else ["-l", "127.0.0.1", "-p", "-1", "-U", "0"]
        user = ["-u", "root"] if os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [program, *address, *user, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env={**os.environ, **passwords, "MEMCACHED_PORT_FILENAME": str(self._port_file)},
        )
        self.port = 0
        self.http_port = 0
        self._killed = False
        try:
            self._await_listening()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def location(self):
        """As Django's `LOCATION` names it."""
        return f"unix:{self.unix_path}" if self.unix_path else f"127.0.0.1:{self.port}"

    @property
    def address(self):
        """As the tools on the command line take it: `host:port`, or the path of the unix socket."""
        return self.unix_path or f"127.0.0.1:{self.port}"

    def connect(self):
        """A plain socket to it."""
        if self.unix_path:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(DEADLINE_SECS)
            connection.connect(self.unix_path)
            return connection
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE_SECS)

    def ask(self, request, end):
        """Sends bytes on a connection of their own and returns the answer up to and with the bytes `end`."""
        with self.connect() as connection:
            connection.sendall(request)
            answer = b""
            while not answer.endswith(end):
                part = connection.recv(65536)
                if not part:
                    raise ConnectionError(f"closed after {answer!r}")
                answer += part
            return answer

    def figures(self):
        """The general statistics by name."""
        lines = self.ask(b"stats\r\n", b"END\r\n").decode().splitlines()[:-1]
        return dict(line.split(" ", 2)[1:] for line in lines)

    def advance_clock(self, secs):
        """Moves the clock of a server that has `--debug-commands`."""
        answer = self.ask(b"debugtime %d\r\n" % secs, b"\r\n")
        if answer != b"OK\r\n":
            raise ValueError(f"debugtime is answered with {answer!r}")

    def kill(self):
        """Ends it as a crash would."""
        self._process.kill()
        self._process.wait()
        self._killed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(DEADLINE_SECS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        errors = self._said()
        self._errors.close()
        self._directory.cleanup()
        if status != (-signal.SIGKILL if self._killed else 0):
            raise ChildProcessError(f"the server ended with {status}: {errors}")

    def _await_listening(self):
        deadline = time.monotonic() + DEADLINE_SECS
        while not self._listens():
            if self._process.poll() is not None:
                raise ChildProcessError(f"{self._process.args} ended with {self._process.returncode}: {self._said()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._process.args} does not listen: {self._said()}")
            time.sleep(PAUSE_SECS)

    def _listens(self):
        if not self.unix_path:
            lines = self._port_file.read_text().splitlines() if self._port_file.exists() else []
            if not lines:
                return False
            self.port = int(lines[0].rsplit(":", 1)[1])
            self.http_port = next((int(line.rsplit(":", 1)[1]) for line in lines if line.startswith("HTTP")), 0)
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def _said(self):
        self._errors.seek(0)
        return self._errors.read()[-2000:]


def larder(**options):
    """The larder under test, whose path `tests/run` puts into `LARDER`."""
    return Server(os.environ["LARDER"], **options)
