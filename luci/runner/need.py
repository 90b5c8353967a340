"""A script asked pip for something: the need goes to its next plan, and its environment stays as it is."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from luci.context import Context, Question
from luci.envs.sources import sources
from luci.errors import Refused, UsageError
from luci.events import Event, Told
from luci.runner import memory, premises
from luci.runner.choices import name_of
from luci.runner.guesses import doubts_about
from luci.runner.wants import NOTHING_MORE
from luci.values import Value, replace


class NeedRequest(Value):
    requirements: tuple[str, ...]


def need(request: NeedRequest, context: Context) -> Generator[Event, None, int]:
    """Remember what a script needs, in the memory that LUCI_MEMORY names.

    What a script names is a guess until it passes the gate.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    place = os.environ.get("LUCI_MEMORY", "")
    known = memory.read(Path(place)) if place else None
    if known is None:
        raise UsageError(
            "pip was called outside of a script that luci runs.", hint="Use `luci run --with NAME SCRIPT`."
        )
    name = os.path.basename(known.script) or "this code"
    knowledge = premises.knowledge(None, sources(context.settings.index), NOTHING_MORE, context, known)
    for line in request.requirements:
        try:
            wanted = Requirement(line)
        except InvalidRequirement as error:
            raise UsageError(f"{line!r} is not a requirement.", cause=str(error)) from error
        doubts = doubts_about(name_of(wanted.name), knowledge)
        question = Question(
            "install",
            f"Install {line}? {name} asks for it.",
            doubts,
            f"--allow {wanted.name}",
            yes=f"Install {line} for the next run",
            no="Install nothing",
        )
        if doubts and not context.ask(question):
            raise Refused(f"{line} was not approved.", cause="\n".join(doubts), hint=f"luci run --with {wanted.name} …")
    lines = tuple(dict.fromkeys([*known.requirements, *request.requirements]))
    memory.write(Path(place), replace(known, requirements=lines, warm={}))
    yield Told(f"{', '.join(request.requirements)} will be there when {name} runs again.")
    return 0
