"""The record of what ran: a line when it starts, another when it ends where luci is there to see it."""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from luci import paths
from luci.errors import UsageError
from luci.values import Value, fields, replace

_LARGEST = 4_000_000  # bytes of the journal before it is set aside
_BEGUN = 60  # seconds in which a log may not have been marked as being written
_LATE = 60  # seconds: later than that no start is written, measured by those of other runs


class Run(Value):
    """One run. `exit_code` is None where luci became the script and nobody saw the end."""

    id: str
    script: str
    args: tuple[str, ...]
    started: float  # seconds since the epoch
    env_key: str = ""
    requirements: tuple[str, ...] = ()
    python: str = ""
    pid: int = 0
    exit_code: int | None = None
    seconds: float | None = None
    log: str = ""
    peak_bytes: int | None = None  # the most memory it held; None where nobody saw that
    wall: str = ""
    limits: tuple[str, ...] = ()  # what the wall held it to, in words

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in fields(self)}


def start(
    script: str,
    args: tuple[str, ...],
    env_key: str,
    requirements: tuple[str, ...],
    python: str,
    wall: str = "",
    limits: tuple[str, ...] = (),
) -> Run:
    """Record that a script starts now. A disk that takes no record stops no script."""
    collect()  # first, so that the record is in the order of the starts, or nearly so
    now = time.time()
    run = Run(
        f"{int(now * 1_000_000):x}-{os.getpid():x}",
        script,
        args,
        now,
        env_key,
        requirements,
        python,
        os.getpid(),
        wall=wall,
        limits=limits,
    )
    _append({"start": run.as_dict()})
    return run


def end(run: Run, exit_code: int, seconds: float, peak_bytes: int | None = None) -> Run:
    ended = replace(run, exit_code=exit_code, seconds=round(seconds, 3), peak_bytes=peak_bytes)
    told = {name: getattr(ended, name) for name in ("id", "exit_code", "seconds", "log", "peak_bytes")}
    _append({"end": told})
    return ended


class Begun(Value):
    """What the start of a warm run leaves: how luci is called back, the environment's key, the file of the script's
    memory, the script's path, and the words luci was given."""

    resume: tuple[str, ...]
    key: str
    memory: str
    script: str
    words: tuple[str, ...]


def begun(path: Path) -> Begun | None:
    """Read what a warm run left: words that each end in NUL, those for coming back first, then an empty one."""
    try:
        words = [os.fsdecode(word) for word in path.read_bytes().split(b"\0")[:-1]]
        end = words.index("")
        key, memory, script, _run, *rest = words[end + 1 :]
    except (OSError, ValueError):
        return None
    return Begun(tuple(words[:end]), key, memory, script, tuple(rest)) if rest else None


def collect() -> None:
    """Take the starts of warm runs into the record; `PID.told` beside a start says that it is there."""
    folder = paths.state() / "running"
    with contextlib.suppress(OSError):
        names = set(os.listdir(folder))
        untold = [folder / name for name in names if name.isdigit() and f"{name}.told" not in names]
        begun = [run for path in untold if (run := _of_the_warm(path))]
        for run in sorted(begun, key=lambda run: run.started):
            (folder / f"{run.pid}.told").touch()
            _append({"start": run.as_dict()})


def _of_the_warm(path: Path) -> Run | None:
    told = begun(path)
    if told is None:
        return None
    try:
        started, pid = path.stat().st_mtime, int(path.name)
    except (OSError, ValueError):  # it has just ended; or its name only looks like a number
        return None
    known = _warm(Path(told.memory))
    known = known if known.get("key") == told.key else {}
    return _run(
        {
            "id": f"{int(started * 1_000_000):x}-{pid:x}",
            "script": told.script,
            "args": told.words[1:],
            "started": started,
            "env_key": told.key,
            "requirements": known.get("requirements", ()),
            "python": known.get("python", ""),
            "pid": pid,
            "exit_code": None,
            "seconds": None,
            "log": "",
        }
    )


def _warm(memory: Path) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_bytes())["warm"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return {}
    return known if isinstance(known, dict) else {}


def log_for(run: Run) -> Path:
    """The file that a recorded run's output goes to."""
    folder = paths.state() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{run.id}.log"


def figures_for(run: Run) -> Path:
    """The folder that the figures of a run go to, where it made some."""
    return paths.state() / "logs" / f"{run.id}.figures"


def keep_log(fd: int) -> None:
    """Say that a log is being written, as long as its descriptor is open."""
    if os.name != "nt":
        from luci.terminals import logs  # it brings more than a run without a log needs

        logs.keep(fd)


def forget_logs(days: float, most: float) -> None:
    """Remove logs that are older, and of the rest the oldest, until all take no more than `most` bytes.

    What is being written stays, and what has only just begun.
    """
    import shutil

    from luci.terminals import logs

    now, held = time.time(), 0
    with contextlib.suppress(OSError):
        found = [(entry.stat(), Path(entry.path)) for entry in os.scandir(paths.state() / "logs") if entry.is_file()]
        for told, log in sorted(found, key=lambda one: one[0].st_mtime, reverse=True):
            age, held = now - told.st_mtime, held + told.st_size
            if (age > days * 86400 or held > most) and age > _BEGUN and not (os.name == "posix" and logs.is_kept(log)):
                log.unlink(missing_ok=True)
                shutil.rmtree(log.with_suffix(".figures"), ignore_errors=True)


def all_of_them() -> list[Run]:
    """Every recorded run, the latest first. Lines cut short by a crash, and those without sense, are passed over."""
    return latest(None)


def latest(limit: int | None) -> list[Run]:
    """The runs that started last, at most `limit` of them; the record is read from its end, no further than needed."""
    collect()
    found: dict[str, Run] = {}
    ends: dict[str, list[dict[str, Any]]] = {}
    newest: list[float] = []  # when the `limit` latest started, a heap
    for record in _from_the_last() if limit is None or limit > 0 else ():
        if run := _run(record.get("start")):
            if run.id not in found:
                found[run.id] = _ended(run, ends.pop(run.id, []))
                heapq.heappush(newest, run.started)
                if limit is not None and len(newest) > limit:
                    heapq.heappop(newest)
                    if run.started < newest[0] - _LATE:
                        break
        elif isinstance(told := record.get("end"), dict) and isinstance(told.get("id"), str):
            ends.setdefault(told["id"], []).append(told)
    return sorted(found.values(), key=lambda run: run.started, reverse=True)[:limit]


def _ended(run: Run, ends: list[dict[str, Any]]) -> Run:
    """Return a run with what was written of its end; the last written comes first."""
    for told in reversed(ends):
        run = _run({**run.as_dict(), **told}) or run
    return run


def _run(told: Any) -> Run | None:
    """Return the run that a record tells of, None where a value is missing or of another kind."""
    try:
        return Run(**{name: form(told[name]) for name, form in _FORMS.items() if name in told})
    except TypeError:
        return None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value if isinstance(value, list | tuple) else [None]))


def _whole(value: Any) -> int:
    if not isinstance(value, int) or abs(value) >= 1 << 63:
        raise TypeError
    return value


def _time(value: Any) -> float:
    if not isinstance(value, int | float) or not abs(value) < _LATEST:
        raise TypeError
    return float(value)


_LATEST = 1e11  # seconds since the epoch; what is later, or not a number, is no time that a clock shows
_FORMS: dict[str, Callable[[Any], Any]] = {
    "id": _text,
    "script": _text,
    "args": _texts,
    "started": _time,
    "env_key": _text,
    "requirements": _texts,
    "python": _text,
    "pid": _whole,
    "exit_code": lambda value: None if value is None else _whole(value),
    "seconds": lambda value: None if value is None else _time(value),
    "log": _text,
    "peak_bytes": lambda value: None if value is None else _whole(value),
    "wall": _text,
    "limits": _texts,
}


def find(selector: str) -> Run:
    """Return the run that an id, the beginning of one, or a number means: 1 is the latest. Raises UsageError."""
    runs = all_of_them()
    if selector.isascii() and selector.isdigit() and 1 <= int(selector) <= len(runs):
        return runs[int(selector) - 1]
    matching = [run for run in runs if selector and run.id.startswith(selector)]
    if len(matching) == 1:
        return matching[0]
    raise UsageError(f"There is no run {selector!r}.", hint="`luci runs list` shows those there are.")


def _journal() -> Path:
    return paths.state() / "runs.jsonl"


def _append(record: dict[str, Any]) -> None:
    line = b"\n" + json.dumps(record).encode("ascii") + b"\n"  # the line before may have been cut short
    journal = _journal()
    with contextlib.suppress(OSError):
        journal.parent.mkdir(parents=True, exist_ok=True)
        if journal.exists() and journal.stat().st_size > _LARGEST:
            os.replace(journal, journal.with_suffix(".old.jsonl"))
        with open(journal, "ab") as file:
            file.write(line)  # one write to a file opened for appending: lines of two runs do not mix


def _from_the_last() -> Iterator[dict[str, Any]]:
    """Every line of the record that makes sense, the last written first."""
    for journal in (_journal(), _journal().with_suffix(".old.jsonl")):
        try:
            content = journal.read_bytes()
        except OSError:
            continue
        end = len(content)
        while end > 0:
            begin = content.rfind(b"\n", 0, end) + 1
            with contextlib.suppress(ValueError, RecursionError):
                record = json.loads(content[begin:end])
                if isinstance(record, dict):
                    yield record
            end = begin - 1
