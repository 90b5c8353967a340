"""Make an environment for no script: of requirements, of a list or a lock, or of what another one holds."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from luci.context import Context
from luci.errors import UsageError
from luci.events import Event
from luci.runner import by_hand
from luci.runner.by_hand import Made, Wish
from luci.runner.declared import elsewhere
from luci.runner.wants import NOTHING_MORE, Wants
from luci.values import Value


class CreateRequest(Value):
    """`files` are lists or locks whose needs are joined; `wants` holds --with, --python, --env and --allow."""

    name: str = ""
    files: tuple[str, ...] = ()
    wants: Wants = NOTHING_MORE
    dry_run: bool = False


class ImportRequest(Value):
    """`source` is a lock, a list, or the folder of a virtual environment."""

    source: str
    name: str = ""
    wants: Wants = NOTHING_MORE
    dry_run: bool = False


def create(request: CreateRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """Return the environment, as lists tell it, with `made` ("built" or "reused") and `left_out`.

    One of a file that says its name is called so, where no other is given.
    """
    if not request.files:
        made = yield from by_hand.make(Wish(request.name, request.wants), context, dry_run=request.dry_run)
        return _told(made, ())
    if len(request.files) > 1:
        raise UsageError("One file at a time.", hint="A requirements file may include another, with -r.")
    wish = _wish(request.files[0], request.name, request.wants, "create")
    made = yield from by_hand.make(wish, context, dry_run=request.dry_run)
    return _told(made, wish.left)


def take_over(request: ImportRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """The same of a file or a folder from elsewhere."""
    wish = _wish(request.source, request.name, request.wants, "import")
    made = yield from by_hand.make(wish, context, dry_run=request.dry_run)
    return _told(made, wish.left)


def _wish(source: str, name: str, wants: Wants, verb: str) -> Wish:
    if not os.path.exists(source):
        raise UsageError(f"There is no file {source}.", hint=f"Taken over are {elsewhere.FORMS}, or a folder.")
    taken = elsewhere.read(Path(source))
    said = taken.declarations
    folder = Path(os.path.abspath(source)).parent.name if verb == "import" else ""
    if not name and (own := taken.name or _name_in(os.path.basename(source)) or folder):
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", own).strip("-_")[:32].strip("-_")
    return Wish(name, wants, said, taken.left, taken.notes, verb)


def _name_in(file: str) -> str:
    """Return the name that a file's own name tells: PEP 751 has one in pylock.NAME.toml.

    >>> _name_in("pylock.web.toml"), _name_in("dev-requirements.txt"), _name_in("requirements.txt")
    ('web', 'dev', '')
    """
    if match := re.fullmatch(r"pylock\.([^.]+)\.toml", file):
        return match[1]
    match = re.fullmatch(r"(.+)[-.](?:requirements|environment|conda-lock)\.(?:txt|ya?ml)", file)
    return match[1] if match else ""


def _told(made: Made, left: tuple[str, ...]) -> dict[str, Any]:
    from luci.actions import rows
    from luci.envs import catalogue
    from luci.runner import owners

    plan = made.plan
    if made.env is None:
        about: dict[str, Any] = {"key": plan.spec.key, "kind": plan.spec.kind, "label": plan.label, "names": []}
        about |= {"python_version": plan.interpreter.version, "requirements": plan.names(), "path": "", "installed": {}}
    else:
        about = rows.row(catalogue.entry(made.env), owners.scripts_by_key())
    return {**about, "made": made.how, "left_out": list(left), "refused": list(made.refused)}
