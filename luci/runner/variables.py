"""The variables that a project's file sets for a run: which a person must let in, and what the script then sees."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from luci.context import Context, Question
from luci.errors import Refused
from luci.runner.declared.variables import runs_code
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.table import normal
from luci.values import replace

JOINED = ("PATH", "PYTHONPATH")  # what luci puts there stays in front


def approved(made: Plan, memory: Memory, allowed: Collection[str], context: Context, *, all_of_them: bool) -> Memory:
    """Return the memory of a script with the variables that may be set for it, each with its value.

    What could run code is asked for, as packages are; `all_of_them` where somebody else wrote the script. Raises
    Refused.
    """
    said = {f"{name}={value}": name for name, value in made.variables.items()}
    doubted = {line: name for line, name in said.items() if all_of_them or runs_code(name)}
    asked = [line for line, name in doubted.items() if line not in memory.variables and normal(name) not in allowed]
    if asked:
        names = ", ".join(doubted[line] for line in asked)
        flags = " ".join(f"--allow {doubted[line]}" for line in asked)
        origin = made.variables_from
        yes = "Set them for this script, as long as they stay so"
        question = Question("variables", f"Set {names}, as {origin} says?", tuple(asked), flags, yes, "Do not run")
        if not context.ask(question):
            cause = "\n".join([*asked, "Such a variable can load or run code, or change what a script trusts."])
            hint = f"If that is what you mean: luci run {flags} …"
            raise Refused(f"{names} was not approved: {origin} sets it.", cause=cause, hint=hint)
    return replace(memory, variables=tuple(doubted))


def with_them(environ: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a run with those that its project sets, which come before the person's, as in conda."""
    joined = {
        name: os.pathsep.join([environ[name], value]) if name in JOINED and environ.get(name) else value
        for name, value in variables.items()
    }
    return {**environ, **joined}
