"""What is seen of imports in one source: as it is told, and as it is gathered."""

from __future__ import annotations

from typing import Any, NamedTuple

from luci.runner.expressions import Conditions, Data
from luci.runner.stdlib import Version


class Found(NamedTuple):
    """One import as written; `group` numbers the choice it is part of (-1: none), `branch` its side of it."""

    module: str
    level: int
    names: tuple[str, ...]
    attributes: tuple[str, ...]
    line: int
    deferred: bool
    guarded: bool
    dynamic: bool
    conditions: Conditions
    group: int
    branch: int
    why: str = ""  # not written: a library imports it where it is used so
    until: str = ""  # the release before which the module had what is used of it


class Group(NamedTuple):
    """A choice between imports; `optional`: none is needed; `replacing`: the branches that stand in for the first."""

    optional: bool
    replacing: tuple[int, ...]


class Edit(NamedTuple):
    """A change of sys.path: folders put before all others, in this order, or behind them."""

    folders: Data
    first: bool
    conditions: Conditions


class FileImports(NamedTuple):
    """What one source says, wherever it lies and whatever the target; json.dumps takes it, `restore` brings it back."""

    imports: tuple[Found, ...] = ()
    groups: tuple[Group, ...] = ()
    edits: tuple[Edit, ...] = ()
    minimum: Version = (3, 0)
    reads_stdin: bool = False
    defined: tuple[str, ...] = ()  # names at module level; empty where that cannot be known

    @classmethod
    def restore(cls, data: list[Any]) -> FileImports:
        imports, groups, edits, minimum, reads_stdin, defined = frozen(data)
        made = tuple(Found(*f) for f in imports), tuple(Group(*g) for g in groups), tuple(Edit(*e) for e in edits)
        return cls(*made, minimum, reads_stdin, defined)


def frozen(value: Any) -> Any:
    """Return the tuples that JSON made lists of."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


# On the way to that


class Where(NamedTuple):
    deferred: bool = False
    guarded: bool = False
    tolerant: bool = False  # a missing attribute is caught
    tests: Any = None  # (test, wanted, the tests around it)
    group: int = -1
    branch: int = 0
    sole: bool = False  # nothing else in this branch imports


class Alternatives:
    def __init__(self, *, optional: bool) -> None:
        self.branches, self.optional, self.replacing = 1, optional, set[int]()


class Pending(NamedTuple):
    place: tuple[int, int]
    module: str
    level: int
    names: tuple[str, ...]
    bound: str
    below: tuple[str, ...]  # what follows the bound name in the module's: ("b",) for `import a.b`
    dynamic: bool
    where: Where
    why: str = ""
    until: str = ""
