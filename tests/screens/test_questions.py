"""How the app asks, and what answers."""

from __future__ import annotations

import pytest

from luci.screens.question import Choice, QuestionPanel
from tests.screens.app_host import opened
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


@played
async def test_the_panel_shows_all_that_a_yes_covers_and_what_each_key_does():
    async with opened() as person:
        await person.say("stranger.py")
        panel = await person.asked()
        shown = [str(part.render()) for part in panel.query("Static")]
        assert "Install dingo?" in shown
        assert any("dingo is imported at" in line for line in shown) and any("fewer than 3" in line for line in shown)
        assert [str(choice.render()).strip()[0] for choice in panel.query(Choice)] == ["y", "n"]


@played
async def test_y_installs_and_runs():
    async with opened() as person:
        await person.say("welcome.py")
        await person.asked()
        await person.press("y")
        await person.until(lambda: person.cards[-1].story.is_over)
        assert person.cards[-1].story.outcome == "exit 0"


@pytest.mark.parametrize("key", ["n", "escape"])
def test_n_and_escape_install_nothing(key):
    @played
    async def asked_and_refused():
        async with opened() as person:
            await person.say("stranger.py")
            await person.asked()
            await person.press(key)
            await person.until(lambda: person.cards[-1].story.is_over)
            assert person.cards[-1].story.error.message == "dingo was not approved."

    asked_and_refused()


@played
async def test_enter_answers_nothing_until_a_choice_was_moved_to():
    async with opened() as person:
        await person.say("stranger.py")
        panel = await person.asked()
        await person.press("enter", "space", "enter")
        assert person.app.screen is panel
        await person.press("down", "down", "enter")  # to "no"
        await person.until(lambda: person.cards[-1].story.is_over)
        assert person.cards[-1].story.error is not None


def test_a_key_that_was_meant_for_the_prompt_answers_nothing(monkeypatch):
    monkeypatch.setattr("luci.screens.question.SETTLED", 3600)  # as if the person had only just stopped typing

    @played
    async def asked_while_typing():
        async with opened() as person:
            await person.say("stranger.py")
            await person.until(lambda: isinstance(person.app.screen, QuestionPanel))
            panel = person.app.screen
            await person.press("y", "down", "enter", "escape")
            panel.add_class("-settled")  # now they have stopped, and go on with a word for another place
            await person.press("p", "y")
            assert person.app.screen is panel and not person.cards[-1].story.is_over

    asked_while_typing()


@played
async def test_stopping_the_run_takes_its_question_away():
    async with opened() as person:
        await person.say("stranger.py")
        await person.asked()
        person.cards[-1].job.stop()
        await person.until(lambda: not isinstance(person.app.screen, QuestionPanel))
        assert person.cards[-1].story.state == "stopped"


@played
async def test_two_questions_come_one_after_the_other():
    async with opened() as person:
        await person.say("stranger.py")
        await person.asked()
        card = person.cards[0]
        await person.home.run_script(card.job.request)
        await person.until(lambda: len(person.app._asked) == 2)
        await person.press("n")
        await person.until(lambda: len(person.app._asked) == 1)
        await person.asked()
        await person.press("n")
        await person.until(lambda: all(card.story.is_over for card in person.cards))
        assert all(card.story.error for card in person.cards)
