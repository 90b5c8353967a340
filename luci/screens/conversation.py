"""What was asked and what came of it, from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from luci.screens.card import Card
from luci.screens.doing import Doing
from luci.screens.plain import harmless

if TYPE_CHECKING:
    from luci.chat.sessions import Entry
    from luci.screens.dialogue import Dialogue

MOST = 120  # things that are shown: with more, what is older is in the sessions and the runs
_FIRST = (
    ("say it", "what you want, once a model is set up"),
    ("run FILE.py", "run a script with all it imports"),
    ("plan FILE.py", "see what that would install, and why"),
    ("envs", "look at the environments"),
    ("/", "every command, completed as you type"),
)


class Welcome(Static):
    """What a person can do, while nothing was done yet."""

    def __init__(self) -> None:
        rows = [Content.assemble((f"{typed:<15}", "bold $text-accent"), about) for typed, about in _FIRST]
        about = Content.styled(
            "Runs a Python script that has imports and nothing else: finds the packages, keeps an environment for them,"
            " and mends what turns out missing.",
            "$foreground 60%",
        )
        super().__init__(Content("\n").join([about, Content(""), *rows]))


class Conversation(VerticalScroll, can_focus=False):
    """Lines that were typed, cards of what was done, and replies. It follows its end unless the person scrolled up."""

    def compose(self) -> ComposeResult:
        yield Welcome()

    def on_mount(self) -> None:
        self.anchor()

    def said(self, text: str) -> None:
        """Show a line that the person typed."""
        self._add(Static(Content.assemble(("❯ ", "$text-accent"), (harmless(text), "bold")), classes="said"))

    def reply(self, text: str, hint: str = "", *, error: bool = False) -> None:
        lines = [Content.styled(harmless(text), "$text-error" if error else "")]
        if hint:
            lines.append(Content.styled(harmless(hint), "$foreground 60%"))
        self._add(Static(Content("\n").join(lines), classes="reply"))

    def retell(self, entries: Iterable[Entry], left_out: int) -> None:
        """Show a past conversation as it was, the last of it where it is long."""
        from luci.screens.retold import REQUESTS, Retold, requests

        said = requests(entries)
        if left_out or len(said) > REQUESTS:
            self.reply("What is older is not shown here; `luci sessions show` tells all of it.")
        for each in said[-REQUESTS:]:
            if each.request:
                self.said(each.request)
            self._add(Retold(each))

    def card(self, title: str) -> Card:
        card = Card(title)
        self._add(card)
        return card

    def dialogue(self, request: str) -> Dialogue:
        """Show a request to the assistant, and what comes of it."""
        from luci.screens.dialogue import Dialogue  # with Markdown, which the first paint does without

        self.said(request)
        dialogue = Dialogue(request)
        self._add(dialogue)
        return dialogue

    @property
    def doings(self) -> list[Doing]:
        """All that is or was done here, from top to bottom."""
        return [child for child in self.children if isinstance(child, Doing)]

    @property
    def cards(self) -> list[Card]:
        return list(self.query(Card))

    def clear(self) -> list[Card]:
        """Take away all but what still runs; return the cards that went."""
        over = [child for child in self.children if not (isinstance(child, Doing) and not child.is_over)]
        self.remove_children(over)
        return [child for child in over if isinstance(child, Card)]

    def _add(self, widget: Widget) -> None:
        self.query(Welcome).remove()
        self.mount(widget)
        over = [child for child in self.children if not (isinstance(child, Doing) and not child.is_over)]
        self.remove_children(over[: max(0, len(self.children) - MOST)])
        self.anchor()
        self.screen.refresh_bindings()
