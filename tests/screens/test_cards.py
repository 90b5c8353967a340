"""What a card tells of a run, and what can be done with it."""

from __future__ import annotations

import pytest
from textual.widgets import Tab

from luci.events import Told, Warned
from luci.screens.bar import Bar
from luci.screens.output import Output
from luci.screens.story import Story
from tests.screens.app_host import opened, text_of
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


@played
async def test_a_run_goes_through_its_steps_to_its_exit_code():
    async with opened() as person:
        card = await person.run("run hop.py")
        assert [step.shown for step in card.story.steps] == [
            "planned",
            "built",
            "resolved",
            "downloaded",
            "installed",
            "ran",
        ]
        assert [step.detail for step in card.story.steps][2:5] == ["1 package"] * 3
        assert card.story.planned.startswith("1 package · Python 3") and card.story.planned.endswith("new environment")
        assert card.story.outcome == "exit 0"


@played
async def test_a_typed_path_runs_with_its_arguments():
    async with opened() as person:
        await person.run("words.py 'two words' --flag")
        output = person.home.query_one(Output)
        shown = [run.terminal for run in output._runs.values()][-1]
        assert "['two words', '--flag']" in shown.log.read_text()


@played
async def test_a_card_folds_when_all_went_well_and_unfolds_on_enter():
    async with opened() as person:
        card = await person.run("plain.py")
        assert card.folded
        card.focus()
        await person.press("enter")
        assert not card.folded and "ran" in text_of(card)


@played
async def test_a_failed_run_opens_on_the_line_that_failed():
    async with opened() as person:
        card = await person.run("fails.py")
        assert not card.folded and card.story.outcome == "exit 1"
        told = text_of(card)
        assert "KeyError: 'b'" in told and "❯ 5 │     return table[key]" in told


@played
async def test_mending_tells_what_was_missing_and_what_was_added():
    async with opened() as person:
        card = await person.run("mended.py thylacine")
        mending = next(step for step in card.story.steps if step.name == "mending")
        assert mending.detail.startswith("thylacine was missing (mended.py:3): added thylacine")
        assert card.story.outcome == "exit 0"
        told = " ".join(text_of(card).split())
        assert card.folded and "(mended.py:3): added thylacine" in told and "planned" not in told
        (tab,) = person.home.query_one(Output).query(Tab)
        assert "✓" in str(tab.label)


def test_the_same_reason_is_told_once():
    story = Story(0).after(Warned("Nothing was found that provides emu: no such name is on the index."), 1)
    story = story.after(Told("Nothing provides emu: no such name is on the index"), 2)
    story = story.after(Told("Nothing provides emu: the index does not answer."), 3)
    assert [remark.text.rpartition(": ")[2] for remark in story.remarks] == [
        "no such name is on the index.",
        "the index does not answer.",
    ]


@played
async def test_a_script_that_is_not_there_is_told_in_its_card():
    async with opened() as person:
        card = await person.run("run nowhere.py")
        assert "There is no file nowhere.py" in text_of(card) and card.has_class("-failed")


@played
async def test_a_run_is_stopped_from_its_card_and_that_is_no_failure():
    async with opened() as person:
        await person.say("slow.py")
        card = person.cards[-1]
        await person.until(lambda: card.story.state == "running")
        assert person.home.query_one(Bar).running == 1
        card.focus()
        await person.press("s")
        await person.until(lambda: card.story.is_over)
        assert (card.story.state, card.story.outcome) == ("stopped", "stopped")
        await person.until(lambda: person.home.query_one(Bar).running == 0)


@played
async def test_stop_ends_the_latest_run():
    async with opened() as person:
        await person.say("slow.py")
        card = person.cards[-1]
        await person.until(lambda: card.story.state == "running")
        await person.say("stop")
        await person.until(lambda: card.story.is_over)
        assert card.story.state == "stopped"


@played
async def test_r_runs_it_again_in_a_card_of_its_own():
    async with opened() as person:
        first = await person.run("plain.py")
        first.focus()
        await person.press("r")
        await person.until(lambda: len(person.cards) == 2 and person.cards[1].story.is_over)
        assert person.cards[1].story.outcome == "exit 0"


@played
async def test_two_runs_at_once_have_a_tab_each():
    async with opened() as person:
        await person.say("slow.py")
        await person.run("plain.py")
        output = person.home.query_one(Output)
        assert [run.title for run in output._runs.values()] == ["slow.py", "plain.py"]
        assert len(person.home.running) == 1


@played
async def test_plan_says_what_would_be_installed_and_why():
    async with opened() as person:
        card = await person.run("plan stranger.py")
        told = text_of(card)
        assert "dingo" in told and "asks first" in told and "fewer than 3" in told


@played
async def test_clear_leaves_what_still_runs_and_its_output():
    async with opened() as person:
        await person.run("plain.py")
        await person.say("slow.py")
        titles = lambda: [str(tab.label)[2:] for tab in person.home.query_one(Output).query(Tab)]  # noqa: E731
        await person.until(lambda: titles() == ["plain.py", "slow.py"])
        await person.say("clear")
        assert [card.heading for card in person.cards] == ["slow.py"]
        await person.until(lambda: titles() == ["slow.py"])
