"""The terminal app: theme, palette, questions; the screens get their context from here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, ClassVar, NoReturn

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.reactive import Initialize, Reactive
from textual.theme import Theme

from luci import config, paths, process
from luci.config import Settings
from luci.context import Question
from luci.screens import themes
from luci.screens.home import Home
from luci.screens.jobs import Job, stop_all
from luci.screens.question import QuestionPanel
from luci.screens.terminal import show_error
from luci.screens.turns import PATIENCE, Turn, Turns
from luci.terminals.rescue import Rescue

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.driver import Driver

    from luci.errors import LuciError

POLITE = 0.3  # seconds in which what was asked to end may do so, once the app has left the terminal
FIRM = 3.0  # and then at most for what is killed to be noted as ended: on a machine that is not busy, a moment
WEDGED = 6.0  # seconds after which an app that was told to end is not waited for


def _palette() -> type[Provider]:
    from luci.screens.palette import Actions

    return Actions


class LuciApp(App[int]):
    """luci as a person lives in it."""

    TITLE = "luci"
    CSS_PATH = "screens/app.tcss"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS = {_palette}  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", priority=True),
        Binding("ctrl+p", "command_palette", "Palette", priority=True),
        Binding("ctrl+q", "quit", "Quit", priority=True, show=False),
        Binding("ctrl+z", "suspend_process", "To the shell; fg comes back", priority=True, show=False),
    ]

    def _first_theme(self) -> str:
        return themes.name_of(self.settings.app.theme)

    # set later, it would have everything styled twice
    theme: Reactive[str] = Reactive(Initialize(_first_theme))

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()
        if not settings.app.motion:
            self.animation_level = "none"
        self._turns = Turns()
        self._asked: deque[Job.Asked] = deque()
        self._panel: QuestionPanel | None = None  # for the first of those
        self.crash: LuciError | None = None  # what to tell of an error that nobody expected
        self.signal = 0  # the one that ended the app
        self.rescue = Rescue(paths.state() / "crashes")

    def get_driver_class(self) -> type[Driver]:
        if sys.platform == "win32":
            return super().get_driver_class()
        from luci.screens.driver import Driver

        return Driver

    def get_key_display(self, binding: Binding) -> str:
        return re.sub(r"\bf(\d+)$", r"F\1", super().get_key_display(binding))  # as it is written on the key

    @property
    def available_themes(self) -> dict[str, Theme]:
        return themes.ALL

    def get_default_screen(self) -> Home:
        return Home(lambda: self.settings)

    @property
    def home(self) -> Home:
        home = self.screen_stack[0]
        assert isinstance(home, Home)
        return home

    # keys, one after the other

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif event.is_forwarded:
            self._turns.came_back()
            await super().on_event(event)
        elif not self._turns.must_wait(event):
            target = self.focused or self.screen
            await super().on_event(event)
            if isinstance(event, events.Key):
                self._turns.follow(target, taken=event.is_forwarded)
                asyncio.get_running_loop().call_later(PATIENCE, self._end_turn, self._turns.number)

    def on_turn(self, message: Turn) -> None:
        if self._turns.is_over(message):
            self.call_later(self._end_turn, message.number)  # behind the focus, which is set later as well

    async def _next_keys(self) -> None:
        while self._turns.waiting:
            event = self._turns.waiting.popleft()
            await self.on_event(event)
            if isinstance(event, events.Key):
                break

    def _end_turn(self, number: int) -> None:
        if self._turns.end(number) and self._turns.waiting:
            self.call_next(self._next_keys)

    # questions, one after the other

    def on_job_asked(self, message: Job.Asked) -> None:
        self._asked.append(message)
        if len(self._asked) == 1:
            self._ask_next()

    def _ask_next(self) -> None:
        self._panel = None
        if self._asked and self.is_running:
            asked = self._asked[0]
            self._panel = QuestionPanel(asked.question, asked.answer)
            self.push_screen(self._panel, lambda _: self._answered())

    def on_question_panel_edit_requested(self, message: QuestionPanel.EditRequested) -> None:
        from luci.screens.asked import edited_draft

        message.done(edited_draft(message.question, self.home.lend))

    def _answered(self) -> None:
        self._asked.popleft()
        self._ask_next()

    def on_job_finished(self, message: Job.Finished) -> None:
        if message.job.name == "config" and message.error is None:
            self.settings = config.load()
            self.theme = themes.name_of(self.settings.app.theme)
        for asked in [asked for asked in self._asked if asked.job is message.job]:
            if self._panel and asked is self._asked[0]:
                self._panel.withdraw()
            else:
                self._asked.remove(asked)

    def action_help(self) -> None:
        from luci.screens.help import Help

        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    # the end, and pauses

    async def action_quit(self) -> None:
        """Leave; what is not over is told first."""
        unfinished = self.home.unfinished
        if left := len(process.left_running()):
            what = "1 process" if left == 1 else f"{left} processes"
            unfinished += (f"{what} that scripts left running: told that the terminal closes",)
        if not unfinished:
            self.exit()
        elif not any(
            isinstance(screen, QuestionPanel) and screen.question.kind == "quit" for screen in self.screen_stack
        ):
            question = Question("quit", "Quit luci now?", unfinished, yes="End that, and quit", no="Stay")
            self.push_screen(QuestionPanel(question), lambda yes: self.leave() if yes else None)

    def leave(self, code: int = 0) -> None:
        stop_all(0)  # it may take as long as the screen does
        self.exit(return_code=code)

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))  # the shell has written there
        if not self.is_headless and sys.platform != "win32":
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.end_by, number)
            self.call_after_refresh(self.rescue.begin)  # the first paint is not to wait for it

    def lose_terminal(self) -> None:
        self.end_by(signal.SIGHUP)

    def end_by(self, number: int) -> None:
        """End because of a signal, without questions; whatever happens on the way, it does end."""
        if not self.signal:
            self.signal = number
            last = threading.Timer(WEDGED, _give_up, [number, self.rescue])
            last.daemon = True
            last.start()
            self.leave(128 + number)

    def _handle_exception(self, error: Exception) -> None:
        """End because of an error that nobody expected. Textual's own way shows values on the terminal."""
        from luci import crashes

        if self.crash is None:
            self.crash = crashes.noted(error)
            self._exception = error
            self._exception_event.set()
        self._return_code = 1
        self._close_messages_no_wait()


def main() -> NoReturn:
    """Open the app; when it is over, so is this process."""
    app = LuciApp(config.load())
    try:
        app.run()
    finally:
        app.rescue.over()
        _end_all()
    if app.crash and not app.signal:
        show_error(app.crash)
    _leave(128 + app.signal if app.signal else app.return_code or 0)


def _end_all() -> None:
    """End what was started and is not over, so that all of it is over when we are."""
    process.hang_up()
    if not stop_all(POLITE):
        process.kill_all()
        stop_all(FIRM)


def _give_up(number: int, rescue: Rescue) -> None:
    rescue.over()
    process.kill_all()
    _leave(128 + number)


def _leave(code: int) -> NoReturn:
    """End without the ceremonies of an interpreter: they take half a second, and need a terminal."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
