"""Tools that change files: the diff is shown first, what a model declares passes the gate, and all can be undone."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from luci.chat import audit, vouching
from luci.chat.ground import LARGEST, NotHere, diff
from luci.chat.hands import Hands
from luci.chat.leave import Effect
from luci.chat.tools import EditFile, WriteFile, Wrong
from luci.events import Event
from luci.exchange import exchange
from luci.runner.choices import name_of


def write_file(request: WriteFile, hands: Hands) -> Generator[Event, None, str]:
    yield from ()
    path, before = _before(request.path, hands)
    return _changed(path, before, hands.secrets.put_back(request.content, within=before or ""), hands)


def edit_file(request: EditFile, hands: Hands) -> Generator[Event, None, str]:
    yield from ()
    path, before = _before(request.path, hands)
    if before is None:
        raise Wrong(f"There is no file {request.path}; write_file makes one.")
    old, new = (hands.secrets.put_back(text, within=before) for text in (request.old, request.new))
    times = before.count(old) if old else 0
    if times != 1:
        where = "is not in" if times == 0 else f"is {times} times in"
        raise Wrong(f"The old text {where} {request.path}; it must be there exactly once. Read the file again.")
    return _changed(path, before, before.replace(old, new), hands)


def _before(name: str, hands: Hands) -> tuple[Path, str | None]:
    try:
        path = hands.ground.place(name)
        if path.is_dir():
            raise NotHere(f"{name} is a folder.")
        why = hands.ground.peculiar(path, writing=True)
        if why:  # also what is in it would be shown
            _own_question(path, why, hands)
        return path, hands.ground.read_if_there(path)
    except NotHere as error:
        raise Wrong(str(error)) from None


def _own_question(path: Path, why: str, hands: Hands) -> None:
    shown = hands.ground.shown(path)
    hands.may(Effect("write", f"Let the model write {shown}?", (f"{why}",), shown, own=True))


def _changed(path: Path, before: str | None, after: str, hands: Hands) -> str:
    """Ask for leave, write down what changes, and change it. Returns what the model hears."""
    shown = hands.ground.shown(path)
    if len(after.encode("utf-8", "replace")) > LARGEST:
        raise Wrong(f"{shown} would be larger than {LARGEST:,} bytes.")
    said = ""
    if path.suffix in (".py", ".pyw") and not (before and vouching.without_block(before)[1]):
        after, declared = vouching.without_block(after)
        said = _take_declared(path, declared, hands)
    if after == before:
        return f"{shown} says that already; nothing was changed.{said}"
    if faults := [
        *hands.mending.objections(shown, before, after),
        *vouching.objections(shown, before, after, hands.context),
    ]:
        raise Wrong("This was not written. " + " ".join(faults))
    verb = "Write" if before is None else "Change"
    effect = Effect("write", f"{verb} {shown}?", tuple(diff(before, after, shown).splitlines()), shown, text=after)
    verdict = hands.may(effect)
    after = after if verdict.text is None else verdict.text
    try:
        if hands.ground.read_if_there(path) != before:
            raise Wrong(f"{shown} was changed by somebody else meanwhile. Read it again.")
    except NotHere as error:
        raise Wrong(str(error)) from None
    put(path, before, after, hands)
    edited = " The person edited it before it was written: read it again." if verdict.text is not None else ""
    return f"{shown} is written.{edited}{said}"


def put(path: Path, before: str | None, after: str | None, hands: Hands) -> None:
    """Change a file, and write down first what makes it possible to take that back. Raises Wrong."""
    shown = hands.ground.shown(path)
    audit.add("write", {"session": hands.session, "path": str(path)})
    number = hands.sessions.changed(hands.session, path, before, after)
    try:
        exchange(path, None if after is None else after.encode())
    except OSError as error:
        hands.sessions.forget_change(number)
        raise Wrong(f"{shown} could not be written: {error.strerror}.") from None
    told = hands.secrets.masked(diff(before, after, shown))
    hands.sessions.add(hands.session, "change", {"path": str(path), "diff": told})


def _take_declared(path: Path, lines: tuple[str, ...], hands: Hands) -> str:
    """Keep what a model declared for its script, if it passes the gate; return what the model is told."""
    if not lines:
        return ""
    named = {name_of(line): line for line in lines}
    refused = vouching.refusals(named, hands.context)
    hands.declared[path] = tuple(line for name, line in named.items() if name not in refused)
    told = "luci finds the packages from the imports and writes the metadata block itself: yours was left out."
    return " ".join(["", told, *refused.values()])
