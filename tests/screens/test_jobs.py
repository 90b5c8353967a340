"""What an action performed in a thread says reaches the one who asked for it, its faults too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual import on
from textual.app import App

from luci.actions.envs import EnvRequest
from luci.config import Settings
from luci.errors import LuciError
from luci.events import Event, Working
from luci.screens.jobs import Job
from tests.screens.environments_host import played, until


class Listening(App[None]):
    """Starts one action and is busy until that is over."""

    def __init__(self, name: str, request: Any, *, together: bool = False) -> None:
        super().__init__()
        self.asked = name, request, together
        self.heard: list[list[Event]] = []
        self.ended: Job.Finished | None = None

    def on_mount(self) -> None:
        name, request, together = self.asked
        assert Job(self, name, request, Settings(), together=together).start().wait(60)

    @on(Job.Said)
    def hear(self, said: Job.Said) -> None:
        self.heard.append([said.event])

    @on(Job.SaidMuch)
    def hear_much(self, said: Job.SaidMuch) -> None:
        self.heard.append(said.job.heard())

    @on(Job.Finished)
    def end(self, finished: Job.Finished) -> None:
        self.ended = finished


async def performed(name: str, request: Any, *, together: bool = False) -> Listening:
    app = Listening(name, request, together=together)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.ended is not None)
    return app


@played
async def test_a_fault_of_luci_ends_the_action_and_is_told_in_words_with_a_file_that_says_more(luci_home: Path) -> None:
    app = await performed("env show", None)  # no request at all: the action trips over it
    assert app.ended and isinstance(app.ended.error, LuciError) and app.ended.result is None
    assert "fault in luci" in app.ended.error.message
    assert "AttributeError" in app.ended.error.cause and "\n" not in app.ended.error.cause
    [log] = luci_home.rglob("crashes/*.log")
    assert str(log) in app.ended.error.hint and "Traceback" in log.read_text()


@played
async def test_what_is_said_while_nobody_can_listen_comes_in_one_message_and_in_order(luci_home: Path) -> None:
    request = EnvRequest(dry_run=True)
    one_by_one = await performed("env stats", request)
    together = await performed("env stats", request, together=True)
    said = [event for events in one_by_one.heard for event in events]
    assert said and isinstance(said[-1], Working)
    assert together.heard == [said]
    assert together.ended and together.ended.error is None and together.ended.result["environments"] == 0
