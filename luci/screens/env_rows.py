"""An environment as a line of the table: its cells, how they sort, and which columns a width has room for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luci.errors import EnvError
from luci.screens.plain import harmless
from luci.screens.tables import ago
from luci.units import amount

SIGNS = {"ready": "●", "stale": "◐", "broken": "✗", "orphaned": "○", "building": "…"}
GAP = 2  # cells between two columns
UNKNOWN = "…"  # what is being measured


@dataclass(frozen=True, slots=True)
class Row:
    """What the table knows of one environment. `freed` is None until it is measured."""

    key: str
    label: str
    kind: str
    python: str
    packages: int
    bytes: int
    freed: int | None
    scripts: tuple[str, ...]
    last_used: float
    state: str
    text: str  # all that a filter looks through, in lower case

    def matches(self, words: list[str]) -> bool:
        return all(word in self.text for word in words)


def abilities(kind: str) -> frozenset[str]:
    """Return what environments of a kind can do that not every kind can; nothing where the kind is unknown."""
    from luci.envs import backends

    try:
        return backends.of(kind).can
    except EnvError:
        return frozenset()


def row(told: Mapping[str, Any], measured: tuple[int, int] | None = None) -> Row:
    """Return the row of one entry of `env list`; `measured` are the bytes it takes and those it would free."""
    scripts = tuple(sorted(harmless(script).rpartition("/")[2] for script in told["scripts"]))
    words = (told["label"], told["key"], told["state"], told["kind"], told["python_version"], *told["scripts"])
    return Row(
        key=told["key"],
        label=harmless(told["label"]),
        kind=told["kind"],
        python=harmless(told["python_version"]),
        packages=len(told["installed"]),
        bytes=measured[0] if measured else int(told["about"].get("bytes", 0)),
        freed=measured[1] if measured else None,
        scripts=scripts,
        last_used=told["last_used"],
        state=told["state"],
        text=" ".join((*words, *told["requirements"], *told["installed"])).lower(),
    )


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `least` cells wide, growing to `most` where there is room."""

    name: str
    title: str
    least: int
    cell: Callable[[Row], str]
    order: Callable[[Row], Any]
    right: bool = False
    most: int = 0


COLUMNS = (
    Column("name", "Name", 16, lambda r: r.label, lambda r: (r.label, r.key), most=40),
    Column("kind", "Kind", 6, lambda r: r.kind, lambda r: r.kind),
    Column("python", "Python", 7, lambda r: r.python, lambda r: _numbers(r.python)),
    Column("packages", "Packages", 8, lambda r: str(r.packages), lambda r: r.packages, right=True),
    Column("size", "Size", 8, lambda r: amount(r.bytes), lambda r: r.bytes, right=True),
    Column("frees", "Frees", 8, lambda r: _freed(r), lambda r: -1 if r.freed is None else r.freed, right=True),
    Column("scripts", "Scripts", 12, lambda r: _scripts(r), lambda r: (not r.scripts, r.scripts), most=32),
    Column("used", "Last used", 14, lambda r: ago(r.last_used), lambda r: -r.last_used),
    Column("state", "State", 11, lambda r: f"{SIGNS.get(r.state, '?')} {r.state}", lambda r: r.state),
)
BY_NAME = {column.name: column for column in COLUMNS}
DROPPED = ("scripts", "size", "packages", "python", "kind", "used", "frees")  # the first goes first where it is narrow
MARK = 2  # cells for the mark in front


def layout(width: int, *, alike: bool = True) -> list[tuple[Column, int]]:
    """Return the columns that `width` cells have room for, each with its width. Where all are virtual
    environments (`alike`), that is told only where nothing else is left out for it."""
    kept = list(COLUMNS)
    for name in sorted(DROPPED, key=lambda name: name != "kind") if alike else DROPPED:
        if _needed(kept) > width:
            kept.remove(BY_NAME[name])
    spare = max(0, width - _needed(kept))
    sizes = {column.name: column.least for column in kept}
    while spare and (growing := [c for c in kept if sizes[c.name] < c.most]):
        for column in growing[:spare]:
            sizes[column.name] += 1
            spare -= 1
    return [(column, sizes[column.name]) for column in kept]


def _needed(columns: list[Column]) -> int:
    return MARK + sum(column.least for column in columns) + GAP * (len(columns) - 1)


def _freed(row: Row) -> str:
    return UNKNOWN if row.freed is None else amount(row.freed)


def _scripts(row: Row) -> str:
    if not row.scripts:
        return "-"
    return row.scripts[0] + (f" +{len(row.scripts) - 1}" if len(row.scripts) > 1 else "")


def _numbers(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.split(".")]
