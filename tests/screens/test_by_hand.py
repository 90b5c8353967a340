"""Environments that a person makes, takes over and locks from the prompt."""

from __future__ import annotations

from pathlib import Path

import pytest

from luci.actions.lines import Nothing, understand
from luci.screens.palette import Actions
from tests.screens.app_host import opened, text_of
from tests.screens.environments_host import played


@played
async def test_the_prompt_creates_locks_and_imports_and_the_palette_knows_it(project: Path) -> None:
    (project / "hopping.py").write_text("import quokka")
    async with opened() as person:
        card = await person.run("create den --with quokka")
        assert card.story.state == "done" and "den: Python 3" in text_of(card)
        card = await person.run("lock hopping.py")
        assert "+ quokka 1.2" in text_of(card) and (project / "pylock.hopping.toml").exists()
        card = await person.run("import pylock.hopping.toml")
        assert card.story.state == "done" and "hopping: Python 3" in text_of(card)
        titles = {entry.title for entry in Actions(person.app.screen)._entries()}
        assert {"create NAME --with PACKAGE", "import FILE [NAME]", "lock FILE.py"} <= titles


@pytest.mark.parametrize("sentence", ["create a script that hops", "import the data", "lock this away", "create"])
def test_a_sentence_that_begins_so_is_no_command(sentence: str, project: Path) -> None:
    assert isinstance(understand(sentence), Nothing)
