"""Help, themes and settings of the app."""

from __future__ import annotations

import pytest

from luci import config, paths
from luci.actions.lines import COMMANDS
from luci.screens.help import Help
from tests.screens.app_host import opened
from tests.screens.environments_host import played

pytestmark = pytest.mark.usefixtures("project")


@played
async def test_f1_tells_every_command_and_the_keys_of_every_place():
    async with opened() as person:
        await person.press("f1")
        assert isinstance(person.app.screen, Help)
        told = "\n".join(str(part.render()) for part in person.app.screen.query("Static"))
        assert all(command.usage in told for command in COMMANDS.values())
        assert all(word in told for word in ("Run again", "Interrupt", "Prune", "Full width"))
        await person.press("escape")
        assert person.app.focused is person.prompt.line


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
