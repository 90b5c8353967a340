"""The code of an answer, when a person runs it by a key: a model wrote it, so it has no more power than its scripts."""

from __future__ import annotations

from pathlib import Path

from luci.chat.ground import Ground
from luci.chat.running import MEMORY, PIDS
from luci.runner.request import RunRequest
from luci.walls.asked import Asked, Limits, Reach


def run_of(code: str, folder: Path) -> RunRequest:
    """Return a run that writes in the folder and a temporary one, and has no network and no files with secrets."""
    hidden = tuple(str(folder / name) for name in Ground(folder).secret_files())
    walls = Asked("", Limits(memory=MEMORY, pids=PIDS), Reach(writable=(str(folder),), hidden=hidden), stranger=True)
    return RunRequest(code, "code", walls=walls)
