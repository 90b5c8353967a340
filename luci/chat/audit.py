"""What was approved and done, in a file that is only added to: each entry carries the hash of the one before.

An entry is written before the act. Beside the log lies the digest of its last entry, by which an end that was cut off
is missed. Nothing here can keep both files from being exchanged: `head` prints that digest to keep elsewhere, which
proves later that nothing before it was changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from luci import paths
from luci.envs.locks import Lock
from luci.exchange import exchange
from luci.values import Value

GENESIS = "0" * 64
_RAW = "\0raw"  # an entry's own bytes, while it is looked at


def file() -> Path:
    return paths.state() / "audit.jsonl"


class Head(Value):
    """The last entry: how many there are, and its digest."""

    entries: int
    digest: str

    def as_dict(self) -> dict[str, Any]:
        return {"entries": self.entries, "digest": self.digest}


def add(what: str, told: Mapping[str, Any]) -> str:
    """Write down what is about to happen; return its digest. Raises OSError where that is not possible: then it must
    not happen."""
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with Lock(path.with_suffix(".lock")):
        number, before = _last(path)
        entry = {"number": number + 1, "at": time.time(), "what": what, **told, "before": before}
        entry["digest"] = _digest(entry)
        line = _line(entry)
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "a+b") as opened:
            if _is_torn(opened):  # luci was killed while it wrote there: what follows begins a line of its own
                line = b"\n" + line
            opened.write(line)
            opened.flush()
            os.fsync(opened.fileno())
        exchange(_witness(), json.dumps({"entries": number + 1, "digest": entry["digest"]}).encode())
    return str(entry["digest"])


def _witness() -> Path:
    return file().with_suffix(".head")


def _is_torn(opened: IO[bytes]) -> bool:
    if not opened.seek(0, os.SEEK_END):
        return False
    opened.seek(-1, os.SEEK_END)
    return opened.read(1) != b"\n"


def head() -> Head:
    return Head(*_last(file()))


def entries() -> Iterator[dict[str, Any]]:
    """Yield every entry that can be read."""
    for _, entry in _read(file()):
        if entry is not None:
            yield _without_raw(entry)


def faults(kept: str = "") -> list[str]:
    """Return what is wrong with the log, a sentence each. `kept` is a digest that somebody kept elsewhere."""
    found, before, number = [], GENESIS, 0
    seen = {GENESIS}
    for line, entry in _read(file()):
        if entry is None:
            found.append(f"line {line} is no entry, or one that was begun and not finished")
            continue
        told = {name: value for name, value in entry.items() if name not in ("digest", _RAW)}
        if entry.get("digest") != _digest(told) or entry[_RAW] != _line(_without_raw(entry)).rstrip(b"\n"):
            found.append(f"entry {entry.get('number')} (line {line}) was altered")
        if entry.get("before") != before or entry.get("number") != number + 1:
            found.append(f"something is missing or was put in before entry {entry.get('number')} (line {line})")
        before, number = str(entry.get("digest")), _whole(entry.get("number"))
        seen.add(before)
    found += _faults_of_the_end(seen, number)
    if kept and kept not in seen:
        found.append("the digest that was kept is of no entry: the log was cut or exchanged")
    return found


def _faults_of_the_end(seen: set[str], number: int) -> list[str]:
    """Return what the digest beside the log says of its end. It may be behind: luci may have been killed in between."""
    try:
        told = json.loads(_witness().read_bytes())
        entries, digest = int(told["entries"]), str(told["digest"])
    except FileNotFoundError:
        return [f"{_witness().name}, which tells the last entry, is missing"] if number else []
    except (OSError, ValueError, KeyError, TypeError):
        return [f"{_witness().name}, which tells the last entry, cannot be read"]
    if digest in seen:
        return []
    return [f"the end is missing: there were {entries} entries, and there are {number}"]


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _last(path: Path) -> tuple[int, str]:
    """Return the number and the digest of the last entry, read from the end of the file."""
    for size in (64_000, None):
        last = next((entry for _, entry in reversed(list(_read(path, size))) if entry), None)
        if last:
            return _whole(last.get("number")), str(last.get("digest"))
    return 0, GENESIS


def _read(path: Path, last: int | None = None) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the lines, None for what is no entry; only those in the `last` bytes, where that is given."""
    try:
        with path.open("rb") as file:
            if last:
                file.seek(-min(last, os.fstat(file.fileno()).st_size), os.SEEK_END)
            content = file.read()
    except FileNotFoundError:
        return
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        yield number, {**told, _RAW: line} if isinstance(told, dict) else None


def _without_raw(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: told for name, told in entry.items() if name != _RAW}


def _line(entry: Mapping[str, Any]) -> bytes:
    """Return an entry as it is written, and in no other way: a name that stands there twice is an edit, too."""
    return (json.dumps(entry, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")


def _digest(entry: Mapping[str, Any]) -> str:
    plain = json.dumps(entry, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()
