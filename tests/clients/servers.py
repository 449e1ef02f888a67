"""Starts a server for the test of a client: larder, or memcached for a comparison, on a free port.

Both get the same options, so the test also shows that larder accepts them. A server that does not exit with status 0
after SIGTERM fails its test.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

# Longest wait for any event. It is generous for slow and busy machines; only a failing test reaches it.
WAIT_MAX_SECS = 120
PAUSE_SECS = 0.01


class Server:
    """A running server, stopped at the end of the `with` block.

    `unix` is the path of a unix socket, or True for a new path; then `port` is 0. `users` is the text of a password
    file, which the server uses with `-S`. `http_port` is the port of `--metrics`, if the arguments contain it.
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
        """The address in the form of Django's `LOCATION`."""
        return f"unix:{self.unix_path}" if self.unix_path else f"127.0.0.1:{self.port}"

    @property
    def address(self):
        """The address in the form of command line tools: `host:port`, or the path of the unix socket."""
        return self.unix_path or f"127.0.0.1:{self.port}"

    def connect(self):
        """A socket that is connected to the server."""
        if self.unix_path:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(WAIT_MAX_SECS)
            connection.connect(self.unix_path)
            return connection
        return socket.create_connection(("127.0.0.1", self.port), WAIT_MAX_SECS)

    def ask(self, request, end):
        """Sends a request on a new connection and returns the reply up to and including the bytes `end`."""
        with self.connect() as connection:
            connection.sendall(request)
            reply = b""
            while not reply.endswith(end):
                part = connection.recv(65536)
                if not part:
                    raise ConnectionError(f"closed after {reply!r}")
                reply += part
            return reply

    def statistics(self):
        """The general statistics by name."""
        lines = self.ask(b"stats\r\n", b"END\r\n").decode().splitlines()[:-1]
        return dict(line.split(" ", 2)[1:] for line in lines)

    def advance_clock(self, secs):
        """Advances the clock of a server with `--debug-commands`."""
        reply = self.ask(b"debugtime %d\r\n" % secs, b"\r\n")
        if reply != b"OK\r\n":
            raise ValueError(f"the reply to debugtime is {reply!r}")

    def kill(self):
        """Kills the server."""
        self._process.kill()
        self._process.wait()
        self._killed = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(WAIT_MAX_SECS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        errors = self._error_output()
        self._errors.close()
        self._directory.cleanup()
        if status != (-signal.SIGKILL if self._killed else 0):
            raise ChildProcessError(f"the server exited with {status}: {errors}")

    def _await_listening(self):
        deadline = time.monotonic() + WAIT_MAX_SECS
        while not self._listens():
            if self._process.poll() is not None:
                status = self._process.returncode
                raise ChildProcessError(f"{self._process.args} exited with {status}: {self._error_output()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._process.args} does not listen: {self._error_output()}")
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

    def _error_output(self):
        self._errors.seek(0)
        return self._errors.read()[-2000:]


def larder(**options):
    """The larder under test. `tests/run` sets its path in `LARDER`."""
    return Server(os.environ["LARDER"], **options)
