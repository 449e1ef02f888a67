"""The status page of `--metrics` in headless Chromium, with traffic on the server.

Chromium prints the page after its script has run. A screenshot is stored in target/tests/.
"""

import html
import json
import re
import threading
import time
from urllib.request import urlopen

import servers

from . import commands
from .report import Broken, relative, print_line

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    # Virtual milliseconds. The page fetches its values every two seconds.
    "--virtual-time-budget=3000",
)
# Intervals of two seconds. The charts need several to draw a line.
HISTORY_STEPS = 3
# A key that is HTML. The page must escape it.
HOSTILE = b"<img/src=x/onerror=alert(1)>:7"
TAG = re.compile(r"<[^>]*>")


def run(environment, result):
    """The step."""
    chromium = environment.program("chromium")
    arguments = ["-m", "64", "--metrics", "0"]
    with servers.Server(environment.larder, arguments=arguments) as server:
        fill(server)
        with Traffic(server):
            wait_for_history(server)
            before = status(server)
            page = load_page(environment, chromium, server, "full")
            statistics, after = server.statistics(), status(server)
            take_screenshot(environment, chromium, server)
    check(result, "the page shows all values", missing_parts(page, statistics))
    lost = {(part, name) for part, name in names(before) & names(after) if name not in part_of(page, part)}
    check(result, "the page shows all names", [f"{part} lacks {name}" for part, name in sorted(lost)])
    check(result, "no key became markup", [] if "onerror" not in markup(page) else ["a key became markup"])
    with servers.Server(environment.larder, arguments=[*arguments, "-X"]) as server:
        fill(server)
        page = load_page(environment, chromium, server, "without-keys")
    refused = "Not shown: listing keys is disabled (-X)."
    missing = [f"no notice in {part}" for part in ("families", "hot") if refused not in part_of(page, part)]
    shown = ["a key is shown"] if "session" in text_of(page) else []
    check(result, "with -X the page shows no keys", missing + shown)


def wait_for_history(server):
    """Waits until the history of the rates has some entries."""
    deadline = time.monotonic() + servers.WAIT_MAX_SECS
    while len(status(server)["history"]["reads"]) < HISTORY_STEPS:
        if time.monotonic() > deadline:
            raise Broken("the history of the rates stays empty")
        time.sleep(0.2)


def status(server):
    """The data of the page."""
    with urlopen(f"http://127.0.0.1:{server.http_port}/status.json", timeout=servers.WAIT_MAX_SECS) as answer:
        return json.load(answer)


def names(statistics):
    """`(part, text)` of all names that the page should show, without less hot keys, whose rank changes."""
    wanted = {("families", family["shape"]) for family in statistics["families"]}
    wanted |= {("parts", part["part"].replace("_", " ")) for part in statistics["memory"] if part["bytes"] > 0}
    wanted |= {("latency", latency["commands"]) for latency in statistics["latency"]}
    for size in statistics["advisor"]["predictions"]:
        wanted.add(("advisor", "now" if size["percent"] == 100 else f"{size['percent']} %"))
    for kind in ("reads", "writes", "bytes_out"):
        wanted |= {("hot", hot["key"]) for hot in statistics["hot_keys"][kind][:2]}
    return {(part, name) for part, name in wanted if name != "resident"}


def check(result, name, faults):
    """Adds one test, which passes if there are no faults."""
    if faults:
        result.fail(f"{name}: {'; '.join(faults)}")
    else:
        result.passed += 1


def fill(server):
    """Stores items of several families and sizes."""
    requests = [b"set %s 0 0 1\r\nx\r\n" % HOSTILE]
    for number in range(3000):
        requests.append(b"set :1:django.contrib.sessions.cached_db%032x 0 3600 300\r\n%s\r\n" % (number, b"s" * 300))
        requests.append(b"set :1:views.decorators.cache.cache_page.%d 0 0 2000\r\n%s\r\n" % (number % 500, b"p" * 2000))
    requests.append(b"set big 0 0 300000\r\n%s\r\n" % (b"b" * 300000))
    server.ask(b"".join(requests) + b"mn\r\n", b"MN\r\n")


class Traffic:
    """Reads keys until the `with` block ends. One read in ten is a miss."""

    def __init__(self, server):
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _read(self):
        number = 0
        while not self._ended.wait(0.01):
            reads = [b"get %s\r\n" % HOSTILE, b"get big\r\n"]
            for _ in range(18):
                number = (number + 1) % 3000
                reads.append(b"get :1:django.contrib.sessions.cached_db%032x\r\n" % number)
            reads += [b"get nothing:%d\r\n" % number] * 2
            self._server.ask(b"".join(reads) + b"mn\r\n", b"MN\r\n")


def load_page(environment, chromium, server, name):
    """The HTML of the page after its script has run."""
    return browse(environment, chromium, server, name, ["--dump-dom"]).text()


def take_screenshot(environment, chromium, server):
    """Stores a screenshot of the page."""
    picture = environment.own / "status-page.png"
    shot = browse(environment, chromium, server, "picture", [f"--screenshot={picture}", "--window-size=1200,2300"])
    if shot.process.returncode != 0 or not picture.exists():
        raise Broken("Chromium made no screenshot", shot.log)
    print_line(f"screenshot: {relative(picture)}")


def browse(environment, chromium, server, name, options):
    """Opens the page of a server in a browser."""
    profile = f"--user-data-dir={environment.own / 'chromium'}"
    command = [chromium, *FLAGS, profile, *options, f"http://127.0.0.1:{server.http_port}/"]
    return commands.run(command, environment.log(f"status-page-{name}"))


def part_of(page, identity):
    """The text of the element with this id, up to the next element with an id."""
    found = re.search(rf'<\w+[^>]* id="{identity}"[^>]*>(.*?)(?=<[^>]* id="|</main>)', page, re.DOTALL)
    return text_of(found[1]) if found else ""


def text_of(page):
    """The visible text of the page."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", TAG.sub(" ", body)))


def markup(page):
    """The tags of the page, without script and style."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(TAG.findall(body))


def missing_parts(page, statistics):
    """The parts that the page should show and does not show."""
    ratio = re.search(r"Hit ratio now ([\d.]+) %", part_of(page, "tile-ratio"))
    reads = re.search(r"Reads per second ([\d.,]+)", part_of(page, "tile-reads"))
    wanted = {
        "the state": "serving" == part_of(page, "state").strip(),
        "the number of threads": f"{statistics['threads']} threads" in part_of(page, "about"),
        "the hit ratio": ratio is not None and 85 < float(ratio[1]) < 95,
        "the rate of reads": reads is not None and float(reads[1].replace(",", "")) > 0,
        "the memory limit": "of 64 MB" in part_of(page, "tile-memory"),
        "the number of items": f"Items {int(statistics['curr_items']):,}" in part_of(page, "tile-items"),
        "the connection limit": f"of {int(statistics['max_connections']):,}" in part_of(page, "tile-connections"),
        "a chart of the hit ratio": '<path' in page and "60 s ago" in part_of(page, "ratio"),
        "memory by item size": "items up to" in part_of(page, "classes"),
        "the advice": "sampled keys" in part_of(page, "advisor"),
        "its values without an error": "no answer" not in text_of(page),
    }
    return [f"it does not show {what}" for what, is_there in wanted.items() if not is_there]
