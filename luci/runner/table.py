"""The curated table of which distribution provides an import (package_names.toml), and how it is looked up."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from luci import kept, paths
from luci.values import Value, fields

FILE = Path(__file__).with_name("package_names.toml")

NOTHING: Mapping[str, Collection[str]] = {}
Kind = Literal["provided", "family", "host", "nothing", "python2", "generic"]


class Known(Value):
    """What the table says of an import: distributions that provide it, or why none does. A "family" is a pattern that
    the import follows: the distribution it leads to is likely, but nobody has said that it is there."""

    kind: Kind
    module: str  # the part of the import that the entry speaks of
    requirements: tuple[str, ...] = ()
    reason: str = ""


class Removed(Value):
    """A module of the standard library that later Pythons dropped."""

    until: tuple[int, int]  # the last Python that has it
    backport: str


class Table(Value):
    names: Mapping[str, tuple[str, ...]]
    same: frozenset[str]
    families: Mapping[str, str]
    variants: Mapping[str, Mapping[str, Any]]
    alternatives: Mapping[str, tuple[str, ...]]
    extras: Mapping[str, str]
    host: Mapping[str, str]
    host_context: Mapping[str, frozenset[str]]
    nothing: Mapping[str, str]
    python2: Mapping[str, str]
    removed: Mapping[str, Removed]
    generic: frozenset[str]
    taken: Mapping[str, str]
    distributions: frozenset[str] = frozenset()  # every one that the table names, canonical

    def __post_init__(self) -> None:
        if not self.distributions:
            object.__setattr__(self, "distributions", self._distributions())

    def _distributions(self) -> frozenset[str]:
        named = set(self.same) | {r for rs in self.names.values() for r in rs} | set(self.alternatives)
        named |= {d for others in self.alternatives.values() for d in others}
        named |= {d for v in self.variants.values() for d in (v["default"], *(k for k in v if k != "default"))}
        return frozenset(re.split(r"[\[<>=!~; ]", normal(name))[0] for name in named)

    def lookup(self, module: str, used: Mapping[str, Collection[str]] = NOTHING) -> Known | None:
        """Return what is known of a dotted import, the longest entry first. `used` are the names and attributes that
        the script takes from each module, which decide where several distributions provide one."""
        versionless = re.sub(r"_v\d+\w*(?=\.|$)", "", module)  # vision_v1 is a version of vision
        named = module if module in self.names else versionless
        for part in prefixes(named):
            if known := self._entry(part, named, used):
                return known
        top = module.partition(".")[0]
        if normal(top) in self.same:
            return Known("provided", top, (normal(top),))
        return Known("generic", top) if top in self.generic else None

    def _entry(self, part: str, module: str, used: Mapping[str, Collection[str]]) -> Known | None:
        if variant := self.variants.get(part):
            return Known("provided", part, (_variant(variant, part, module, used.get(part, ())),))
        if part in self.names:
            return Known("provided", part, self.names[part])
        if part in self.host:
            return Known("host", part, reason=f"{part} exists only inside {self.host[part]}.")
        if part in self.nothing:
            return Known("nothing", part, reason=self.nothing[part])
        if part in self.python2:
            return Known(
                "python2", part, reason=f"{part} is a module of Python 2; {self.python2[part]} took its place."
            )
        rest = module[len(part) + 1 :].partition(".")[0]
        if rest and part in self.families and (part[0].isupper() or not rest[0].isupper()):
            name = normal(self.families[part].format(rest))
            kind: Kind = "provided" if name in self.distributions else "family"
            return Known(kind, f"{part}.{rest}", (name,))
        return None

    def hosts(self, modules: Collection[str]) -> frozenset[str]:
        """Return the host programs that a script with these imports runs in: one of its own modules tells, or two of
        those with everyday names."""
        tops = {module.partition(".")[0] for module in modules}
        named = {self.host[part] for module in modules for part in prefixes(module) if part in self.host}
        told = {key for key in self.host_context if any(host.startswith(key) for host in named)}
        return frozenset(told | {key for key, words in self.host_context.items() if len(tops & words) > 1})


def _variant(variant: Mapping[str, Any], part: str, module: str, used: Collection[str]) -> str:
    below = module[len(part) + 1 :]
    wanted = {below, below.partition(".")[0], *used}
    fitting = (name for name, signs in variant.items() if name != "default" and wanted & set(signs))
    return next(fitting, str(variant["default"]))


def prefixes(module: str) -> Iterator[str]:
    """Yield "a.b.c", "a.b", "a"."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def normal(name: str) -> str:
    """Return a distribution's name in its canonical form (PEP 503), extras and versions kept.

    >>> normal("Flask_RESTful")
    'flask-restful'
    """
    match = re.match(r"[A-Za-z0-9._-]+", name)
    head = match.group() if match else ""
    return re.sub(r"[-_.]+", "-", head).lower() + name[len(head) :]


def one_edit_apart(name: str, others: Collection[str]) -> str:
    """Return the one of `others` that a single typing slip turns into `name`; empty where there is none.

    >>> one_edit_apart("reqests", {"requests"})
    'requests'
    """
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-"
    splits = [(name[:i], name[i:]) for i in range(len(name) + 1)]
    slips = (
        slip
        for a, b in splits
        for slip in (
            a + b[1:],
            a + b[1:2] + b[:1] + b[2:],
            *(a + c + b[1:] for c in letters if b),
            *(a + c + b for c in letters),
        )
    )
    return next((slip for slip in slips if slip != name and slip in others), "")


@functools.cache
def table() -> Table:
    place = str(paths.cache() / "names")
    known = kept.load(place)
    if known is None:
        read = _read()
        known = {name: getattr(read, name) for name in fields(read)}
        known["removed"] = {module: (told.until, told.backport) for module, told in read.removed.items()}
        kept.save(place, known)
    return Table(**{**known, "removed": {module: Removed(*told) for module, told in known["removed"].items()}})


def _read() -> Table:
    """Read the file itself, which takes 40 ms."""
    import tomllib

    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Table(
        names={module: _several(value) for module, value in raw["names"].items()},
        same=frozenset(normal(module) for module in raw["same"]["modules"]),
        families=raw["families"],
        variants=raw["variants"],
        alternatives={name: tuple(others) for name, others in raw["alternatives"].items()},
        extras=raw.get("extras", {}),
        host=raw["host"],
        host_context={host: frozenset(words) for host, words in raw.get("host_context", {}).items()},
        nothing=raw["nothing"],
        python2=raw["python2"],
        removed={m: Removed(_version(v["until"]), v.get("backport", "")) for m, v in raw["removed"].items()},
        generic=frozenset(raw["generic"]["words"]),
        taken=raw["taken"],
    )


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)
