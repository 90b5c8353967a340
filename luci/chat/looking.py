"""Tools that only look: files, environments, and what a person says."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

from luci.chat.ground import LARGEST, NotHere
from luci.chat.hands import Hands
from luci.chat.leave import Effect
from luci.chat.shorten import data
from luci.chat.tools import AskUser, Environments, ListFiles, ReadFile, SearchFiles, Wrong
from luci.events import Event

MOST_FILES = 500
MOST_HITS = 100
_PASSED_OVER = {".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".tox"}


def read_file(request: ReadFile, hands: Hands) -> Generator[Event, None, str]:
    yield from ()
    path = _place(request.path, hands)
    _leave_to_read(path, hands)
    try:
        lines = hands.ground.read(path).splitlines()
    except NotHere as error:
        raise Wrong(str(error)) from None
    first = max(1, request.first)
    shown = lines[first - 1 : first - 1 + max(1, request.lines)]
    text = "\n".join(f"{number:>5}  {line}" for number, line in enumerate(shown, start=first))
    left = len(lines) - (first - 1) - len(shown)
    more = f"\n… {left} more lines" if left > 0 else ""
    return data(text) + more if lines else "The file is empty."


def list_files(request: ListFiles, hands: Hands) -> Generator[Event, None, str]:
    yield from ()
    folder = _place(request.path, hands)
    if not folder.is_dir():
        raise Wrong(f"There is no folder {request.path}.")
    _leave_to_read(folder, hands)
    found = [hands.ground.shown(path) for path in files(folder)]
    more = f"\n… and {len(found) - MOST_FILES} more" if len(found) > MOST_FILES else ""
    return data("\n".join(found[:MOST_FILES])) + more if found else "The folder is empty."


def search_files(request: SearchFiles, hands: Hands) -> Generator[Event, None, str]:
    yield from ()
    folder = _place(request.path, hands)
    _leave_to_read(folder, hands)
    if not request.text:
        raise Wrong("There is nothing to look for.")
    hits: list[str] = []
    for name in [folder] if folder.is_file() else files(folder):
        path = Path(os.path.realpath(name))  # a link may lead out of the project
        if hands.context.stop() or len(hits) >= MOST_HITS:
            break
        if not _may_be_searched(path, hands):
            continue
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:  # it is gone, or nobody may read it
            continue
        for number, line in enumerate(lines, start=1):
            if request.text in line:
                hits.append(f"{hands.ground.shown(path)}:{number}: {line.strip()[:300]}")
    return data("\n".join(hits[:MOST_HITS])) if hits else "It is nowhere."


def _may_be_searched(path: Path, hands: Hands) -> bool:
    if not path.is_file() or path.stat().st_size > LARGEST or hands.ground.peculiar(path, writing=False):
        return False
    shown = hands.ground.shown(path)
    return not hands.leave.rules.denies(Effect("read", f"Read {shown}?", (), shown))


def environments(request: Environments, hands: Hands) -> Generator[Event, None, str]:
    from luci.actions.door import perform
    from luci.actions.envs import EnvRequest

    found = yield from perform("env list", EnvRequest(), hands.context)
    told = [
        f"{row['label']} ({row['key']}): Python {row['python_version']}, "
        f"{', '.join(row['requirements']) or 'no packages'}"
        for row in found
    ]
    return data("\n".join(told)) if told else "There are none."


def ask_user(request: AskUser, hands: Hands) -> Generator[Event, None, str]:
    yield from ()
    answer = hands.reply(request.question)
    if answer is None:
        raise Wrong("Nobody is here to answer. Decide by yourself, and say what you assumed.")
    return answer


def _place(name: str, hands: Hands) -> Path:
    try:
        return hands.ground.place(name)
    except NotHere as error:
        raise Wrong(str(error)) from None


def _leave_to_read(path: Path, hands: Hands) -> None:
    shown = hands.ground.shown(path)
    why = hands.ground.peculiar(path, writing=False)
    effect = Effect("read", f"Read {shown}?", (why,) if why else (), shown, own=bool(why))
    if why or hands.leave.rules.denies(effect):
        hands.may(effect)


def files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, without what tools keep there for themselves."""
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        for name in sorted(names):
            yield Path(base, name)
