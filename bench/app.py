"""How long until `luci` paints, beside a bare Textual app (header, one line, footer) in the same pseudo-terminal.

    python bench/app.py [ROUNDS]
    python bench/app.py environments [COUNT]

Each round starts the one and the other; medians, and the ratio of the pairs. Painted means: the last line of the screen
(the footer's) has been written. The second way has COUNT environments (1,000) in the table, and measures what a person
waits for who moves, sorts, filters and marks there: from the key to the last of what it draws.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import workloads

BARE = """
from textual.app import App
from textual.widgets import Footer, Header, Static


class Bare(App):
    BINDINGS = [("q", "quit", "Leave it")]

    def compose(self):
        yield Header()
        yield Static("one line")
        yield Footer()


Bare().run()
"""


def painted(argv: list[str], last: bytes, folder: str) -> float:
    """Start a command in a pseudo-terminal of 120x40; return the seconds until it has written `last`."""
    began = time.perf_counter()
    pid, fd = os.forkpty()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LUCI_HOME=folder)
        os.execv(argv[0], argv)
    seen = b""
    while last not in seen:
        if not select.select([fd], [], [], 30)[0]:
            raise SystemExit(f"{argv} painted nothing in 30 s")
        seen += os.read(fd, 65536)
    took = time.perf_counter() - began
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return took


SILENCE = 0.15  # seconds after which a key has drawn all that it will
KEYS = {
    "down": b"\x1b[B",
    "page down": b"\x1b[6~",
    "to the end": b"G",
    "to the start": b"g",
    "sort by the next column": b"s",
    "reverse": b"S",
    "mark": b" ",
    "mark all": b"a",
}
WORD = b"script_7"


class Table:
    """`luci` on a terminal of its own, at its environments."""

    def __init__(self, home: str) -> None:
        self.pid, self.fd = os.forkpty()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LUCI_HOME=home)
            os.execv(sys.executable, [sys.executable, "-m", "luci"])

    def until(self, mark: bytes) -> float:
        """Return the seconds until the app has drawn that."""
        began, seen = time.perf_counter(), b""
        while mark not in seen:
            if not select.select([self.fd], [], [], 120)[0]:
                raise SystemExit(f"{mark!r} was not drawn in 120 s: {seen[-2000:]!r}")
            seen += os.read(self.fd, 65536)
        return time.perf_counter() - began

    def rest(self) -> None:
        """Wait until what was begun is drawn; a cursor that blinks goes on for ever."""
        until = time.perf_counter() + 10
        while time.perf_counter() < until and select.select([self.fd], [], [], 10 * SILENCE)[0]:
            os.read(self.fd, 65536)

    def press(self, key: bytes) -> float:
        """Return the seconds until the last of what a key draws is there."""
        began = last = time.perf_counter()
        os.write(self.fd, key)
        while select.select([self.fd], [], [], SILENCE)[0]:
            os.read(self.fd, 65536)
            last = time.perf_counter()
        return last - began

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def environments(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        first = Path(folder, "first.py")
        first.write_text("import humanize\n")
        once = [sys.executable, "-m", "luci", "run", str(first)]
        subprocess.run(once, env={**os.environ, "LUCI_HOME": str(home)}, check=True)
        os.environ["LUCI_HOME"] = str(home)
        workloads.many_environments(home, Path(folder, "scripts"), count)
        table = Table(str(home))
        table.until(b"Help")
        table.rest()
        os.write(table.fd, b"\x1bOS")  # F4
        print(f"{count:,} environments in the table after {table.until(f'{count:,}'.encode()):.1f} s")
        table.rest()
        for name, key in KEYS.items():
            tell(name, [table.press(key) for _ in range(20)])
        took = []
        for _ in range(5):
            table.press(b"/")
            took += [table.press(bytes([letter])) for letter in WORD]
            took += [table.press(b"\x7f") for _ in WORD]
        tell("a letter of the filter", took)
        table.end()


def tell(name: str, took: list[float]) -> None:
    worst = sorted(took)[int(len(took) * 0.95)]
    print(f"{name:<24} median {statistics.median(took) * 1000:4.0f} ms   95% within {worst * 1000:4.0f} ms")


def main() -> None:
    if sys.argv[1:2] == ["environments"]:
        environments(int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder, "bare.py")
        bare.write_text(BARE)
        contestants = {
            "bare": ([sys.executable, str(bare)], b"Leave it"),
            "luci": ([sys.executable, "-m", "luci"], b"Help"),
        }
        times: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(rounds + 1):
            for name, (argv, last) in contestants.items():
                took = painted(argv, last, folder)
                if number:  # the first round fills the caches
                    times[name].append(took)
    for name, found in times.items():
        print(f"{name:<5} {statistics.median(found) * 1000:6.0f} ms")
    ratios = [ours / theirs for ours, theirs in zip(times["luci"], times["bare"], strict=True)]
    print(f"ratio {statistics.median(ratios):6.2f}   (median of {rounds} pairs)")


if __name__ == "__main__":
    main()
