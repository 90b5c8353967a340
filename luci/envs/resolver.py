"""Which versions an environment's needs would come to now, without installing anything."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from luci.envs import installer
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event, Working
from luci.values import Value, as_dict, replace


class Change(Value):
    """What becomes of one distribution; `before` is empty for one that comes, `after` for one that goes."""

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        if not self.before:
            return f"+ {self.name} {self.after}"
        return f"{self.name} {self.before} -> {self.after}" if self.after else f"- {self.name} {self.before}"

    def as_dict(self) -> dict[str, Any]:
        return as_dict(self)


class Newest(Value):
    """What installing a spec would bring now: the spec with every version fixed, and what would be other than it is."""

    spec: EnvSpec
    changes: tuple[Change, ...]


def fixed(spec: EnvSpec, lines: Sequence[str]) -> EnvSpec:
    """Return a spec that brings what was resolved, and nothing newer; what a hash fixes already is left to that."""
    held = {line.partition("==")[0] for line in spec.constraints if "--hash=" in line}
    pins = [line for line in lines if "==" in line and " @ " not in line and line.partition("==")[0] not in held]
    return replace(spec, constraints=(*spec.constraints, *pins))


def resolve(
    spec: EnvSpec,
    python: str,
    sources: Sources,
    terms: Terms,
    stop: Callable[[], bool],
    more: Sequence[str] = (),
) -> Generator[Event, None, tuple[str, ...]]:
    """Return one line for each distribution that installing `spec` would bring now, `more` being options for uv.

    Raises InstallFailed.
    """
    if not spec.requirements:
        return ()
    yield Working("resolving", ", ".join(spec.requirements))
    written = yield from compiled(spec, python, sources, terms, stop, more)
    return tuple(line.strip() for line in written.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def compiled(
    spec: EnvSpec,
    python: str,
    sources: Sources,
    terms: Terms,
    stop: Callable[[], bool],
    more: Sequence[str],
    before: str = "",
) -> Generator[Event, None, str]:
    """Return what `uv pip compile` writes of `spec`. The versions of `before`, an earlier pylock, stay where they
    fit."""
    uv = installer.find_uv()
    if uv is None:
        raise EnvError("Only uv can resolve without installing.", hint="Install uv beside luci: pip install uv")
    with tempfile.TemporaryDirectory(prefix="luci-") as scratch:
        listed = [each for each in installer.lines_of(spec, sources, Path(scratch)) if each != "-r"]  # no option here
        said = [*listed, *installer.flags(spec, sources, terms)]
        if before:
            earlier = Path(scratch) / "pylock.earlier.toml"
            earlier.write_text(before, encoding="utf-8")
            said += ["--output-file", str(earlier)]
        command = [uv, "pip", "compile", "--no-header", "--no-annotate", "--python", python, *more, *said]
        return (yield from installer.carry_out("resolving", command, sources, terms, stop))


def changes(installed: dict[str, str], resolved: Sequence[str]) -> list[Change]:
    """Return how what is installed differs from what was resolved, by name. A direct reference counts as unchanged.

    >>> [str(change) for change in changes({"a": "1", "b": "1"}, ["a==2", "c==1"])]
    ['a 1 -> 2', '- b 1', '+ c 1']
    """
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    then: dict[str, str] = {}
    for line in resolved:
        wanted = Requirement(line)
        name = str(canonicalize_name(wanted.name))
        pinned = next((specifier.version for specifier in wanted.specifier), "")
        then[name] = installed.get(name, "from its address") if wanted.url else pinned
    return differences(installed, then)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return what becomes of each name, of {name: version} as it is and as it will be."""
    found = [Change(name, before.get(name, ""), after.get(name, "")) for name in sorted({*before, *after})]
    return [change for change in found if not _same(change)]


def _same(change: Change) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(change.before) == Version(change.after)
    except InvalidVersion:
        return change.before == change.after
