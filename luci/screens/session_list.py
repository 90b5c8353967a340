"""The past conversations: found by their words, to go on with, to fork, to write into a file, to delete."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from luci.chat.recall import RecallRequest, Retold, SessionRequest
from luci.chat.sessions import Entry, Session
from luci.config import Settings
from luci.errors import Refused
from luci.screens.jobs import Job
from luci.screens.plain import harmless
from luci.values import Value

_MOST = 500  # conversations, and messages, that are listed


class Chosen(Value):
    """What to go on with. `draft` is a request to say in another way."""

    session: str
    draft: str = ""


class _Lines(OptionList):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]


class SessionList(ModalScreen[Chosen | None]):
    """It is dismissed with what to go on with, None for nothing."""

    CSS_PATH = "session_list.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "fork", "Fork from a message"),
        Binding("x", "export", "Write into a file"),
        Binding("d,delete", "delete", "Delete"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("down", "to_list", "To the list", show=False),
        Binding("escape", "leave", "Leave"),
    ]

    def __init__(self, settings: Settings, words: str = "", deleted: Callable[[str], None] = lambda id: None) -> None:
        super().__init__()
        self._settings, self._words, self._deleted = settings, words, deleted
        self._asked = 0  # searches, of which only the last is shown

    def compose(self) -> ComposeResult:
        with Vertical(id="sessions"):
            yield Static("Conversations", id="sessions-title")
            yield Input(self._words, placeholder="words that were said", id="sessions-words", compact=True)
            yield _Lines(id="sessions-list", compact=True)
            yield Static("", id="sessions-empty")
            yield Static("enter goes on · f forks · x writes a file · d deletes · / searches")

    def on_mount(self) -> None:
        self._look()
        self.query_one("#sessions-list").focus()

    # what is listed

    @on(Input.Changed)
    def _look(self) -> None:
        words = self.query_one(Input).value.strip()
        self._asked += 1
        Job(self, "sessions search" if words else "sessions list", RecallRequest(words), self._settings).start()

    def _show(self, found: list[Any], words: str) -> None:
        try:
            lines, empty = self.query_one(_Lines), self.query_one("#sessions-empty", Static)
        except NoMatches:  # the screen is going
            return
        known: dict[str, Option] = {}
        for each in found[:_MOST]:
            session, entry, piece = each if isinstance(each, tuple) else (each, None, "")
            known.setdefault(session.id, Option(_line(session, entry, piece), session.id))
        lines.clear_options()
        lines.add_options(known.values())
        lines.highlighted = 0 if known else None
        lines.display = bool(known)
        empty.display = not known
        nothing = "No conversation has these words." if words else "There is no conversation yet. Say what you want."
        empty.update(nothing)

    def on_job_finished(self, message: Job.Finished) -> None:
        message.stop()
        job, name = message.job, message.job.name
        if message.error is not None:
            if not isinstance(message.error, Refused):
                told = " ".join(filter(None, [message.error.message, message.error.cause, message.error.hint]))
                self.notify(told, severity="error", markup=False)
        elif name in ("sessions list", "sessions search"):
            if job.request.words == self.query_one(Input).value.strip():
                self._show(message.result, job.request.words)
        elif name == "sessions show":
            self._choose_message(message.result)
        elif isinstance(job, _Fork):
            self.dismiss(Chosen(message.result, job.draft))
        elif name == "sessions export":
            self.notify(f"It is written into {message.result}.", markup=False)
        elif name == "sessions delete":
            self.notify(f"{message.result} is deleted.", markup=False)
            self._deleted(message.result)
            self._look()

    # what is done with one

    @property
    def here(self) -> str:
        """The conversation that the cursor is on; empty where there is none."""
        lines = self.query_one(_Lines)
        return lines.get_option_at_index(lines.highlighted).id or "" if lines.highlighted is not None else ""

    def _do(self, action: str, **more: int) -> None:
        if self.here:
            Job(self, action, SessionRequest(self.here, **more), self._settings).start()

    @on(OptionList.OptionSelected)
    @on(Input.Submitted)
    def _go_on(self) -> None:
        if self.here:
            self.dismiss(Chosen(self.here))

    def action_fork(self) -> None:
        self._do("sessions show")

    def _choose_message(self, told: Retold) -> None:
        messages = [entry for entry in told.entries if _is_said(entry)]

        def fork(entry: Entry | None) -> None:
            if entry is None:
                return
            mine = entry.body["role"] == "user"
            at = entry.number - 1 if mine else entry.number
            request = SessionRequest(told.session.id, at=at)
            _Fork(self, request, self._settings, entry.body["text"] if mine else "").start()

        self.app.push_screen(MessageList(told.session, messages[-_MOST:]), fork)

    def action_export(self) -> None:
        self._do("sessions export")

    def action_delete(self) -> None:
        self._do("sessions delete")

    def action_search(self) -> None:
        self.query_one(Input).focus()

    def action_to_list(self) -> None:
        self.query_one(_Lines).focus()

    def action_leave(self) -> None:
        self.dismiss(None)


class _Fork(Job):
    """Its end leads to the new conversation; `draft` is the request that it was forked at."""

    def __init__(self, screen: SessionList, request: SessionRequest, settings: Settings, draft: str) -> None:
        super().__init__(screen, "sessions fork", request, settings)
        self.draft = draft


class MessageList(ModalScreen[Entry | None]):
    """It is dismissed with the message from which to go on otherwise."""

    CSS_PATH = "session_list.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Leave")]

    def __init__(self, session: Session, messages: list[Entry]) -> None:
        super().__init__()
        self._session, self._messages = session, {str(entry.number): entry for entry in messages}

    def compose(self) -> ComposeResult:
        options = [Option(_message(entry), number) for number, entry in self._messages.items()]
        with Vertical(id="sessions"):
            yield Static(Content(harmless(f"Fork: {self._session.title}")), id="sessions-title")
            yield _Lines(*options, id="sessions-list", compact=True)
            yield Static(
                "enter forks: an answer is kept, a request of yours comes back to be said otherwise · esc leaves"
            )

    def on_mount(self) -> None:
        lines = self.query_one(_Lines)
        lines.highlighted = len(self._messages) - 1 if self._messages else None
        lines.focus()

    @on(OptionList.OptionSelected)
    def _take(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._messages[message.option.id or ""])

    def action_leave(self) -> None:
        self.dismiss(None)


def _is_said(entry: Entry) -> bool:
    body = entry.body
    if entry.kind != "message" or not body["text"].strip():
        return False
    return body["role"] == "assistant" or (body["role"] == "user" and not body["text"].startswith("[luci]"))


def _message(entry: Entry) -> Content:
    first = entry.body["text"].strip().split("\n", 1)[0]
    mine = entry.body["role"] == "user"
    return Content.assemble(("❯ " if mine else "  ", "$text-accent"), (harmless(first), "bold" if mine else ""))


def _line(session: Session, entry: Entry | None, piece: str) -> Content:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(session.started))
    title = harmless(session.title or "without a title")
    told_entries = "1 entry" if session.entries == 1 else f"{session.entries} entries"
    told = Content.assemble(
        (f"{when}  ", "$foreground 60%"), (title, "bold"), (f"  {told_entries} · {session.id}", "$foreground 60%")
    )
    if entry is None:
        return told
    return Content.assemble(told, "\n", (f"  {harmless(piece)}".replace("\n", " "), "$text-accent"))
