"""The sources of a project, each read once: what a file said is kept until the file changes.

One file of the cache holds what all sources of a project said, so that three hundred modules cost one file to open.
"""

from __future__ import annotations

import marshal
import os
import time
from typing import Any, NamedTuple

from luci import kept, paths
from luci.errors import LuciError
from luci.runner.local import Folders, project_root
from luci.runner.reader import extract
from luci.runner.script import LARGEST, Script, decode
from luci.runner.seen import FileImports, Found

_SOURCES = 2000  # of one project, at most, besides those that a plan just read
_PROJECTS = 200
_LINE = Found._fields.index("line")


class Reading(NamedTuple):
    """What a source says; `fault` tells why it could not be read."""

    imports: FileImports
    fault: str = ""


class _Entry(NamedTuple):
    """`stamp` is empty where the file was too young for its times to tell a change; `said` is marshalled."""

    stamp: kept.Stamp
    digest: str
    said: bytes


class Readings:
    """What the sources below one folder said. `folder` is empty where nothing is kept on disk."""

    def __init__(self, folder: str = "") -> None:
        self._place = str(paths.cache() / "sources" / kept.digest(os.fsencode(folder))) if folder else ""
        self._known: dict[str, _Entry] | None = None
        self._read: dict[str, Reading] = {}  # for this plan
        self._unread: set[str] = set()  # of these, the ones that could not be read
        self._changed = False
        self.folders: dict[str, dict[str, bool]] = {}  # that were looked into, and what was there
        self.elsewhere = False  # something was read by another Python, or twice and not the same

    @classmethod
    def of(cls, script: Script) -> Readings:
        folder = os.fspath(script.folder)
        return cls(project_root(folder) or folder)

    def look(self, listings: dict[str, dict[str, bool]]) -> None:
        """Take note of the folders that were looked into for one target."""
        for folder, listing in listings.items():
            self.elsewhere |= self.folders.setdefault(folder, listing) != listing

    def looked_the_same(self) -> bool:
        """Whether the folders still hold what was seen."""
        again = Folders()
        return all(again.listing(folder) == listing for folder, listing in self.folders.items())

    def seen(self) -> dict[str, tuple[kept.Stamp, str]]:
        """Return the stamp and the digest of each source that was read, empty ones of what could not be read."""
        entries = {path: None if path in self._unread else self._entry(path) for path in self._read}
        return {path: (entry.stamp, entry.digest) if entry else ((), "") for path, entry in entries.items()}

    def script(self, script: Script) -> FileImports:
        """Return what the script itself says. Raises ScriptError."""
        if script.origin not in self._read:
            digest = kept.digest(script.source)
            known = self._entry(script.origin)
            if known and known.digest == digest and not (said := _restored(known.said)).fault:
                self._read[script.origin] = said
            else:
                imports = extract(decode(script.source, script.name), script.name)
                self._learn(script.origin, Reading(imports), (), digest)
        return self._read[script.origin].imports

    def module(self, path: str) -> Reading:
        """Return what a local module says, or why it says nothing."""
        if path not in self._read:
            stamp = kept.stamp(path)  # before the content: a change in between shows the next time
            known = self._entry(path)
            if known and stamp and known.stamp == stamp:
                self._read[path] = _restored(known.said)
            else:
                self._look_into(path, stamp, known)
        return self._read[path]

    def keep(self) -> None:
        """Write what is new to the cache."""
        if not (self._changed and self._place):
            return
        known = {path: entry for path, entry in (self._known or {}).items() if path not in self._read}
        older = dict(list(known.items())[-_SOURCES:])  # in the order of their last use
        used = {path: entry for path, entry in (self._known or {}).items() if path in self._read}
        kept.save(self._place, {path: tuple(entry) for path, entry in (older | used).items()})
        kept.drop_oldest(os.path.dirname(self._place), _PROJECTS)
        self._changed = False

    def _look_into(self, path: str, stamp: kept.Stamp, known: _Entry | None) -> None:
        try:
            if os.path.getsize(path) > LARGEST:
                raise OSError(f"{path} is too large.")
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            self._read[path] = Reading(FileImports(), error.strerror or str(error))
            self._unread.add(path)
            return
        digest = kept.digest(content)
        if known and known.digest == digest:
            said = _restored(known.said)
        else:
            said = _said(content, path)
        self._learn(path, said, stamp, digest)

    def _learn(self, path: str, said: Reading, stamp: kept.Stamp, digest: str) -> None:
        self._read[path] = said
        stamp = stamp if kept.settled(stamp, time.time_ns()) else ()
        entry = _Entry(stamp, digest, marshal.dumps((said.fault, _plain(said.imports))))
        if self._entry(path) != entry:
            assert self._known is not None
            self._known[path] = entry
            self._changed = True

    def _entry(self, path: str) -> _Entry | None:
        if self._known is None:
            kept_before = kept.load(self._place) if self._place else None
            self._known = {name: _Entry(*entry) for name, entry in (kept_before or {}).items()}
        return self._known.get(path)


def _said(content: bytes, path: str) -> Reading:
    try:
        return Reading(extract(decode(content, path), path))
    except LuciError as error:
        return Reading(FileImports(), error.message)


def said_in(source: bytes, read: FileImports | None = None) -> tuple[Any, ...] | None:
    """Return what a script says, in plain values, if that is all it says: None where it may declare something (PEP
    723). `read` is what was read of it already. Raises ScriptError."""
    text = decode(source, "")
    return None if "# ///" in text else _plain(read or extract(text, ""))


def without_lines(said: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what decides of what a script says: not where it says it, nor what else it defines."""
    imports, groups, edits, minimum, reads_stdin, _ = said
    return tuple((*found[:_LINE], *found[_LINE + 1 :]) for found in imports), groups, edits, minimum, reads_stdin


def lines_of(said: tuple[Any, ...]) -> list[int]:
    return [found[_LINE] for found in said[0]]


def _plain(imports: FileImports) -> tuple[Any, ...]:
    """Return the value without the names of its types: marshal takes tuples, and not what is derived from them."""
    found = tuple(map(tuple, imports.imports)), tuple(map(tuple, imports.groups)), tuple(map(tuple, imports.edits))
    return (*found, imports.minimum, imports.reads_stdin, imports.defined)


def _restored(said: bytes) -> Reading:
    fault, imports = marshal.loads(said)
    return Reading(FileImports.restore(imports), fault)
