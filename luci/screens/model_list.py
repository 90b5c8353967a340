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
        offer, part = self._offer, self.query_one(Input).value.strip().casefold()
        now = offer.endpoint.model if offer.endpoint else ""
        rows = {offer.chosen(name): _line(name, chosen=name == now) for name in offer.models}
        rows |= {name: _line(name, about) for name, about in offer.others.items()}
        found = [said for said in rows if part in said.casefold()]
        lines, empty = self.query_one(OptionList), self.query_one("#sessions-empty", Static)
        lines.clear_options()
        lines.add_options(Option(rows[said], said) for said in found)
        here = offer.chosen(now)
        lines.highlighted = (found.index(here) if here in found else 0) if found else None
        lines.display = bool(found)
        unknown = f"None of them is called {part!r}. `model NAME` takes one by its whole name."
        told = "" if offer.models and found else unknown if part else offer.told
        empty.display = bool(told)
        empty.update(Content(harmless(told)))

    def action_move(self, way: int) -> None:
        lines = self.query_one(OptionList)
        lines.action_cursor_down() if way > 0 else lines.action_cursor_up()

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    def _take(self) -> None:
        lines = self.query_one(OptionList)
        if lines.highlighted is not None:
            self.dismiss(lines.get_option_at_index(lines.highlighted).id)

    def action_leave(self) -> None:
        self.dismiss(None)


def _line(name: str, about: str = "", *, chosen: bool = False) -> Content:
    style = "bold" if chosen else "$foreground 60%" if about else ""
    told = (f"  {harmless(about)}", "$foreground 60%") if about else ""
    return Content.assemble(("● " if chosen else "  ", "$text-accent"), (harmless(name), style), told)
