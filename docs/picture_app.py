#!/usr/bin/env python3
"""Draw docs/app.svg: the app, with a run and one that was mended."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from picture import SCRIPT


async def draw() -> str:
    from textual.pilot import Pilot

    from luci import config
    from luci.app import LuciApp

    async def until(pilot: Pilot[int], fact: Callable[[], object]) -> None:
        while not fact():
            await pilot.pause(0.05)

    app = LuciApp(config.load())
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause()
        for line in ("quickstart.py", "planets.py --table"):
            await pilot.press(*("space" if key == " " else key for key in line))
            await pilot.press("enter")
            await until(pilot, lambda: app.home.conversation.cards and not app.home.running)
            await pilot.pause(0.5)
        app.home.conversation.cards[-1].folded = False
        await pilot.pause(0.5)
        return app.export_screenshot(title="luci")


def main() -> None:
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "scripts"
        folder.mkdir()
        shutil.copy(here.parent / "examples" / "quickstart.py", folder)
        (folder / "planets.py").write_text(SCRIPT)
        os.environ.update(HOME=base, LUCI_HOME=f"{base}/home", PYENV_ROOT=os.path.expanduser("~/.pyenv"))
        os.chdir(folder)
        svg = asyncio.run(draw())
        os.chdir(here)
    (here / "app.svg").write_text(svg)


if __name__ == "__main__":
    main()
