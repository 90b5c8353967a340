"""What is installed in an environment, and for what."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from luci.envs import backends, venvs
from luci.envs.store import Env
from luci.errors import EnvError
from luci.values import Value, as_dict

CHAINS = 100  # as many as a person may want to read


class Node(Value):
    """A distribution with those it brings along; one that stands elsewhere in the tree already is not opened twice."""

    name: str
    version: str
    requirement: str
    children: tuple[Node, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return as_dict(self)


def tree(env: Env) -> list[Node]:
    """Return one tree for each requirement of the environment."""
    from packaging.utils import canonicalize_name

    needs = _needs(env)
    opened: set[str] = set()

    def grow(name: str, requirement: str, extras: frozenset[str]) -> Node:
        version = env.installed.get(name, "")
        if name in opened:
            return Node(name, version, requirement)
        opened.add(name)
        below = [need for need in needs.get(name, []) if _applies(need, extras, env)]
        children = tuple(
            grow(str(canonicalize_name(need.name)), str(need), frozenset(need.extras))
            for need in below
            if canonicalize_name(need.name) in env.installed
        )
        return Node(name, version, requirement, children)

    roots = []
    for line, wanted in _asked(env):
        if wanted and (name := str(canonicalize_name(wanted.name))) in env.installed:
            roots.append(grow(name, line, frozenset(wanted.extras)))
    return roots


def why(env: Env, package: str) -> dict[str, Any]:
    """Return the chains that lead from a requirement to `package`, and the imports behind the requirement.

    The shortest CHAINS of them, where there are more.
    """
    from packaging.utils import canonicalize_name

    name = str(canonicalize_name(package))
    if name not in env.installed:
        raise EnvError(f"{package} is not in {env.name}.", hint=f"`luci env tree {env.key}` shows what is.")
    names = list(islice(_chains(env, name), CHAINS))
    chains = [[f"{each} {env.installed[each]}" for each in chain] for chain in names]
    roots = {chain[0] for chain in names}
    reasons = [
        choice
        for choice in env.about.get("choices", ())
        if any((named := _parsed(line)) and canonicalize_name(named.name) in roots for line in choice["requirements"])
    ]
    return {"package": name, "version": env.installed[name], "chains": chains, "choices": reasons}


def _asked(env: Env) -> list[tuple[str, Any]]:
    """Return all lines that name what was asked for, match specs among them, each with what is known of it."""
    specs = (*env.spec.conda, f"python {env.spec.python}.*") if env.spec.kind == "conda" else ()
    return [
        *((spec, _parsed(re.split(r"[\s=<>!~]", spec)[0])) for spec in specs),
        *((line, _parsed(line)) for line in env.spec.requirements),
    ]


def _chains(env: Env, name: str) -> Iterator[tuple[str, ...]]:
    """Yield every way from a requirement to a distribution that passes none twice, the shortest first."""
    needs = _needs(env)
    leading = _leading_to(name, needs)
    waiting: deque[tuple[tuple[str, ...], frozenset[str]]] = deque()
    waiting.extend(((link.name,), link.extras) for link in _links((wanted for _, wanted in _asked(env)), leading))
    while waiting:
        chain, extras = waiting.popleft()
        if chain[-1] == name:
            yield chain
            continue
        below = (need for need in needs.get(chain[-1], []) if _applies(need, extras, env))
        waiting.extend(((*chain, link.name), link.extras) for link in _links(below, leading - {*chain}))


class _Link(NamedTuple):
    name: str
    extras: frozenset[str]


def _links(needs: Iterable[Any], among: Collection[str]) -> list[_Link]:
    """Return the distributions that requirements name, each with the extras that all of them together ask for."""
    from packaging.utils import canonicalize_name

    extras: dict[str, frozenset[str]] = {}
    for need in filter(None, needs):
        name = str(canonicalize_name(need.name))
        if name in among:
            extras[name] = extras.get(name, frozenset()) | frozenset(need.extras)
    return [_Link(*item) for item in extras.items()]


def _leading_to(name: str, needs: dict[str, list[Any]]) -> set[str]:
    """Return the distribution and all that may bring it."""
    from packaging.utils import canonicalize_name

    above: dict[str, set[str]] = {}
    for upper, lower in needs.items():
        for need in lower:
            above.setdefault(str(canonicalize_name(need.name)), set()).add(upper)
    found, waiting = {name}, [name]
    while waiting:
        new = above.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _needs(env: Env) -> dict[str, list[Any]]:
    """{name: requirements} as the METADATA of each installed distribution says."""
    from importlib.metadata import distributions

    from packaging.utils import canonicalize_name

    found: dict[str, list[Any]] = {}
    for distribution in distributions(path=[str(venvs.site_packages(env.path))]):
        name = str(canonicalize_name(distribution.metadata["Name"] or ""))
        found[name] = [need for line in distribution.requires or () if (need := _parsed(line))]
    for name, needed in backends.of(env.spec.kind).needs(env.path).items():
        found[name] = [need for each in needed if (need := _parsed(each))]
    return found


def named(line: str) -> str:
    """Return the canonical name in a requirement, "" where there is none."""
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(wanted.name)) if (wanted := _parsed(line)) else ""


def _parsed(line: str) -> Any:
    """Return the requirement in a line, None where it is none: a URL without a name, or old metadata."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line.partition(" --hash")[0])
    except InvalidRequirement:
        return None


def _applies(need: Any, extras: frozenset[str], env: Env) -> bool:
    if need.marker is None:
        return True
    about = {"python_version": env.spec.python, "python_full_version": env.version}
    return any(need.marker.evaluate({**about, "extra": extra}) for extra in (extras or {""}))


def owners(env: Env, module: str) -> list[str]:
    """Return the distributions whose files a module (dotted) is, as their RECORDs say; a package by its __init__.py."""
    from packaging.utils import canonicalize_name

    path = module.replace(".", "/")
    site = venvs.site_packages(env.path)
    found = []
    for folder in site.glob("*.dist-info"):
        try:
            files = (folder / "RECORD").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if any(line.startswith((f"{path}/__init__.", f"{path}.py,", f"{path}.")) for line in files):
            found.append(str(canonicalize_name(folder.name.removesuffix(".dist-info").rpartition("-")[0])))
    return sorted(found)
