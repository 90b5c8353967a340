#!/usr/bin/env python3
"""How the app's live output bears a flood: a script that prints 1,000,000 lines as fast as it can.

    python bench/flood.py [LINES] [ROUNDS]

The script tells itself how long it took, once on a pseudo-terminal that is only drained, once in `luci` on a
pseudo-terminal of its own, in turns. There it is shown beside the prompt, in which a person types meanwhile: a letter
is answered when it was drawn. Nothing here passes or fails; the bars are 1.5 times, 50 ms and 60 MB.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import re
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

SIZE = (40, 120)
LETTERS = [chr(number) for number in range(0x4E00, 0x9000)]  # each is typed once: what is drawn tells which one it was
LINE = 20  # letters, after which the line is cleared
FLOOD = """
import os, sys, time
open({told!r} + ".began", "w").close()
began = time.perf_counter()
for i in range({lines}):
    print("line", i, "of the flood, some words to fill it")
sys.stdout.flush()
with open({told!r}, "w") as file:
    file.write(str(time.perf_counter() - began))
"""


def main() -> None:
    lines, rounds = (int(word) for word in (*sys.argv[1:], "1000000", "3")[:2])
    with tempfile.TemporaryDirectory(prefix="luci-flood-") as folder:
        work = Path(folder)
        script, told = work / "flood.py", work / "told"
        script.write_text(FLOOD.format(lines=lines, told=str(told)))
        os.environ["LUCI_HOME"] = str(work / "home")
        drained, shown, keys, grown = [], [], [], []
        for number in range(rounds):
            drained.append(in_turn(lambda: on_drained_terminal(script), told))
            luci = App(script, work)
            shown.append(in_turn(luci.run, told))
            keys += luci.answered
            grown.append(luci.grown)
            check(luci.log, lines)
            print(
                f"round {number + 1}: drained {drained[-1]:.2f} s, in the app {shown[-1]:.2f} s "
                f"({shown[-1] / drained[-1]:.2f}), {len(luci.answered)} keys, "
                f"95% within {percentile(luci.answered) * 1000:.1f} ms (idle {percentile(luci.idle) * 1000:.1f}), "
                f"memory {luci.before / 1e6:.0f} + {luci.grown / 1e6:.1f} MB, drain {luci.drain / 1e6:.0f} MB, "
                f"the app took {luci.busy:.0%} of a core",
                flush=True,
            )
        ratio = statistics.median(shown) / statistics.median(drained)
        print(f"time: {ratio:.2f} of that on a terminal that is only drained (medians of {rounds})")
        print(
            f"keys: {len(keys)}, median {statistics.median(keys) * 1000:.1f} ms, 95% within "
            f"{percentile(keys) * 1000:.1f} ms, longest {max(keys) * 1000:.1f} ms"
        )
        print(f"memory of the app: grows by at most {max(grown) / 1e6:.1f} MB")


def in_turn(run, told: Path) -> float:
    told.unlink(missing_ok=True)
    run()
    return float(told.read_text())


def percentile(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))] if values else float("nan")


def check(log: Path, lines: int) -> None:
    with open(log, "rb") as file:
        for number in range(lines):
            if (line := file.readline()) != b"line %d of the flood, some words to fill it\r\n" % number:
                sys.exit(f"the log is wrong in line {number + 1}, at byte {file.tell() - len(line)}: {line!r}")
        if rest := file.read(100):
            sys.exit(f"the log has more than was written: {rest!r}")


def on_drained_terminal(script: Path) -> None:
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    drain = os.fork()
    if drain == 0:
        os.close(slave)
        try:
            while os.read(master, 1 << 16):
                pass
        except OSError:
            pass
        os._exit(0)
    os.close(master)
    control = lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0)  # noqa: E731
    command = [sys.executable, str(script)]
    subprocess.run(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=control, check=True
    )
    os.close(slave)
    os.waitpid(drain, 0)


class App:
    """The app on a terminal of its own, seen from outside: keys in, what it draws out."""

    def __init__(self, script: Path, work: Path) -> None:
        self.script, self.work, self.log = script, work, Path()
        self.told, self.begun = work / "told", work / "told.began"
        self.begun.unlink(missing_ok=True)
        self.drawn = bytearray()
        self.lock = threading.Condition()
        self.answered: list[float] = []
        self.idle: list[float] = []
        self.before = self.grown = self.drain = 0
        self.typed = 0

    def run(self) -> None:
        pid, fd = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
            os.chdir(self.work)
            environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execve(sys.executable, [sys.executable, "-m", "luci"], environ)
        reading = threading.Thread(target=self._read, args=(fd,), daemon=True)
        reading.start()
        self._wait_for(b"Help")
        self.idle = [self._press(fd) for _ in range(20)][5:]  # the first load what keys need
        self.before = resident(pid)
        busy, began = cpu(pid), time.monotonic()
        os.write(fd, b"\x03run " + self.script.name.encode() + b"\r")
        while not self.told.exists():
            begun = self.begun.exists()
            answered = self._press(fd)
            if begun:
                self.answered.append(answered)
            self.grown = max(self.grown, resident(pid) - self.before)
            self.drain = max(self.drain, *(resident(child) for child in children(pid) if is_drain(child)), 0)
            time.sleep(random.uniform(0.05, 0.15))
        self.busy = (cpu(pid) - busy) / (time.monotonic() - began)
        self._wait_for(b"exit code 0")
        self.log = max(Path(os.environ["LUCI_HOME"]).rglob("*.log"), key=os.path.getmtime)
        os.write(fd, b"\x11")  # ctrl+q
        os.waitpid(pid, 0)
        reading.join()  # else it reads on from whatever gets the same number next, the log for one
        os.close(fd)

    def _press(self, fd: int) -> float:
        letter = LETTERS[self.typed % len(LETTERS)].encode()
        self.typed += 1
        began = time.monotonic()
        os.write(fd, letter)
        self._wait_for(letter)
        took = time.monotonic() - began
        if self.typed % LINE == 0:
            os.write(fd, b"\x03")
        return took

    def _wait_for(self, mark: bytes) -> None:
        with self.lock:
            if not self.lock.wait_for(lambda: mark in self.drawn, 60):
                sys.exit(f"the app never drew {mark!r}: {bytes(self.drawn[-2000:])!r}")
            del self.drawn[:]

    def _read(self, fd: int) -> None:
        while True:
            try:
                select.select([fd], [], [])
                data = os.read(fd, 1 << 16)
            except (OSError, ValueError):
                return
            with self.lock:
                self.drawn += data
                del self.drawn[: -(1 << 16)]
                self.lock.notify_all()


def resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) * 1024 if found else 0


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    try:
        return [int(word) for task in Path(f"/proc/{pid}/task").glob("*/children") for word in task.read_text().split()]
    except OSError:
        return []


def is_drain(pid: int) -> bool:
    try:
        return b"drain.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    main()
