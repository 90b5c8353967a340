"""What a person can do with the environments in the app."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from luci.runner import memory
from luci.runner.memory import Memory
from luci.runner.script import read_script
from luci.screens.env_export import ExportForm
from luci.screens.env_prune import PrunePreview
from luci.screens.env_scripts import ScriptChoice
from luci.screens.environments import Environments
from luci.screens.jobs import stop_all
from tests.conftest import hide_machine_configuration
from tests.package_index import PackageIndex
from tests.screens.environments_host import PATIENCE, Host, Shelf, played, stocked, until

WIDE, NARROW = (150, 40), (80, 24)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """Five real environments, built once; each test gets a copy of them."""
    base = tmp_path_factory.mktemp("shelf")
    with pytest.MonkeyPatch.context() as patch, PackageIndex(base / "index") as index:
        hide_machine_configuration(patch)
        patch.setenv("LUCI_HOME", str(base / "home"))
        patch.setenv("LUCI_INDEX_URL", index.url)
        patch.setenv("UV_CACHE_DIR", str(base / "uv-cache"))
        shelf = stocked(index, base / "home", base / "scripts")
        shelf.add("plot", "thylacine")
        shelf.add("invoice", "wombat", "bilby>=3", used_days_ago=2)
        shelf.add("report", "quokka", used_days_ago=90)
        shelf.add("gone", "wombat<3", used_days_ago=5, keep_script=False)
        shelf.break_(shelf.add("broken", "bilby", used_days_ago=1))
        shutil.copytree(base / "home", base / "kept", symlinks=True)
        yield shelf


@pytest.fixture
def shelf(built: Shelf) -> Shelf:
    """The same environments as at first, whatever an earlier test did to them."""
    home = built.store.root.parent.parent
    shutil.rmtree(home)
    shutil.copytree(home.with_name("kept"), home, symlinks=True)
    return built


@asynccontextmanager
async def opened(size: tuple[int, int] = WIDE, answer: bool = True) -> Any:
    app = Host(answer)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: not app.panel.jobs)
        yield app, pilot
    assert stop_all(PATIENCE)  # what works on in the background would meet the next test's environments


def labels(app: Host) -> list[str]:
    return [row.label for row in app.panel.table.shown]


async def idle(app: Host, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: not app.panel.jobs)


async def go_to(app: Host, pilot: Pilot[None], label: str) -> None:
    await pilot.press("home")
    for _ in range(labels(app).index(label)):
        await pilot.press("down")
    assert app.panel.table.shown[app.panel.table.cursor].label == label


def status(app: Host) -> str:
    return str(app.panel.query_one("#envs-status").render())


@played
async def test_the_table_tells_what_is_there_the_last_used_first(shelf: Shelf) -> None:
    async with opened() as (app, _):
        assert labels(app) == ["plot", "broken", "invoice", "gone", "report"]
        by_label = {row.label: row for row in app.panel.table.shown}
        assert {label: row.state for label, row in by_label.items()} == {
            "plot": "ready",
            "broken": "broken",
            "invoice": "ready",
            "gone": "orphaned",
            "report": "ready",
        }
        assert by_label["plot"].packages == 4 and by_label["invoice"].scripts == ("invoice.py",)


@played
async def test_what_removing_frees_is_measured_and_is_less_than_what_it_takes(shelf: Shelf) -> None:
    async with opened() as (app, _):
        for row in app.panel.table.shown:
            assert row.freed is not None and 0 < row.freed <= row.bytes
        assert "reclaimable" in str(app.panel.query_one("#envs-disk").render())


@played
async def test_a_column_sorts_by_key_and_by_click(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        table = app.panel.table
        await pilot.press("s")
        while table.order.name != "name":
            await pilot.press("s")
        assert labels(app) == ["broken", "gone", "invoice", "plot", "report"]
        await pilot.press("S")
        assert labels(app) == ["report", "plot", "invoice", "gone", "broken"]
        await pilot.click(table, offset=(5, 0))
        assert labels(app) == ["broken", "gone", "invoice", "plot", "report"]
        name = next(width for column, width in table.columns if column.name == "name")
        await pilot.click(table, offset=(3 + name + 2, 0))
        assert table.order.name == "python"


@played
async def test_the_mouse_moves_the_cursor_marks_and_opens(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        table = app.panel.table
        await pilot.click(table, offset=(10, 3))
        assert table.cursor == 2 and not table.marked
        await pilot.click(table, offset=(1, 2))
        assert list(table.marked) == [table.shown[1].key]
        await pilot.click(table, offset=(10, 1), times=2)
        await until(pilot, lambda: app.panel.detail.has_focus and app.panel.detail.told.get("label") == "plot")


@played
async def test_the_table_is_filtered_as_one_types_and_escape_shows_all_again(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await pilot.press("slash", *"bilby")
        assert labels(app) == ["plot", "broken", "invoice"]
        await pilot.press(*" read")
        assert labels(app) == ["plot", "invoice"]
        await pilot.press("enter")
        assert app.panel.table.has_focus
        await pilot.press("escape")
        assert len(labels(app)) == 5 and not app.panel.query_one(Input).value


@played
async def test_the_detail_follows_the_cursor_with_tree_reasons_and_path(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await go_to(app, pilot, "invoice")
        await until(pilot, lambda: app.panel.detail.told.get("label") == "invoice")
        await pilot.pause()
        text = "\n".join(str(static.render()) for static in app.panel.detail.query(".section"))
        assert "└─ quokka 1.2" in text and "for quokka>=1" in text
        assert "imported at invoice.py:1" in text
        assert app.panel.detail.told["path"] in text and "bin/activate" in text and '"format": 1' in text


@played
async def test_where_it_is_narrow_enter_opens_the_detail_and_escape_closes_it(shelf: Shelf) -> None:
    async with opened(NARROW) as (app, pilot):
        assert not app.panel.detail.display
        await pilot.press("enter")
        await until(pilot, lambda: app.panel.detail.told.get("label") == "plot")
        assert app.panel.detail.display and not app.panel.table.display
        await pilot.press("escape")
        assert app.panel.table.display and app.panel.table.has_focus and not app.panel.detail.display


@played
async def test_what_is_marked_is_removed_after_one_question_that_says_what_goes(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await go_to(app, pilot, "gone")
        await pilot.press("space", "space", "d")
        await until(pilot, lambda: len(app.panel.table.rows) == 3 and not app.panel.jobs)
        [question] = app.questions
        assert "2 environment" in question.text
        assert [("gone" in line, "frees" in line) for line in question.details] == [(True, True), (False, True)]
        assert labels(app) == ["plot", "broken", "invoice"]
        assert len(shelf.store.all()) == 3


@played
async def test_a_no_removes_nothing(shelf: Shelf) -> None:
    async with opened(answer=False) as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: "Nothing was removed" in status(app))
        assert len(app.questions) == 1 and len(shelf.store.all()) == 5


@played
async def test_what_is_in_use_stays_and_the_pane_says_by_whom(shelf: Shelf) -> None:
    import subprocess

    env = next(env for env in shelf.store.all() if env.label == "plot")
    process = subprocess.Popen([env.python, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        async with opened() as (app, pilot):
            await go_to(app, pilot, "plot")
            await pilot.press("d")
            await until(pilot, lambda: f"in use by process {process.pid}" in status(app))
            await idle(app, pilot)
            assert "plot" in labels(app) and env.path.exists()
    finally:
        process.communicate(b"\n")


@played
async def test_pruning_shows_a_list_first_and_removes_what_stays_chosen(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PrunePreview))
        await pilot.pause()
        names = {row["name"].rpartition("_")[0] for row in app.screen.rows.values()}
        assert names == {"luci_broken", "luci_gone", "luci_report"}
        assert "3 of 3 chosen" in str(app.screen.query_one("#prune-sum").render())
        await pilot.press("home", "space")
        assert len(app.screen.chosen) == 2 and len(shelf.store.all()) == 5
        await pilot.press("d")
        await until(pilot, lambda: len(shelf.store.all()) == 3)
        await idle(app, pilot)
        assert len(app.questions) == 1 and len(app.questions[0].details) == 2
        assert labels(app) == ["plot", "broken", "invoice"]


@played
async def test_leaving_the_prune_list_removes_nothing(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PrunePreview))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, PrunePreview))
        assert not app.questions and len(shelf.store.all()) == 5


@played
async def test_verify_tells_the_faults(shelf: Shelf) -> None:
    env = next(env for env in shelf.store.all() if env.label == "invoice")
    module = next(env.path.glob("lib/*/site-packages/wombat.py"))
    module.unlink()
    module.write_text("altered\n")
    async with opened() as (app, pilot):
        await pilot.press("a", "v")
        await until(pilot, lambda: "wombat.py was altered" in status(app))
        assert "its python is gone" in status(app)


@played
async def test_rebuild_mends_what_is_broken(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await go_to(app, pilot, "broken")
        await pilot.press("b")
        await until(pilot, lambda: {row.label: row.state for row in app.panel.table.shown}["broken"] == "ready")
        await idle(app, pilot)
        assert "Built again: broken" in status(app)


@played
async def test_an_update_shows_the_difference_before_it_is_made_and_can_be_taken_back(shelf: Shelf) -> None:
    shelf.index.add_wheel("quokka", "1.9", {"quokka.py": ""})
    async with opened() as (app, pilot):
        await go_to(app, pilot, "invoice")
        await pilot.press("u")
        await until(pilot, lambda: "quokka 1.2 -> 1.9" in status(app))
        await idle(app, pilot)
        [question] = app.questions
        assert question.kind == "update" and question.details == ("invoice: quokka 1.2 -> 1.9",)
        await until(pilot, lambda: app.panel.detail.told["installed"]["quokka"] == "1.9")
        await pilot.press("U")
        await until(pilot, lambda: app.panel.detail.told["installed"]["quokka"] == "1.2")
    shelf.index.projects["quokka"].pop()


@played
async def test_an_environment_is_exported_to_a_file_in_the_form_that_is_chosen(shelf: Shelf, tmp_path: Path) -> None:
    async with opened() as (app, pilot):
        await go_to(app, pilot, "invoice")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportForm))
        await pilot.pause()
        await pilot.press("2")
        field = app.screen.query_one(Input)
        assert field.has_focus and field.value == "pylock.invoice.toml"
        field.value = str(tmp_path / field.value)
        await pilot.press("enter")
        await until(pilot, lambda: "Wrote" in status(app))
        lock = tomllib.loads((tmp_path / "pylock.invoice.toml").read_text())
        assert [package["name"] for package in lock["packages"]] == ["bilby", "quokka", "wombat"]


@played
async def test_escape_stops_long_work_and_what_was_there_stays(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        for label in ("plot", "invoice"):
            await go_to(app, pilot, label)
            await pilot.press("space")
        shelf.index.fail("/", "hang")
        try:
            shutil.rmtree(shelf.store.root.parent.parent.with_name("uv-cache"))
            asked = len(shelf.index.requests)
            await pilot.press("b")
            await until(pilot, lambda: len(shelf.index.requests) > asked)
            await until(pilot, lambda: all(part in status(app) for part in ("━━━", "1 of 2", "esc stops it")))
            await pilot.press("escape")
            await until(pilot, lambda: "work" not in app.panel.jobs)
        finally:
            shelf.index.recover()
        assert "topped" in status(app)
        assert next(env for env in shelf.store.all() if env.label == "invoice").path.exists()


@played
async def test_the_activation_line_is_copied(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await pilot.press("c")
        env = next(env for env in shelf.store.all() if env.label == "plot")
        assert app.clipboard == f". {env.path}/bin/activate"


@played
async def test_a_shell_and_a_run_are_asked_of_the_app(shelf: Shelf) -> None:
    async with opened() as (app, pilot):
        await pilot.press("t", "r")
        await until(pilot, lambda: len(app.requested) == 2)
        shell, run = app.requested
        assert isinstance(shell, Environments.ShellRequested) and shell.argv[-2:] == ("shell", shell.key)
        assert isinstance(run, Environments.RunRequested) and Path(run.path).name == "plot.py"


@played
async def test_which_of_several_scripts_to_run_is_asked(shelf: Shelf) -> None:
    env, again = next(env for env in shelf.store.all() if env.label == "plot"), shelf.folder / "again.py"
    again.write_text("import thylacine\n")
    memory.save(read_script(str(again)), Memory(script=str(again), key=env.key))
    async with opened() as (app, pilot):
        for keys, chosen in ((["escape"], []), (["down", "enter"], ["plot.py"]), (["enter"], ["plot.py", "again.py"])):
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, ScriptChoice))
            await pilot.press(*keys)
            await until(pilot, lambda: not isinstance(app.screen, ScriptChoice))
            await pilot.pause()
            assert [Path(message.path).name for message in app.requested] == chosen
    again.unlink()


@played
async def test_an_empty_home_says_what_to_do(luci_home: Path) -> None:
    async with opened() as (app, _):
        assert app.panel.query_one("#envs-empty").display and not app.panel.table.display
        assert "run FILE.py" in str(app.panel.query_one("#envs-empty").render())
