"""The code of an answer, when a person runs it by a key: a model wrote it, so it has no more power than its scripts."""

from __future__ import annotations

from pathlib import Path

from luci.chat.ground import Ground
from luci.chat.running import MEMORY, PIDS
from luci.chat.traces import folders_of_programs
from luci.runner.request import RunRequest
from luci.walls.asked import Asked, Limits, Reach


def run_of(code: str, folder: Path) -> RunRequest:
    """Return a run that writes in the folder and a temporary one, and has no network and no files with secrets."""
    ground = Ground(folder)
    hidden = tuple(str(folder / name) for name in ground.secret_files())
    reach = Reach(writable=(str(folder),), hidden=hidden, kept=folders_of_programs(ground))
    return RunRequest(code, "code", walls=Asked("", Limits(memory=MEMORY, pids=PIDS), reach, stranger=True))
