"""What conda's solver chose: how it differs from what is installed, and what of it uv must leave alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from packaging.utils import canonicalize_name

from luci.envs import resolver
from luci.envs.resolver import Change
from luci.values import Value

PEP440 = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")  # what a requirement may name


class Solved(Value):
    """A package as the solver chose it. `is_python`: it is for a Python, and so may be a distribution."""

    name: str
    version: str
    build: str
    is_python: bool

    @property
    def pin(self) -> str:
        return f'{self.name}[version="=={self.version}",build="{self.build}"]'


def distributions(brought: Iterable[str]) -> frozenset[str]:
    """Return the names of the distributions in these .dist-info folders."""
    return frozenset(str(canonicalize_name(name.rpartition("-")[0])) for name in brought)


def held(solved: Sequence[Solved], came: frozenset[str]) -> list[str]:
    """Return the lines that keep uv to what conda will bring: what is installed already, uv sees by itself."""
    lines = ((str(canonicalize_name(each.name)), each) for each in solved if PEP440.fullmatch(each.version))
    return [f"{name}=={each.version}" for name, each in lines if each.is_python or name in came]


def differences(before: Sequence[dict[str, Any]], after: Sequence[Solved]) -> list[Change]:
    """Return what becomes of each conda package; of one that is only built anew, its builds are told."""
    was = {str(record["name"]): (str(record["version"]), str(record.get("build", ""))) for record in before}
    will = {each.name: (each.version, each.build) for each in after}
    rebuilt = {name for name, (version, _) in was.items() if name in will and will[name][0] == version}

    def told(of: dict[str, tuple[str, str]]) -> dict[str, str]:
        return {name: "=".join(said) if name in rebuilt else said[0] for name, said in of.items()}

    return resolver.differences(told(was), told(will))


def name_of(line: str) -> str:
    return re.split(r"[\s\[=<>!~;@]", line, maxsplit=1)[0]
