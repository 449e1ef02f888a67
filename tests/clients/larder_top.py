"""`larder top` on a terminal of tmux: figures are seen, keys work, and the terminal is given back however it ends."""

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
    """A terminal that runs `larder top` in a shell, which tells its end and then waits."""

    count = 0

    def __init__(self, address, columns=100, lines=30):
        # A server that is ending would refuse the next terminal, so each has its own.
        Terminal.count += 1
        self._socket = f"larder-{os.getpid()}-{Terminal.count}"
        command = f'echo before; "$LARDER" top --server {address}; echo "ended with $?"; stty -a; read line'
        size = ["-x", str(columns), "-y", str(lines)]
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "sh", "-c", command)

    def _tmux(self, *arguments):
        argv = ["tmux", "-L", self._socket, "-u", *arguments]
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, timeout=servers.DEADLINE_SECS).stdout.decode()

    def screen(self):
        """What is to be seen."""
        return self._tmux("capture-pane", "-p")

    def press(self, *keys):
        """Presses keys, named as tmux names them."""
        self._tmux("send-keys", *keys)

    def resize(self, columns, lines):
        """Gives the window another size."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def tool(self):
        """The process id of the tool."""
        shell = self._tmux("list-panes", "-F", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def hang_up(self):
        """Takes the terminal away."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], stderr=subprocess.DEVNULL, check=False)

    def wait_for(self, *parts):
        """Waits until all the parts are to be seen, and returns the screen."""
        deadline = time.monotonic() + servers.DEADLINE_SECS
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
        """A larder that holds two items, one with a name that would clear a terminal."""
        server = self.resources.enter_context(servers.larder(**options))
        stored = server.ask(b"set news 0 0 5\r\nhello\r\nset evil\x1b[2J 0 0 5\r\nhello\r\nget news none\r\n", b"END\r\n")
        self.assertTrue(stored.startswith(b"STORED\r\nSTORED\r\n"), stored)
        return server

    def top(self, server, **size):
        """The view of that server."""
        return self.resources.enter_context(Terminal(server.address, **size))

    def assert_given_back(self, terminal, status=0):
        """The terminal shows what it showed before, and echoes what is typed."""
        screen = terminal.wait_for("before", f"ended with {status}", "icanon", "echo")
        self.assertNotIn("-icanon", screen)
        self.assertNotIn("-echo ", screen)
        self.assertNotIn("larder top", screen)

    def test_figures_of_larder_are_shown_until_q_is_pressed(self):
        server = self.larder()
        terminal = self.top(server)
        terminal.wait_for(f"larder top  {server.address}  version 1.6.45", "50.0 % since the start", "of 64 MB")
        terminal.wait_for("items 2", "Families of keys, by reads", "Hot keys, by reads", "q quit")
        # Rates come with the second round of questions.
        terminal.wait_for("a second     gets 0  sets 0")
        self.assertNotIn("\x1b", terminal.screen())
        terminal.press("q")
        self.assert_given_back(terminal)

    def test_keys_sort_pause_and_help(self):
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
        self.assert_given_back(terminal)

    def test_any_size_will_do(self):
        terminal = self.top(self.larder(), columns=10, lines=3)
        terminal.wait_for("larder top")
        terminal.resize(120, 40)
        terminal.wait_for("Hot keys, by reads", "connections  ")
        terminal.resize(30, 8)
        terminal.wait_for("hits         ", "q quit")
        terminal.press("q")
        terminal.resize(100, 30)
        terminal.wait_for("ended with 0")

    def test_a_server_that_goes_is_told_and_asked_again(self):
        with tempfile.TemporaryDirectory(prefix="larder-") as directory:
            path = f"{directory}/socket"
            first = self.larder(unix=path)
            terminal = self.top(first)
            terminal.wait_for("items 2")
            first.kill()
            terminal.wait_for("; trying again", "items 2")
            with servers.larder(unix=path):
                terminal.wait_for("items 0")
                self.assertNotIn("trying again", terminal.screen())
            terminal.press("Escape")
            self.assert_given_back(terminal)

    def test_a_signal_gives_the_terminal_back(self):
        server = self.larder()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with Terminal(server.address) as terminal:
                terminal.wait_for("items 2")
                os.kill(terminal.tool(), number)
                self.assert_given_back(terminal)

    def test_it_ends_with_its_terminal(self):
        terminal = self.top(self.larder())
        terminal.wait_for("items 2")
        status = Path(f"/proc/{terminal.tool()}/status")
        terminal.hang_up()
        deadline = time.monotonic() + servers.DEADLINE_SECS
        # Whoever is its parent now may let it stay as a zombie.
        while status.exists() and "State:\tZ" not in status.read_text():
            self.assertLess(time.monotonic(), deadline, "it runs on without a terminal")
            time.sleep(PAUSE_SECS)

    def test_a_plain_memcached_shows_what_it_knows(self):
        server = self.resources.enter_context(servers.Server(os.environ["MEMCACHED"]))
        server.ask(b"set news 0 0 5\r\nhello\r\n", b"STORED\r\n")
        terminal = self.top(server)
        terminal.wait_for("items 1", "of 64 MB", "Families of keys", "this server does not tell; larder does")
        terminal.press("q")
        self.assert_given_back(terminal)
