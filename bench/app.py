"""How long until `luci` paints, beside a bare Textual app (header, one line, footer) in the same pseudo-terminal.

    python bench/app.py [ROUNDS]

Each round starts the one and the other; medians, and the ratio of the pairs. Painted means: the last line of the screen
(the footer's) has been written.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

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


def main() -> None:
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
