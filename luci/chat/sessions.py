"""Every conversation, in one SQLite database: what was said, decided, changed and run, found again by its words."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from luci import paths
from luci.chat import copies
from luci.chat.database import Database, in_words
from luci.chat.messages import Message
from luci.errors import UsageError
from luci.values import Value, as_dict

Kind = Literal["message", "draft", "thought", "use", "leave", "change", "run", "note"]
_DAY = 86_400
_ALL = 2**62
_SAID = re.compile(r'"([^"]+)"|([^\s"]+)')


class Entry(Value):
    """One thing that happened in a session. `at` is in seconds since the epoch."""

    number: int
    at: float
    kind: Kind
    body: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"number": self.number, "at": self.at, "kind": self.kind, **self.body}


class Session(Value):
    id: str
    started: float
    folder: str
    title: str
    parent: str
    entries: int = 0

    def as_dict(self) -> dict[str, Any]:
        return as_dict(self)


class Change(Value):
    """A file before and after luci changed it, each as the name of a copy (luci.chat.copies); None: no file."""

    id: int
    path: Path
    before: str | None
    after: str | None
    undone: bool = False


class Sessions(Database):
    """What is kept. Each call is a transaction, so that what was shown is there after a crash. Where nothing can be
    written, what is there can still be read. Raises LuciError where the file, or the disk, is not sound."""

    def __init__(self, file: Path | None = None) -> None:
        super().__init__(file or paths.state() / "sessions.sqlite3")

    # -- sessions

    def begin(self, folder: Path, title: str = "", parent: str = "") -> str:
        name = f"{time.strftime('%y%m%d')}-{secrets.token_hex(3)}"
        with self._change():
            self._db.execute(
                "insert into sessions values (?, ?, ?, ?, ?)", (name, time.time(), str(folder), title, parent)
            )
        return name

    def all(self) -> list[Session]:
        """Return the sessions, the latest first."""
        rows = self._rows(
            "select s.id, s.started, s.folder, s.title, s.parent, count(e.number) from sessions s"
            " left join entries e on e.session = s.id group by s.id order by s.started desc, s.rowid desc"
        )
        return [Session(*row) for row in rows]

    def find(self, selector: str) -> Session:
        """Return the session that an id, its beginning, or a number means: 1 is the latest. Raises UsageError."""
        known = self.all()
        if selector.isascii() and selector.isdigit() and 1 <= int(selector) <= len(known):
            return known[int(selector) - 1]
        matching = [session for session in known if selector and session.id.startswith(selector)]
        if len(matching) == 1:
            return matching[0]
        if matching:
            near = ", ".join(session.id for session in matching[:3])
            raise UsageError(f"{len(matching)} sessions begin with {selector!r}.", hint=f"Say more of it: {near} …")
        raise UsageError(f"There is no session {selector!r}.", hint="`luci sessions list` shows those there are.")

    def delete(self, session: str) -> None:
        with self._change():
            self._db.execute("delete from words where session = ?", (session,))
            self._db.execute("delete from pieces where session = ?", (session,))
            self._db.execute("delete from changes where session = ?", (session,))
            self._db.execute("delete from sessions where id = ?", (session,))
            self._db.execute("insert into words (words) values ('optimize')")  # else its words stay in the index
        with in_words(self.file):
            self._db.execute("pragma wal_checkpoint(truncate)")  # and all of it in what was not taken over yet
        rows = self._rows("select before, after from changes")
        copies.forget_all_but({name for row in rows for name in row if name})

    def fork(self, session: Session, number: int) -> str:
        """Begin a session with what another one had up to the entry `number`; return its id."""
        new = self.begin(Path(session.folder), session.title, session.id)
        for entry in self.entries(session.id):
            if entry.number <= number:
                self.add(new, entry.kind, entry.body)
        return new

    # -- what happens in one

    def add(self, session: str, kind: Kind, body: Mapping[str, Any]) -> int:
        """Write down what happens; return its number."""
        text = _words(kind, body)
        with self._change():
            (number,) = self._db.execute(
                "select coalesce(max(number), 0) + 1 from entries where session = ?", (session,)
            ).fetchone()
            self._db.execute(
                "insert into entries values (?, ?, ?, ?, ?)",
                (session, number, time.time(), kind, json.dumps(body, ensure_ascii=False)),
            )
            if text:
                self._db.execute("insert into words values (?, ?, ?)", (text, session, number))
            if kind == "message" and body["role"] == "user":
                title = body["text"].strip().split("\n")[0][:100]
                self._db.execute("update sessions set title = ? where id = ? and title = ''", (title, session))
        return int(number)

    def redraft(self, session: str, number: int, body: Mapping[str, Any], kind: Kind = "draft") -> None:
        """Write an entry anew: what was a draft goes on, or becomes a message."""
        with self._change():
            self._db.execute(
                "update entries set kind = ?, body = ? where session = ? and number = ?",
                (kind, json.dumps(body, ensure_ascii=False), session, number),
            )
            for table in ("words", "pieces"):
                self._db.execute(f"delete from {table} where session = ? and number = ?", (session, number))
            if text := _words(kind, body):
                self._db.execute("insert into words values (?, ?, ?)", (text, session, number))

    def write_on(self, session: str, number: int, text: str) -> None:
        """Add to a draft what is about to be shown of it."""
        with self._change():
            self._db.execute("insert into pieces values (?, ?, ?)", (session, number, text))

    def entries(self, session: str, *, before: int = _ALL, most: int = _ALL) -> list[Entry]:
        """Return what happened, in its order: the last `most` entries of those that come before one."""
        rows = self._rows(
            "select number, at, kind, body from entries where session = ? and number < ? order by number desc limit ?",
            (session, before, most),
        )
        pieces: dict[int, list[str]] = {}
        for number, text in self._rows(
            "select number, text from pieces where session = ? and number between ? and ? order by rowid",
            (session, rows[-1][0] if rows else before, before),
        ):
            pieces.setdefault(number, []).append(text)
        found = []
        for number, at, kind, body in reversed(rows):
            told = json.loads(body)
            if kind in ("draft", "thought"):
                told["text"] = "".join([told.get("text", ""), *pieces.get(number, [])])
            found.append(Entry(number, at, kind, told))
        return found

    def messages(self, session: str) -> list[Message]:
        """Return what a model is told when the session goes on. A draft is an answer that a crash broke off."""
        found: list[Message] = []
        for entry in self.entries(session):
            if entry.kind == "message":
                found.append(Message.of(entry.body))
            elif entry.kind == "draft" and entry.body.get("text"):
                found.append(Message("assistant", entry.body["text"], whole=False))
        return answered(found)

    def search(self, words: str, limit: int = 20) -> list[tuple[Session, Entry, str]]:
        """Return where all words were said, the best first, each with a piece of the text around them. What is in
        quotes was said so; the last word, and one with a star behind it, may be the beginning of one."""
        query = in_query(words)
        if not query:
            return []
        rows = self._rows(
            "select session, number, snippet(words, 0, '[', ']', '…', 12) from words where words match ?"
            " order by rank limit ?",
            (query, limit),
        )
        known = {session.id: session for session in self.all()}
        found = []
        for session, number, piece in rows:
            row = self._rows(
                "select number, at, kind, body from entries where session = ? and number = ?", (session, number)
            )
            if row and session in known:
                number, at, kind, body = row[0]
                found.append((known[session], Entry(number, at, kind, json.loads(body)), piece))
        return found

    # -- files, and what was spent

    def changed(self, session: str, path: Path, before: str | None, after: str | None) -> int:
        """Keep what makes it possible to take a change back; return its number."""
        kept = [None if text is None else copies.keep(text) for text in (before, after)]
        with self._change():
            cursor = self._db.execute(
                "insert into changes (session, at, path, before, after) values (?, ?, ?, ?, ?)",
                (session, time.time(), str(path), *kept),
            )
        return int(cursor.lastrowid or 0)

    def changes(self, *, undone: bool, below: Path | None = None) -> list[Change]:
        """Return what was changed, the latest first, or what was undone, the earliest first: in the order in which it
        can be undone, or done again. With `below` only files in that folder."""
        order = "asc" if undone else "desc"
        rows = self._rows(
            f"select id, path, before, after, undone from changes where undone = ? order by id {order}", (int(undone),)
        )
        found = [Change(number, Path(path), before, after, bool(flag)) for number, path, before, after, flag in rows]
        return [change for change in found if below is None or change.path.is_relative_to(below)]

    def mark(self, change: Change, *, undone: bool) -> None:
        with self._change():
            self._db.execute("update changes set undone = ? where id = ?", (int(undone), change.id))

    def forget_change(self, number: int) -> None:
        """Take back a change that was announced and did not come to be."""
        with self._change():
            self._db.execute("delete from changes where id = ?", (number,))

    def reserve(self, wants: Callable[[int, float], tuple[int, float | None]]) -> int:
        """Note what a call may take, before it is made, so that other processes reckon with it; return its number.
        `wants` is told the tokens and US dollars of the last 24 hours; where it raises, nothing is noted."""
        with self._change():
            tokens, cost = wants(*self._spent_today())
            cursor = self._db.execute("insert into spent values (?, ?, ?)", (time.time(), tokens, cost))
        return int(cursor.lastrowid or 0)

    def spent(self, number: int, tokens: int, cost: float | None) -> None:
        """Note what a call took in the place of what was reserved for it."""
        with self._change():
            self._db.execute("update spent set tokens = ?, cost = ? where rowid = ?", (tokens, cost, number))

    def spent_today(self) -> tuple[int, float]:
        """Return the tokens and US dollars of the last 24 hours."""
        with in_words(self.file):
            return self._spent_today()

    def _spent_today(self) -> tuple[int, float]:
        tokens, cost = self._db.execute(
            "select coalesce(sum(tokens), 0), coalesce(sum(cost), 0) from spent where at > ?", (time.time() - _DAY,)
        ).fetchone()
        return int(tokens), float(cost)


def in_query(words: str) -> str:
    """Return words as SQLite's full-text search wants them; nothing in them is an operator.

    >>> print(in_query('fix* "two words" AND mo'))
    "fix"* "two words" "AND" "mo"*
    """
    found = [(phrase or word.strip('*"'), not phrase and word.endswith("*")) for phrase, word in _SAID.findall(words)]
    found = [(text, begins) for text, begins in found if any(char.isalnum() for char in text)]
    if found and not words.rstrip().endswith('"'):
        found[-1] = found[-1][0], True
    return " ".join(f'"{text}"{"*" if begins else ""}' for text, begins in found)


def answered(messages: list[Message]) -> list[Message]:
    """Return messages in which each call is followed by its answers, as the protocol demands: a crash may have come
    between, or what another luci said in the same session."""
    whole: list[Message] = []
    used: set[int] = set()
    for at, message in enumerate(messages):
        if message.role == "tool":
            continue
        whole.append(message)
        for call in message.calls:
            number = _answer_of(call.id, messages, at, used)
            used.add(number)
            lost = Message("tool", "It is not known what came of this: luci ended.", call_id=call.id)
            whole.append(messages[number] if number >= 0 else lost)
    return whole


def _answer_of(call: str, messages: list[Message], at: int, used: set[int]) -> int:
    """Return the place of the answer to a call of the message `at`, -1 for none. Some servers use a name again."""
    for number in range(at + 1, len(messages)):
        message = messages[number]
        if message.role == "tool" and message.call_id == call and number not in used:
            return number
        if any(later.id == call for later in message.calls):
            break
    return -1


def _words(kind: Kind, body: Mapping[str, Any]) -> str:
    """What can be searched for: thoughts are not."""
    if kind == "thought":
        return ""
    return "\n".join(str(body[name]) for name in ("text", "title", "diff", "script", "command") if body.get(name))
