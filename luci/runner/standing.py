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
from luci.runner.strangers import stranger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Files = dict[str, tuple[kept.Stamp, str]]  # path: its stamp, empty where that proves nothing, and its digest


def told(given: str, *, offline: bool) -> dict[str, Any] | None:
    """Return what `luci plan GIVEN` says, as `luci.runner.plan.Plan.as_dict` has it, and which "environment" that is:
    one to reuse, or to build. None where the plan must be made."""
    if sys.platform != "linux":
        return None
    if stranger(given):
        return None  # which container it gets depends on what answers now
    place = place_of(given, offline=offline)
    record = kept.load(place)
    if record is None or not record["since"] <= time.time() < record["until"] or not _is_as_it_was(record):
        return None
    renewed = _read_again(record)
    environment = None if renewed is None else _environment(record)
    if environment is None:
        return None
    if renewed:
        kept.save(place, {**record, "files": {**record["files"], **renewed}})
    return {**record["told"], "environment": environment}


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


def _read_again(record: dict[str, Any]) -> Files | None:
    """Return None if a file tells something else now; else those that had to be read again, with today's stamps."""
    again: Files = {}
    for path, (known, digest) in record["files"].items():
        stamp = kept.stamp(path)
        if not known or stamp != known:
            content = kept.content(path)
            today = "" if content is None else kept.digest(content)
            if today != digest and not (path == record["script"][0] and content and _says(content, record["said"])):
                return None
            if kept.settled(stamp, time.time_ns()):
                again[path] = (stamp, today)
            elif today != digest:
                again[path] = ((), today)
    return again


def _says(content: bytes, said: Any) -> bool:
    """Whether a script was edited only where that changes nothing of what it imports and declares."""
    if said is None or b"\0" in content:
        return False
    from luci.errors import LuciError
    from luci.runner import readings

    try:
        return bool(readings.said_in(content) == said)
    except LuciError:
        return False


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
