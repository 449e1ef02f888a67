"""The status page of `--metrics` in a browser: larder with traffic, the page in headless Chromium, what it then shows.

Chromium writes out the page as its script left it; a picture of it stays in target/tests/.
"""

import html
import json
import re
import threading
import time
from urllib.request import urlopen

import servers

from . import commands
from .report import Broken, say

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    # Time of the page, which passes as fast as it can; the page asks for its figures every two seconds.
    "--virtual-time-budget=3000",
)
LIMIT_SECS = 60
# Of two seconds each, so that the charts have a line.
HISTORY_STEPS = 3
# Made to become markup if anything lets it.
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
            page = opened(environment, chromium, server, "full")
            figures, after = server.figures(), status(server)
            pictured(environment, chromium, server)
    check(result, "a page of figures", shows(page, figures))
    lost = {(part, name) for part, name in names(before) & names(after) if name not in part_of(page, part)}
    check(result, "what there is by name", [f"{part} lacks {name}" for part, name in sorted(lost)])
    check(result, "no key became markup", [] if "onerror" not in markup(page) else ["a key is markup"])
    with servers.Server(environment.larder, arguments=[*arguments, "-X"]) as server:
        fill(server)
        page = opened(environment, chromium, server, "without-keys")
    refused = "Not shown: listing keys is disabled (-X)."
    told = [part for part in ("families", "hot") if refused not in part_of(page, part)]
    check(result, "under -X no keys", told + (["a key is shown"] if "session" in text_of(page) else []))


def wait_for_history(server):
    """Waits until there are some steps of the rates over time."""
    deadline = time.monotonic() + LIMIT_SECS
    while len(status(server)["history"]["reads"]) < HISTORY_STEPS:
        if time.monotonic() > deadline:
            raise Broken("there are no rates over time")
        time.sleep(0.2)


def status(server):
    """What the page is given."""
    with urlopen(f"http://127.0.0.1:{server.http_port}/status.json", timeout=LIMIT_SECS) as answer:
        return json.load(answer)


def names(figures):
    """`(part, text)` for what the page should show by name: all but the less hot keys, which come and go."""
    wanted = {("families", family["shape"]) for family in figures["families"]}
    wanted |= {("parts", part["part"].replace("_", " ")) for part in figures["memory"] if part["bytes"] > 0}
    wanted |= {("latency", latency["commands"]) for latency in figures["latency"]}
    for size in figures["advisor"]["predictions"]:
        wanted.add(("advisor", "now" if size["percent"] == 100 else f"{size['percent']} %"))
    for kind in ("reads", "writes", "bytes_out"):
        wanted |= {("hot", hot["key"]) for hot in figures["hot_keys"][kind][:2]}
    return {(part, name) for part, name in wanted if name != "resident"}


def check(result, name, faults):
    """One test, passed if there are no faults."""
    if faults:
        result.fail(f"{name}: {'; '.join(faults)}")
    else:
        result.passed += 1


def fill(server):
    """Items of several families and sizes, hits and misses, one key that is hot."""
    requests = [b"set %s 0 0 1\r\nx\r\n" % HOSTILE]
    for number in range(3000):
        requests.append(b"set :1:django.contrib.sessions.cached_db%032x 0 3600 300\r\n%s\r\n" % (number, b"s" * 300))
        requests.append(b"set :1:views.decorators.cache.cache_page.%d 0 0 2000\r\n%s\r\n" % (number % 500, b"p" * 2000))
    requests.append(b"set big 0 0 300000\r\n%s\r\n" % (b"b" * 300000))
    server.ask(b"".join(requests) + b"mn\r\n", b"MN\r\n")


class Traffic:
    """Reads, one in ten of them a miss, until the `with` block ends."""

    def __init__(self, server):
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _go(self):
        number = 0
        while not self._over.wait(0.01):
            reads = [b"get %s\r\n" % HOSTILE, b"get big\r\n"]
            for _ in range(18):
                number = (number + 1) % 3000
                reads.append(b"get :1:django.contrib.sessions.cached_db%032x\r\n" % number)
            reads += [b"get nothing:%d\r\n" % number] * 2
            self._server.ask(b"".join(reads) + b"mn\r\n", b"MN\r\n")


def opened(environment, chromium, server, name):
    """The page of a server after its script has run, as text."""
    return browse(environment, chromium, server, name, ["--dump-dom"]).text()


def pictured(environment, chromium, server):
    """Stores a picture of the page."""
    picture = environment.own / "status-page.png"
    shot = browse(environment, chromium, server, "picture", [f"--screenshot={picture}", "--window-size=1200,2300"])
    if shot.process.returncode != 0 or not picture.exists():
        raise Broken(f"no picture of the page, see {shot.log}")
    say(f"a picture of the page is in {picture}")


def browse(environment, chromium, server, name, options):
    """Opens the page of a server in a browser."""
    profile = f"--user-data-dir={environment.own / 'chromium'}"
    command = [chromium, *FLAGS, profile, *options, f"http://127.0.0.1:{server.http_port}/"]
    return commands.run(command, environment.log(f"status-page-{name}"), LIMIT_SECS)


def part_of(page, identity):
    """The text of the element with this id, which holds no element with another id behind it."""
    found = re.search(rf'<\w+[^>]* id="{identity}"[^>]*>(.*?)(?=<[^>]* id="|</main>)', page, re.DOTALL)
    return text_of(found[1]) if found else ""


def text_of(page):
    """What a reader sees of it."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", TAG.sub(" ", body)))


def markup(page):
    """Its tags, without the script."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(TAG.findall(body))


def shows(page, figures):
    """What the page should show and does not."""
    ratio = re.search(r"Hit ratio now ([\d.]+) %", part_of(page, "tile-ratio"))
    reads = re.search(r"Reads per second ([\d.,]+)", part_of(page, "tile-reads"))
    wanted = {
        "that it serves": "serving" == part_of(page, "state").strip(),
        "its version and threads": f"{figures['threads']} threads" in part_of(page, "about"),
        "the hit ratio": ratio is not None and 85 < float(ratio[1]) < 95,
        "the rate of reads": reads is not None and float(reads[1].replace(",", "")) > 100,
        "how much memory there is": "of 64 MB" in part_of(page, "tile-memory"),
        "the items": f"Items {int(figures['curr_items']):,}" in part_of(page, "tile-items"),
        "the connections": f"of {int(figures['max_connections']):,}" in part_of(page, "tile-connections"),
        "a line of the hit ratio": '<path' in page and "60 s ago" in part_of(page, "ratio"),
        "memory by size of item": "items up to" in part_of(page, "classes"),
        "what the advisor says": "sampled keys" in part_of(page, "advisor"),
        "no failure": "no answer" not in text_of(page),
    }
    return [f"it does not show {what}" for what, is_there in wanted.items() if not is_there]
