"""The panel that asks: everything a yes would cover, and one key for each answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Static

from luci.context import Question
from luci.screens.plain import harmless

_OWN = {"y", "n", "escape", "enter", "space", "up", "down", "left", "right", "tab", "shift+tab", "pageup", "pagedown"}
SETTLED = 0.6  # seconds without a key, before a key is an answer: what was typed for the prompt approves nothing


class Choice(Static, can_focus=True):
    """One answer, with its key on it. Enter takes it once a person has moved to it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "take", "Answer", show=False)]

    class Taken(Message):
        def __init__(self, yes: bool) -> None:
            self.yes = yes
            super().__init__()

    def __init__(self, key: str, text: str, *, yes: bool) -> None:
        self.yes = yes
        super().__init__(Content.assemble((f" {key} ", "bold reverse"), "  ", harmless(text)))

    def action_take(self) -> None:
        self.post_message(self.Taken(self.yes))

    def on_click(self) -> None:
        self.action_take()


class QuestionPanel(ModalScreen[bool]):
    """Asks one question. Closing it in any other way than by a yes is a no.

    No key answers before the person has stopped typing, so that nothing is approved by what was meant for elsewhere;
    Enter does nothing until a choice has been moved to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("up,left", "app.focus_previous", "Previous", show=False),
        Binding("down,right", "app.focus_next", "Next", show=False),
        Binding("pageup", "scroll(-5)", "Up", show=False),
        Binding("pagedown", "scroll(5)", "Down", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, question: Question, answer: Callable[[bool], None] = lambda yes: None) -> None:
        super().__init__()
        self.question, self._answer = question, answer
        self._withdrawn = False
        self._timer: Timer | None = None

    @property
    def is_settled(self) -> bool:
        return self.has_class("-settled")

    def compose(self) -> ComposeResult:
        question = self.question
        with Vertical(id="question"):
            yield Static("luci asks", classes="asks")
            yield Static(Content(harmless(question.text)), classes="text")
            with VerticalScroll(classes="details", can_focus=False):
                for line in question.details:
                    yield Static(Content.assemble(("• ", "$text-accent"), harmless(line)))
            with Vertical(classes="choices"):
                yield Choice("y", question.yes, yes=True)
                yield Choice("n", question.no, yes=False)

    def on_mount(self) -> None:
        self.query_one(".details").display = bool(self.question.details)
        self._wait_until_settled()

    def _wait_until_settled(self) -> None:
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(SETTLED, lambda: self.add_class("-settled"))

    def on_key(self, event: events.Key) -> None:
        if event.key not in _OWN:  # who types words types them for another place: none of their letters is an answer
            self.remove_class("-settled")
        if not self.is_settled:  # before this, keys were meant for what was there before the question
            event.stop()
            event.prevent_default()
            self._wait_until_settled()

    def on_choice_taken(self, message: Choice.Taken) -> None:
        self.action_answer(message.yes)

    def action_scroll(self, lines: int) -> None:
        self.query_one(".details").scroll_relative(y=lines)

    def withdraw(self) -> None:
        """Nobody waits for the answer any more."""
        self._withdrawn = True
        if self.is_current:
            self.dismiss(False)

    def on_screen_resume(self) -> None:
        if self._withdrawn:
            self.dismiss(False)

    def action_answer(self, yes: bool) -> None:
        self._answer(yes)
        self.dismiss(yes)
