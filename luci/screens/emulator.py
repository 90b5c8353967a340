"""The screen that a script draws on: `bittty` keeps it, fed in bytes and read in rows of cells.

`bittty` is taken rather than `pyte`: it was 3 to 8 times as fast on plain, coloured and progress-bar output, and knows
the alternate screen, the mouse, joined characters and a program's questions.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from typing import Any

from bittty import Board
from bittty.devices.modes import MouseProtocol
from bittty.parser.core import GROUND_RE
from bittty.video import Video

Cells = list[tuple[Any, str]]  # (style, what stands there); nothing stands right of a wide character

LONGEST = 1 << 16  # characters of a sequence that does not end
_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\a\b\t\n\r"})
_BEYOND_LINES = re.compile(rb"\x1b(?!\[[0-9;:]*[mK])|[\x00-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]")
_SGR = re.compile(rb"\x1b\[[0-9;:]*m")
_MODES = re.compile(rb"\x1b\[\?[0-9;]+[hl]")
_SHORT = 4096
_MODIFIERS = {"shift": 1, "alt": 2, "meta": 2, "ctrl": 4}
_NAMED = {"up", "down", "left", "right", "home", "end", "insert", "delete", "pageup", "pagedown"}
_CHARACTERS = {"backspace": b"\x7f", "shift+tab": b"\x1b[Z", "ctrl+backspace": b"\x08", "shift+enter": b"\r"}
_CHARACTERS |= {"enter": b"\r", "tab": b"\t", "escape": b"\x1b", "ctrl+space": b"\0", "ctrl+@": b"\0"}
_CHARACTERS |= {f"ctrl+{letter}": bytes([number]) for number, letter in enumerate("abcdefghijklmnopqrstuvwxyz", 1)}


def _nowhere(data: bytes) -> None:
    pass


class Emulator:
    """A screen of `columns` by `rows`. What a program asks the terminal is answered through `reply`.

    With `keep` the rows that leave at the top are kept in `gone`.
    """

    def __init__(
        self, columns: int, rows: int, *, reply: Callable[[bytes], None] = _nowhere, keep: bool = False
    ) -> None:
        self.columns, self.rows = columns, rows
        self.reply = reply
        self.gone: list[Cells] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._board = Board(command="", width=columns, height=rows)
        self._keeping = False
        self._board.host.attach(self)
        self._board.blitter.set_grapheme_clustering(True)
        self._seen: Any = None
        self._seen_at = 0
        if keep:
            self._keep_rows()

    # -- what comes in

    def feed(self, data: bytes) -> None:
        """Obey what a program wrote. Much of it in whole lines costs no more than the last screenful."""
        if len(data) > _SHORT and self._board.parser.buffer:  # the end of a sequence that was cut
            cut = data.find(b"\r\n", 0, _SHORT) + 2
            self._obey(data[:cut])
            data = data[cut:]
        self._obey(self._last_of(data) if len(data) > _SHORT and self._at_rest else data)

    def pass_over(self, data: bytes, pen: bytes) -> None:
        """Take from `data` only how the screen works, and go on at the beginning of a line with that pen."""
        self._board.parser.reset()
        self._decoder.reset()
        self._obey(b"\r\x1b[m" + (b"".join(_MODES.findall(data)) if b"\x1b[?" in data else b"") + pen)

    def resize(self, columns: int, rows: int) -> None:
        board = self._board
        below = board.cursor.y + 1 - rows
        if below > 0 and not board.blitter.in_alt_screen:  # the prompt stays in sight
            board.blitter.primary_buffer.scroll_region_up(0, board.height - 1, below)
            board.cursor.y -= below
        self.columns, self.rows = columns, rows
        board.resize(columns, rows)
        board.blitter.set_scroll_region(0, rows - 1)

    def _obey(self, data: bytes) -> None:
        parser, text = self._board.parser, self._decoder.decode(data)
        while True:
            try:
                parser.feed(text)
                break
            except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError):
                # a sequence that means nothing: bittty stumbles over it and would again
                bad = GROUND_RE.match(parser.buffer, parser.pos)
                text = parser.buffer[max(bad.end() if bad else 0, parser.pos + 1) :]
                parser.reset()
        if len(parser.buffer) > LONGEST:
            parser.reset()
        if (self._board.width, self._board.height) != (self.columns, self.rows):  # the size is ours to choose
            self._board.resize(self.columns, self.rows)

    @property
    def _at_rest(self) -> bool:
        """Whether nothing but the last lines of plain text decides what will stand on the screen."""
        board, modes = self._board, self._board.modes
        screen = board.blitter
        return (
            not board.parser.buffer
            and not screen.in_alt_screen
            and (screen.scroll_top, screen.scroll_bottom) == (0, self.rows - 1)
            and not modes.insert_mode
            and not modes.left_right_margin_mode
            and not self._keeping
        )

    def _last_of(self, data: bytes) -> bytes:
        """Return what has the same effect: the lines that stay in sight, and the pen that they are written with."""
        at = len(data)
        above = self.rows - 1 - self._board.cursor.y  # rows to go down before anything leaves at the top
        for _ in range(self.rows + above + 1):
            at = data.rfind(b"\r\n", 0, at)
            if at < 0:
                return data
        at += 2
        if _has_controls(data) and _BEYOND_LINES.search(data, 0, at):
            return data
        self._decoder.reset()
        plain = max(data.rfind(b"\x1b[0m", 0, at), data.rfind(b"\x1b[m", 0, at), 0)
        return b"".join(_SGR.findall(data, plain, at)) + data[at:]

    # -- what goes back to the program

    def write(self, data: str) -> None:
        self.reply(data.encode("utf-8", "surrogateescape"))

    def write_bytes(self, data: bytes) -> None:
        self.reply(data)

    def key(self, name: str, character: str | None) -> None:
        """Type a key, named as Textual names it."""
        *modifiers, base = name.split("+")
        display = self._board.display
        modifier = 1 + sum(_MODIFIERS.get(word, 0) for word in modifiers)
        if base[:1] == "f" and base[1:].isdigit():
            display.input_fkey(int(base[1:]), modifier)
        elif base in _NAMED:
            display.input_key(base, modifier)
        elif name in _CHARACTERS:
            self.reply(_CHARACTERS[name])
        elif character or (len(base) == 1 and modifiers == ["alt"]):
            self.reply((b"\x1b" if "alt" in modifiers else b"") + (character or base).encode("utf-8", "replace"))

    def paste(self, text: str) -> None:
        self._board.display.input_paste(text.replace("\r\n", "\n").replace("\n", "\r"))

    def mouse(self, x: int, y: int, button: int, kind: str, modifiers: Iterable[str]) -> None:
        """`kind`: press, release or move. Buttons as xterm counts them, from 0; 64 and 65 are the wheel."""
        self._board.display.input_mouse(x + 1, y + 1, button, kind, set(modifiers))

    # -- what is to be seen

    @property
    def alternate(self) -> bool:
        """Whether a full-screen program has taken the screen."""
        return bool(self._board.blitter.in_alt_screen)

    @property
    def wants_mouse(self) -> bool:
        return bool(self._board.modes.mouse_protocol not in (MouseProtocol.OFF, MouseProtocol.LOCATOR))

    @property
    def cursor(self) -> tuple[int, int] | None:
        """Where the cursor stands (x, y); None where it is hidden."""
        board = self._board
        return (min(board.cursor.x, self.columns - 1), board.cursor.y) if board.modes.cursor_visible else None

    def cells(self, y: int) -> Cells:
        grid: list[Cells] = self._board.blitter.current_buffer.grid
        return grid[y] if 0 <= y < len(grid) else []

    def changed(self) -> list[int]:
        """Return the rows that changed since this was last asked."""
        page = self._board.blitter.current_buffer
        rows = page.dirty_rows(self._seen_at) if page is self._seen else range(self.rows)
        self._seen, self._seen_at = page, page.observe()
        return list(rows)

    def position(self) -> int:
        """Return in which row, counted from the first that ever was, the cursor stands."""
        return len(self.gone) + int(self._board.cursor.y)

    def drawn(self) -> list[Cells]:
        """Return all rows from the first that ever was to the cursor's, and what is drawn below it."""
        rows: list[Cells] = self.gone + self._board.blitter.primary_buffer.grid
        least = self.position() + (self._board.cursor.x > 0)
        while len(rows) > least and all(char == " " and style.bg is None for style, char in rows[-1]):
            rows.pop()
        return rows

    # -- keeping rows

    def _keep_rows(self) -> None:
        self._keeping = True
        screen, board, gone = self._board.blitter, self._board, self.gone
        page = _Paper(gone, self.columns, self.rows, board.width_policy)
        screen.primary_buffer = screen.current_buffer = page
        clear = board.registry["ED"]

        def put_away_and_clear(operation: Any) -> None:
            whole = operation.args[0] == 2 or (operation.args[0] == 0 and (board.cursor.x, board.cursor.y) == (0, 0))
            if whole and not screen.in_alt_screen:
                gone.extend(list(row) for row in self.drawn()[len(gone) :])
            clear(operation)

        board.registry["ED"] = put_away_and_clear


def _has_controls(data: bytes) -> bool:
    """Whether there may be more in it than text and ends of lines. It costs a tenth of what a pattern would."""
    return b"\xc2" in data or len(data.translate(None, _CONTROLS)) < len(data)


class _Paper(Video):  # type: ignore[misc]
    """Video memory that keeps what leaves it at the top."""

    def __init__(self, gone: list[Cells], *size: Any) -> None:
        self.gone = gone
        super().__init__(*size)

    def scroll_region_up(self, top: int, bottom: int, count: int) -> None:
        if top == 0:
            self.gone += self.grid[: min(count, bottom + 1)]
        super().scroll_region_up(top, bottom, count)
