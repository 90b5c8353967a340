"""What a script's terminal shows now: taken in from its log at the pace that keys allow, and drawn."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from luci.screens.emulator import Emulator
from luci.screens.feed import Feed
from luci.screens.held import Held
from luci.screens.ink import strip_of, text_of
from luci.screens.marks import with_cursor, with_matches, with_selection
from luci.screens.pace import SLICE, Pace
from luci.screens.scrollback import Scrollback
from luci.terminals import Terminal

LOOK = 0.2  # seconds
SELDOM = 5  # of so many looks one is taken where nobody sees it


class Screenful(Widget):
    """One run's terminal: its screen as the script goes on, or, held, a stretch of its log."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"live--cursor", "live--match"}

    class Changed(Message):
        """Whether it follows, waits, how far it is: something that is told beside the output changed."""

    class Grew(Message):
        """There is more in the log. Posted by the terminal's thread."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.terminal = terminal
        self.running = True
        self.waiting = False
        self.hidden = False  # whether what is typed does not show
        self.stopped = False  # by a signal; it waits to be woken
        self.query_text = ""
        self._emulator = Emulator(terminal.columns, terminal.rows, reply=terminal.write)
        self._feed: Feed | None = None
        self._scrollback: Scrollback | None = None
        self._held: Held | None = None
        self._pace = Pace()
        self._working = self._told = False
        self._paint_due = False
        self._composing = False  # the screen is being put together
        self._own_style: Style | None = None
        self._cursor_row = 0
        self._still_at = -1
        self._looks = 0

    # -- from the log to the screen

    def on_mount(self) -> None:
        self.terminal.grew = self._hear
        self.set_interval(LOOK, self._look)
        self._hear()

    def on_unmount(self) -> None:
        self.terminal.grew = lambda: None

    def _hear(self) -> None:
        if not self._told and not self._working:
            self._told = True
            self.post_message(self.Grew())

    def on_screenful_grew(self) -> None:
        self._told = False
        if not self._working:
            self._work()

    def _work(self) -> None:
        """Feed the emulator for a moment, and again later while there is more or it comes faster than it is read."""
        self._working = False  # before the log is looked at: of what comes after that, the terminal tells
        if not self.is_attached or (feed := self._opened()) is None:
            return
        if feed.hurried and (wait := self._pace.until_answered()) > 0:
            self._work_in(wait)
            return
        began = time.monotonic()
        more = feed.advance(SLICE)
        if more or feed.hurried:
            unread = feed.flooded or not more or not self.is_on_screen
            self._work_in(self._pace.rest(began, unread=unread))
        self._paint_soon()

    def _work_in(self, seconds: float) -> None:
        self._working = True
        asyncio.get_running_loop().call_later(seconds, self._work)

    def _opened(self) -> Feed | None:
        if self._feed is None and self.terminal.output is not None:
            self._feed = Feed(self.terminal.output, self._emulator)
            self._scrollback = Scrollback(self.terminal.output, self._emulator.columns, self._emulator.rows)
        return self._feed

    def _paint_soon(self) -> None:
        if self._paint_due or not self.following:
            return
        self._paint_due = True
        self._paint_in(self._pace.until_frame())

    def _paint_in(self, seconds: float) -> None:
        if seconds > 0:
            asyncio.get_running_loop().call_later(seconds, self._paint)
        else:
            self._paint()

    def _paint(self) -> None:
        hurried = bool(self._feed and self._feed.hurried)
        if hurried and (wait := self._pace.until_answered()) > 0:
            self._paint_in(wait)
            return
        self._paint_due = False
        if not self.following or not self.is_attached:
            return
        rows = set(self._emulator.changed())
        cursor = self._emulator.cursor
        rows |= {self._cursor_row, cursor[1] if cursor else self._cursor_row}
        self._cursor_row = cursor[1] if cursor else self._cursor_row
        if len(rows) > self.size.height // 2:
            self.refresh()
        else:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in rows))
        began = self._pace.begin_frame(hurried=hurried, flooded=bool(self._feed and self._feed.flooded))
        self.call_after_refresh(self._pace.end_frame, began)

    def _look(self) -> None:
        """See now and then what nobody tells: whether the script waits for input, how long the log has become."""
        self._looks += 1
        if not self.is_attached or (self._looks % SELDOM and not self.is_on_screen):
            return
        feed = self._opened()
        size = feed.log.size if feed else 0
        still = size == self._still_at
        self._still_at = size
        waiting = self.running and (still or self.waiting) and not self._working and self.terminal.waiting
        hidden = waiting and not self.terminal.echo
        stopped = self.running and still and self.terminal.stopped
        if (waiting, hidden, stopped) != (self.waiting, self.hidden, self.stopped):
            self.waiting, self.hidden, self.stopped = waiting, hidden, stopped
            self.refresh_bindings()
            self.post_message(self.Changed())
        if feed and not self.following:
            feed.log.count_lines(SLICE)
            if not still and self._held and self._held.shows_end:
                self.refresh()
            self.post_message(self.Changed())

    def ended(self) -> None:
        self.running = self.waiting = self.hidden = self.stopped = False
        if self.is_attached:
            self.refresh_bindings()
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        columns, rows = event.size
        if columns < 2 or rows < 2 or (columns, rows) == (self._emulator.columns, self._emulator.rows):
            return
        self.terminal.resize(columns, rows)
        if self._feed and not self._emulator.alternate:
            self._emulator = Emulator(columns, rows)
            self._feed.restart(self._emulator)
            self._emulator.reply = self.terminal.write
        else:
            self._emulator.resize(columns, rows)
        if self._scrollback:
            self._scrollback = Scrollback(self._scrollback.log, columns, rows)
            if self._held:
                self._held.fit(self._scrollback, rows)
        self.refresh()

    # -- drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        self._composing = True
        try:
            return super().render_lines(crop)
        finally:
            self._composing = False

    def render_line(self, y: int) -> Strip:
        strip = self._row(y)
        # otherwise this is the mouse, who asks what it is at; it costs too much to tell with every frame
        return strip if self._composing else strip.apply_offsets(0, y)

    def _row(self, y: int) -> Strip:
        width = self.size.width
        if self._held is None:
            strip = strip_of(self._emulator.cells(y), width)
        else:
            rows = self._held.rows
            strip = rows[y] if y < len(rows) else Strip([])
            strip = with_matches(strip, self.query_text, self.get_component_rich_style("live--match"))
        strip = strip.adjust_cell_length(width).apply_style(self._style)
        cursor = self._emulator.cursor
        if cursor and cursor[1] == y and self.typing and self.has_focus:
            strip = with_cursor(strip, cursor[0], self.get_component_rich_style("live--cursor"))
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            strip = with_selection(strip, span, self._selection_style())
        return strip

    def _selection_style(self) -> Style:
        """Only the background, where the theme leaves the text as it is: its colour would come as the background's."""
        style = self.screen.get_component_rich_style("screen--selection")
        if self.screen.get_component_styles("screen--selection").color.a:
            return style
        return Style(bgcolor=style.bgcolor, reverse=style.reverse)

    @property
    def _style(self) -> Style:
        if self._own_style is None:
            self._own_style = self.rich_style
        return self._own_style

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._own_style = None

    def visible_text(self) -> str:
        if self._held is None:
            rows = [text_of(self._emulator.cells(y)) for y in range(self._emulator.rows)]
        else:
            rows = [strip.text.rstrip() for strip in self._held.rows]
        return "\n".join(rows)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract(self.visible_text()), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    # -- how it stands

    @property
    def following(self) -> bool:
        return self._held is None

    @property
    def typing(self) -> bool:
        """Whether keys go to the script."""
        return self.following and self.running

    @property
    def line(self) -> tuple[int | None, int | None]:
        """The number of the line at the top of the held window, and of the last one; None where not yet known."""
        return self._held.numbers if self._held else (None, None)

    @property
    def below(self) -> int:
        """Bytes that came since it holds."""
        return self._held.below if self._held else 0

    @property
    def first_line(self) -> int:
        """The offset of the line at the top of the window; of the end of the log while it follows."""
        if self._held:
            return self._held.first_line
        return self._scrollback.log.size if self._scrollback else 0
