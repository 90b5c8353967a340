"""What the settings, a project's file and the command make of a run together: only the person loosens it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from luci.config import StrangerTable, WallSettings, WallTable
from luci.errors import ConfigError, UsageError
from luci.walls import strangers
from luci.walls.asked import NOTHING, Asked, Limits, Reach
from luci.walls.defaults import OFF, held

MB = 2**20
SETTINGS = WallSettings(
    sandbox="auto", memory="1g", pids=9, network=False, writable=("out",), conda=WallTable(memory="2g", timeout=5)
)


def test_the_command_line_adds_to_the_settings_and_its_figures_win() -> None:
    found = held(Asked("", Limits(memory=5), Reach(writable=("more",))), SETTINGS)
    assert found.asked == Asked("auto", Limits(5, 0, 9), Reach(False, (), ("out", "more")))
    assert found.why == ("[walls]",)
    assert held(Asked("off"), SETTINGS).asked == OFF and held(Asked("off"), SETTINGS).nothing
    assert held(Asked("", opens=True), SETTINGS).asked.reach.network
    assert held(NOTHING, WallSettings()).nothing and not held(NOTHING, WallSettings(pids=3)).nothing


def test_a_kind_has_its_own_table_and_the_tightest_counts() -> None:
    assert held(NOTHING, SETTINGS, kind="venv").timeout == 0
    conda = held(NOTHING, SETTINGS, kind="conda")
    assert (conda.timeout, conda.asked.limits.memory, conda.why) == (5, 1024 * MB, ("[walls]", "[walls.conda]"))


def test_a_strangers_script_gets_a_wall_where_nothing_is_set_and_none_of_what_is_open_to_mine() -> None:
    plain = held(NOTHING, WallSettings(), stranger="it lies in ~/Downloads")
    assert plain.asked == Asked("auto", Limits(4096 * MB, 0, 512, 4096 * MB), Reach(network=False))
    assert plain.why == ("[walls.stranger]: it lies in ~/Downloads",)
    mine = WallSettings(sandbox="bwrap", readable=("papers",), variables=("TOKEN",), stranger=StrangerTable(cpus=1))
    strange = held(NOTHING, mine, stranger="somebody said so").asked
    assert (strange.sandbox, strange.limits.cpus) == ("bwrap", 1)
    assert (strange.reach.readable, strange.reach.variables) == ((), ())


@pytest.mark.parametrize("sandbox", ["off", "limits", "auto", "landlock", "bwrap"])
@pytest.mark.parametrize("asked", [NOTHING, Asked("bwrap"), Asked("", NOTHING.limits, Reach(network=False))])
@pytest.mark.parametrize("stranger", ["", "it was downloaded"])
def test_no_project_can_loosen_what_holds_without_it(sandbox: str, asked: Asked, stranger: str) -> None:
    settings = WallSettings(sandbox=sandbox, memory="1g", timeout=9)  # type: ignore[arg-type]
    hostile = WallTable("limits", 99, "64g", 64, 9999, "64g", True, ("/",), ("/",), ("TOKEN",))
    without, found = held(asked, settings, stranger=stranger), held(asked, settings, stranger=stranger, project=hostile)
    assert found.asked.limits.memory == without.asked.limits.memory and found.timeout == without.timeout
    assert found.asked.reach.network == without.asked.reach.network
    if without.asked.sandbox not in ("", "limits") or without.asked.reach.told():
        assert found.asked.sandbox == without.asked.sandbox
        assert found.asked.reach == without.asked.reach
        assert [told for told in found.refused if "--writable /" in told]
    else:
        assert found.asked.sandbox == "limits" and found.refused == ()


def test_a_project_tightens_what_is_open() -> None:
    project = WallTable(sandbox="landlock", memory="100m", network=False, writable=("out",), timeout=3)
    found = held(NOTHING, WallSettings(memory="1g"), project=project)
    assert found.asked == Asked("landlock", Limits(100 * MB), Reach(False, (), ("out",)))
    assert found.timeout == 3 and any("pyproject.toml" in why for why in found.why)
    assert held(Asked("", Limits(memory=500 * MB)), WallSettings(), project=project).asked.limits.memory == 500 * MB


def test_what_makes_no_sense_is_told() -> None:
    with pytest.raises(UsageError):
        held(Asked("off", Limits(pids=5)), WallSettings())
    with pytest.raises(ConfigError):
        held(NOTHING, WallSettings(memory="much"))


def test_a_script_is_a_strangers_by_its_folder_or_by_the_mark_of_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "Downloads").mkdir()
    script, mine = tmp_path / "Downloads" / "a.py", tmp_path / "mine.py"
    for path in (script, mine):
        path.write_text("")
    folders = StrangerTable().folders
    assert "~/Downloads" in strangers.why(script, folders)
    assert strangers.why(mine, folders) == ""
    (tmp_path / "link.py").symlink_to(script)
    assert strangers.why(tmp_path / "link.py", folders)
    try:
        os.setxattr(mine, "user.xdg.origin.url", b"https://host/a.py?token=secret")
    except OSError as error:
        pytest.skip(f"this disk keeps no marks: {error}")
    assert strangers.why(mine, folders) == "it was downloaded (https://host/a.py)"
