"""Plans that still stand: told again without being made, while all that they follow from is as it was.

Kept with a plan are the sources and the folders that were looked into, the files that declare something or configure,
those that are missing, the Pythons, the variables, what earlier runs taught, and the pages of the package index with
the time until which they are believed. Where one of them is another now there is no answer here: the plan is made.

This module is the whole way of a `luci plan SCRIPT` that has its answer, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
import time

from luci import kept, paths
from luci.envs import candidates
from luci.envs.health import fault_of
from luci.runner import witnesses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Files = dict[str, tuple[kept.Stamp, str]]  # path: its stamp, empty where that proves nothing, and its digest


def told(given: str, *, offline: bool) -> dict[str, Any] | None:
    """Return what `luci plan GIVEN` says, as `luci.runner.plan.Plan.as_dict` has it, and which "environment" that is:
    one to reuse, or to build. None where the plan must be made."""
    if sys.platform != "linux":
        return None
    if _is_marked(given):
        return None  # a stranger's: which container it gets depends on what answers now
    place = place_of(given, offline=offline)
    record = kept.load(place)
    if record is None or not record["since"] <= time.time() < record["until"] or not _is_as_it_was(record):
        return None
    renewed = _read_again(record)
    environment = None if renewed is None else _environment(renewed)
    if renewed is None or environment is None:
        return None
    if renewed is not record:
        kept.save(place, renewed)
    return {**renewed["told"], "environment": environment}


def _is_marked(given: str) -> bool:
    """Whether a download left the mark on a script that luci.walls.strangers reads."""
    try:
        return bool(os.getxattr(given, "user.xdg.origin.url"))
    except OSError:
        return False


def place_of(given: str, *, offline: bool) -> str:
    """Where the answer to a question lies, asked in this folder."""
    asked = "\0".join([os.getcwd(), given, str(offline)])
    return os.path.join(paths.text("cache"), "plans", kept.digest(asked.encode("utf-8", "surrogateescape")))


def _is_as_it_was(record: dict[str, Any]) -> bool:
    script, folder = record["script"]
    memory, form, lessons = record["memory"]
    return (
        witnesses.variables(record["expanded"]) == record["variables"]
        and os.path.dirname(os.path.realpath(script)) == folder
        and witnesses.above(folder) == record["above"]
        and all(witnesses.requirements_files(path) == names for path, names in record["lists"].items())
        and all(kept.stamp(path) == stamp for path, stamp in record["pages"].items())
        and all(witnesses.modules(path) == there for path, there in record["folders"].items())
        and candidates.state() == record["pythons"]
        and witnesses.taught(memory, form) == lessons
    )


def _read_again(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return None if a file tells something else now; else the record, with today's stamps and lines."""
    again: Files = {}
    now = record
    for path, (known, digest) in record["files"].items():
        stamp = kept.stamp(path)
        if not known or stamp != known:
            content = kept.content(path)
            today = "" if content is None else kept.digest(content)
            if today != digest:
                moved = _moved(record, content) if path == record["script"][0] and content else None
                if moved is None:
                    return None
                now = moved
            if kept.settled(stamp, time.time_ns()):
                again[path] = (stamp, today)
            elif today != digest:
                again[path] = ((), today)
    return {**now, "files": {**record["files"], **again}} if again else now


def _moved(record: dict[str, Any], content: bytes) -> dict[str, Any] | None:
    """Return the record of a script that was edited where that moves at most the lines of what it imports; None where
    it imports or declares something else now."""
    before = record["said"]
    if before is None or b"\0" in content:
        return None
    from luci.errors import LuciError
    from luci.runner import readings

    try:
        said = readings.said_in(content)
    except LuciError:
        return None
    if said is None or readings.without_lines(said) != readings.without_lines(before):
        return None
    moves = set(zip(readings.lines_of(before), readings.lines_of(said), strict=True))
    lines = dict(moves)
    if len(lines) < len(moves) or len(set(lines.values())) < len(moves):
        return None  # what stood in one line stands in two, or the other way about
    return {**record, "said": said, "told": _told_of(record["told"], record["script"][0], record["skipped"], lines)}


def _told_of(told: dict[str, Any], script: str, skipped: int, lines: dict[int, int]) -> dict[str, Any]:
    """Return what a plan tells, with other lines of the script; it tells of the imports that the script skips first."""

    def moved(one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "line": lines.get(one["line"], one["line"])}

    choices = {
        part: [moved(choice) if choice["file"] == script else choice for choice in told[part]]
        for part in ("choices", "refused", "hopeless")
    }
    return {**told, **choices, "skipped": [*map(moved, told["skipped"][:skipped]), *told["skipped"][skipped:]]}


def _environment(record: dict[str, Any]) -> str | None:
    """Return what would happen to the environment; None where another one that is there might be taken instead, or
    where it may not be whole."""
    try:
        names = {name.rpartition("_")[2]: name for name in os.listdir(record["store"]) if name.startswith("luci_")}
    except OSError:
        names = {}
    for key in record["order"]:
        stamp = kept.stamp(os.path.join(record["store"], names[key], "env.json")) if key in names else ()
        if stamp:
            known, looked_at = record["env"] or ((), ())
            return "reuse" if key == record["key"] and stamp == known and not fault_of(*looked_at) else None
    return "build" if record["key"] == record["order"][0] else None
