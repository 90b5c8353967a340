"""Help, themes and settings of the app."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.command import CommandInput, CommandList

from luci import config, paths
from luci.actions.lines import COMMANDS
from luci.screens.help import Help
from luci.screens.keys import places
from luci.screens.palette import Actions
from tests.screens.app_host import opened
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


@played
async def test_f1_tells_every_command_and_the_keys_of_every_place():
    async with opened() as person:
        await person.press("f1")
        assert isinstance(person.app.screen, Help)
        told = "\n".join(str(part.render()) for part in person.app.screen.query("Static, Columns"))
        assert all(command.usage in told for command in COMMANDS.values())
        assert all(word in told for word in ("Run again", "Interrupt", "Prune", "Full width"))
        await person.press("escape")
        assert person.app.focused is person.prompt.line


@played
async def test_the_page_on_the_app_has_every_key_as_it_is_bound():
    page = (Path(__file__).parents[2] / "docs" / "app.md").read_text(encoding="utf-8")
    async with opened() as person:
        for place, keys in places(person.app):
            assert f"| {place} |" in page
            assert [key for key in keys if f"| `{key.shown}` | {key.about} |" not in page] == [], "run docs/keys.py"


@played
async def test_the_palette_has_every_command_and_every_key_that_f1_tells():
    async with opened() as person:
        titles = [entry.title.lower() for entry in Actions(person.home)._entries()]
        assert all(any(title.startswith(command.name) for title in titles) for command in COMMANDS.values())
        told = [key.about.lower() for place, keys in places(person.app) for key in keys if place != "Prompt"]
        moves = {
            "up",
            "down",
            "page up",
            "page down",
            "first",
            "last",
            "details",
            "mark",
            "mark all",
            "sort",
            "reverse",
        }
        assert {about for about in told if not any(title.endswith(about) for title in titles)} <= {*moves, "palette"}


@played
async def test_the_palette_does_what_a_typed_line_or_a_key_would():
    async with opened() as person:
        await person.press("ctrl+p")
        await person.type("full w")
        await person.until(lambda: person.app.screen.query_one(CommandList).option_count == 1)
        await person.press("enter")
        await person.until(lambda: person.home.has_class("-full"))
        for query, fact in (
            ("theme light", lambda: person.app.theme == "luci-light"),
            ("environments: filter", lambda: person.app.focused and person.app.focused.id == "envs-filter"),
            ("run FILE.py [ARGS", lambda: person.prompt.text == "run " and person.app.focused is person.prompt.line),
        ):
            await person.press("ctrl+p")
            person.app.screen.query_one(CommandInput).value = query
            offered = person.app.screen.query_one(CommandList)
            await person.until(lambda offered=offered: offered.option_count == 1)
            await person.press("enter")
            await person.until(fact)
    paths.config_file().unlink()


@played
async def test_a_theme_that_was_chosen_is_there_the_next_time_and_comments_in_the_file_stay():
    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text("# mine\n[run]\nattempts = 3  # enough\n")
    async with opened() as person:
        assert person.app.theme == "luci-dark"
        await person.run("theme light")
        assert person.app.theme == "luci-light"
    async with opened() as person:
        assert person.app.theme == "luci-light"
    kept = paths.config_file().read_text()
    assert "# mine" in kept and "# enough" in kept and config.load().app.theme == "light"
    paths.config_file().unlink()


@played
async def test_the_terminals_own_colours_are_used_where_that_is_wanted():
    async with opened() as person:
        await person.run("theme terminal")
        assert person.app.native_ansi_color
    paths.config_file().unlink()


def test_with_no_color_there_is_none_and_the_focus_shows_all_the_same(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    @played
    async def colourless():
        async with opened() as person:
            card = await person.run("theme light")
            card.focus()
            await person.pilot.pause()
            assert card.query_one(".title").rich_style.reverse
            drawn = [segment.style for line in person.app.screen._compositor.render_strips() for segment in line]
            shown = [style for style in drawn if style and (style.color or style.bgcolor)]
            assert person.app.native_ansi_color and person.app.no_color
            filtered = [
                segment.style
                for line in person.app.screen._compositor.render_strips()
                for segment in line.apply_filter(person.app._filters[-1], person.app.screen.background_colors[1])
            ]
            assert shown and not [style for style in filtered if style.color and not style.color.is_default]
        paths.config_file().unlink()

    colourless()


def test_without_motion_nothing_spins(monkeypatch):
    monkeypatch.setenv("LUCI_APP_MOTION", "false")

    @played
    async def still():
        async with opened() as person:
            await person.say("slow.py")
            card = person.cards[-1]
            await person.until(lambda: card.story.state == "running")
            assert person.app.animation_level == "none"
            assert str(card.query_one(".mark").render()) == "●"

    still()


@played
async def test_keys_that_come_in_one_piece_are_for_who_has_the_focus_after_the_one_before():
    async with opened() as person:
        await person.run("plain.py")
        person.prompt.text = "envs"
        for key in ("enter", "slash", *"drop"):  # of which d would remove, and r run
            person.app.post_message(events.Key(key, "/" if key == "slash" else key if len(key) == 1 else "\r"))
        await person.until(lambda: person.home.query("#envs-filter"))
        await person.until(lambda: person.home.query_one("#envs-filter").value == "drop")
        assert len(person.cards) == 1 and person.app.screen is person.home
        for key in ("f3", "slash", *"xplain", "enter"):  # x would stop
            person.app.post_message(events.Key(key, "/" if key == "slash" else key if len(key) == 1 else "\r"))
        live = (await person.home.output()).front
        await person.until(lambda: live.query_text == "xplain")
