"""Keep a plan so that it can be told again while it stands: see luci.runner.standing."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Any

from luci import config, kept, paths
from luci.context import Context
from luci.envs import candidates, sources
from luci.envs.store import Store, fault
from luci.envs.whole import looked_at
from luci.runner import declared, memory, readings, standing, witnesses
from luci.runner.plan import Plan
from luci.runner.script import Script
from luci.runner.wants import Wants

_PLANS = 500  # kept, at most


class Look:
    """All that can be seen, before a plan is made, of what it will follow from. Another look afterwards tells whether
    something changed in between."""

    def __init__(self, script: Script) -> None:
        self.script, self.folder = str(script.path), str(script.folder)
        root = declared.project_root(script.folder)
        roots = {self.folder, str(root)} if root else {self.folder}
        self.above = witnesses.above(self.folder)
        self.lists = {path: witnesses.requirements_files(path) for path in sorted(roots)}
        self.files = {path: kept.stamp(path) for path in [*self._locks(), *self._declaring(roots), *_configuring()]}
        self.memory = str(memory.place(script))
        self.taught = witnesses.taught(self.memory, memory.FORMAT)
        self.pythons = candidates.state()
        self.variables = witnesses.variables()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Look) and vars(self) == vars(other)

    def _locks(self) -> list[str]:
        folder, name = os.path.split(self.script)
        return [os.path.join(folder, lock) for lock in declared.lock_names(name)]

    def _declaring(self, roots: set[str]) -> list[str]:
        names = ("pylock.toml", "pyproject.toml", *declared.for_conda())
        lists = [os.path.join(root, name) for root, there in self.lists.items() for name in there]
        return [*lists, *(os.path.join(root, name) for root in roots for name in names)]


def _configuring() -> list[str]:
    return [os.path.abspath(path) for path in (paths.config_file(), *sources.configured_in())]


def keep(script: Script, wants: Wants, made: Plan, before: Look, began: int, context: Context) -> None:
    """Keep a plan, if all that it follows from can be seen on the disk, and did not change while it was made: `before`
    is the look that was taken when it `began`, in nanoseconds since the epoch."""
    if not can_be_kept(script, wants) or not _rests_on_what_can_be_seen(made, context):
        return
    now = time.time()
    guessed = any(choice.source == "index" for choice in made.choices)
    index = made.known.index
    assert index is not None
    until = index.believed_until(now, made.known.gate if guessed else None)
    declaring = {str(path): kept.stamp(str(path)) for path in (made.declarations.files if made.declarations else ())}
    files = _with_digests({**declaring, **before.files})
    folders = {path: witnesses.modules(path) for path in sorted(made.readings.folders)}
    expanded = _expanded(declaring)
    settled = all(not stamp or kept.settled(stamp, began) for stamp, _ in files.values())
    same = Look(script) == before and made.readings.looked_the_same()
    same = same and all(kept.stamp(path) == stamp for path, stamp in declaring.items())
    if until <= now or not settled or not same:
        return
    record = {
        "since": now,
        "until": until,
        "script": (before.script, before.folder),
        "files": {**files, **made.readings.seen()},
        "said": None if made.scan.shadows else readings.said_in(script.source, made.readings.script(script)),
        "skipped": sum(skipped.file == script.origin for skipped in made.scan.skipped),
        "folders": folders,
        "above": before.above,
        "lists": before.lists,
        "memory": (before.memory, memory.FORMAT, before.taught),
        "pythons": before.pythons,
        "expanded": expanded,
        "variables": witnesses.variables(expanded),
        "pages": {path: stamp for path, (stamp, _) in index.heard.items()},
        "store": str(paths.envs()),
        "order": made.order,
        "key": made.spec.key,
        "env": _environment(made.spec.key),
        "told": made.as_dict(),
    }
    place = standing.place_of(script.name, offline=wants.offline)
    kept.save(place, record)
    kept.drop_oldest(os.path.dirname(place), _PLANS)


def can_be_kept(script: Script, wants: Wants) -> bool:
    """Whether the question is one that luci.runner.standing answers: a file, with nothing asked besides."""
    return sys.platform == "linux" and script.kind == "file" and Wants(offline=wants.offline) == wants


def _rests_on_what_can_be_seen(made: Plan, context: Context) -> bool:
    """No answer failed, and nothing is declared by a path or with a word that must be said again each time."""
    said = made.declarations
    index = made.known.index
    return not (
        index is None
        or made.known.troubles
        or index.troubles
        or made.readings.elsewhere
        or made.spec.kind != "venv"  # what channels have is seen by asking them
        or (said and (said.problems or said.index.only))
        or (said and any("file:" in line.line or not line.name for line in said.requirements))
        or os.sep in context.settings.run.python
        or context.settings.envs.prefer  # which of those are here is seen by asking them
        or context.settings != config.load()
    )


def _with_digests(stamps: dict[str, kept.Stamp]) -> standing.Files:
    return {path: (stamp, kept.digest_of(path)) for path, stamp in stamps.items()}


def _expanded(paths: dict[str, Any]) -> list[str]:
    """The variables that what is declared names, as ${X}."""
    texts = ((kept.content(path) or b"").replace(b"\0", b"") for path in paths)  # of UTF-16 too
    return sorted({name.decode() for text in texts for name in re.findall(rb"\$\{([A-Z0-9_]+)\}", text)})


def _environment(key: str) -> tuple[Any, ...] | None:
    store = Store(paths.envs())
    places = [name for name in os.listdir(store.root) if name.endswith(f"_{key}")] if store.root.is_dir() else []
    stamps = [kept.stamp(str(store.root / name / "env.json")) for name in places]  # before the record is read
    env = store.get(key)
    if env is None or fault(env):
        return None
    return stamps[0], looked_at(env)
