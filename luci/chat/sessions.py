"""Every conversation, in one SQLite database: what was said, decided, changed and run, found again by its words."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from luci import paths
from luci.chat import copies
from luci.chat.messages import Message
from luci.errors import LuciError, UsageError, lacking
from luci.values import Value, as_dict

FORMAT = 2
Kind = Literal["message", "draft", "use", "leave", "change", "run", "note"]
_DAY = 86_400
_LEAST_ROOM = 65_536  # bytes that a change may need
_SCHEMA = """
create table sessions (id text primary key, started real not null, folder text not null, title text not null default '',
    parent text not null default '');
create table entries (session text not null references sessions on delete cascade, number integer not null,
    at real not null, kind text not null, body text not null, primary key (session, number));
create virtual table words using fts5 (text, session unindexed, number unindexed);
create table changes (id integer primary key, session text not null, at real not null, path text not null,
    before text, after text, undone integer not null default 0);
create table spent (at real not null, tokens integer not null, cost real);
create table pieces (session text not null, number integer not null, text text not null);
create index of_draft on pieces (session, number);
"""


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


class Sessions:
    """The database. Each call is a transaction, so that what was shown is there after a crash. Where nothing can be
    written, what is there can still be read. Raises LuciError where the file, or the disk, is not sound."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or paths.state() / "sessions.sqlite3"
        with _in_words(self.file):
            self._db = self._opened()
            self._made()

    def _opened(self) -> sqlite3.Connection:
        # the app's threads take turns
        options: dict[str, Any] = {"timeout": 10, "isolation_level": None, "check_same_thread": False}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            database: sqlite3.Connection = sqlite3.connect(self.file, **options)
            database.execute("pragma journal_mode=wal")
            # what a process wrote is there when it is killed; only with the machine's power the last moment may go
            database.execute("pragma synchronous=normal")
            database.execute("pragma foreign_keys=on")
            self.file.chmod(0o600)
            return database
        except (sqlite3.OperationalError, OSError) as error:
            if isinstance(error, OSError) and not self.file.exists():
                raise (lacking(error) or error) from error
            if not self.file.exists() or "locked" in str(error) or _is_full(self.file):
                raise
            address = f"{self.file.absolute().as_uri()}?mode=ro&immutable=1"
            readable: sqlite3.Connection = sqlite3.connect(address, uri=True, **options)
            return readable

    def _made(self) -> None:
        (found,) = self._db.execute("pragma user_version").fetchone()
        if found == 0:
            with self._change():
                if not self._db.execute("select 1 from sqlite_master where name = 'sessions'").fetchone():
                    for statement in _SCHEMA.split(";\n"):
                        if statement.strip():
                            self._db.execute(statement)
                    self._db.execute(f"pragma user_version={FORMAT}")
        elif found == 1:  # without the pieces of drafts
            with self._change():
                for statement in _SCHEMA.split(";\n")[-3:-1]:
                    self._db.execute(statement.replace("create table", "create table if not exists"))
                self._db.execute(f"pragma user_version={FORMAT}")
        elif found != FORMAT:
            raise LuciError(
                f"{self.file} was written by another luci (format {found}).", hint="It is left as it is; update luci."
            )

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        with _in_words(self.file):
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has taken it back already
                    self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with _in_words(self.file):
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        self._db.close()

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
        raise UsageError(f"There is no session {selector!r}.", hint="`luci sessions list` shows those there are.")

    def delete(self, session: str) -> None:
        with self._change():
            self._db.execute("delete from words where session = ?", (session,))
            self._db.execute("delete from pieces where session = ?", (session,))
            self._db.execute("delete from changes where session = ?", (session,))
            self._db.execute("delete from sessions where id = ?", (session,))
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

    def entries(self, session: str) -> list[Entry]:
        rows = self._rows("select number, at, kind, body from entries where session = ? order by number", (session,))
        pieces: dict[int, list[str]] = {}
        for number, text in self._rows("select number, text from pieces where session = ? order by rowid", (session,)):
            pieces.setdefault(number, []).append(text)
        found = []
        for number, at, kind, body in rows:
            told = json.loads(body)
            if kind == "draft":
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
        """Return where words were said, the best first, each with a piece of the text around them."""
        quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        if not quoted:
            return []
        rows = self._rows(
            "select session, number, snippet(words, 0, '[', ']', '…', 12) from words where words match ?"
            " order by rank limit ?",
            (quoted, limit),
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
        with _in_words(self.file):
            return self._spent_today()

    def _spent_today(self) -> tuple[int, float]:
        tokens, cost = self._db.execute(
            "select coalesce(sum(tokens), 0), coalesce(sum(cost), 0) from spent where at > ?", (time.time() - _DAY,)
        ).fetchone()
        return int(tokens), float(cost)


def _is_full(file: Path) -> bool:
    return shutil.disk_usage(file.parent).free < _LEAST_ROOM


@contextlib.contextmanager
def _in_words(file: Path) -> Iterator[None]:
    """Say what the database, or the disk below it, does not do."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if "I/O" in said and _is_full(file):  # so it says where no page of its own could be written
            said = f"{said}: the disk is full"
        message, hint = next(
            ((message, hint) for words, message, hint in _FAULTS if words in said),
            ("The sessions in {} cannot be opened.", "Move the file away: a new one is begun."),
        )
        raise LuciError(message.format(file), cause=said, hint=hint) from error


_FAULTS = (
    ("full", "The disk is full: nothing can be written into {}.", "Free some space; what was said until now is kept."),
    ("readonly", "{} cannot be written.", "LUCI_HOME moves luci's folders elsewhere; what is there can be read."),
    (
        "locked",
        "Another luci writes into {}, and does not come to an end.",
        "Try again; `luci runs list` shows what runs.",
    ),
    (
        "malformed",
        "The sessions in {} are damaged.",
        "Move the file away: a new one is begun. `sqlite3 FILE .recover` may get back what is in it.",
    ),
)


def answered(messages: list[Message]) -> list[Message]:
    """Return messages in which each call has its answer, as the protocol demands: a crash may have come between."""
    told = {message.call_id for message in messages if message.role == "tool"}
    whole: list[Message] = []
    for message in messages:
        whole.append(message)
        lost = [call for call in message.calls if call.id not in told]
        whole += [Message("tool", "It is not known what came of this: luci ended.", call_id=call.id) for call in lost]
    return whole


def _words(kind: Kind, body: Mapping[str, Any]) -> str:
    """What can be searched for."""
    return "\n".join(str(body[name]) for name in ("text", "title", "diff", "script", "command") if body.get(name))
