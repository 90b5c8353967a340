"""What is installed in an environment, and for what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from luci.envs import venvs
from luci.envs.store import Env
from luci.errors import EnvError


@dataclass(frozen=True, slots=True)
class Node:
    """A distribution with those it brings along; one that stands elsewhere in the tree already is not opened twice."""

    name: str
    version: str
    requirement: str
    children: tuple[Node, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


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
    for line in env.spec.requirements:
        wanted = _parsed(line)
        if wanted and (name := str(canonicalize_name(wanted.name))) in env.installed:
            roots.append(grow(name, line, frozenset(wanted.extras)))
    return roots


def why(env: Env, package: str) -> dict[str, Any]:
    """Return the chains that lead from a requirement to `package`, and the imports behind the requirement."""
    from packaging.utils import canonicalize_name

    name = str(canonicalize_name(package))
    if name not in env.installed:
        raise EnvError(f"{package} is not in {env.name}.", hint=f"`luci env tree {env.key}` shows what is.")
    chains = [chain for root in tree(env) for chain in _chains(root, name)]
    roots = {chain[0].partition(" ")[0] for chain in chains}
    reasons = [
        choice
        for choice in env.about.get("choices", ())
        if any((named := _parsed(line)) and canonicalize_name(named.name) in roots for line in choice["requirements"])
    ]
    return {"package": name, "version": env.installed[name], "chains": chains, "choices": reasons}


def _chains(node: Node, name: str) -> Iterator[list[str]]:
    here = f"{node.name} {node.version}"
    if node.name == name:
        yield [here]
    for child in node.children:
        for chain in _chains(child, name):
            yield [here, *chain]


def _needs(env: Env) -> dict[str, list[Any]]:
    """{name: requirements} as the METADATA of each installed distribution says."""
    from importlib.metadata import distributions

    from packaging.utils import canonicalize_name

    found: dict[str, list[Any]] = {}
    for distribution in distributions(path=[str(venvs.site_packages(env.path))]):
        name = str(canonicalize_name(distribution.metadata["Name"] or ""))
        found[name] = [need for line in distribution.requires or () if (need := _parsed(line))]
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
