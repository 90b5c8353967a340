"""The terminal app: theme, palette, questions; the screens get their context from here."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.reactive import Initialize, Reactive
from textual.theme import Theme

from luci import config
from luci.config import Settings
from luci.screens import themes
from luci.screens.home import Home
from luci.screens.jobs import Job
from luci.screens.question import QuestionPanel


class LuciApp(App[int]):
    """luci as a person lives in it."""

    TITLE = "luci"
    CSS_PATH = "screens/app.tcss"
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", priority=True),
        Binding("ctrl+p", "command_palette", "Palette", priority=True),
        Binding("ctrl+q", "quit", "Quit", priority=True, show=False),
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
        self._asked: deque[Job.Asked] = deque()

    @property
    def available_themes(self) -> dict[str, Theme]:
        return themes.ALL

    def get_default_screen(self) -> Home:
        return Home(lambda: self.settings)

    # questions, one after the other

    def on_job_asked(self, message: Job.Asked) -> None:
        self._asked.append(message)
        if len(self._asked) == 1:
            self._ask_next()

    def action_help(self) -> None:
        from luci.screens.help import Help

        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    def on_job_finished(self, message: Job.Finished) -> None:
        if message.job.name == "config" and message.error is None:
            self.settings = config.load()
            self.theme = themes.name_of(self.settings.app.theme)
        for asked in [asked for asked in self._asked if asked.job is message.job]:
            if isinstance(self.screen, QuestionPanel) and asked is self._asked[0]:
                self.screen.dismiss(False)
            else:
                self._asked.remove(asked)

    def _ask_next(self) -> None:
        if self._asked:
            asked = self._asked[0]
            self.push_screen(QuestionPanel(asked.job, asked.question, asked.answer), lambda _: self._answered())

    def _answered(self) -> None:
        self._asked.popleft()
        self._ask_next()


def main() -> int:
    """Open the app; return its exit code."""
    return LuciApp(config.load()).run() or 0
