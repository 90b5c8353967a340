"""What a script writes, as a terminal shows it: live and typed into, or held, scrolled and searched."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from luci.screens.emulator import Emulator
from luci.screens.feed import Feed
from luci.screens.ink import strip_of, text_of
from luci.screens.scrollback import Place, Scrollback
from luci.terminals import Terminal

SLICE = 0.006  # seconds of emulation between two looks at the keyboard
GAP = 0.004  # seconds for others between two slices
FLOOD_GAP = 0.03
FRAME, FLOOD_FRAME = 1 / 30, 1 / 15
SHARE = 4  # a frame that took long is followed by so many times as long for others
LOOK = 0.2
WHEEL = 3  # rows
_SCROLLS = {"shift+pageup", "shift+pagedown", "shift+up", "shift+down", "shift+home", "shift+end", "f8"}


class Live(Widget, can_focus=True):
    """One run's terminal.

    It follows: keys go to the script, but for those that hold. Or it holds: the log stands still, keys scroll and
    search.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"live--cursor", "live--match"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f8", "hold", "Scroll, search", key_display="esc"),
        Binding("escape,f8,f,end,shift+end,G", "follow", "Follow", key_display="esc"),
        Binding("ctrl+c", "interrupt", "Interrupt"),
        Binding("slash", "want('find')", "Search", key_display="/"),
        Binding("n", "want('next')", "Next"),
        Binding("N", "want('previous')", "Previous", show=False),
        Binding("y", "copy", "Copy"),
        Binding("s", "want('save')", "Save"),
        Binding("x", "want('stop')", "Stop"),
        Binding("r", "want('restart')", "Run again"),
        Binding("e", "want('edit')", "Edit"),
        Binding("home,shift+home,g", "scroll_rows('start')", show=False),
        Binding("up,shift+up,k", "scroll_rows(-1)", show=False),
        Binding("down,shift+down,j", "scroll_rows(1)", show=False),
        Binding("pageup,shift+pageup,b", "scroll_pages(-1)", show=False),
        Binding("pagedown,shift+pagedown,space", "scroll_pages(1)", show=False),
    ]

    class Changed(Message):
        """Whether it follows, waits, how far it is: something that is told beside the output changed."""

    class Grew(Message):
        """There is more in the log. Posted by the terminal's thread."""

    class Wanted(Message):
        """A key asked for what the pane around must do: find, next, previous, save, stop, restart, edit."""

        def __init__(self, what: str) -> None:
            self.what = what
            super().__init__()

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.terminal = terminal
        self.running = True
        self.waiting = False
        self.hidden = False  # whether what is typed does not show
        self.top: Place | None = None  # of the window while it holds
        self.query_text = ""
        self._emulator = Emulator(terminal.columns, terminal.rows, reply=terminal.write)
        self._feed: Feed | None = None
        self._scrollback: Scrollback | None = None
        self._held_size = 0
        self._working = self._told = False
        self._next_paint = 0.0
        self._paint_due = False
        self._cursor_row = 0
        self._still_at = -1

    # -- from the log to the screen

    def on_mount(self) -> None:
        self.terminal.grew = self._hear
        self.set_interval(LOOK, self._look)
        self._hear()

    def on_unmount(self) -> None:
        self.terminal.grew = lambda: None

    def _hear(self) -> None:
        if not self._told:
            self._told = True
            self.post_message(self.Grew())

    def on_live_grew(self) -> None:
        self._told = False
        if not self._working:
            self._work()

    def _work(self) -> None:
        """Feed the emulator for a moment, and again later while there is more."""
        self._working = False
        if not self.is_attached or (feed := self._opened()) is None:
            return
        began = time.monotonic()
        if feed.advance(SLICE):
            self._working = True
            gap = max(FLOOD_GAP if feed.flooded else GAP, time.monotonic() - began)
            asyncio.get_running_loop().call_later(gap, self._work)
        self._paint_soon()

    def _opened(self) -> Feed | None:
        if self._feed is None and self.terminal.output is not None:
            self._feed = Feed(self.terminal.output, self._emulator)
            self._scrollback = Scrollback(self.terminal.output, self._emulator.columns, self._emulator.rows)
        return self._feed

    def _paint_soon(self) -> None:
        if self._paint_due or not self.following:
            return
        self._paint_due = True
        wait = self._next_paint - time.monotonic()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._paint)
        else:
            self._paint()

    def _paint(self) -> None:
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
        began = time.monotonic()
        self._next_paint = began + (FLOOD_FRAME if self._working else FRAME)
        self.call_after_refresh(self._painted, began)

    def _painted(self, began: float) -> None:
        now = time.monotonic()
        self._next_paint = max(self._next_paint, now + SHARE * (now - began))

    def _look(self) -> None:
        """See now and then what nobody tells: whether the script waits for input, how long the log has become."""
        if not self.is_attached:
            return
        feed = self._opened()
        size = feed.log.size if feed else 0
        still = size == self._still_at
        self._still_at = size
        waiting = self.running and (still or self.waiting) and not self._working and self.terminal.waiting
        hidden = waiting and not self.terminal.echo
        if (waiting, hidden) != (self.waiting, self.hidden):
            self.waiting, self.hidden = waiting, hidden
            self.post_message(self.Changed())
        if feed and not self.following:
            feed.log.count_lines(SLICE)
            if not still and self._shows_end:
                self.refresh()
            self.post_message(self.Changed())

    def ended(self) -> None:
        self.running = self.waiting = self.hidden = False
        if not self.is_attached:
            return
        self.refresh_bindings()
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        columns, rows = event.size
        if columns < 2 or rows < 2 or (columns, rows) == (self._emulator.columns, self._emulator.rows):
            return
        self.terminal.resize(columns, rows)
        offset = self._scrollback.offset_of(self.top) if self._scrollback and self.top else 0
        if self._feed and not self._emulator.alternate:
            self._emulator = Emulator(columns, rows)
            self._feed.restart(self._emulator)
            self._emulator.reply = self.terminal.write
        else:
            self._emulator.resize(columns, rows)
        if self._scrollback:
            self._scrollback = Scrollback(self._scrollback.log, columns, rows)
            if self.top is not None:
                self.top = self._scrollback.moved(self._scrollback.place_of(offset), 0, rows)
        self.refresh()

    # -- drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self.following:
            strip = self._drawn(strip_of(self._emulator.cells(y), width), y)
        else:
            rows = self._rows()
            strip = self._marked(rows[y][0]) if y < len(rows) else Strip([])
        strip = strip.adjust_cell_length(width).apply_style(self.rich_style)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            start, end = span
            style = self.screen.get_component_rich_style("screen--selection")
            before, inside, after = strip.divide([start, width if end < 0 else end, width])
            strip = Strip.join([before, inside.apply_style(style), after])
        return strip.apply_offsets(0, y)

    def _drawn(self, strip: Strip, y: int) -> Strip:
        """Return a row of the live screen, with the cursor where it stands in it."""
        cursor = self._emulator.cursor
        if cursor is None or cursor[1] != y or not self.running or not self.has_focus:
            return strip
        x, width = cursor[0], self.size.width
        before, under, after = strip.adjust_cell_length(width).divide([x, min(x + 1, width), width])
        return Strip.join([before, under.apply_style(self.get_component_rich_style("live--cursor")), after])

    def _marked(self, strip: Strip) -> Strip:
        """Return a row with what was searched for marked."""
        query, text = self.query_text, strip.text
        if not query:
            return strip
        if query == query.lower():
            text = text.lower()
        if len(text) != len(strip.text):
            return strip
        style = self.get_component_rich_style("live--match")
        found = text.find(query)
        while found >= 0:
            start, end = cell_len(strip.text[:found]), cell_len(strip.text[: found + len(query)])
            parts = strip.divide([start, end, strip.cell_length])
            marked = Strip([type(s)(s.text, (s.style or style) + style) for s in parts[1]])
            strip = Strip.join([parts[0], marked, parts[2]]) if len(parts) > 2 else Strip.join([parts[0], marked])
            found = text.find(query, found + len(query))
        return strip

    def _rows(self) -> list[tuple[Strip, int]]:
        if self._scrollback is None or self.top is None:
            return []
        return self._scrollback.window(self.top, self.size.height)

    def visible_text(self) -> str:
        if self.following:
            rows = [text_of(self._emulator.cells(y)) for y in range(self._emulator.rows)]
        else:
            rows = [strip.text.rstrip() for strip, _ in self._rows()]
        return "\n".join(rows)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract(self.visible_text()), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    # -- following and holding

    @property
    def following(self) -> bool:
        return self.top is None

    @property
    def typing(self) -> bool:
        """Whether keys go to the script."""
        return self.following and self.running

    @property
    def line(self) -> tuple[int | None, int | None]:
        """The number of the line at the top of the held window, and of the last one; None where not yet known."""
        if self._scrollback is None or self.top is None:
            return None, None
        log = self._scrollback.log
        return log.number_of(self._scrollback.offset_of(self.top)), log.number_of(max(0, log.size - 1))

    @property
    def below(self) -> int:
        """Bytes that came since it holds."""
        return self._scrollback.log.size - self._held_size if self._scrollback and not self.following else 0

    @property
    def _shows_end(self) -> bool:
        return self.top is not None and self._scrollback is not None and len(self._rows()) < self.size.height

    def action_hold(self) -> None:
        if self.following and self._opened() and self._scrollback:
            self._held_size = self._scrollback.log.size
            self._move_to(self._scrollback.bottom(self.size.height))

    def action_follow(self) -> None:
        if not self.following:
            self.top = None
            self._emulator.changed()
            self._tell()

    def action_scroll_rows(self, by: int | str) -> None:
        if self._opened() is None or self._scrollback is None:
            return
        self.action_hold()
        if self.top is None:
            return
        if isinstance(by, str):
            self._move_to(Place())
            return
        moved = self._scrollback.moved(self.top, by, self.size.height)
        if by > 0 and moved == self.top and self.running:
            self.action_follow()
        else:
            self._move_to(moved)

    def action_scroll_pages(self, by: int) -> None:
        self.action_scroll_rows(by * max(1, self.size.height - 1))

    def show_line(self, offset: int) -> None:
        """Hold where the line with that offset is in sight, a third down the window."""
        self.action_hold()
        if self._scrollback and self.top is not None:
            place = self._scrollback.place_of(offset)
            self._move_to(self._scrollback.moved(place, -(self.size.height // 3), self.size.height))

    @property
    def first_line(self) -> int:
        """The offset of the line at the top of the window; of the end of the log while it follows."""
        if self._scrollback is None:
            return 0
        return self._scrollback.log.size if self.top is None else self._scrollback.offset_of(self.top)

    def _move_to(self, place: Place) -> None:
        self.top = place
        self._tell()

    def _tell(self) -> None:
        with contextlib.suppress(AttributeError):
            self.screen.clear_selection()
        self.refresh()
        self.refresh_bindings()
        self.post_message(self.Changed())

    # -- keys and the mouse

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        what = parameters[0] if action == "want" else action
        if what in ("hold", "follow"):
            return (what == "hold") == self.following and (what == "follow" or self.running)
        if what in ("next", "previous") and not self.query_text:
            return False
        if what in ("stop", "interrupt"):
            return self.running and (what == "interrupt") == self.typing
        if what == "restart":
            return not self.running
        return not (self.typing and action in ("want", "copy"))

    def on_key(self, event: events.Key) -> None:
        if not self.typing or event.key in _SCROLLS or (event.key == "ctrl+c" and self.terminal.by_line):
            return
        if event.key in ("escape", "tab", "shift+tab") and self.terminal.by_line and not self._emulator.alternate:
            return
        event.stop()
        event.prevent_default()
        self._emulator.key(event.key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        if self.typing:
            event.stop()
            self._emulator.paste(event.text)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._wheel(event, 1)

    def _wheel(self, event: events.MouseEvent, way: int) -> None:
        if self.typing and self._emulator.wants_mouse and not event.shift:
            self._emulator.mouse(event.x, event.y, 64 if way < 0 else 65, "press", ())
        elif self.typing and self._emulator.alternate:
            for _ in range(WHEEL):
                self._emulator.key("up" if way < 0 else "down", None)
        elif way < 0 or not self.following:
            self.action_scroll_rows(way * WHEEL)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._click(event, "press")

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self._click(event, "release")

    def _click(self, event: events.MouseEvent, kind: str) -> None:
        if self.typing and self._emulator.wants_mouse and not event.shift and event.button:
            self._emulator.mouse(event.x, event.y, event.button - 1, kind, ())

    @property
    def allow_select(self) -> bool:
        return not (self.typing and self._emulator.wants_mouse)

    def action_interrupt(self) -> None:
        self.terminal.write(b"\x03")

    def action_copy(self) -> None:
        selected = self.screen.get_selected_text()
        self.app.copy_to_clipboard(selected or self.visible_text())
        self.notify("The selection is copied." if selected else "What is in sight is copied.")

    def action_want(self, what: str) -> None:
        self.post_message(self.Wanted(what))
