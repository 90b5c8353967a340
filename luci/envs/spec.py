"""What an environment is made of, and the key that follows from it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from luci import kept
from luci.values import Value, replace

if TYPE_CHECKING:
    from packaging.specifiers import Specifier

FORMAT = 1
BARE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # a name as it is canonical: nothing else needs a parser for 15 ms


class EnvSpec(Value):
    """What an environment is made of. Equal specs are one environment on disk.

    `python` is a version such as "3.12" or "3.12.4"; `implementation` is as in sys.implementation.name;
    `requirements` are PEP 508 lines; `scope` is the project's folder, empty where environments are shared;
    `index` names where packages come from; `constraints` are lines that only limit versions (hashes included);
    `as_of` is a date, or a span such as "3 days": releases after it are left alone. Of the kind conda, `conda` are the
    match specs of conda packages besides Python's, and `channels` name where they come from, without credentials, the
    first preferred. Of the kinds that are containers, `base` is the image they are made from.
    """

    python: str
    requirements: tuple[str, ...] = ()
    scope: str = ""
    kind: str = "venv"
    implementation: str = "cpython"
    platform: str = ""
    index: str = ""
    constraints: tuple[str, ...] = ()
    as_of: str = ""
    conda: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    base: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "requirements", tuple(sorted({canonical(r) for r in self.requirements})))
        object.__setattr__(self, "constraints", tuple(sorted({canonical(c) for c in self.constraints})))
        object.__setattr__(self, "conda", tuple(sorted(set(self.conda))))

    def plus(self, *more: str) -> EnvSpec:
        return replace(self, requirements=(*self.requirements, *more))

    @property
    def key(self) -> str:
        """16 hex digits over every field, each with its label."""
        fields = {
            "as_of": self.as_of,
            "constraints": _identities(self.constraints),
            "implementation": self.implementation,
            "index": self.index,
            "kind": self.kind,
            "platform": self.platform,
            "python": self.python,
            "requirements": _identities(self.requirements),
            "scope": self.scope,
            "format": FORMAT,
        }
        if self.kind == "conda":
            fields |= {"channels": self.channels, "conda": self.conda}
        if self.base:
            fields |= {"base": self.base}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return kept.sha256_of(text.encode("utf-8", "surrogatepass"))[:16]


@functools.cache
def canonical(requirement: str) -> str:
    """Return a requirement in the one spelling that all its spellings share; other lines stay, trimmed.

    >>> canonical("PyYAML >= 6, <7")
    'pyyaml<7,>=6'
    """
    if BARE.fullmatch(requirement):
        return requirement
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        parsed = Requirement(requirement)
    except InvalidRequirement:
        return requirement.strip()
    parsed.name = canonicalize_name(parsed.name)
    parsed.extras = {canonicalize_name(extra) for extra in parsed.extras}
    return str(parsed)


def _identities(lines: Iterable[str]) -> list[str]:
    return sorted({identity(line) for line in lines})


@functools.cache
def identity(requirement: str) -> str:
    """Return what all requirements that mean the same share; `canonical` keeps versions as they were written.

    >>> identity("six == 1.16.0"), identity("six==1.16.*"), identity("six~=1.0")
    ('six==1.16', 'six==1.16.*', 'six~=1.0')
    """
    if BARE.fullmatch(requirement):
        return requirement
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import SpecifierSet

    line, *hashes = requirement.split(" --hash=")
    try:
        parsed = Requirement(canonical(line))
    except InvalidRequirement:
        return requirement.strip()
    parsed.specifier = SpecifierSet(",".join(_without_zeros(each) for each in parsed.specifier))
    return " --hash=".join([str(parsed), *sorted(map(str.strip, hashes))])


def _without_zeros(specifier: Specifier) -> str:
    """PEP 440: zeros at the end of a release count in ~= and before a wildcard, and === compares letter by letter."""
    from packaging.utils import canonicalize_version

    operator, version = specifier.operator, specifier.version
    if operator == "===" or version.endswith(".*"):
        return str(specifier)
    return operator + canonicalize_version(version, strip_trailing_zero=operator != "~=")


def label_for(name: str) -> str:
    """Return a short label that is safe in a file name on every platform.

    >>> label_for("../Büro plan.py")
    'b-ro-plan'
    """
    stem = re.sub(r"\.py[w]?$", "", name.strip().replace("\\", "/").rsplit("/", 1)[-1], flags=re.I)
    safe = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    return safe[:32].strip("-") or "script"
