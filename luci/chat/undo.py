"""Put files back as they were before the assistant changed them, and forward again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from luci.chat import audit, copies
from luci.chat.ground import Ground, NotHere, diff
from luci.chat.placing import place
from luci.chat.sessions import Change, Sessions
from luci.context import Answer, Question
from luci.errors import Refused, UsageError
from luci.values import Value


class UndoRequest(Value):
    """`again`: what was taken back is done again."""

    again: bool = False
    dry_run: bool = False


def taken_back(
    request: UndoRequest, sessions: Sessions, folder: Path, agreed: Callable[[Question], bool | Answer]
) -> str:
    """Take the last change back, and return what was done. Raises UsageError where there is none, Refused where the
    file is not as the assistant left it."""
    found = sessions.changes(undone=request.again, below=Path(folder).resolve())
    if not found:
        raise UsageError(f"There is nothing to {'redo' if request.again else 'undo'} in this folder.")
    change = found[0]
    before, after = _copy(change.before), _copy(change.after)
    expected, wanted = (before, after) if request.again else (after, before)
    _insist(change, expected, folder)
    shown = Ground(folder).shown(change.path)
    preview = diff(expected, wanted, shown)
    if request.dry_run:
        return preview
    verb = "Make this change again" if request.again else "Take this back"
    if not agreed(Question("undo", f"{verb}?", tuple(preview.splitlines()), "--yes")):
        raise Refused(f"{shown} was left as it is.", hint="--yes does it, --dry-run shows what.")
    _insist(change, expected, folder)  # the person had time for more than an answer
    audit.add("redo" if request.again else "undo", {"path": str(change.path)})
    try:
        place(change.path, None if wanted is None else wanted.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise Refused(f"{shown} could not be written.", cause=error.strerror or str(error)) from error
    sessions.mark(change, undone=not request.again)
    return f"{shown} is {'gone' if wanted is None else 'as it was' if not request.again else 'changed'} again."


def _copy(name: str | None) -> str | None:
    try:
        return None if name is None else copies.read(name)
    except OSError as error:
        raise Refused("The copy that is needed is not kept any more.", cause=str(error)) from error


def _insist(change: Change, expected: str | None, folder: Path) -> None:
    try:
        there = Ground(folder).read_if_there(change.path)
    except NotHere:
        there = None if expected is not None else ""
    if there != expected:
        raise Refused(
            f"{Ground(folder).shown(change.path)} was changed since by somebody else.",
            hint="`luci sessions show` tells what it was before.",
        )
