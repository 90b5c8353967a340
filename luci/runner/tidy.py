"""What is done after a build, never on a warm run: rubble is swept, and what nobody needs any more is removed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from luci import paths, runs
from luci.config import EnvSettings
from luci.envs import files, prunes, uses
from luci.envs.store import Env, Store
from luci.events import Event
from luci.runner import launch, owners


def tidy(store: Store, kept: Env, settings: EnvSettings) -> Iterator[Event]:
    """Remove what the settings say may go; `kept` is in use by this process."""
    sweep(store)
    if settings.prune:
        policy = prunes.Policy(settings.orphan_days, settings.unused_days, settings.budget_gb * 1e9)
        found = prunes.candidates(store, policy, owners.scripts_by_key())
        yield from prunes.remove(store, [c for c in found if c.env.root != kept.root])


def sweep(store: Store) -> None:
    """Remove what processes left that did not come to their end. Waits for nobody."""
    store.sweep()
    for env in store.all():
        uses.forget_the_dead(env.root)
    forget_ended_runs()
    launch.sweep()
    _forget_unwritten_files()


def forget_ended_runs() -> None:
    """Drop the state of runs whose process is gone: luci became them, so nobody else could."""
    runs.collect()
    folder = paths.state() / "running"
    for name in files.listing(folder):
        pid = name.partition(".")[0]
        earlier = pid == str(os.getpid()) and name in (pid, f"{pid}.told")  # another process had our number
        if pid.isdigit() and (earlier or not _lives(int(pid), files.mtime(folder / name))):
            files.discard(folder / name)


def _forget_unwritten_files() -> None:
    """Drop files that a process had begun to write when it was killed."""
    for top in (paths.state(), paths.cache()):
        for folder, _, names in os.walk(top):
            for name in names:
                writer, path = files.writer_of(name), Path(folder, name)
                if writer is not None and not _lives(writer, files.mtime(path)):
                    files.discard(path)


def _lives(pid: int, since_ns: int) -> bool:
    return pid == os.getpid() or uses.lives_since(pid, since_ns)
