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
from textual.widgets import Input, Static

from luci.context import Answer, Question
from luci.screens.conversation import Conversation
from luci.screens.plain import harmless

_OWN = {"escape", "enter", "space", "up", "down", "left", "right", "tab", "shift+tab", "pageup", "pagedown"}
SETTLED = 0.6  # seconds without a key, before a key is an answer: what was typed for the prompt approves nothing
_STYLES = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}  # lines of a difference


class Choice(Static, can_focus=True):
    """One answer, with its key on it. Enter takes it once a person has moved to it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "take", "Answer", show=False)]

    class Taken(Message):
        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    def __init__(self, key: str, text: str) -> None:
        self.key = key
        super().__init__(Content.assemble((f" {key} ", "bold reverse"), "  ", harmless(text)))

    def action_take(self) -> None:
        self.post_message(self.Taken(self.key))

    def on_click(self) -> None:
        self.action_take()


class QuestionPanel(ModalScreen[Answer]):
    """Asks one question. Closing it in any other way than by a yes is a no.

    No key answers before the person has stopped typing, so that nothing is approved by what was meant for elsewhere;
    Enter does nothing until a choice has been moved to.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('y')", "Yes"),
        Binding("s", "answer('s')", "Session", show=False),
        Binding("e", "answer('e')", "Edit", show=False),
        Binding("n,escape", "answer('n')", "No"),
        Binding("q", "answer('q')", "Stop", show=False),
        Binding("up,left", "app.focus_previous", "Previous", show=False),
        Binding("down,right", "app.focus_next", "Next", show=False),
        Binding("pageup", "scroll(-5)", "Up", show=False),
        Binding("pagedown", "scroll(5)", "Down", show=False),
    ]
    AUTO_FOCUS = ""

    class EditRequested(Message):
        """The draft is to be opened in the person's editor; `done` takes it back."""

        def __init__(self, question: Question, done: Callable[[str | None], None]) -> None:
            self.question, self.done = question, done
            super().__init__()

    def __init__(self, question: Question, answer: Callable[[Answer], None] = lambda answer: None) -> None:
        super().__init__()
        self.question, self._answer = question, answer
        self._withdrawn = False
        self._timer: Timer | None = None

    @property
    def is_settled(self) -> bool:
        return self.has_class("-settled")

    @property
    def choices(self) -> dict[str, str]:
        """What can be answered, by its key."""
        question = self.question
        found = {"y": question.yes, "s": question.lasting, "n": question.no}
        if question.draft is not None:
            found["e"] = "Edit it first"
        if question.kind.startswith("leave"):
            found["q"] = "No, and stop"
        return {key: found[key] for key in "ysenq" if found.get(key)}

    def compose(self) -> ComposeResult:
        question = self.question
        with Vertical(id="question", classes="-many" if len(self.choices) > 2 else ""):
            yield Static("the assistant asks" if self._is_asked_for_words else "luci asks", classes="asks")
            yield Static(Content(harmless(question.text)), classes="text")
            with VerticalScroll(classes="details", can_focus=False):
                yield Static(Content("\n").join(map(self._told, question.details)))
            yield Static(f"{len(question.details):,} lines; page up and page down move in them", classes="note")
            with Vertical(classes="choices"):
                for key, text in self.choices.items():
                    yield Choice(key, text)
            yield Input(placeholder=self._placeholder, classes="words")

    def _told(self, line: str) -> Content:
        if self._is_difference:
            return Content.styled(harmless(line) or " ", _STYLES.get(line[:1], ""))
        return Content.assemble(("• ", "$text-accent"), harmless(line))

    @property
    def _is_difference(self) -> bool:
        return self.question.draft is not None or self.question.details[0].startswith("--- ")

    @property
    def _is_asked_for_words(self) -> bool:
        return self.question.kind == "reply"

    @property
    def _placeholder(self) -> str:
        return "your answer; esc says nothing" if self._is_asked_for_words else "why not? enter for no reason"

    def on_mount(self) -> None:
        self.query_one(".details").display = bool(self.question.details)
        self.query_one(Input).display = self._is_asked_for_words
        self.query_one(".choices").display = not self._is_asked_for_words
        self._wait_until_settled()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        """Say whether there is more than is shown, and let what led to the question be seen above it."""
        for details in self.query(".details"):  # there is none any more where it was answered meanwhile
            self.query_one(".note").display = details.display and details.max_scroll_y > 0
            self.call_after_refresh(self._uncover)

    def _uncover(self) -> None:
        for panel in self.query("#question"):
            self._take_room(panel.outer_size.height)

    def on_unmount(self) -> None:
        if not isinstance(self.app.screen, QuestionPanel):
            self._take_room(0)

    def _take_room(self, rows: int) -> None:
        for conversation in self.app.screen_stack[0].query(Conversation):
            conversation.give_way(rows)

    def _wait_until_settled(self) -> None:
        if self._timer:
            self._timer.stop()
        self._timer = self.set_timer(SETTLED, self._settle)

    def _settle(self) -> None:
        self.add_class("-settled")
        if self._is_asked_for_words:
            self.query_one(Input).focus()

    def on_key(self, event: events.Key) -> None:
        if self.query_one(Input).has_focus:  # words are typed, and they are for here
            return
        if event.key not in {
            *_OWN,
            *self.choices,
        }:  # who types words types them for another place: none of their letters is an answer
            self.remove_class("-settled")
        if not self.is_settled:  # before this, keys were meant for what was there before the question
            event.stop()
            event.prevent_default()
            self._wait_until_settled()

    def on_choice_taken(self, message: Choice.Taken) -> None:
        self.action_answer(message.key)

    def action_scroll(self, lines: int) -> None:
        self.query_one(".details").scroll_relative(y=lines)

    def withdraw(self) -> None:
        """Nobody waits for the answer any more."""
        self._withdrawn = True
        if self.is_current:
            self.dismiss(Answer(False))

    def on_screen_resume(self) -> None:
        if self._withdrawn:
            self.dismiss(Answer(False))

    def action_answer(self, key: str) -> None:
        if key not in self.choices:
            return
        if key == "e":
            self.post_message(self.EditRequested(self.question, self._edited))
        elif self.question.wants_words and (key == "n" or self.question.kind == "reply") and not self._is_worded:
            words = self.query_one(Input)
            words.display = True
            words.focus()
        else:
            self._end(Answer(key in "ys", lasting=key == "s", stop=key == "q"))

    @property
    def _is_worded(self) -> bool:
        return self.query_one(Input).display

    def _edited(self, text: str | None) -> None:
        if text is not None and text != self.question.draft:
            self._end(Answer(True, text=text))

    def on_input_submitted(self, message: Input.Submitted) -> None:
        said = message.value.strip()
        if self.question.kind == "reply":
            self._end(Answer(bool(said), text=said))
        else:
            self._end(Answer(False, reason=said))

    def _end(self, answer: Answer) -> None:
        self._answer(answer)
        self.dismiss(answer)
