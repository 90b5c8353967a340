"""Tools that change files: the diff is shown first, what a model declares passes the gate, and all can be undone."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from luci.chat import vouching
from luci.chat.disguise import disguises
from luci.chat.ground import LARGEST, NotHere, diff
from luci.chat.hands import Hands
from luci.chat.leave import Effect
from luci.chat.messages import Changed
from luci.chat.placing import place
from luci.chat.tools import EditFile, WriteFile, Wrong
from luci.events import Event
from luci.runner.choices import name_of


def write_file(request: WriteFile, hands: Hands) -> Generator[Event, None, str]:
    path, before = _before(request.path, hands)
    after = hands.secrets.put_back(request.content, within=before or "")
    return (yield from _changed(path, before, after, request.content, hands))


def edit_file(request: EditFile, hands: Hands) -> Generator[Event, None, str]:
    path, before = _before(request.path, hands, tells=True)
    if before is None:
        raise Wrong(f"There is no file {request.path}; write_file makes one.")
    old, new = (hands.secrets.put_back(text, within=before) for text in (request.old, request.new))
    times = before.count(old) if old else 0
    if times != 1:
        where = "is not in" if times == 0 else f"is {times} times in"
        raise Wrong(f"The old text {where} {request.path}; it must be there exactly once. Read the file again.")
    return (yield from _changed(path, before, before.replace(old, new), request.new, hands))


def _before(name: str, hands: Hands, *, tells: bool = False) -> tuple[Path, str | None]:
    """Return where a path leads, and what is there. `tells`: the model will hear something of what is there."""
    try:
        path = hands.ground.place(name)
        if path.is_dir():
            raise NotHere(f"{name} is a folder.")
        if tells and (why := hands.ground.peculiar(path, writing=False)):
            shown = hands.ground.shown(path)
            hands.may(Effect("read", f"Let the model change {shown}?", (why,), shown, own=True))
        return path, hands.ground.read_if_there(path)
    except NotHere as error:
        raise Wrong(str(error)) from None


def _changed(path: Path, before: str | None, after: str, said: str, hands: Hands) -> Generator[Event, None, str]:
    """Ask for leave, write down what changes, and change it. `said` is what the model wrote itself. Returns what the
    model hears."""
    shown = hands.ground.shown(path)
    why = hands.ground.peculiar(path, writing=True) or vouching.beyond_needs(path.name, before, after)
    if why:  # before anything is told of it
        return (yield from _put_with_leave(path, before, after, (why,), said, hands))
    if len(after.encode("utf-8", "replace")) > LARGEST:
        raise Wrong(f"{shown} would be larger than {LARGEST:,} bytes.")
    more = ""
    if vouching.may_be_a_script(path.name) and not (before and vouching.without_block(before)[1]):
        after, declared = vouching.without_block(after)
        more = _take_declared(path, declared, hands)
    if after == before:
        return f"{shown} says that already; nothing was changed.{more}"
    told = yield from _put_with_leave(path, before, after, (), said, hands)
    return told + more


def _put_with_leave(
    path: Path, before: str | None, after: str, why: tuple[str, ...], said: str, hands: Hands
) -> Generator[Event, None, str]:
    """Show the difference, and why it has a question of its own where it has one; then change the file."""
    shown = hands.ground.shown(path)
    verb = "Write" if before is None else "Change"
    lines = diff(before, after, shown).split("\n")
    details = (*why, *disguises([shown, *(line[1:] for line in lines if line.startswith("+"))]), *lines)
    if not why:
        _insist_on_good(shown, before, after, hands)
    verdict = hands.may(Effect("write", f"{verb} {shown}?", details, shown, own=bool(why), text=after), said)
    after = after if verdict.text is None else verdict.text
    if why and verdict.text is None:
        _insist_on_good(shown, before, after, hands)
    try:
        if hands.ground.place(str(path)) != path or hands.ground.read_if_there(path) != before:
            raise Wrong(f"{shown} was changed by somebody else meanwhile. Read it again.")
    except NotHere as error:
        raise Wrong(str(error)) from None
    put(path, before, after, hands)
    yield Changed(shown, hands.secrets.unlike(said).masked(diff(before, after, shown)), verdict.by == "you")
    edited = " The person edited it before it was written: read it again." if verdict.text is not None else ""
    return f"{shown} is written.{edited}"


def _insist_on_good(shown: str, before: str | None, after: str, hands: Hands) -> None:
    if faults := [
        *hands.mending.objections(shown, before, after),
        *vouching.objections(shown, before, after, hands.context),
    ]:
        raise Wrong("This was not written. " + " ".join(faults))


def put(path: Path, before: str | None, after: str | None, hands: Hands) -> None:
    """Change a file, and write down first what makes it possible to take that back. Raises Wrong."""
    shown = hands.ground.shown(path)
    hands.audit("write", {"path": str(path)})
    number = hands.sessions.changed(hands.session, path, before, after)
    try:
        place(path, None if after is None else after.encode())
    except OSError as error:
        hands.sessions.forget_change(number)
        raise Wrong(f"{shown} could not be written: {error.strerror}.") from None
    hands.mending.changes += 1
    if before is not None:
        hands.mending.bases.setdefault(path, before)
    hands.note("change", {"path": str(path), "diff": diff(before, after, shown)})


def _take_declared(path: Path, lines: tuple[str, ...], hands: Hands) -> str:
    """Keep what a model declared for its script, if it passes the gate; return what the model is told."""
    if not lines:
        return ""
    named = {name_of(line): line for line in lines}
    refused = vouching.refusals(named, hands.context)
    hands.declared[path] = tuple(line for name, line in named.items() if name not in refused)
    told = "luci finds the packages from the imports and writes the metadata block itself: yours was left out."
    return " ".join(["", told, *refused.values()])
