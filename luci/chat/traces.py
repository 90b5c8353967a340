"""What a run left in the project that others trust: put back as it was, unless a person wants it so.

A wall lets a script write in its project. What runs by itself there (conftest.py, .envrc, a hook), what other programs
run, and what says which packages are installed would let it do later, and without a wall, what it may not do now.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from luci.chat.ground import LARGEST, Ground, diff, runs_by_name
from luci.chat.hands import Hands
from luci.chat.leave import Effect
from luci.chat.placing import place
from luci.chat.sessions import Change
from luci.chat.tools import Wrong
from luci.values import Value

_DECLARE = re.compile(
    r"pyproject\.toml|requirements.*\.txt|environment\.ya?ml|pylock.*\.toml|.*\.py\.lock|(uv|pdm|poetry|pixi)\.lock"
    r"|pipfile\.lock|conda-lock\.ya?ml",
    re.IGNORECASE,
)
_OF_GIT = re.compile(r"config(\.worktree)?|commondir|gitdir|hooks/.*|info/attributes|modules/.*/(config|hooks/.*)")
_PROGRAMS = {".venv", "venv", "node_modules", "site-packages", "dist-packages", ".tox", ".nox", ".direnv"}
_PROGRAM = "what lies there runs by itself"
_ASIDE = ".put-aside"
_DEEP = 3  # folders below the project in which folders of programs are looked for
_MOST = 200_000  # files that are looked at


class Mark(Value):
    """A file as it was. `content` is None where it is a folder, or too large to be kept; `link` is where one leads."""

    stamp: tuple[int, ...]
    content: bytes | None = None
    link: bytes | None = None

    def same(self, other: Mark | None) -> bool:
        if other is None:
            return False
        kept = (self.content, self.link)
        return (kept == (other.content, other.link)) if any(each is not None for each in kept) else self == other


class Left(Value):
    """A file that a run made or changed. `is_back`: it is again as it was."""

    path: Path
    why: str
    before: Mark | None
    after: Mark | None
    is_back: bool


def folders_of_programs(ground: Ground) -> tuple[str, ...]:
    """Return the folders of the project whose files others run; a run has no business in them."""
    return tuple(str(path) for path, _ in _folders(ground))


def looked_at(hands: Hands) -> dict[Path, Mark]:
    """Return what others trust in the project, as it is now."""
    return {path: _mark(path) for path, _ in _trusted(hands)}


def put_back(before: dict[Path, Mark], hands: Hands) -> list[Left]:
    """Make what others trust what it was; return what was otherwise."""
    found = []
    now = {path: (why, _mark(path)) for path, why in _trusted(hands)}
    for path in sorted({*before, *now}):
        was, (why, mark) = before.get(path), now.get(path, ("it was taken away", None))
        if (was and was.same(mark)) or (was is None and mark is None):
            continue
        is_back = _taken_away(path) if was is None else _made(path, was, hands.ground.root)
        found.append(Left(path, why, was, mark, is_back))
    return found


def offered(found: list[Left], script: str, hands: Hands) -> Iterator[str]:
    """Ask about what was put back, and do it after all where that is allowed; yield what the model hears of it."""
    if not found:
        return
    changes = {left.path: _noted(left, hands) for left in found}  # `luci redo` finds it, whatever is answered
    denied = [left for left in found if hands.leave.rules.denies(_effect([left], script, hands))]
    asked = [left for left in found if left not in denied and left.is_back]
    agreed = bool(asked) and _agreed(_effect(asked, script, hands), hands)
    for left in found:
        shown = _told(left.path, hands)
        if agreed and left in asked and _done_after_all(left, hands.ground.root):
            if change := changes[left.path]:
                hands.sessions.mark(change, undone=False)
            yield f"{shown} is as {script} left it: the person agreed."
        elif left.is_back:
            yield f"What {script} did to {shown} was taken back: {left.why}, and nobody agreed to it."
        else:
            yield f"{script} changed {shown} ({left.why}), and it could not be put back."


def _told(path: Path, hands: Hands) -> str:
    """Return a path in one line: who made the file also chose its name."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", "?", hands.ground.shown(path))


def _agreed(effect: Effect, hands: Hands) -> bool:
    try:
        hands.may(effect)
        return True
    except Wrong:
        return False


def _effect(found: list[Left], script: str, hands: Hands) -> Effect:
    names = [_told(left.path, hands) for left in found]
    details: list[str] = []
    for name, left in zip(names, found, strict=True):
        details += [f"{name}: {left.why}"]
        before, after = _text(left.before), _text(left.after)
        details += diff(before, after, name).split("\n") if before != after else []
    what = names[0] if len(names) == 1 else f"{len(names)} files that other programs trust"
    return Effect("write", f"{script} also changed {what}. Keep that?", tuple(details), names[0], own=True)


def _noted(left: Left, hands: Hands) -> Change | None:
    """Write down what was taken back, so that it can be done again."""
    before, after = _text(left.before), _text(left.after)
    if after is None or not left.is_back or (left.after and left.after.link is not None):
        return None
    number = hands.sessions.changed(hands.session, left.path, before, after)
    change = Change(number, left.path, None, None)
    hands.sessions.mark(change, undone=True)
    return change


# -- what is looked at


def _trusted(hands: Hands) -> Iterator[tuple[Path, str]]:
    """Yield each file of the project that others trust, and why it matters."""
    ground, rules = hands.ground, hands.leave.rules
    yield from _folders(ground)
    for number, (path, why) in enumerate(_files(ground)):
        if number > _MOST:
            return
        why = why or runs_by_name(path.name)
        if not why and _DECLARE.fullmatch(path.name):
            why = "it says which packages are installed"
        if not why and rules.deny and rules.denies(Effect("write", "", (), ground.shown(path))):
            why = "a rule forbids to write it"
        if why:
            yield path, why


def _folders(ground: Ground) -> Iterator[tuple[Path, str]]:
    for base, folders, _ in os.walk(ground.root):
        for name in [name for name in folders if _is_of_programs(base, name)]:
            folders.remove(name)
            yield Path(base, name), _PROGRAM
        if len(Path(base).relative_to(ground.root).parts) >= _DEEP:
            folders[:] = []


def _is_of_programs(base: str, name: str) -> bool:
    return name in _PROGRAMS or os.path.exists(os.path.join(base, name, "pyvenv.cfg"))


def _files(ground: Ground) -> Iterator[tuple[Path, str]]:
    """Yield the files and links of the project, and why each is trusted for where it lies."""
    for base, folders, names in os.walk(ground.root):
        folder = Path(base)
        inside = folder.relative_to(ground.root).parts
        if ".git" in inside:
            below = "/".join(inside[inside.index(".git") + 1 :])
            folders[:] = [name for name in folders if below or name in ("hooks", "info", "modules")]
            for name in names:
                if _OF_GIT.fullmatch(f"{below}/{name}".lstrip("/")):
                    yield folder / name, _PROGRAM
            continue
        folders[:] = [name for name in folders if name != "__pycache__" and not _is_of_programs(base, name)]
        why = ground.runs_below(folder) if inside else ""
        for name in (*names, *(name for name in folders if os.path.islink(os.path.join(base, name)))):
            yield folder / name, _PROGRAM if name == ".git" else why


def _mark(path: Path) -> Mark:
    try:
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            return Mark((), link=os.fsencode(os.readlink(path)))
        if stat.S_ISDIR(info.st_mode):
            return Mark((info.st_ino,))
        if not stat.S_ISREG(info.st_mode) or info.st_size > LARGEST:
            return Mark((info.st_ino, info.st_size, info.st_mode, info.st_ctime_ns))
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return Mark((), file.read(LARGEST + 1))
    except OSError:
        return Mark(())


def forget_caches(ground: Ground, since: float) -> None:
    """Remove what was compiled in the project since a time: what stands there is run in the place of the source."""
    for base, folders, names in os.walk(ground.root):
        folders[:] = [name for name in folders if name != ".git" and not _is_of_programs(base, name)]
        for name in names if os.path.basename(base) == "__pycache__" else ():
            path = Path(base, name)
            try:
                if os.lstat(path).st_ctime > since - 1:  # the kernel's clock for files is a little behind
                    path.unlink()
            except OSError:  # somebody else was faster
                continue


# -- put back, never through a link that a script made


def _taken_away(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            os.rename(path, _free(path))
        else:
            os.unlink(path)
    except OSError:
        return not os.path.lexists(path)  # what is there still is told
    return True


def _free(path: Path) -> Path:
    number, free = 1, path.with_name(f"{path.name}{_ASIDE}")
    while os.path.lexists(free):
        number, free = number + 1, path.with_name(f"{path.name}{_ASIDE}-{number}")
    return free


def _made(path: Path, mark: Mark, root: Path) -> bool:
    """Make a file what it was."""
    if mark.content is None and mark.link is None:
        return False
    try:
        for folder in reversed(path.parents):
            if folder.is_relative_to(root) and folder != root and (folder.is_symlink() or folder.is_file()):
                folder.unlink()
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            os.rename(path, _free(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        if mark.link is not None:
            path.symlink_to(os.fsdecode(mark.link))
        elif mark.content is not None:
            place(path, mark.content)
        return True
    except OSError:
        return False


def _done_after_all(left: Left, root: Path) -> bool:
    if left.after is None:
        return _taken_away(left.path)
    if left.after.content is None and left.after.link is None:  # a folder, which was put aside
        try:
            os.rename(left.path.with_name(f"{left.path.name}{_ASIDE}"), left.path)
            return True
        except OSError:
            return False
    return _made(left.path, left.after, root)


def _text(mark: Mark | None) -> str | None:
    if mark is None:
        return None
    if mark.link is not None:
        return f"a link to {os.fsdecode(mark.link)}\n"
    return None if mark.content is None else mark.content.decode("utf-8", "replace")
