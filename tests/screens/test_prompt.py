"""What a person can do at the prompt."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import OptionList

from luci import typed
from tests.screens.app_host import opened
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


@played
async def test_at_first_a_slash_offers_every_command_letters_narrow_it_and_tab_takes_the_offer():
    async with opened() as person:
        assert person.app.focused is person.prompt.line
        await person.type("/")
        assert {"/run", "/plan", "/envs", "/prune", "/stop", "/help"} <= set(person.offers)
        await person.type("pr")
        assert person.offers == ["/prune"]
        await person.press("backspace")
        await person.type("l")
        await person.press("tab")
        assert person.prompt.text == "/plan " and "hop.py" in person.offers


@played
async def test_scripts_and_folders_are_offered_behind_run_and_other_files_are_not():
    async with opened() as person:
        await person.type("run ")
        assert {"hop.py", "nested/"} <= set(person.offers) and "data.csv" not in person.offers
        await person.type("nes")
        await person.press("tab")
        assert (person.prompt.text, person.offers) == ("run nested/", ["deep.py"])


@played
async def test_the_options_of_the_command_line_are_offered_before_the_script_and_not_behind_it():
    async with opened() as person:
        await person.type("run --")
        assert {"--python VERSION", "--env", "--sandbox", "--timeout SECONDS"} <= set(person.offers)
        await person.type("sand")
        await person.press("tab")
        assert person.prompt.text == "run --sandbox " and {"bwrap", "landlock", "off"} <= set(person.offers)
        await person.type("land")
        await person.press("tab")
        assert person.prompt.text == "run --sandbox landlock " and "hop.py" in person.offers
        await person.type("--s")
        assert person.offers == ["--stranger"]
        await person.type("x hop.py --s")
        assert person.offers == []


@played
async def test_a_path_with_a_space_is_completed_quoted(project):
    (project / "nested" / "two words.py").write_text("")
    async with opened() as person:
        await person.type("run nested/tw")
        await person.press("tab")
        assert person.prompt.text == "run 'nested/two words.py' "
    (project / "nested" / "two words.py").unlink()


@played
async def test_an_at_offers_files_environments_and_runs_wherever_a_request_goes_on():
    async with opened() as person:
        await person.run("plain.py")
        await person.type("what's in @da")  # an apostrophe is no quotation mark here
        assert person.offers == ["data.csv"]
        await person.press("tab", "ctrl+j")
        await person.type("and @ru")
        assert person.offers == ["run:"]
        await person.press("tab")
        assert len(person.offers) == 1 and person.offers[0].startswith("run:")
        assert "plain.py" in str(person.prompt.offers.options[0].prompt)
        await person.press("tab")
        first, second = person.prompt.text.split("\n")
        assert first == "what's in @data.csv " and second.startswith("and @run:") and second.endswith(" ")
        await person.type("beside @env:")
        assert len(person.offers) == 1 and "Python 3." in str(person.prompt.offers.options[0].prompt)
        await person.type("x mail@da")
        assert person.offers == []


@played
async def test_down_and_enter_choose_from_the_list_and_run_nothing():
    async with opened() as person:
        await person.type("/p")
        await person.press("down", "enter")
        assert person.prompt.text.strip() == "/prune" or person.cards


@played
async def test_escape_closes_the_list_and_leaves_the_text():
    async with opened() as person:
        await person.type("/p")
        await person.press("escape")
        assert (person.prompt.text, person.offers) == ("/p", [])


@played
async def test_up_brings_back_what_was_typed_also_the_next_day_and_down_what_was_being_typed():
    async with opened() as person:
        for line in ("what is one", "what is two"):
            await person.say(line)
        await person.type("half")
        await person.press("up")
        assert person.prompt.text == "what is two"
        await person.press("up")
        assert person.prompt.text == "what is one"
        await person.press("down", "down")
        assert person.prompt.text == "half"
    async with opened() as person:  # the next day
        await person.press("up")
        assert person.prompt.text == "what is two"
    assert typed.load()[-1] == "what is two"


@played
async def test_ctrl_r_finds_a_line_by_any_part_and_enter_puts_it_into_the_prompt():
    async with opened() as person:
        await person.say("tell of wallabies")
        await person.say("tell of emus")
        await person.press("ctrl+r")
        await person.type("wall")
        assert person.offers == ["tell of wallabies"]
        await person.press("enter")
        assert (person.prompt.text, person.prompt.mode) == ("tell of wallabies", "")


@played
async def test_escape_leaves_the_search_with_the_text_as_it_was():
    async with opened() as person:
        await person.say("tell of emus")
        await person.type("draft")
        await person.press("ctrl+r", "escape")
        assert (person.prompt.text, person.prompt.mode) == ("draft", "")


@played
async def test_ctrl_j_or_a_backslash_begins_a_new_line_and_enter_sends_both():
    async with opened() as person:
        await person.type("one\ntwo")
        assert person.prompt.text == "one\ntwo"
        await person.press("enter")
        assert person.prompt.text == "" and typed.load()[-1] == "one\ntwo"
        await person.type("one\\")
        await person.press("enter")
        assert person.prompt.text == "one\n"


@played
async def test_the_rest_of_an_earlier_line_is_shown_and_taken_with_the_right_key():
    async with opened() as person:
        await person.say("count all kangaroos")
        await person.type("count")
        assert person.prompt.line.suggestion == " all kangaroos"
        await person.press("right")
        assert person.prompt.text == "count all kangaroos"


@played
async def test_what_ctrl_c_cleared_is_brought_back_by_undo_and_taken_away_by_redo():
    async with opened() as person:
        await person.type("run hop.py")
        await person.press("ctrl+c")
        assert person.prompt.text == ""
        await person.press("ctrl+underscore")
        assert person.prompt.text == "run hop.py"
        await person.press("ctrl+y")
        assert person.prompt.text == ""
        await person.press("alt+z")
        assert person.prompt.text == "run hop.py"


@played
async def test_a_command_that_does_not_exist_is_told_with_the_nearest():
    async with opened() as person:
        await person.say("/pruune")
        assert "There is no command /pruune" in person.replies[-1] and "/prune" in person.replies[-1]


@played
async def test_a_click_takes_an_offer():
    async with opened() as person:
        await person.type("/pl")
        await person.pilot.click(OptionList, offset=(4, 0))
        assert person.prompt.text == "/plan "


@played
async def test_a_line_and_its_enter_that_come_in_one_piece_are_one_line():
    async with opened() as person:
        for key in (*"tell", "enter", *"more"):
            person.app.post_message(events.Key(key, key if len(key) == 1 else "\r"))
        await person.until(lambda: person.prompt.text == "more")
        assert typed.load()[-1] == "tell"


@played
async def test_what_is_typed_faster_than_the_list_follows_is_what_counts():
    async with opened() as person:
        await person.type("/p")
        assert person.offers == ["/plan", "/prune"]
        for key in (*"runs", "enter"):  # to "/pruns", which is none of them
            person.app.post_message(events.Key(key, key if len(key) == 1 else "\r"))
        await person.until(lambda: person.replies)
        assert "There is no command /pruns" in person.replies[-1]
