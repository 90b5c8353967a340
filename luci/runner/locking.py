"""The lock beside a script: pylock.NAME.toml (PEP 751), with what luci needs to see that it went stale.

Under [tool.luci] it notes which modules the script imported and which requirements were locked. A script that imports
another module later is not run by the lock, nor without it: its lock is made again, or nothing is.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

from luci.context import Context, Question
from luci.envs import backends, resolver
from luci.envs.installer import InstallFailed
from luci.envs.resolver import Change
from luci.envs.spec import canonical
from luci.errors import PlanError, Refused, UsageError
from luci.events import Event, Told, Warned, Working
from luci.exchange import exchange
from luci.runner import declared, former, memory, plan, premises
from luci.runner.cascade import approve
from luci.runner.choices import STALE, Choice, name_of
from luci.runner.declared import Declarations
from luci.runner.declared.values import Declared, read_text, read_toml
from luci.runner.guesses import candidates
from luci.runner.plan import Plan
from luci.runner.script import Script
from luci.runner.wants import NOTHING_MORE, Wants
from luci.values import Value, replace


class StaleLock(Refused):
    """A lock does not hold what its script imports, and was not made again."""


class Lock(Value):
    """A lock as it would be written. `before` is what the file holds now, "" where there is none."""

    path: Path
    text: str
    before: str
    changes: tuple[Change, ...]

    @property
    def is_new(self) -> bool:
        return not self.before.strip()


# -- which file


def place(script: Script) -> Path:
    """Return the lock that is read for a script, else where PEP 751 puts a new one. Raises UsageError where another
    program's would be read in its place."""
    if script.path is None or script.kind != "file":
        raise UsageError(f"{script.name} is no file that a lock could lie beside.", hint="Name a script, or --output.")
    names = declared.lock_names(script.path.name)
    path = Path(os.path.abspath(script.path))
    first = next((path.with_name(name) for name in names if read(path.with_name(name)).strip()), None)
    if first and "lock-version" not in _table(first):
        raise UsageError(
            f"{first.name} is there, and is uv's: it is read before any other lock.",
            hint=f"`uv lock --script {script.name}` makes it anew; or remove it, or choose another file with --output.",
        )
    return first or path.with_name(names[1])


def read(path: Path) -> str:
    try:
        return read_text(path)
    except ValueError:
        return ""


def _table(path: Path) -> dict[str, Any]:
    try:
        return read_toml(read_text(path))
    except ValueError as error:
        raise PlanError(f"The lock {path.name} cannot be read.", cause=str(error), hint="Remove it.") from None


# -- what is in it


def planned(script: Script, wants: Wants, context: Context) -> Generator[Event, None, Plan]:
    """Return the plan of a script as if no lock lay beside it, its guesses let in. Raises Refused after a no."""
    known = memory.load(script)
    made = yield from plan.make(script, wants, context, known, premises.without_lock)
    if made.asked:
        approved = approve(made, context)
        known = replace(known, approved=tuple(sorted({*known.approved, *approved})))
        memory.save(script, known)
        made = yield from plan.make(script, wants, context, known, premises.without_lock)
    if made.spec.kind == "conda":
        raise UsageError(
            f"{script.name} gets a conda environment, and pylock.toml holds no conda packages.",
            hint=f"`luci env export {script.name} -f conda-lock` writes what is installed.",
        )
    if made.spec.kind == "system":
        raise UsageError(f"{script.name} runs in an interpreter as it is: there is nothing to lock.")
    return made


def locked(made: Plan, path: Path, context: Context, *, upgrade: bool) -> Generator[Event, None, Lock]:
    """Return the lock for a plan. Versions that the file holds stay while they fit, unless they are to be upgraded."""
    before = read(path)
    text = yield from _resolved(made, "" if upgrade else before, context, refresh=upgrade)
    noted = {"requirements": sorted(_lines(made)), "modules": sorted({c.module for c in made.choices if c.module})}
    text = f"{text.rstrip()}\n\n{_written(noted)}"
    return Lock(path, text, before, tuple(changes(before, text, path)))


def _lines(made: Plan) -> Iterable[str]:
    return {_without_passwords(canonical(line.partition(" --hash")[0])) for line in made.spec.requirements}


def _written(noted: dict[str, list[str]]) -> str:
    import tomlkit

    return tomlkit.dumps({"tool": {"luci": noted}})


def _resolved(made: Plan, before: str, context: Context, *, refresh: bool) -> Generator[Event, None, str]:
    version = made.interpreter.short
    if not made.spec.requirements:
        return f'lock-version = "1.0"\ncreated-by = "luci"\nrequires-python = ">={version}"\npackages = []\n'
    yield Working("resolving", ", ".join(made.spec.requirements))
    python = made.interpreter.path or sys.executable  # of a container's; nothing is built with it
    terms = replace(made.terms, refresh=refresh and not made.terms.offline)

    def compiled(*more: str) -> Generator[Event, None, str]:
        said = ("--format", "pylock.toml", "--python-version", version, *more)
        return resolver.compiled(made.spec, python, made.sources, terms, context.stop, said, before)

    try:
        text = yield from compiled("--universal")
    except InstallFailed as error:
        if error.reason not in ("no-wheel", "unsolvable"):
            raise
        text = yield from compiled()
        yield Warned("The lock is for this platform alone: for others there is not everything.")
    return _without_passwords(text.replace('created-by = "uv"', 'created-by = "luci"', 1))


def _without_passwords(text: str) -> str:
    """
    >>> _without_passwords("https://me:secret@host/a.whl ssh://git@host/b")
    'https://host/a.whl ssh://git@host/b'
    """
    return re.sub(r"://[^/\s\"'@:]*:[^/\s\"'@]*@", "://", text)


def changes(before: str, after: str, path: Path) -> list[Change]:
    """Return how the versions differ."""
    old, new = versions(before, path), versions(after, path)
    names = sorted({*old, *new})
    found = [Change(name, old.get(name, ""), new.get(name, "")) for name in names]
    return [change for change in found if change.before != change.after]


def versions(text: str, path: Path) -> dict[str, str]:
    """Return {name: version, or versions} of a pylock; nothing of what is none."""
    try:
        held = declared.pylock(read_toml(text), path).requirements
    except ValueError:
        return {}
    found: dict[str, set[str]] = {}
    for line in held:
        told = line.line.partition(";")[0].strip()
        version = told.partition("==")[2] or told.partition(" @ ")[2] or "some version"
        found.setdefault(line.name, set()).add(version.strip())
    return {name: ", ".join(sorted(each)) for name, each in found.items()}


# -- whether it still holds


def stale(made: Plan, lock: Declarations) -> list[str]:
    """Return why a lock is not what the plan without it needs; nothing where it is."""
    lines = sorted(_lines(made))
    wanted = [Declared(line, name_of(line), "") for line in lines]
    reasons = []
    for line in wanted:
        if declared.outdated(lock, Declarations((line,))):
            reasons.append(f"{line.line} is needed, and it does not hold that")
    if lock.modules is not None:
        today = {name_of(line) for line in lines}
        reasons += [f"{line} is not needed any more" for line in lock.asked if name_of(line) not in today]
    return reasons


def beyond(made: Plan, wants: Wants) -> list[Choice]:
    """Return the modules that a lock of luci's does not hold, but for those that --with brings."""
    given = {name_of(line) for line in wants.requirements}
    found = [choice for choice in made.asked if choice.kind == STALE]
    return [choice for choice in found if not given & _bring(choice, made)]


def _bring(choice: Choice, made: Plan) -> set[str]:
    entry = made.known.table.lookup(choice.module, {})
    return {*candidates(choice.module), *(name_of(line) for line in (entry.requirements if entry else ()))}


def renew(script: Script, found: list[Choice], context: Context) -> Generator[Event, None, None]:
    """Lock a script again, its stale lock's versions kept, the difference shown first. Raises StaleLock after a no."""
    path = place(script)
    imported = ", ".join(sorted(choice.module for choice in found))
    first = next((choice.imports[0] for choice in found if choice.imports), None)
    where = f" ({Path(first.file).name}:{first.line})" if first and first.line else ""
    yield Warned(f"{path.name} is stale: it does not hold {imported}{where}.")
    made = yield from planned(script, NOTHING_MORE, context)
    lock = yield from locked(made, path, context, upgrade=False)
    if not save(lock, context, f"Lock {script.name} again, and run it by that?"):
        raise StaleLock(
            f"{path.name} does not hold {imported}, which {script.name} imports.",
            cause="A lock is never relaxed, and it was not made again.",
            hint=f"`luci env lock {script.name}` makes it again; with --check it says all that it lacks.",
        )
    yield Told(f"{path.name} was made again; `luci env lock --undo {script.name}` takes the former one back.")


def save(lock: Lock, context: Context, text: str = "") -> bool:
    """Write a lock, and ask first where the file says something else. Return whether it holds this now.

    Raises UsageError where it cannot be written.
    """
    if lock.text == lock.before:
        return True
    if not lock.is_new:
        shown = tuple(map(str, lock.changes)) or ("The versions stay; hashes, Pythons or notes differ.",)
        question = Question(
            "overwrite",
            text or f"Write over {lock.path.name}?",
            shown,
            "--yes",
            yes=f"Write {lock.path.name} with these changes",
            no=f"Leave {lock.path.name} as it is",
        )
        if not context.ask(question):
            return False
    if read(lock.path) != lock.before:
        raise PlanError(f"{lock.path} was changed meanwhile.", hint="Try again.")
    try:
        if not lock.is_new:
            former.keep(lock.path, lock.before)
        exchange(lock.path, lock.text.encode())
    except OSError as error:
        raise UsageError(
            f"{lock.path} cannot be written.", cause=str(error), hint="--output writes elsewhere."
        ) from error
    return True


def undone(path: Path) -> Lock:
    """Return the lock that stood in the place of this one. Raises UsageError where there was none."""
    before, text = read(path), former.of(path)
    if not text:
        raise UsageError(f"luci never wrote over {path.name}, or it was long ago: there is nothing to take back.")
    return Lock(path, text, before, tuple(changes(before, text, path)))


def insist(kind: str) -> None:
    backends.insist(kind, "pylock", "is not locked as pylock.toml", "`luci env export` writes what is installed.")
