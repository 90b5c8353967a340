"""Which wall is chosen on which machine, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from luci.errors import Refused
from luci.walls.asked import NOTHING, Asked, Limits, Reach, size
from luci.walls.groups import Tree
from luci.walls.ladder import choose
from luci.walls.machine import Machine

TREES = tuple(Tree(name, 1, Path("/nowhere")) for name in ("memory", "cpu", "pids"))
ALL = Machine("/bin/bwrap", "", 7, "", TREES, "")
NO_BWRAP = Machine("", "no user namespaces", 7, "", TREES, "")
OLD_KERNEL = Machine("", "no user namespaces", 4, "", TREES, "")
BARE = Machine("", "it is not installed", 0, "the kernel has none", (), "not allowed")
LIMITS = Limits(memory=2**20, cpus=1, pids=5)


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_HOST", "CONTAINER_HOST"):
        monkeypatch.setenv(name, "unix:///nowhere/engine.sock")


def name_on(machine: Machine, asked: Asked) -> str:
    wall = choose(asked, machine)
    return wall.name if wall else "off"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (Asked("auto"), ("bwrap", "landlock", "landlock", "limits")),
        (Asked("", LIMITS), ("limits", "limits", "limits", None)),
        (Asked("", Limits(memory=2**20)), ("limits", "limits", "limits", "limits")),
        (Asked("", NOTHING.limits, Reach(network=False)), ("bwrap", "landlock", "landlock", None)),
        (Asked("bwrap"), ("bwrap", None, None, None)),
        (Asked("container"), (None, None, None, None)),
        (Asked("landlock"), ("landlock", "landlock", "landlock", None)),
        (Asked("limits", NOTHING.limits, Reach(network=False)), (None, None, None, None)),
        (Asked("off"), ("off", "off", "off", "off")),
        (NOTHING, ("off", "off", "off", "off")),
    ],
)
def test_each_machine_gives_what_it_can_or_refuses(
    asked: Asked, names: tuple[str | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 0)  # for root the kernel limits processes by groups only
    for machine, name in zip((ALL, NO_BWRAP, OLD_KERNEL, BARE), names, strict=True):
        if name is None:
            with pytest.raises(Refused) as refused:
                choose(asked, machine)
            assert refused.value.cause and refused.value.hint
        else:
            assert name_on(machine, asked) == name


@pytest.mark.parametrize(
    ("asked", "machine", "hint"),
    [
        (Asked("limits", NOTHING.limits, Reach(network=False)), ALL, "leave --sandbox out"),
        (Asked("", NOTHING.limits, Reach(network=False)), BARE, "Install bubblewrap"),
        (Asked("landlock"), BARE, "Linux 6.2"),
        (Asked("container"), ALL, "systemctl start docker"),
        (Asked("limits", LIMITS), BARE, "control groups"),
    ],
)
def test_a_refusal_tells_what_would_make_that_wall_hold(
    asked: Asked, machine: Machine, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 0)
    with pytest.raises(Refused) as refused:
        choose(asked, machine)
    assert hint in (refused.value.hint or "")


def test_auto_says_what_it_could_not_give() -> None:
    wall = choose(Asked("auto", NOTHING.limits, Reach(network=False)), BARE)
    assert wall is not None
    assert {"bwrap: it is not installed", "landlock: the kernel has none", "the network is open"} <= set(wall.lacks)
    older = choose(Asked("auto"), OLD_KERNEL)
    assert older is not None and any("abstract sockets" in lack for lack in older.lacks)


def test_memory_without_groups_is_said_to_hold_for_each_process() -> None:
    wall = choose(Asked("", Limits(memory=512 * 2**20)), BARE)
    assert wall is not None and wall.gives == ("memory 512 MiB for each process",)


def test_auto_keeps_a_wall_that_cannot_count_processes_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 0)
    wall = choose(Asked("auto", LIMITS), Machine("/bin/bwrap", "", 7, "", (), "not allowed"))
    assert wall is not None and wall.name == "bwrap"
    assert any("number of processes" in lack for lack in wall.lacks)


def test_a_size_is_one_or_none() -> None:
    for text in ("", "0", "-1", "12x", "m"):
        with pytest.raises(ValueError):
            size(text)
