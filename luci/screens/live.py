"""One run's terminal under a person's hands: typed into, or held, scrolled and searched."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from luci.screens.held import Held
from luci.screens.screenful import Screenful

WHEEL = 3  # rows
# keys that are never typed into a script
_OURS = {"shift+pageup", "shift+pagedown", "shift+up", "shift+down", "shift+home", "shift+end"}
_OURS |= {"f7", "shift+f7", "f8", "ctrl+pageup", "ctrl+pagedown"}


class Live(Screenful, can_focus=True):
    """It follows: keys go to the script, but for those that hold. Or it holds: the log stands still, keys scroll and
    search."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f8", "hold", "Scroll, search", key_display="esc"),
        Binding("escape,f8,f,end,shift+end,G", "follow", "Follow", key_display="esc"),
        Binding("c", "wake", "Continue"),
        Binding("ctrl+c", "interrupt", "Interrupt"),
        Binding("slash", "want('find')", "Search", key_display="/"),
        Binding("n", "want('next')", "Next"),
        Binding("N", "want('previous')", "Previous", show=False),
        Binding("y", "copy", "Copy"),
        Binding("s", "want('save')", "Save"),
        Binding("x", "want('stop')", "Stop"),
        Binding("r", "want('restart')", "Run again"),
        Binding("e", "want('edit')", "Edit"),
        Binding("w", "want('close')", "Close", show=False),
        Binding("f7,ctrl+pagedown", "want('later')", "Next run", show=False),
        Binding("shift+f7,ctrl+pageup", "want('earlier')", "Previous run", show=False),
        Binding("home,shift+home,g", "scroll_to_start", show=False),
        Binding("up,shift+up,k", "scroll_rows(-1)", show=False),
        Binding("down,shift+down,j", "scroll_rows(1)", show=False),
        Binding("pageup,shift+pageup,b", "scroll_pages(-1)", show=False),
        Binding("pagedown,shift+pagedown,space", "scroll_pages(1)", show=False),
    ]

    class Wanted(Message):
        """A key asked for what the pane around must do: find, next, previous, save, stop, restart, edit, close, or
        show the later or earlier run."""

        def __init__(self, what: str) -> None:
            self.what = what
            super().__init__()

    # -- following and holding

    def _hold(self) -> Held | None:
        if self._held is None and self._opened() and self._scrollback:
            self._held = Held(self._scrollback, self.size.height)
        return self._held

    def action_hold(self) -> None:
        if self.following and self._hold():
            self._tell()

    def action_follow(self) -> None:
        if not self.following:
            self._held = None
            self._emulator.changed()
            self._tell()

    def action_scroll_rows(self, by: int) -> None:
        if held := self._hold():
            if not held.move(by) and by > 0 and self.running:
                self.action_follow()
            else:
                self._tell()

    def action_scroll_pages(self, by: int) -> None:
        self.action_scroll_rows(by * max(1, self.size.height - 1))

    def action_scroll_to_start(self) -> None:
        if held := self._hold():
            held.to_start()
            self._tell()

    def show_line(self, offset: int) -> None:
        """Hold where the line with that offset is in sight."""
        if held := self._hold():
            held.to_line(offset)
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
        if what == "wake":
            return self.stopped
        if what in ("hold", "follow"):
            return (what == "hold") == self.following and (what == "follow" or self.running)
        if what in ("next", "previous") and not self.query_text:
            return False
        if what in ("stop", "interrupt"):
            return self.running and (what == "interrupt") == self.typing
        if what in ("restart", "close"):
            return not self.running
        if what in ("later", "earlier"):
            return True
        return not (self.typing and action in ("want", "copy"))

    def on_key(self, event: events.Key) -> None:
        if not self.typing or event.key in _OURS or (event.key == "ctrl+c" and self.terminal.by_line):
            return
        if self.stopped and event.key == "c":
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

    def action_wake(self) -> None:
        self.terminal.wake()

    def action_interrupt(self) -> None:
        self.terminal.write(b"\x03")

    def action_copy(self) -> None:
        selected = self.screen.get_selected_text()
        self.app.copy_to_clipboard(selected or self.visible_text())
        self.notify("The selection is copied." if selected else "What is in sight is copied.")

    def action_want(self, what: str) -> None:
        self.post_message(self.Wanted(what))
