"""How the environments look, at fixed sizes, with fixed values."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from luci.screens.env_disk import DiskBar
from luci.screens.env_export import ExportForm
from luci.screens.env_prune import PrunePreview
from luci.screens.environments import Environments
from tests.screens.environments_host import Host

DAY = 86_400
NAMES = ("plot", "invoice", "climate_model_of_the_north_sea", "csv_stats", "html_to_yaml", "postcard", "todo")
STATES = {3: "building", 5: "stale", 8: "broken", 13: "orphaned"}
NEEDS = ({"numpy": "2.1.3", "matplotlib": "3.9.2"}, {"pyyaml": "6.0.2"}, {"rich": "14.0.0", "pygments": "2.18.0"}, {})


def environment(number: int) -> dict[str, Any]:
    """An entry of `env list`."""
    label = NAMES[number % len(NAMES)].replace("_", "-") + (f"-{number}" if number % 3 else "")
    installed = NEEDS[number % len(NEEDS)]
    script = f"/home/ada/scripts/{NAMES[number % len(NAMES)]}.py"
    key = f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    path = f"/home/ada/.local/share/luci/envs/luci_{label}_{key}/g1"
    return {
        "key": key,
        "name": f"luci_{label}_{key}",
        "label": label,
        "path": path,
        "activate": f". {path}/bin/activate",
        "python": f"{path}/bin/python",
        "python_version": "3.12.4" if number % 3 else "3.9.19",
        "kind": "venv",
        "requirements": list(installed)[:1],
        "scope": "/home/ada/scripts",
        "installed": installed,
        "created": time.time() - (number + 1) * DAY - 60,
        "last_used": time.time() - number * DAY - 60,
        "about": {"bytes": 0},
        "scripts": [script] if number % 6 else [script, "/home/ada/scripts/again.py"],
        "script": script,
        "state": STATES.get(number, "ready"),
    }


def detail() -> dict[str, Any]:
    """A result of `env inspect`."""
    about = environment(0)
    choice = {"module": "matplotlib", "requirements": ["matplotlib>=3"], "source": "table", "line": 3, "reason": ""}
    choice |= {"reason": "the import's own name", "file": "/home/ada/scripts/plot.py"}
    numpy = {"name": "numpy", "version": "2.1.3", "requirement": "numpy>=1.23", "children": []}
    root = {"name": "matplotlib", "version": "3.9.2", "requirement": "matplotlib>=3", "children": [numpy]}
    runs = [{"script": about["script"], "started": time.time() - 90, "exit_code": code} for code in (0, 1, None)]
    held = {"wall": "bwrap", "limits": ("memory 512 MiB", "no network")}
    runs = [{**run, **(held if run["exit_code"] else {"wall": "", "limits": ()})} for run in runs]
    return {
        **about,
        "requirements": ["matplotlib>=3"],
        "about": {"choices": [choice]},
        "fault": "",
        "in_use_by": [4711],
        "freed_by_removing": 1_230_000,
        "bytes": 98_400_000,
        "tree": [root],
        "runs": [{**run, "seconds": 1.5} for run in runs],
        "record": {"format": 1, "key": about["key"], "label": about["label"]},
        "record_path": about["path"].replace("/g1", "/env.json"),
    }


def doomed() -> list[dict[str, Any]]:
    """A result of `env prune --dry-run`."""
    reasons = {5: "no script that used it is there any more", 8: "broken: its python is gone", 13: "unused for 90 days"}
    envs = {number: environment(number) for number in reasons}
    return [{**envs[n], "reason": reason, "freed": n * 1_100_000} for n, reason in reasons.items()]


class Still(Environments):
    """The panel with fixed values: it reads nothing by itself."""

    def reload(self) -> None:
        pass

    def look(self) -> None:
        pass


async def fill(pilot: Pilot[None], count: int = 40) -> Host:
    """Show `count` environments, measured."""
    app = pilot.app
    assert isinstance(app, Host)
    envs = [environment(number) for number in range(count)]
    app.panel.measured = {e["key"]: ((n + 1) * 3_100_000, (n + 1) * 170_000) for n, e in enumerate(envs)}
    app.panel.show(envs)
    disk = {"bytes": 6.1e9, "budget_bytes": 1e10, "freed_by_pruning": 1.3e9, "wheel_cache_bytes": 2.4e9}
    app.panel.query_one(DiskBar).show(disk)
    app.panel.detail.show(detail())
    app.panel.query_one(Input).cursor_blink = False
    await pilot.pause()
    return app


Look = Callable[..., bool]
SMALL, LARGE = (80, 24), (200, 60)


@pytest.fixture
def looks(snap_compare: Any, luci_home: Path) -> Look:
    def compare(size: tuple[int, int], prepare: Callable[[Pilot[None]], Any]) -> bool:
        return bool(snap_compare(Host(panel=Still), terminal_size=size, run_before=prepare))

    return compare


def test_many_rows(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        app = await fill(pilot)
        app.panel.table.marked = dict.fromkeys([app.panel.table.shown[2].key, app.panel.table.shown[4].key])
        app.panel.table.action_move(1)

    assert looks(LARGE, prepare)


def test_narrow(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        await fill(pilot)

    assert looks(SMALL, prepare)


def test_detail_where_it_is_narrow(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        app = await fill(pilot)
        app.panel.add_class("-detail")
        app.panel.detail.focus()

    assert looks(SMALL, prepare)


def test_filter(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        await fill(pilot)
        await pilot.press("slash", *"yaml orphaned")

    assert looks(SMALL, prepare)


def test_a_filter_that_nothing_matches(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        await fill(pilot)
        await pilot.press("slash", *"zzz")

    assert looks(SMALL, prepare)


def test_prune_preview(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        app = await fill(pilot)
        app.push_screen(PrunePreview(doomed()))
        await pilot.pause()

    assert looks(SMALL, prepare)


def test_export_form(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        app = await fill(pilot)
        app.push_screen(ExportForm((environment(0)["key"],), ("plot",)))
        await pilot.pause()

    assert looks(SMALL, prepare)


def test_empty(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        app = await fill(pilot, 0)
        app.panel.detail.show({})

    assert looks(SMALL, prepare)


def test_light(looks: Look) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        app = await fill(pilot)
        app.theme = "textual-light"
        await pilot.pause()

    assert looks((120, 30), prepare)
