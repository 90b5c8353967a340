"""A past conversation, shown as it was: each request with its answers, its tools, what they changed and what ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Markdown, Static

from luci.actions.door import done
from luci.chat.recall import SessionRequest
from luci.chat.sessions import Entry
from luci.chat.shorten import unmarked
from luci.config import Settings
from luci.context import Context
from luci.errors import LuciError
from luci.screens.dialogue import Dialogue
from luci.screens.heard import in_short, prose, refused
from luci.screens.pieces import Difference, Thoughts, ToolLine, folded, noted
from luci.values import Value

ENTRIES = 60  # of a session that are read together: more than are shown at first


class Said(Value):
    """A request, and all that came of it."""

    request: str
    entries: tuple[Entry, ...]


def pieces(session: str, settings: Settings) -> Iterator[list[Said]]:
    """Yield the requests of a session, some at a time, the last ones first; they are read when they are wanted."""
    begun: list[Entry] = []  # the end of a request whose beginning comes with the next piece
    before = SessionRequest(session).before
    while before > 1:
        request = SessionRequest(session, before=before, most=ENTRIES)
        try:
            told = done("sessions show", request, Context(settings))
        except LuciError as error:  # it was deleted meanwhile, or the disk does not read it
            yield requests([Entry(0, 0, "note", {"text": error.message}), *begun])
            return
        before = told.left_out + 1
        entries = [*told.entries, *begun]
        at = next(filter(lambda n: _is_request(entries[n]), range(len(entries))), len(entries)) if before > 1 else 0
        begun = entries[:at]
        yield requests(entries[at:])


def requests(entries: Iterable[Entry]) -> list[Said]:
    """Return what a person said, each with what followed; what luci told in the person's place is part of it."""
    found: list[tuple[str, list[Entry]]] = []
    for entry in entries:
        if _is_request(entry):
            found.append((entry.body["text"], []))
        elif found:
            found[-1][1].append(entry)
        else:
            found.append(("", [entry]))  # its beginning is not shown
    return [Said(request, tuple(after)) for request, after in found]


def _is_request(entry: Entry) -> bool:
    body = entry.body
    return entry.kind == "message" and body["role"] == "user" and not body["text"].startswith("[luci]")


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
                    yield Markdown(prose(body["text"]), open_links=False)
                if not body["whole"] or entry.kind == "draft":
                    yield noted("This answer is not whole.")
            case "thought":
                yield Thoughts(body["text"])
            case "leave" if not body["yes"]:
                inside.append(noted(refused(body["by"], body["reason"])))
            case "change":
                inside.append(Difference(body["path"].rpartition("/")[2], body["diff"]))
            case "run":
                told = in_short(body["text"])
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
