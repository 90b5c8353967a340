"""The three places on one screen, at any size."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from luci.screens.bar import Bar
from luci.screens.env_table import EnvTable
from luci.screens.environments import Environments
from luci.screens.output import Output
from tests.screens.app_host import opened
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


def seen(person):
    return {name for name in ("talk", "beside") if person.home.query_one(f"#{name}").region.width}


@played
async def test_where_there_is_room_conversation_and_output_are_side_by_side_once_there_is_an_output():
    async with opened((120, 40)) as person:
        assert seen(person) == {"talk"}
        await person.run("plain.py")
        await person.until(lambda: seen(person) == {"talk", "beside"})


@played
async def test_on_a_narrow_screen_one_place_is_shown_at_a_time():
    async with opened((80, 24)) as person:
        assert seen(person) == {"talk"}
        await person.press("f3")
        assert seen(person) == {"beside"} and person.home.query(Output)
        await person.press("f4")
        assert seen(person) == {"beside"} and person.home.query_one(Environments).region.width == 80
        await person.press("f2")
        assert seen(person) == {"talk"} and person.app.focused is person.prompt.line


@played
async def test_the_environments_take_the_full_width_until_the_screen_is_very_wide():
    async with opened((120, 40)) as person:
        await person.say("envs")
        assert seen(person) == {"beside"}
        await person.pilot.resize_terminal(200, 60)
        await person.pilot.pause()
        assert seen(person) == {"beside"}
        await person.press("f2")
        assert seen(person) == {"talk", "beside"}
        await person.press("f4")
        await person.pilot.resize_terminal(260, 60)
        await person.until(lambda: seen(person) == {"talk", "beside"})


@played
async def test_an_environment_that_a_run_made_is_in_the_table_when_a_person_looks_again(project: Path):
    (project / "another.py").write_text("import thylacine  # which no other script here needs\n")
    async with opened((80, 24)) as person:
        await person.say("envs")
        table = person.home.query_one(EnvTable)
        await person.until(lambda: not person.home.query_one(Environments).jobs)
        before = len(table.rows)
        await person.press("f2")
        await person.run("run another.py")
        await person.press("f4")
        await person.until(lambda: len(table.rows) == before + 1)


@played
async def test_the_table_takes_the_full_width_and_a_script_run_from_it_gets_a_terminal_as_wide_as_its_pane(
    project: Path,
):
    (project / "wide.py").write_text("import os, bilby\n\nprint(os.get_terminal_size())\n")
    async with opened((120, 40)) as person:
        await person.run("wide.py")
        await person.press("f4")
        table = person.home.query_one(EnvTable)
        await person.until(lambda: "wide" in table.highlighted or table.shown)
        table.filter("wide")
        pane = person.home.query_one(Environments)
        await person.press("f6")
        await person.until(lambda: table.region.width == 120)
        await person.press("enter")
        await person.until(lambda: pane.detail.region.width and table.region.width < 120)
        await person.press("escape", "f6", "r")
        await person.until(lambda: len(person.cards) == 2 and person.cards[1].story.is_over)
        assert person.cards[1].heading == "wide.py"
        first, second = (run.terminal for run in person.home.query_one(Output)._runs.values())
        assert "terminal_size(columns=59" in first.log.read_text() and first.log.read_text() == second.log.read_text()


@played
async def test_a_click_on_a_place_leads_there():
    async with opened((120, 40)) as person:
        line = str(person.home.query_one(Bar).render())
        await person.pilot.click(Bar, offset=(line.index("Environments") + 2, 0))
        await person.until(lambda: person.home.query(Environments))
        assert person.home.query_one(Bar).here == "environments"


@played
async def test_f6_gives_a_place_the_full_width_and_back():
    async with opened((120, 40)) as person:
        await person.press("f3", "f6")
        assert seen(person) == {"beside"}
        await person.press("f6")
        assert seen(person) == {"talk", "beside"}


@played
async def test_what_is_on_the_screen_survives_any_size():
    async with opened((120, 40)) as person:
        await person.run("plain.py")
        for size in ((20, 5), (1, 1), (80, 24), (300, 80)):
            await person.pilot.resize_terminal(*size)
            await person.pilot.pause()
        assert person.cards[0].story.outcome == "exit 0"


@played
async def test_a_pane_that_a_key_and_a_run_want_at_once_is_made_once():
    async with opened((120, 40)) as person:
        home = person.home
        first, second = await asyncio.gather(home.output(), home.output())
        assert first is second
        others = await asyncio.gather(home.environments(), home.environments())
        assert others[0] is others[1] and len(home.query(Environments)) == len(home.query(Output)) == 1
