"""The one screen: the conversation, the live output, and the environments."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from luci.actions import lines
from luci.config import Settings
from luci.errors import LuciError
from luci.screens.bar import PLACES, Bar, Hints, Place
from luci.screens.card import Card
from luci.screens.conversation import Conversation
from luci.screens.jobs import Job
from luci.screens.prompt import Prompt

if TYPE_CHECKING:
    from luci.runner.request import RunRequest


class Home(Screen[None]):
    """Puts the three places beside each other where there is room, else shows one at a time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"go('{place}')", name, show=False, priority=True) for place, key, name in PLACES),
        Binding("f5", "widen", "Full width", show=False, priority=True),
    ]

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__(classes="-at-conversation -beside-output")
        self._settings = settings
        self._last: RunRequest | None = None

    def compose(self) -> ComposeResult:
        yield Bar(_short(os.getcwd()))
        with Horizontal(id="places"):
            with Vertical(id="talk"):
                yield Conversation(id="conversation")
                yield Prompt(self.running_names)
            with Vertical(id="beside"):
                yield Static("Nothing runs.", id="no-output")
        yield Hints()

    def on_mount(self) -> None:
        self.query_one(Prompt).line.focus()

    @property
    def conversation(self) -> Conversation:
        return self.query_one(Conversation)

    # the places

    def go(self, place: Place) -> None:
        for other, _, _ in PLACES:
            self.set_class(other == place, f"-at-{other}")
            if place != "conversation":
                self.set_class(other == place, f"-beside-{other}")
        self.query_one(Bar).here = place
        if place == "conversation":
            self.query_one(Prompt).line.focus()

    def action_go(self, place: Place) -> None:
        self.go(place)

    def action_widen(self) -> None:
        self.toggle_class("-full")

    # what is typed

    async def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        try:
            meaning = lines.understand(message.text, self._last)
        except LuciError as error:
            self.conversation.said(message.text)
            self.conversation.reply(error.message, error.hint or error.cause, error=True)
            return
        match meaning:
            case lines.Perform("run", request):
                self.run_script(request)
            case lines.Perform(action, request):
                self.perform(action, request)
            case lines.Go("help"):
                await self.app.run_action("help")
            case lines.Go(place):
                self.go(place)  # type: ignore[arg-type]
            case lines.Stop(script, everything):
                self.stop(script, everything)
            case lines.Clear():
                self.conversation.clear()
            case lines.Leave():
                await self.app.run_action("quit")
            case lines.Nothing(text, hint):
                self.conversation.said(message.text)
                self.conversation.reply(text, hint)

    def run_script(self, request: RunRequest) -> None:
        self._last = request
        card = self.conversation.card(" ".join([request.script, *request.args]))
        card.begin(Job(card, "run", replace(request, become=False, record=True), self._settings()))

    def perform(self, action: str, request: Any) -> None:
        card = self.conversation.card(action)
        card.begin(Job(card, action, request, self._settings()))

    # what runs

    @property
    def running(self) -> list[Card]:
        return [card for card in self.conversation.cards if card.job and not card.story.is_over]

    def running_names(self) -> tuple[str, ...]:
        return tuple(card.heading.partition(" ")[0] for card in self.running)

    def stop(self, script: str = "", everything: bool = False) -> None:
        found = [card for card in self.running if not script or script in card.heading]
        if not found:
            self.conversation.reply("Nothing runs." if not script else f"Nothing that runs is named {script}.")
        for card in found if everything or script else found[-1:]:
            if card.job:
                card.job.stop()

    def on_card_stop_requested(self, message: Card.StopRequested) -> None:
        message.job.stop()

    def on_card_again(self, message: Card.Again) -> None:
        if message.job.name == "run":
            self.run_script(message.job.request)
        else:
            self.perform(message.job.name, message.job.request)

    def on_prompt_interrupted(self) -> None:
        if self.running:
            self.stop()
        else:
            self.notify("ctrl+q quits.")


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path == home or path.startswith(home + os.sep) else path
