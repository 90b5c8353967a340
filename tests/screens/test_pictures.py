"""The images of a run are offered on its card, and drawn."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import textual_image.widget  # noqa: F401 - a terminal is asked how it draws before an app reads it
from PIL import Image

from luci.screens.pictures import Pictures
from tests.screens.app_host import opened, text_of
from tests.screens.environments_host import played

WRITES = """
import shutil, sys
for name in sys.argv[1:]:
    shutil.copy("drawn.image", name)
"""


@pytest.fixture(autouse=True)
def scripts(project: Path) -> None:
    (project / "draws.py").write_text(WRITES)
    Image.new("RGB", (80, 40), "red").save(project / "drawn.image", "png")
    for made in ("one.png", "two.png", "broken.png", "lines.svg"):
        (project / made).unlink(missing_ok=True)


def heading(screen: object) -> str:
    assert isinstance(screen, Pictures)
    return str(screen.query_one("#picture-head").render())


@played
async def test_what_a_run_drew_is_offered_and_shown_and_stepped_through():
    async with opened() as person:
        card = await person.run("draws.py one.png two.png")
        assert "made two.png, one.png" in text_of(card)
        card.focus()
        await person.press("i")
        await person.until(lambda: isinstance(person.app.screen, Pictures))
        assert "two.png" in heading(person.app.screen) and "80 × 40   2 of 2" in heading(person.app.screen)
        assert person.app.screen.query("#picture Image, #picture AutoImage")
        await person.press("right")
        assert "one.png" in heading(person.app.screen)
        await person.press("escape")
        assert not isinstance(person.app.screen, Pictures)


@played
async def test_a_file_that_is_no_image_is_told_and_a_run_that_drew_nothing_offers_nothing(project: Path):
    async with opened() as person:
        other = await person.run("plain.py")
        (project / "drawn.image").write_text("not an image")
        card = await person.run("draws.py broken.png")
        card.focus()
        await person.press("i")
        await person.until(lambda: isinstance(person.app.screen, Pictures))
        assert "cannot be drawn" in str(person.app.screen.query_one(".fault").render())
        await person.press("escape")
        other.focus()
        await person.press("i")
        assert not isinstance(person.app.screen, Pictures) and "made" not in text_of(other)


@played
async def test_lines_are_for_the_systems_viewer(project: Path, tmp_path: Path, monkeypatch):
    opener = tmp_path / ("open" if sys.platform == "darwin" else "xdg-open")
    opener.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/seen.new && mv {tmp_path}/seen.new {tmp_path}/seen\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":7")
    async with opened() as person:
        card = await person.run("draws.py lines.svg")
        card.focus()
        await person.press("i")
        await person.until(lambda: (tmp_path / "seen").exists())
        assert (tmp_path / "seen").read_text().strip() == str(project / "lines.svg")
        (tmp_path / "seen").unlink()
        await person.press("escape")

        card = await person.run("draws.py lines.svg one.png")  # one that can be drawn, and one that cannot
        card.focus()
        await person.press("i")
        await person.until(lambda: isinstance(person.app.screen, Pictures))
        while "lines.svg" not in heading(person.app.screen):
            assert "one.png" in heading(person.app.screen)
            await person.press("right")
        assert "system's viewer" in str(person.app.screen.query_one("#picture .note").render())
        await person.press("v")
        await person.until(lambda: (tmp_path / "seen").exists())
        assert (tmp_path / "seen").read_text().strip() == str(project / "lines.svg")
