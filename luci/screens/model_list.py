"""The models that can answer: found by a part of their names, to choose one."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from luci.chat.offers import Offer
from luci.config import Settings
from luci.screens.jobs import Job
from luci.screens.plain import harmless


class ModelList(ModalScreen[str | None]):
    """It is dismissed with the choice of one, None for none. `now` is the choice so far, "" where none was made."""

    CSS_PATH = "session_list.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("escape", "leave", "Leave"),
    ]

    def __init__(self, now: str, settings: Settings) -> None:
        super().__init__()
        self._now, self._settings = now, settings
        self._offer: Offer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="sessions"):
            yield Static("Who is to answer?", id="sessions-title")
            yield Input(placeholder="a part of its name", id="sessions-words", compact=True)
            yield OptionList(id="sessions-list", compact=True)
            yield Static("Asking what there is …", id="sessions-empty")
            yield Static("enter chooses · esc leaves it as it is")

    def on_mount(self) -> None:
        self.query_one("#sessions-list").display = False
        self.query_one("#sessions-empty").display = True
        Job(self, "models", self._now, self._settings).start()

    def on_job_finished(self, message: Job.Finished) -> None:
        message.stop()
        try:
            empty = self.query_one("#sessions-empty", Static)
        except NoMatches:  # the screen is going
            return
        if message.error:
            told = " ".join(filter(None, [message.error.message, message.error.cause, message.error.hint]))
            empty.update(Content.styled(harmless(told), "$text-error"))
            return
        self._offer = message.result
        self._list()

    @on(Input.Changed)
    def _list(self) -> None:
        if self._offer is None:
            return
        part = self.query_one(Input).value.strip().casefold()
        now, lines, empty = (
            self._offer.endpoint.model,
            self.query_one(OptionList),
            self.query_one("#sessions-empty", Static),
        )
        found = [name for name in self._offer.models if part in name.casefold()]
        lines.clear_options()
        lines.add_options(Option(_line(name, chosen=name == now), name) for name in found)
        lines.highlighted = (found.index(now) if now in found else 0) if found else None
        lines.display, empty.display = bool(found), not found
        empty.update(self._none(part))

    def _none(self, part: str) -> Content:
        assert self._offer
        host = self._offer.endpoint.host
        if self._offer.models:
            return Content(harmless(f"{host} lists none with {part!r}. `model NAME` takes one by its whole name."))
        return Content(harmless(self._offer.told))

    def action_move(self, way: int) -> None:
        lines = self.query_one(OptionList)
        lines.action_cursor_down() if way > 0 else lines.action_cursor_up()

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    def _take(self) -> None:
        lines = self.query_one(OptionList)
        if self._offer and lines.highlighted is not None:
            self.dismiss(self._offer.chosen(lines.get_option_at_index(lines.highlighted).id or ""))

    def action_leave(self) -> None:
        self.dismiss(None)


def _line(name: str, *, chosen: bool) -> Content:
    return Content.assemble(("● " if chosen else "  ", "$text-accent"), (harmless(name), "bold" if chosen else ""))
