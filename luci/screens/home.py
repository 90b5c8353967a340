"""The one screen: the conversation, the live output, and the environments."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from luci import editor
from luci.actions import lines
from luci.actions.door import done
from luci.config import Settings
from luci.context import Context
from luci.errors import LuciError
from luci.events import Started
from luci.screens.bar import PLACES, Bar, Hints, Place
from luci.screens.card import Card
from luci.screens.conversation import Conversation
from luci.screens.doing import Doing
from luci.screens.jobs import Job
from luci.screens.prompt import Prompt
from luci.values import replace

if TYPE_CHECKING:
    from luci.chat.ongoing import Ongoing
    from luci.runner.request import RunRequest
    from luci.screens.environments import Environments
    from luci.screens.output import Output

Pane = TypeVar("Pane", bound=Widget)


class Home(Screen[None]):
    """Puts the three places beside each other where there is room, else shows one at a time."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide"), (240, "-vast")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"go('{place}')", name, show=False, priority=True) for place, key, name in PLACES),
        Binding("f6", "widen", "Full width", show=False, priority=True),
    ]

    def __init__(self, settings: Callable[[], Settings]) -> None:
        super().__init__(classes="-at-conversation -beside-output")
        self._settings = settings
        self._last: RunRequest | None = None
        self._talk: Ongoing | None = None  # the conversation with the assistant
        self._making = asyncio.Lock()
        self._outdated = False  # something was done since the environments were read

    def compose(self) -> ComposeResult:
        yield Bar(_short(os.getcwd()))
        with Horizontal(id="places"):
            with Vertical(id="talk"):
                yield Conversation(id="conversation")
                yield Prompt(self.running_names)
            with Vertical(id="beside"):
                yield Static("What runs shows here.", id="no-output")
        yield Hints()

    def on_mount(self) -> None:
        self.query_one(Prompt).line.focus()

    @property
    def conversation(self) -> Conversation:
        return self.query_one(Conversation)

    # the places

    async def go(self, place: Place) -> None:
        for other, _, _ in PLACES:
            self.set_class(other == place, f"-at-{other}")
            if place != "conversation":
                self.set_class(other == place, f"-beside-{other}")
        self.query_one(Bar).here = place
        if place == "conversation":
            self.query_one(Prompt).line.focus()
        else:  # at once, so that what is typed next is for who is there now; where nothing runs yet, for nobody
            pane = await self.output() if place == "output" else await self.environments()
            self.set_focus(pane.front)
        self._read_environments()

    async def action_go(self, place: Place) -> None:
        await self.go(place)

    def action_widen(self) -> None:
        self.toggle_class("-full")

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
                self.switch(model, session)
            case lines.Nothing():
                self.talk(message.text)

    # the assistant

    def talk(self, text: str) -> None:
        """Let the assistant do what is asked for."""
        self._dress_dialogues()
        dialogue = self.conversation.dialogue(text)
        dialogue.begin(Job(dialogue, "ask", self._ongoing().request(text), self._settings(), together=True))

    def _dress_dialogues(self) -> None:
        if not self.query("Dialogue"):
            self.app.stylesheet.read(Path(__file__).with_name("dialogue.tcss"))

    def choose_session(self, words: str = "") -> None:
        """Let the person choose a past conversation, to go on with it."""
        from luci.screens.session_list import Chosen, SessionList

        def chosen(choice: Chosen | None) -> None:
            if choice:
                self.switch("", choice.session)
                self.begin(choice.draft)

        def deleted(session: str) -> None:
            if self._talk and self._talk.session == session:
                self._talk = replace(self._talk, session="")

        self.app.push_screen(SessionList(self._settings(), words, deleted), chosen)

    def _ongoing(self) -> Ongoing:
        from luci.chat.ongoing import Ongoing  # the first paint does without

        self._talk = self._talk or Ongoing()
        return self._talk

    def switch(self, model: str, session: str) -> None:
        """Let another model answer, or go on with another conversation, of which is shown what was said."""
        from luci.chat.recall import SessionRequest
        from luci.screens.retold import ENTRIES

        before = self._ongoing()
        try:
            self._talk, told = before.switched(model, session, self._settings())
        except LuciError as error:
            self.conversation.reply(error.message, error.hint, error=True)
            return
        if self._talk.session != before.session:
            self._dress_dialogues()
            request = SessionRequest(self._talk.session, most=ENTRIES)
            told_before = done("sessions show", request, Context(self._settings()))
            self.conversation.retell(told_before.entries, told_before.left_out)
        self.conversation.reply(told)

    @on(Doing.Status)
    def _show_status(self, message: Doing.Status) -> None:
        self._talk = replace(self._ongoing(), session=message.session)
        cost = f" · ${message.cost:.{2 if message.cost >= 0.1 else 4}f}" if message.cost else ""
        self.query_one(Bar).model = f"{message.model} · {message.context / 1000:.1f}k{cost}"

    @on(Doing.CodeRequested)
    async def _use_code(self, message: Doing.CodeRequested) -> None:
        if message.use == "run":
            from luci.runner.request import RunRequest

            await self.run_script(RunRequest(message.code, "code"))
            return
        from luci.actions.snippets import save_code

        try:
            path = save_code(message.code)
        except LuciError as error:
            self.notify(f"{error.message} {error.cause}", severity="error", markup=False)
            return
        self.notify(f"It is saved as {path.name}.", markup=False)
        if message.use == "edit":
            self.edit(str(path), 1)

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
        card = self.conversation.card(" ".join([request.script, *request.args]))
        terminal = Terminal(*self._room_for_output())
        job = Job(card, "run", replace(request, become=False, terminal=terminal, pictures=True), self._settings())
        card.begin(job)
        self.query_one(Bar).running = len(self.running)

    def _room_for_output(self) -> tuple[int, int]:
        """Columns and rows of the pane that a run will be shown in."""
        beside = self.query_one("#beside")
        width, height = beside.content_size if beside.display else (self.size.width, self.size.height - 2)
        return max(width, 20), max(height - 2, 5)  # its tabs and its state take a line each

    async def output(self) -> Output:
        """Return the output pane. It is made when it is first wanted: it costs the first paint nothing."""
        from luci.screens.output import Output

        async with self._making:  # a key and what a run says may want it at once
            if found := self.query(Output):
                return found.first()
            self.query("#no-output").remove()
            return await self._made(Output(id="output"), "output.tcss")

    async def environments(self) -> Environments:
        """Return the environments pane, made when it is first wanted."""
        from luci.screens.environments import Environments

        async with self._making:
            if found := self.query(Environments):
                found.first().settings = self._settings()
                return found.first()
            self._outdated = False
            return await self._made(Environments(self._settings(), id="environments"), "environments.tcss")

    async def _made(self, pane: Pane, style: str) -> Pane:
        """Put up a pane with its style sheet, which the first paint did without."""
        self.app.stylesheet.read(Path(__file__).with_name(style))
        await self.query_one("#beside").mount(pane)
        return pane

    async def on_job_said(self, message: Job.Said) -> None:
        if isinstance(message.event, Started) and message.job.name == "run":
            output = await self.output()
            output.add(message.job, _title(message.job), message.job.request.terminal)
            if self.app.is_running and self.query_one(Bar).here == "output":
                output.focus()

    async def on_job_finished(self, message: Job.Finished) -> None:
        self.query_one(Bar).running = len(self.running)
        if message.job.name == "run":
            code = message.result if message.error is None else message.error.exit_code
            (await self.output()).ended(message.job, code)
        self._outdated = True
        self._read_environments()

    def _read_environments(self) -> None:
        """Read them again where they are in sight and something may have built, used or removed one."""
        for pane in self.query("#environments"):
            if self._outdated and pane.display and "-beside-environments" in self.classes:
                self._outdated = False
                pane.reload()  # type: ignore[attr-defined]

    def perform(self, action: str, request: Any, title: str) -> None:
        card = self.conversation.card(title)
        card.begin(Job(card, action, request, self._settings()))

    # what runs

    @property
    def running(self) -> list[Doing]:
        return [doing for doing in self.conversation.doings if doing.job and not doing.is_over]

    @property
    def unfinished(self) -> tuple[str, ...]:
        """What would not come to its end if the app ended now, a line each."""
        lines = [
            f"{card.heading} {'is ended, with all that it started' if card.is_run else 'is given up'}"
            for card in self.running
        ]
        panes = [child for child in self.query_one("#beside").children if child.id == "environments"]
        return (*lines, *(pane.unfinished for pane in panes if pane.unfinished))  # type: ignore[attr-defined]

    def running_names(self) -> tuple[str, ...]:
        return tuple(card.heading.partition(" ")[0] for card in self.running)

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

        drawable = pictures.drawable(message.files)
        if drawable and not pictures.is_ready():
            self.lend(pictures.get_ready)
        if drawable and pictures.is_ready():
            self.app.push_screen(pictures.Pictures(drawable, self.view))
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
        self.lend(lambda: editor.lend(message.argv))

    def on_prompt_interrupted(self) -> None:
        if self.running:
            self.stop()
        else:
            self.notify("ctrl+q quits.")


def _title(job: Job) -> str:
    """A run's name on its tab.

    >>> from types import SimpleNamespace
    >>> _title(SimpleNamespace(request=SimpleNamespace(script="examples/plot.py")))
    'plot.py'
    """
    return PurePath(job.request.script).name or str(job.request.script)


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if path == home or path.startswith(home + os.sep) else path
