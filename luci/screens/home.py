"""What a person wants, by a line, a key or a click, and who does it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import SuspendNotSupported
from textual.dom import DOMNode

from luci import editor
from luci.actions import lines
from luci.config import Settings
from luci.errors import LuciError
from luci.events import Started
from luci.screens.assisted import Assisted
from luci.screens.bar import Bar, Place
from luci.screens.card import Card
from luci.screens.doing import Doing
from luci.screens.jobs import Job
from luci.screens.places import short
from luci.screens.plain import harmless
from luci.screens.prompt import Prompt
from luci.values import replace

if TYPE_CHECKING:
    from luci.runner.request import RunRequest
    from luci.screens.environments import Environments
    from luci.screens.output import Output


class Home(Assisted):
    """Does what is wanted in the places."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__(settings)
        self._last: RunRequest | None = None

    # what is typed

    async def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        try:
            meaning = lines.understand(message.text, self._last)
        except LuciError as error:
            self.conversation.said(message.text)
            self.conversation.reply(error.message, error.hint or error.cause, error=True)
            return
        match meaning:
            case lines.Perform("run", request):
                await self.run_script(request)
            case lines.Perform(action, request):
                self.perform(action, request, message.text.lstrip("/"))
            case lines.Go("help"):
                await self.app.run_action("help")
            case lines.Go(place):
                await self.go(place)  # type: ignore[arg-type]
            case lines.Stop(script, everything):
                self.stop(script, everything)
            case lines.Clear():
                await self._clear()
            case lines.Leave():
                await self.app.run_action("quit")
            case lines.Recall(words):
                self.choose_session(words)
            case lines.TakeBack(again):
                from luci.chat.undo import UndoRequest

                self.perform("undo", UndoRequest(again), message.text.lstrip("/"))
            case lines.Switch(model, session):
                self.conversation.said(message.text)
                self.switch(model, session) if model or session else self.choose_model()
            case lines.Nothing():
                self.talk(message.text)

    async def _clear(self) -> None:
        gone = self.conversation.clear()
        for job in (card.job for card in gone if card.job and card.is_run):
            (await self.output()).forget(job)

    def submit(self, line: str) -> None:
        """Do what a line means, as if it were typed."""
        self.query_one(Prompt).post_message(Prompt.Submitted(line))

    def begin(self, line: str) -> None:
        """Let the person type the rest of a line."""
        self.query_one(Prompt).text = line
        self.query_one(Prompt).line.focus()

    async def act(self, owner: type[DOMNode], action: str) -> None:
        """Perform an action of a kind of pane, where there is one; its place comes into sight."""
        target = await self._nearest(owner)
        if target is None:
            self.notify("Nothing ran yet that this could be done with.", severity="warning")
        elif not await self.app.run_action(action, target):
            self.notify("That cannot be done now.", severity="warning")

    async def _nearest(self, owner: type[DOMNode]) -> DOMNode | None:
        for node in (self.app, self):
            if isinstance(node, owner):
                return node
        place: Place = "conversation" if owner is Card else "output" if owner.__name__ == "Live" else "environments"
        if place == "conversation":
            return self.conversation.cards[-1] if self.conversation.cards else None
        await self.go(place)
        return (await self.output()).front if place == "output" else await self.environments()

    async def run_script(self, request: RunRequest) -> None:
        from luci.terminals import Terminal

        self._last = request
        card = self.conversation.card(" ".join([_near(request.script), *request.args]))
        terminal = Terminal(*self._room_for_output())
        job = Job(card, "run", replace(request, become=False, terminal=terminal, pictures=True), self._settings())
        card.begin(job)
        self.query_one(Bar).running = len(self.running)

    async def on_job_said(self, message: Job.Said) -> None:
        if isinstance(message.event, Started) and message.job.name == "run":
            output = await self.output()
            output.add(message.job, _title(message.job), message.job.request.terminal)
            if self.app.is_running and self.query_one(Bar).here == "output":
                output.focus()

    async def on_job_finished(self, message: Job.Finished) -> None:
        if message.job.name in ("who", "models"):
            return
        self.query_one(Bar).running = len(self.running)
        if message.job.name == "run":
            code = message.result if message.error is None else message.error.exit_code
            (await self.output()).ended(message.job, code)
        elif message.job.name == "ask":
            for dialogue in [doing for doing in self.conversation.doings if doing.is_waiting][:1]:
                self._begin_talk(dialogue)
        self._outdated = True
        self._read_environments()

    def perform(self, action: str, request: Any, title: str) -> None:
        card = self.conversation.card(title)
        card.begin(Job(card, action, request, self._settings()))

    # what runs

    def stop(self, script: str = "", everything: bool = False) -> None:
        found = [card for card in self.running if not script or script in card.heading]
        if not found:
            self.conversation.reply("Nothing runs." if not script else f"Nothing that runs is named {script}.")
        for card in found if everything or script else found[-1:]:
            if card.job:
                card.job.stop()

    @on(Doing.StopRequested)
    def _stop(self, message: Doing.StopRequested) -> None:
        message.job.stop()

    @on(Card.Again)
    async def _again(self, message: Card.Again) -> None:
        job = message.job
        if job.name == "run":
            await self.run_script(job.request)
        else:
            card = next(card for card in self.conversation.cards if card.job is job)
            self.perform(job.name, job.request, card.heading)

    @on(Card.OutputRequested)
    async def _show_output(self, message: Card.OutputRequested) -> None:
        (await self.output()).show(message.job)
        await self.go("output")

    def on_output_stop_requested(self, message: Output.StopRequested) -> None:
        message.job.stop()

    async def on_output_restart_requested(self, message: Output.RestartRequested) -> None:
        await self.run_script(message.job.request)

    def on_output_edit_requested(self, message: Output.EditRequested) -> None:
        self.edit(message.path, message.line)

    def on_output_waiting(self, message: Output.Waiting) -> None:
        for card in self.conversation.cards:
            if card.job is message.job:
                card.waits = (
                    "It was stopped by a signal: F3, c lets it go on"
                    if message.stopped
                    else "It waits for your input: F3"
                    if message.waiting
                    else ""
                )

    @on(Card.EditRequested)
    def _edit(self, message: Card.EditRequested) -> None:
        self.edit(message.path, message.line)

    @on(Card.PicturesRequested)
    def _pictures(self, message: Card.PicturesRequested) -> None:
        from luci.screens import pictures

        drawn = pictures.can_draw(message.files)
        if drawn and not pictures.is_ready():
            self.lend(pictures.get_ready)
        if drawn and pictures.is_ready():
            self.app.push_screen(pictures.Pictures(message.files, self.view))
        else:
            self.view(message.files[-1])

    def view(self, path: str) -> None:
        try:
            editor.view(path)
        except LuciError as error:
            self.notify(f"{error.message} {error.hint}", severity="error", markup=False)

    def edit(self, path: str, line: int) -> None:
        self.lend(lambda: editor.edit(path, line))

    def lend(self, use: Callable[[], object]) -> None:
        """Give the terminal away for as long as `use` takes."""
        try:
            with self.app.suspend():
                use()
        except SuspendNotSupported:
            self.notify("This terminal cannot be lent.", severity="warning")
        except LuciError as error:
            self.notify(
                " ".join(filter(None, [error.message, error.cause, error.hint])), severity="error", markup=False
            )

    async def on_environments_run_requested(self, message: Environments.RunRequested) -> None:
        from luci.runner.request import RunRequest

        await self.go("conversation")
        await self.run_script(RunRequest(message.path, "folder" if os.path.isdir(message.path) else "file"))

    def on_environments_shell_requested(self, message: Environments.ShellRequested) -> None:
        def use() -> None:
            print(f"A shell in the environment {harmless(message.label)}; exit comes back to luci.")
            editor.lend(message.argv)

        self.lend(use)

    def on_prompt_interrupted(self) -> None:
        if self.running:
            self.stop()
        else:
            self.notify("ctrl+q quits.")


def _title(job: Job) -> str:
    """A run's name on its tab.

    >>> from types import SimpleNamespace
    >>> _title(SimpleNamespace(request=SimpleNamespace(script="examples/plot.py", kind="file")))
    'plot.py'
    """
    if job.request.kind == "code":
        return "code"
    return PurePath(job.request.script).name or str(job.request.script)


def _near(script: str) -> str:
    """A script as it would be typed here.

    >>> _near(os.path.join(os.getcwd(), "examples", "plot.py"))
    'examples/plot.py'
    """
    here = os.getcwd() + os.sep
    return script.removeprefix(here) if script.startswith(here) else short(script)
