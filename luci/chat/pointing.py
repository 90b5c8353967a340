"""What a person points at with an @ in a request: the model gets it with the request, and need not ask for it."""

from __future__ import annotations

import shlex
from collections.abc import Generator

from luci.actions.completion import mentions
from luci.actions.door import perform
from luci.actions.envs import EnvRequest
from luci.actions.history import RunsRequest
from luci.chat import looking, running
from luci.chat.ground import NotHere
from luci.chat.hands import Hands
from luci.chat.messages import Used, Using
from luci.chat.shorten import data, shortened
from luci.chat.tools import ListFiles, ReadFile, RunLog, Wrong
from luci.errors import Interrupted, LuciError
from luci.events import Event

_MOST = 12_000  # characters of each; the rest can be read with a tool


def pointed_at(text: str, hands: Hands) -> Generator[Event, None, str]:
    """Return what the model hears of all that is pointed at and is there; a file that has its own question is asked
    for."""
    told = []
    for number, name in enumerate(mentions(text), start=1):
        look = _look(name, hands)
        if look is None:
            continue
        yield Using(f"at-{number}", "look", f"@{name}")
        try:
            found, ok = shortened((yield from look), _MOST), True
        except Interrupted:
            raise
        except Wrong as error:
            found, ok = f"error: {error}", False
        except LuciError as error:
            found, ok = f"error: {error.message}", False
        yield Used(f"at-{number}", "look", ok, hands.secrets.masked(found))
        told.append(f"@{name}:\n{found}")
    return "\n\n".join(told)


def _look(name: str, hands: Hands) -> Generator[Event, None, str] | None:
    """Return how to look at it; None where there is no such thing, and the @ is a word's own."""
    kind, _, rest = name.partition(":")
    if kind == "run" and rest:
        return _run(rest, hands)
    if kind == "env" and rest:
        return _environment(rest, hands)
    try:
        path = hands.ground.place(name)
    except NotHere:
        return None
    if path.is_dir():
        return looking.list_files(ListFiles(name), hands)
    return looking.read_file(ReadFile(name), hands) if path.is_file() else None


def _run(id: str, hands: Hands) -> Generator[Event, None, str]:
    try:
        run = yield from perform("runs show", RunsRequest(id), hands.context)
    except LuciError as error:
        raise Wrong(error.message) from None
    ended = "nobody saw its end" if run.exit_code is None else f"exit code {run.exit_code}"
    facts = f"{shlex.join([run.script, *run.args])}: {ended}; {', '.join(run.requirements) or 'no packages'}"
    log = (
        (yield from running.run_log(RunLog(run.id), hands, pointed_at=True))
        if run.log
        else "What it wrote was not recorded."
    )
    return f"{data(facts)}\n{log}"


def _environment(name: str, hands: Hands) -> Generator[Event, None, str]:
    try:
        row = yield from perform("env show", EnvRequest((name,)), hands.context)
    except LuciError as error:
        raise Wrong(error.message) from None
    packages = "\n".join(f"{name} {version}" for name, version in sorted(row["installed"].items()))
    return data(f"{row['label']} ({row['key']}): {row['kind']}, Python {row['python_version']}\n{packages}")
