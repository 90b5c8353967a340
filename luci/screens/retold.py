"""A past conversation, shown as it was: each request with its answers, its tools, what they changed and what ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Markdown, Static

from luci.chat.sessions import Entry
from luci.chat.shorten import unmarked
from luci.screens.dialogue import Dialogue, Difference, Thoughts, ToolLine, folded, noted
from luci.screens.plain import harmless
from luci.values import Value

ENTRIES = 50_000  # of a session that are read, the last ones


class Said(Value):
    """A request, and all that came of it."""

    request: str
    entries: tuple[Entry, ...]


def requests(entries: Iterable[Entry]) -> list[Said]:
    """Return what a person said, each with what followed; what luci told in the person's place is part of it."""
    found: list[tuple[str, list[Entry]]] = []
    for entry in entries:
        if entry.kind == "message" and entry.body["role"] == "user" and not entry.body["text"].startswith("[luci]"):
            found.append((entry.body["text"], []))
        elif found:
            found[-1][1].append(entry)
        else:
            found.append(("", [entry]))  # its beginning is not shown
    return [Said(request, tuple(after)) for request, after in found]


class Retold(Dialogue):
    """A request of the past."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.request)
        self._said, self._over = said, True
        answers = [e.body["text"] for e in said.entries if e.kind in ("message", "draft") and _is_answer(e.body)]
        self.text = next((text for text in reversed(answers) if text), "")

    def compose(self) -> ComposeResult:
        yield Vertical(*_widgets(self._said.entries), classes="said-by-it")
        yield Static("earlier", classes="footing")


def _is_answer(body: Any) -> bool:
    return bool(body.get("role") == "assistant")


def _widgets(entries: Sequence[Entry]) -> Iterable[Widget]:
    """What a tool changed and ran is written down before it is done, and shown below its line."""
    inside: list[Widget] = []
    told = ""
    for entry in entries:
        body = entry.body
        match entry.kind:
            case "message" | "draft" if _is_answer(body):
                if body["text"]:
                    yield Markdown(harmless(body["text"]), open_links=False)
                if not body["whole"] or entry.kind == "draft":
                    yield noted("This answer is not whole.")
            case "thought":
                yield Thoughts(body["text"])
            case "leave" if not body["yes"]:
                inside.append(noted(f"refused by {body['by']}{': ' if body['reason'] else ''}{body['reason']}"))
            case "change":
                inside.append(Difference(body["path"].rpartition("/")[2], body["diff"]))
            case "run":
                told = body["text"].split("\n", 1)[0]
                inside.append(folded("what came of it", unmarked(body["text"])))
            case "use":
                line = ToolLine(body["title"])
                line.state, line.told = "ok" if body["ok"] else "no", told
                yield line
                yield from inside
                inside, told = [], ""
            case "note":
                yield noted(body["text"])
    yield from inside
