"""What holds for a run: what was asked for, what the person's settings say, and what the project's own file adds.

The person's word on the command line counts most. The tables of the settings are taken together, the tightest first. A
project's file can only tighten: where the person's side closes the disk, it opens nothing, so that a project that
somebody else wrote cannot let itself out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from luci.config import WallSettings, WallTable
from luci.errors import ConfigError, UsageError
from luci.values import Value, fields, replace
from luci.walls.asked import NOTHING, Asked, Limits, Reach, size

_RANKS = ("off", "limits", "landlock", "auto", "bwrap", "container")  # auto takes landlock or better where it can
_SAYS_NOTHING = WallTable()
OFF = Asked("off")


class Held(Value):
    """`why` names what put a run behind a wall that nobody asked for in the command; `refused` is what the project's
    file would have opened and does not. `timeout` is in seconds, 0 for none; `stranger` says why the script is a
    stranger's."""

    asked: Asked = NOTHING
    timeout: float = 0
    why: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    stranger: str = ""

    @property
    def nothing(self) -> bool:
        return self.asked in (NOTHING, OFF)


def held(
    asked: Asked, settings: WallSettings, *, kind: str = "", stranger: str = "", project: WallTable = _SAYS_NOTHING
) -> Held:
    """Return what holds for one run. `kind` is that of its environment, where that is known; `stranger` says why the
    script is a stranger's, empty where it is not.

    Raises UsageError where `--sandbox off` was asked for and something else with it.
    """
    if asked.sandbox == "off":
        if replace(asked, sandbox="", stranger=None, opens=False) != NOTHING:
            raise UsageError(
                "--sandbox off puts up no wall that could hold what else was asked for.",
                hint="Leave --sandbox out: luci chooses a wall that can.",
            )
        return Held(OFF, stranger=stranger)
    of_kind = getattr(settings, kind, _SAYS_NOTHING) if kind else _SAYS_NOTHING
    tables = [("[walls]", settings), (f"[walls.{kind}]", of_kind)]
    if stranger:
        tables.append((f"[walls.stranger]: {stranger}", settings.stranger))
    own = [table for _, table in tables]
    opening = [settings.stranger] if stranger else own  # what is open to one's own scripts is not for strangers
    mine = _joined(asked, own, opening, own)
    why = [name for name, table in tables if _holds(table)]
    if not _says(project):
        return Held(mine, _least(table.timeout for table in own), tuple(why), stranger=stranger)
    closes = _is_closed(mine)
    both = _joined(asked, own if closes else [*own, project], opening if closes else [project], [*own, project])
    refused = _opened_by(project) if closes else ()
    timeout = _least(table.timeout for table in (*own, project))
    return Held(both, timeout, (*why, "[tool.luci.walls] in the project's pyproject.toml"), refused, stranger)


def _joined(
    asked: Asked, standing: Sequence[WallTable], opening: Sequence[WallTable], limiting: Sequence[WallTable]
) -> Asked:
    limits = Limits(
        asked.limits.memory or _least(_bytes(table, "memory") for table in limiting),
        asked.limits.cpus or _least(table.cpus for table in limiting),
        asked.limits.pids or _least(table.pids for table in limiting),
        asked.limits.disk or _least(_bytes(table, "disk") for table in limiting),
    )
    reach = Reach(
        asked.opens or (asked.reach.network and all(table.network for table in limiting)),
        (*_listed(opening, "readable"), *asked.reach.readable),
        (*_listed(opening, "writable"), *asked.reach.writable),
        (*_listed(opening, "variables"), *asked.reach.variables),
        asked.reach.hidden,
        asked.reach.kept,
    )
    highest = max((table.sandbox for table in standing), key=_RANKS.index)
    return replace(NOTHING, sandbox=asked.sandbox or highest.replace("off", ""), limits=limits, reach=reach)


def _least(numbers: Iterable[Any]) -> Any:
    return min((number for number in numbers if number), default=0)


def _bytes(table: WallTable, name: str) -> int:
    text: str = getattr(table, name)
    try:
        return size(text) if text else 0
    except ValueError as error:
        raise ConfigError(f"[walls] {name}: {error}") from error


def _listed(tables: Sequence[WallTable], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for table in tables for each in getattr(table, name)))


def _says(table: WallTable) -> bool:
    return table != _SAYS_NOTHING


def _holds(table: WallTable) -> bool:
    """Whether a table holds a run to anything: variables alone do not."""
    return any(
        getattr(table, name) != getattr(_SAYS_NOTHING, name) for name in fields(WallTable) if name != "variables"
    )


def _is_closed(asked: Asked) -> bool:
    return asked.sandbox not in ("", "limits") or bool(asked.reach.told() or asked.limits.disk)


def _opened_by(project: WallTable) -> tuple[str, ...]:
    names = {"readable": "read", "writable": "write to", "variables": "see"}
    return tuple(
        f"the project's pyproject.toml would let it {verb} {each}, which is for you to open (--{option} {each})"
        for (name, verb), option in zip(names.items(), ("readable", "writable", "variable"), strict=True)
        for each in getattr(project, name)
    )
