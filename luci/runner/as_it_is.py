"""Plans for an interpreter as it is: what a script needs and whether it is there, and that nothing is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from luci.config import Settings
from luci.envs import interpreters, systems
from luci.errors import PlanError, UsageError
from luci.runner.choices import Choice
from luci.runner.imports import Certainty, Import
from luci.runner.kinds import Kind
from luci.values import replace

_HINT = "Name one with --python, as in: luci run --env system --python /usr/bin/python3 SCRIPT"


def kind(wanted: str, why: str, asked: Iterable[str], settings: Settings) -> Kind:
    """Return the kind `system` for the interpreter that a person named. Raises UsageError where none was."""
    if lines := list(asked):
        raise UsageError(
            f"Nothing is installed into an interpreter as it is: {', '.join(lines)}.",
            hint="Leave --with out, or --env system.",
        )
    wanted = wanted or settings.run.python
    if not wanted:
        raise UsageError("Which interpreter?", hint=_HINT)
    python = interpreters.choose(wanted)
    given = os.path.abspath(os.path.expanduser(wanted)) if os.sep in wanted else shutil.which(wanted)
    path = given or python.path  # as it was named: in a virtual environment another has other packages
    return Kind("system", why, base=path, here=(replace(python, path=path),))


def choices(imports: Iterable[Import], python: str) -> list[Choice]:
    """Return a choice for each module that is not the standard library's: it is there, or it is not."""
    seen: dict[str, list[Import]] = {}
    for each in imports:
        seen.setdefault(each.module, []).append(each)
    there = systems.there(python, seen)
    return [_choice(module, tuple(of), python, module in there) for module, of in seen.items()]


def _choice(module: str, imports: tuple[Import, ...], python: str, there: bool) -> Choice:
    if there:
        return Choice(module, (), "system", f"{python} has it", imports, "skip")
    choice = Choice(module, (), "system", f"{python} does not have it", imports, "none", kind="absent")
    return replace(choice, status="skip") if choice.certainty is Certainty.OPTIONAL else choice


def insist(made: Iterable[Choice], python: str, script: str) -> None:
    """Raise PlanError where a script cannot do without what is not there."""
    absent = [c for c in made if c.kind == "absent" and c.certainty is Certainty.REQUIRED]
    if absent:
        raise PlanError(
            f"{python} does not have {', '.join(c.module for c in absent)}.",
            cause="\n".join(f"{c.module} is imported at {c.imports[0].file}:{c.imports[0].line}." for c in absent),
            hint=f"Install it there yourself, or let luci make an environment: luci run {script}",
        )
