"""Which wall a run gets: the one that was asked for, or, only where luci may choose, the highest that works here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from luci.errors import EnvError, Refused
from luci.values import Value, replace
from luci.walls.asked import Asked, shown
from luci.walls.machine import Machine
from luci.walls.places import IN_A_PROJECT

NEEDED = {
    "bwrap": "Install bubblewrap, and let it make user namespaces; --sandbox auto takes what works here.",
    "landlock": "It needs Linux 6.2 with Landlock switched on; --sandbox auto takes what works here.",
    "limits": "Let luci make control groups (systemd: Delegate=yes); --sandbox auto takes what works here.",
}


class Wall(Value):
    """The wall in force. `gives` is what holds, `lacks` what does not although it was asked for or may be expected,
    `why` names the settings that ask for it."""

    name: str
    asked: Asked
    machine: Machine
    gives: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    why: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "gives": list(self.gives), "lacks": list(self.lacks), "why": list(self.why)}


# a container holds no less than bubblewrap, but starting one takes ten times as long
_HIGH = ("bwrap", "landlock", "container")


def choose(asked: Asked, machine: Machine) -> Wall | None:
    """Return the wall for a run, None where none was asked for. Raises Refused where it cannot be had."""
    rung = asked.sandbox or _needed(asked)
    if rung == "off":
        return None
    if rung in ("auto", "any"):
        for name in _HIGH:
            if rung == "auto" and not _absent(name, machine):
                return _with_less(_wall(name, asked, machine), _why_not(name, asked, machine))
            if not _why_not(name, asked, machine):
                return _wall(name, asked, machine)
        if rung == "any":
            raise Refused(
                "No wall that could hold this works here.",
                cause="\n".join(f"{name}: {_why_not(name, asked, machine)}" for name in _HIGH),
                hint=_hint("bwrap", asked, machine),
            )
        return _weakest(asked, machine)
    if reason := _why_not(rung, asked, machine):
        raise Refused(f"The wall {rung} cannot be had here.", cause=reason, hint=_hint(rung, asked, machine))
    return _wall(rung, asked, machine)


def _needed(asked: Asked) -> str:
    """Return the rung for what is asked where nobody named one: the lowest that can hold it."""
    if _of_high_walls(asked):
        return "any"
    return "limits" if asked.limits.told() else "off"


def _of_high_walls(asked: Asked) -> tuple[str, ...]:
    """What is asked that limits alone do not hold: where all may be written to, nobody can weigh it."""
    disk = (f"disk {shown(asked.limits.disk)}",) if asked.limits.disk else ()
    return (*asked.reach.told(), *disk)


def _why_not(name: str, asked: Asked, machine: Machine) -> str:
    """Return why a wall cannot give what is asked; empty where it can."""
    if missing := _absent(name, machine):
        return missing
    if name == "limits" and (held := _of_high_walls(asked)):
        return f"limits alone do not hold: {', '.join(held)}"
    if name == "container":
        from luci.walls import engines

        return engines.cannot_limit(engines.any_of_them(), asked.limits)
    return "; ".join(_unlimited(asked, machine))


def _absent(name: str, machine: Machine) -> str:
    if name == "container":
        return engine_trouble()
    return {"bwrap": machine.no_bwrap, "landlock": machine.no_landlock, "limits": ""}[name]


def _with_less(wall: Wall, unlimited: str) -> Wall:
    return replace(wall, lacks=(*wall.lacks, unlimited)) if unlimited else wall


def _hint(name: str, asked: Asked, machine: Machine) -> str:
    """Return what would let a wall give what is asked: the wall itself, another one, or control groups."""
    if _absent(name, machine):
        return (
            f"{engine_hint().rstrip('.')}; --sandbox auto takes what works here."
            if name == "container"
            else NEEDED[name]
        )
    if name == "limits" and _of_high_walls(asked):
        return "bwrap and landlock can hold that: leave --sandbox out, and luci takes one of them."
    if name == "container":
        return "Let the engine make control groups, or leave the limit out; --sandbox auto takes what works here."
    return NEEDED["limits"]


def engine_trouble() -> str:
    """Return why no container can be had; empty where one can."""
    return _of_engines()[0].rstrip(".")


def engine_hint() -> str:
    """Return what would let a container be had; empty where one can."""
    return _of_engines()[1]


def _of_engines() -> tuple[str, str]:
    from luci.walls import engines  # only who needs a container pays for it

    try:
        engines.any_of_them()
    except EnvError as error:
        return error.message, error.hint
    return "", ""


def _unlimited(asked: Asked, machine: Machine) -> list[str]:
    """What no limit here can hold."""
    found = []
    if asked.limits.pids and "pids" not in machine.controllers and os.getuid() == 0:
        found.append("the number of processes of root is limited by a control group only")
    if asked.limits.cpus and "cpu" not in machine.controllers and asked.limits.cpus != int(asked.limits.cpus):
        found.append("a part of a CPU is limited by a control group only")
    if found and machine.no_trees:
        found.append(f"control groups: {machine.no_trees}")
    return found


def _wall(name: str, asked: Asked, machine: Machine) -> Wall:
    if name == "container":
        return Wall(name, asked, machine, (*asked.limits.told(), *asked.reach.told()))
    gives = [*_limits(asked, machine), *asked.reach.told()]
    lacks = []
    if name == "landlock":
        if machine.landlock < 6:
            lacks.append("it can signal your other processes, and reach abstract sockets (Linux 6.12 closes that)")
        places = (Path(path).expanduser() / name for path in asked.reach.writable for name in IN_A_PROJECT)
        lacks += [f"{place} can be written to" for place in places if place.exists()]
        lacks += [f"{path} can be read" for path in asked.reach.hidden]
    return Wall(name, asked, machine, tuple(gives), tuple(lacks))


def _weakest(asked: Asked, machine: Machine) -> Wall:
    """Limits alone, as far as they can be had, and what that leaves open."""
    lacks = [*(f"{name}: {_why_not(name, asked, machine)}" for name in _HIGH), "files and processes lie open"]
    lacks += [] if asked.reach.network else ["the network is open"]
    lacks += ["the disk is limited for each file only"] if asked.limits.disk else []
    lacks += _unlimited(asked, machine)
    gives = _limits(replace(asked, limits=replace(asked.limits, disk=0)), machine)
    return Wall("limits", asked, machine, tuple(gives), tuple(lacks))


def _limits(asked: Asked, machine: Machine) -> list[str]:
    """The limits that hold, and how, where that is not for all processes together."""
    limits, found = asked.limits, []
    for controller, wanted, text, instead in (
        ("memory", limits.memory, limits.told()[:1], " for each process"),
        ("cpu", limits.cpus, (f"{limits.cpus:g} CPU{'s' * (limits.cpus != 1)}",), ""),
        ("pids", limits.pids, (f"{limits.pids} processes",), " more than you have now"),
    ):
        if not wanted:
            continue
        if controller in machine.controllers:
            found.append(text[0])
        elif controller == "memory" or _can_do_without(controller, asked):
            found.append(text[0] + instead)
    return [*found, f"disk {shown(limits.disk)}"] if limits.disk else found


def _can_do_without(controller: str, asked: Asked) -> bool:
    if controller == "pids":
        return os.getuid() != 0
    return asked.limits.cpus == int(asked.limits.cpus)
