"""Write what was inferred into the script itself, as its metadata block (PEP 723)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Generator
from typing import Any

from luci.actions.plans import plan
from luci.context import Context, Question
from luci.errors import PlanError, Refused, UsageError
from luci.events import Event, Told, Warned
from luci.exchange import exchange
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.script import decode
from luci.values import Value


class AdoptRequest(Value):
    """`requirements` are added to what the script is found to need."""

    script: str
    requirements: tuple[str, ...] = ()
    dry_run: bool = False


class Adopted(Value):
    """`diff` is what was, or would be, changed; empty where the script declares everything already."""

    script: str
    requirements: tuple[str, ...]
    diff: str
    written: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "script": self.script,
            "requirements": list(self.requirements),
            "diff": self.diff,
            "written": self.written,
        }


def adopt(request: AdoptRequest, context: Context) -> Generator[Event, None, Adopted]:
    """Add a block to a script that has none. Raises PlanError where nobody knows what it needs, Refused after a no."""
    from luci.runner.wants import Wants

    asked = RunRequest(request.script, wants=Wants(requirements=request.requirements))
    made, _ = yield from plan(asked, context)
    path = made.script.path
    if path is None or made.script.kind != "file":
        raise UsageError(f"{request.script} is not a file that could be changed.")
    if made.declarations and made.declarations.complete:
        yield Told(f"{request.script} is declared already: nothing is added.")
        return Adopted(request.script, tuple(made.names()), "", False)
    if made.spec.conda:
        raise UsageError(f"{request.script} needs conda packages, and a metadata block names none.")
    for choice in (*made.asked, *(c for c in made.choices if c.status == "none")):
        yield Warned(f"{choice.module} is left out: {choice.reason}{'; '.join(('', *choice.doubts))}")
    before = decode(made.script.source, made.script.name)
    after = with_block(before, made)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), request.script, request.script, lineterm="")
    diff = "\n".join(lines)
    if request.dry_run:
        return Adopted(request.script, tuple(made.names()), diff, False)
    text, shown = f"Write this into {request.script}?", tuple(diff.splitlines())
    question = Question("adopt", text, shown, "--yes", yes="Write it", no="Leave the script as it is")
    if not context.ask(question):
        raise Refused(f"{request.script} was left as it is.", hint="--yes writes into it, --dry-run shows what.")
    if path.read_bytes() != made.script.source:
        raise PlanError(f"{request.script} was changed meanwhile.", hint="Try again.")
    exchange(path, after.encode(_encoding(made.script.source)))
    return Adopted(request.script, tuple(made.names()), diff, True)


def with_block(text: str, made: Plan) -> str:
    """Return the source with a block for the plan, below what must be first in a file."""
    import tomlkit

    table = tomlkit.document()
    table["requires-python"] = f">={'.'.join(made.interpreter.version.split('.')[:2])}"
    table["dependencies"] = tomlkit.array().multiline(bool(made.names()))
    for line in made.names():
        table["dependencies"].append(line)
    newline = "\r\n" if "\r\n" in text else "\n"
    said = ["# /// script", *(f"# {line}".rstrip() for line in tomlkit.dumps(table).splitlines()), "# ///", ""]
    lines = text.splitlines(keepends=True)
    first = 0
    while first < min(2, len(lines)) and (lines[first].startswith("#!") or re.match(r"#.*coding[:=]", lines[first])):
        first += 1
    return "".join(lines[:first]) + newline.join(said) + newline + "".join(lines[first:])


def _encoding(source: bytes) -> str:
    import io
    import tokenize

    return tokenize.detect_encoding(io.BytesIO(source).readline)[0]
