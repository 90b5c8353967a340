"""Images on terminals of each kind: what the program writes where the terminal says what it can do, or says nothing."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

PATIENCE = 60
PLACEHOLDER = "\U0010eeee".encode()  # which a terminal with kitty's protocol replaces by a part of an image
HALF = "▀".encode()
ASKED = re.compile(rb"\x1b\[c|\x1b\[16t|\x1b_G[^\x1b]*a=q[^\x1b]*\x1b\\")
SIXEL = re.compile(rb'\x1bP[\d;]*q"1;1;(\d+);(\d+)(.*?)\x1b\\', re.DOTALL)
SENT = re.compile(rb"\x1b_Gi=(\d+),m=1,f=100.*\x1b_Ga=p,i=\1,c=(\d+),r=(\d+),U=1", re.DOTALL)


class Outer:
    """A terminal around the program that only keeps what is written to it, and answers what it is asked."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self.answers, self.seen, self._answered = answers, b"", 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(sys.executable, [sys.executable, "-m", "luci"])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))

    def until(self, mark: bytes | re.Pattern[bytes], since: int = 0) -> None:
        pattern = mark if isinstance(mark, re.Pattern) else re.compile(re.escape(mark))
        deadline = time.monotonic() + PATIENCE
        while not pattern.search(self.seen, since):
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self.fd], [], [], left)[0], f"{mark!r} never came: {self.seen[-2000:]!r}"
            self.seen += os.read(self.fd, 1 << 16)
            self._answer()

    def _answer(self) -> None:
        for asked in ASKED.finditer(self.seen, self._answered):
            self._answered = asked.end()
            for question, answer in self.answers.items():
                if question in asked[0]:
                    number = re.search(rb"i=(\d+)", asked[0])
                    self.press(answer.replace(b"%", number[1] if number else b""))

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def end(self) -> int:
        self.press(b"\x11")  # ctrl+q
        with contextlib.suppress(OSError):
            while os.read(self.fd, 1 << 16):
                pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextlib.contextmanager
def looking_at_an_image(project: Path, answers: dict[bytes, bytes]) -> Iterator[Outer]:
    """Run what makes an image, and open that."""
    picture().save(project / "drawn.image", "png")
    (project / "draws.py").write_text("import shutil\nshutil.copy('drawn.image', 'one.png')\n")
    (project / "one.png").unlink(missing_ok=True)
    terminal = Outer(answers)
    terminal.until(b"a script's path")
    terminal.press(b"draws.py\r")
    terminal.until(b"made ")
    terminal.press(b"\x1b[Z")  # shift+tab: to the card
    terminal.until(b"Images")
    before = len(terminal.seen)
    terminal.press(b"i")
    terminal.until("60 × 40".encode(), before)
    yield terminal
    before = len(terminal.seen)
    terminal.press(b"\x1b")
    terminal.until(b"made ", before)
    assert b"Failed" not in terminal.seen and b"Traceback" not in terminal.seen
    assert terminal.end() == 0


def picture() -> Image.Image:
    """A quarter of each colour, so that what is mirrored, turned, shifted or miscoloured is another picture."""
    image = Image.new("RGB", (60, 40), "red")
    for place, colour in (((30, 0), "lime"), ((0, 20), "blue"), ((30, 20), "yellow")):
        image.paste(Image.new("RGB", (30, 20), colour), place)
    return image


def is_the_picture(drawn: Image.Image) -> bool:
    difference = ImageChops.difference(drawn, picture().resize(drawn.size))
    return max(ImageStat.Stat(difference).mean) < 2  # of 255; where quarters meet, there are shades


def decoded(width: int, height: int, sixels: bytes) -> Image.Image:
    """Draw sixels as a terminal would (DEC STD 070): six rows at a time, one colour after the other."""
    image = Image.new("RGB", (width, height))
    colours: dict[int, tuple[int, ...]] = {}
    x = y = pen = 0
    for part in re.finditer(rb"#(\d+)(?:;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|([$-])", sixels):
        if part[1]:
            pen = int(part[1])
            if part[2]:
                colours[pen] = tuple(round(int(percent) * 2.55) for percent in part.group(2, 3, 4))
        elif part[8]:
            x, y = 0, y + (6 if part[8] == b"-" else 0)
        else:
            bits, times = (part[6] or part[7])[0] - 63, int(part[5] or 1)
            for row in (row for row in range(6) if bits >> row & 1):
                image.paste(colours[pen], (x, y + row, x + times, y + row + 1))
            x += times
    return image


def test_a_terminal_with_sixels_is_sent_the_image_in_sixels(project: Path) -> None:
    with looking_at_an_image(project, {b"\x1b[c": b"\x1b[?62;4c", b"\x1b[16t": b"\x1b[6;20;10t"}) as terminal:
        terminal.until(SIXEL)
        width, height, sixels = SIXEL.search(terminal.seen).groups()  # type: ignore[union-attr]
        assert is_the_picture(decoded(int(width), int(height), sixels))
        assert PLACEHOLDER not in terminal.seen and HALF not in terminal.seen


def test_a_terminal_with_kittys_protocol_is_sent_the_image_and_its_place(project: Path) -> None:
    answers = {b"\x1b[c": b"\x1b[?62c", b"a=q": b"\x1b_Gi=%;OK\x1b\\", b"\x1b[16t": b"\x1b[6;20;10t"}
    with looking_at_an_image(project, answers) as terminal:
        terminal.until(SENT)
        number, columns, rows = map(int, SENT.search(terminal.seen).groups())  # type: ignore[union-attr]
        chunks = re.findall(rb"\x1b_Gi=%d,m=[01],f=100[^;]*;([^\x1b]*)\x1b" % number, terminal.seen)
        drawn = Image.open(io.BytesIO(base64.b64decode(b"".join(chunks)))).convert("RGB")
        assert is_the_picture(drawn) and drawn.size == (columns * 10, rows * 20)  # as large as a cell was said to be
        # the colour of what holds its place is the image's number, all but its highest byte
        place = b"\x1b[38;2;%d;%d;%d" % (number >> 16 & 255, number >> 8 & 255, number & 255)
        terminal.until(re.compile(re.escape(place) + rb"[\d;]*m" + re.escape(PLACEHOLDER)))
        assert not SIXEL.search(terminal.seen) and HALF not in terminal.seen


@pytest.mark.parametrize("answers", [{}, {b"\x1b[c": b"\x1b[?62c"}], ids=["says nothing", "can do neither"])
def test_any_other_terminal_gets_coloured_half_blocks(project: Path, answers: dict[bytes, bytes]) -> None:
    with looking_at_an_image(project, answers) as terminal:
        terminal.until(HALF)
        assert not SIXEL.search(terminal.seen) and PLACEHOLDER not in terminal.seen
