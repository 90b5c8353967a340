"""Packages that a model names in a file: a name it declares is a guess, and passes the gate or is refused.

What an import means is found by luci itself when the script is planned, whatever the model declared.
"""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from luci.context import Context
from luci.errors import LuciError
from luci.runner import declared
from luci.runner.choices import name_of
from luci.runner.declared import Declarations, IndexChoice
from luci.runner.guesses import doubts_about
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.premises import knowledge, places_of
from luci.runner.wants import NOTHING_MORE
from luci.values import Value

_LOCKS = re.compile(r"pylock(\..*)?\.toml|.*\.lock|conda-lock\.ya?ml", re.IGNORECASE)
_BLOCK = re.compile(r"^# /// script\n(?:#(?: .*)?\n)*?# ///\n\n?", re.MULTILINE)


class Doubtful(Value):
    """What a plan would install although no person and no index speaks for it: a reason by distribution, and where
    else than usual packages would come from."""

    names: dict[str, str]
    places: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        from_there = (f"Packages come from {place}, as the script itself says." for place in self.places)
        return (*self.names.values(), *from_there)


def doubtful(made: Plan) -> Doubtful:
    """Return what is in doubt of what a plan declares. What an import means has passed the gate; what stands in a file
    has not: a model, or a run of its script, may have written it there."""
    if made.declarations and made.declarations.locked:
        return Doubtful({})
    lines = {
        name_of(line): line
        for choice in made.choices
        if choice.status == "install" and choice.source == "declared"
        for line in choice.requirements
    }
    said = made.declarations.index if made.declarations and made.declarations.complete else None
    places = _places(said) if said else ()
    found = {}
    for name, line in lines.items():
        doubts = _from_elsewhere(line) or "; ".join(doubts_about(name, made.known))
        if doubts:
            found[name] = f"{line}, which a file declares: {doubts}"
    return Doubtful(found, places)


def _from_elsewhere(line: str) -> str:
    return "it comes from an address, and not from the index" if "@" in line or "://" in line else ""


class Named(Value):
    """What a file names that luci would install: requirement lines by distribution."""

    lines: dict[str, str]
    places: tuple[str, ...] = ()  # where it says that packages come from


def without_block(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a script without its metadata block (PEP 723), and the requirements that stood there.

    >>> without_block('# /// script\\n# dependencies = ["rich"]\\n# ///\\nimport rich\\n')
    ('import rich\\n', ('rich',))
    """
    try:
        said = declared.inline(text)
    except LuciError:
        return text, ()
    if said is None:
        return text, ()
    return _BLOCK.sub("", text, count=1), tuple(each.line for each in said.requirements if not each.constraint)


def may_be_a_script(name: str) -> bool:
    """Whether a metadata block in a file of that name is meant, and no example of one."""
    return not name.endswith((".md", ".rst", ".toml", ".json", ".yml", ".yaml"))


def places_in(text: str, folder: Path) -> tuple[str, ...]:
    """Return where a script's own block says that packages come from, be it one of them."""
    try:
        said = declared.inline(text, folder)
    except LuciError:
        return ()  # the plan tells
    if said is None:
        return ()
    return (*_places(said.index), *(each.line for each in said.requirements if _from_elsewhere(each.line)))


def named_in(name: str, text: str) -> Named:
    """Return what a file of this name and text would have luci install."""
    with tempfile.TemporaryDirectory(prefix="luci-") as folder:
        place = Path(folder, Path(name).name)
        place.write_text(text, encoding="utf-8")
        said = declared.inline(text, place.parent) if may_be_a_script(name) else None
        said = said or (None if name.endswith((".py", ".pyw")) else declared.project(place.parent))
    return _named(said) if said else Named({})


def _named(said: Declarations) -> Named:
    lines = {each.name or each.line: each.line for each in said.requirements}
    if said.conda:
        lines |= {name_of(spec): spec for spec in (*said.conda.specs, *said.conda.pips)}
    channels = said.conda.channels if said.conda else ()
    return Named(lines, (*_places(said.index), *channels))


def _places(index: IndexChoice) -> tuple[str, ...]:
    found = (index.url, *index.extra_urls, *index.find_links, *(url for _, url, _ in index.only))
    return tuple(filter(None, found))


def objections(name: str, before: str | None, after: str, context: Context) -> Iterator[str]:
    """Yield why what a model writes into a file must not be installed from, a sentence each."""
    if _LOCKS.fullmatch(Path(name).name):
        yield f"{name} is a lock, which only a tool writes."
        return
    try:
        now = named_in(name, after)
        had = named_in(name, before) if before else Named({})
    except LuciError as error:
        yield f"{name} cannot be read: {error.message}"
        return
    except RecursionError:
        yield f"{name} cannot be read: it is nested too deeply"
        return
    if set(now.places) - set(had.places):
        yield "It says where packages come from, which is the person's to say."
    new = {each: line for each, line in now.lines.items() if had.lines.get(each) != line}
    yield from refusals(new, context).values()


def beyond_needs(name: str, before: str | None, after: str) -> str:
    """Return why a project file has a question of its own: what is in it besides names of packages, other programs run
    (a build backend, hooks, plugins, options)."""
    if name.lower() != "pyproject.toml":
        return ""
    try:
        told = [_besides(text) for text in (before or "", after)]
    except (ValueError, RecursionError):
        return "it is no TOML, and other programs run what stands in it"
    return "other programs run what stands in it besides the dependencies" if told[0] != told[1] else ""


def _besides(text: str) -> dict[str, Any]:
    told = tomllib.loads(text)
    project = told.get("project")
    if isinstance(project, dict):
        plain = {
            "dependencies",
            "optional-dependencies",
            "name",
            "version",
            "description",
            "requires-python",
            "authors",
        }
        told["project"] = {key: each for key, each in project.items() if key not in plain}
    told.pop("dependency-groups", None)
    return {key: each for key, each in told.items() if each}


def refusals(lines: dict[str, str], context: Context) -> dict[str, str]:
    """Return, of distributions that a model named, those that are not installed, each with a sentence that says why."""
    if not lines:
        return {}
    known = knowledge(None, places_of(None, context.settings.index), NOTHING_MORE, context, Memory())
    found = {}
    for name, line in lines.items():
        if "@" in line or "://" in line:
            found[name] = f"{line} comes from an address, and not from the index."
        elif name != "python" and (doubts := doubts_about(name, known)):
            found[name] = f"{name} is not installed: {'; '.join(doubts)}."
    return found
