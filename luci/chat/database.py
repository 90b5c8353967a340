"""The file that conversations are kept in: opened, made, brought up to date, and its faults told in words."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from luci.errors import LuciError, lacking

FORMAT = 2
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


class Database:
    """Raises LuciError where the file, or the disk, is not sound."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with in_words(self.file):
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
            database.execute("pragma secure_delete=on")  # what is deleted is not left in the file
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
        with in_words(self.file):
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk has taken it back already
                    self._db.execute("rollback")
                raise
            self._db.execute("commit")

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with in_words(self.file):
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        self._db.close()


def _is_full(file: Path) -> bool:
    return shutil.disk_usage(file.parent).free < _LEAST_ROOM


@contextlib.contextmanager
def in_words(file: Path) -> Iterator[None]:
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
