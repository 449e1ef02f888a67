"""`larder top` in a terminal of tmux: it shows statistics, handles keys, and always restores the terminal."""

import os
import signal
import subprocess
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

import servers

PAUSE_SECS = 0.05


class Terminal:
    """A terminal with a shell that runs `larder top`, prints its exit status, and waits."""

    count = 0

    def __init__(self, address, columns=100, lines=30):
        # Each terminal has a tmux server of its own, because a server that is stopping refuses new sessions.
        Terminal.count += 1
        self._socket = f"larder-{os.getpid()}-{Terminal.count}"
        command = f'echo before; "$LARDER" top --server {address}; echo "exit status $?"; stty -a; read line'
        size = ["-x", str(columns), "-y", str(lines)]
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "sh", "-c", command)

    def _tmux(self, *arguments):
        argv = ["tmux", "-L", self._socket, "-u", *arguments]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, timeout=servers.WAIT_MAX_SECS).stdout.decode()

    def screen(self):
        """The text on the screen."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys):
        """Presses keys, given by their names in tmux."""
        self._tmux("send-keys", *keys)

    def resize(self, columns, lines):
        """Resizes the window."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def tool(self):
        """The process id of `larder top`."""
        shell = self._tmux("list-panes", "-F", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def hang_up(self):
        """Closes the terminal."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], stderr=subprocess.DEVNULL, check=False)

    def wait_for(self, *parts):
        """Waits until the screen contains all parts, and returns its text."""
        deadline = time.monotonic() + servers.WAIT_MAX_SECS
        while True:
            screen = self.screen()
            missing = [part for part in parts if part not in screen]
            if not missing:
                return screen
            if time.monotonic() > deadline:
                raise AssertionError(f"{missing} not in:\n{screen}")
            time.sleep(PAUSE_SECS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()


class LarderTop(unittest.TestCase):
    """One server and one terminal for each test."""

    def setUp(self):
        self.resources = ExitStack()
        self.addCleanup(self.resources.close)

    def larder(self, **options):
        """A larder with two items. The key of one contains an escape sequence that would clear the terminal."""
        server = self.resources.enter_context(servers.larder(**options))
        requests = b"set news 0 0 5\r\nhello\r\nset evil\x1b[2J 0 0 5\r\nhello\r\nget news none\r\n"
        stored = server.ask(requests, b"END\r\n")
        self.assertTrue(stored.startswith(b"STORED\r\nSTORED\r\n"), stored)
        return server

    def top(self, server, **size):
        """A terminal with the view of the server."""
        return self.resources.enter_context(Terminal(server.address, **size))

    def assert_terminal_restored(self, terminal, status=0):
        """The terminal shows its old content again, and echoes input."""
        screen = terminal.wait_for("before", f"exit status {status}", "icanon", "echo")
        self.assertNotIn("-icanon", screen)
        self.assertNotIn("-echo ", screen)
        self.assertNotIn("larder top", screen)

    def test_statistics_of_larder_are_shown_until_q_is_pressed(self):
        server = self.larder()
        terminal = self.top(server)
        terminal.wait_for(f"larder top  {server.address}  version 1.6.45", "50.0 % since the start", "of 64 MB")
        terminal.wait_for("items 2", "Families of keys, by reads", "Hot keys, by reads", "q quit")
        # Rates need two samples.
        terminal.wait_for("per second   gets 0  sets 0")
        self.assertNotIn("\x1b", terminal.screen())
        terminal.press("q")
        self.assert_terminal_restored(terminal)

    def test_keys_select_the_order_pause_and_show_help(self):
        terminal = self.top(self.larder())
        terminal.wait_for("by reads")
        terminal.press("s")
        terminal.wait_for("Families of keys, by writes", "Hot keys, by writes")
        terminal.press("Right")
        terminal.wait_for("Families of keys, by bytes", "Hot keys, by bytes out")
        terminal.press("Left", "Left")
        terminal.wait_for("Families of keys, by reads")
        terminal.press("h")
        terminal.wait_for("s, arrows    sort by")
        terminal.press("h", "p")
        terminal.wait_for("PAUSED", "Families of keys")
        terminal.press("p", "C-c")
        self.assert_terminal_restored(terminal)

    def test_every_terminal_size_works(self):
        terminal = self.top(self.larder(), columns=10, lines=3)
        terminal.wait_for("larder top")
        terminal.resize(120, 40)
        terminal.wait_for("Hot keys, by reads", "connections  ")
        terminal.resize(30, 8)
        terminal.wait_for("hits         ", "q quit")
        terminal.press("q")
        terminal.resize(100, 30)
        terminal.wait_for("exit status 0")

    def test_a_lost_server_is_reported_and_reconnected(self):
        with tempfile.TemporaryDirectory(prefix="larder-") as directory:
            path = f"{directory}/socket"
            first = self.larder(unix=path)
            terminal = self.top(first)
            terminal.wait_for("items 2")
            first.kill()
            terminal.wait_for("; retrying", "items 2")
            with servers.larder(unix=path):
                terminal.wait_for("items 0")
                self.assertNotIn("retrying", terminal.screen())
            terminal.press("Escape")
            self.assert_terminal_restored(terminal)

    def test_signals_restore_the_terminal(self):
        server = self.larder()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with Terminal(server.address) as terminal:
                terminal.wait_for("items 2")
                os.kill(terminal.tool(), number)
                self.assert_terminal_restored(terminal)

    def test_it_exits_when_its_terminal_is_closed(self):
        terminal = self.top(self.larder())
        terminal.wait_for("items 2")
        status = Path(f"/proc/{terminal.tool()}/status")
        terminal.hang_up()
        deadline = time.monotonic() + servers.WAIT_MAX_SECS
        # Its new parent may leave it a zombie.
        while status.exists() and "State:\tZ" not in status.read_text():
            self.assertLess(time.monotonic(), deadline, "it still runs without a terminal")
            time.sleep(PAUSE_SECS)

    def test_statistics_of_memcached_are_shown(self):
        server = self.resources.enter_context(servers.Server(os.environ["MEMCACHED"]))
        server.ask(b"set news 0 0 5\r\nhello\r\n", b"STORED\r\n")
        terminal = self.top(server)
        terminal.wait_for("items 1", "of 64 MB", "Families of keys", "not supported by this server (larder supports it)")
        terminal.press("q")
        self.assert_terminal_restored(terminal)
