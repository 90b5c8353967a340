"""The app without a screen to draw on: a prompt, and what happens, line by line.

For screen readers, terminals that cannot move their cursor, and who likes it so. Nothing is drawn over, nothing spins,
and no colour tells anything.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.shortcuts import CompleteStyle, clear

from luci import config, typed
from luci.actions import lines
from luci.actions.by_itself import CAN, in_commands
from luci.actions.completion import complete
from luci.actions.door import perform
from luci.actions.envs import EnvRequest
from luci.chat.providers import NoModel
from luci.chat.recall import RecallRequest
from luci.chat.undo import UndoRequest
from luci.context import Context
from luci.errors import Interrupted, LuciError
from luci.events import Event, Failed, Pictured, Started
from luci.screens import tables
from luci.screens.figures import duration
from luci.screens.names import named
from luci.screens.plain import harmless
from luci.screens.remembered import remember
from luci.screens.story import Story
from luci.screens.talker import Talker
from luci.screens.terminal import Narrator, show_error

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_processor import KeyPressEvent

    from luci.runner.request import RunRequest

WELCOME = """\
luci, line by line. Say what you want, or type a script's path to run it;
help shows all commands, quit leaves."""


class LineByLine:
    """A conversation on a terminal: reads a line, does what it means, reads the next."""

    def __init__(self) -> None:
        self._talker = Talker()
        self._last: RunRequest | None = None
        self._session: PromptSession[str] = PromptSession(
            "luci> ",
            multiline=True,
            prompt_continuation="    > ",
            history=_Typed(),
            completer=_Words(),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            key_bindings=_keys(),
            color_depth=ColorDepth.DEPTH_1_BIT,
            output=_output(),
        )

    def talk(self) -> int:
        """Converse until the person leaves; return the exit code."""
        print(WELCOME)
        print(harmless(self._talker.greeting()))
        while True:
            try:
                text = self._session.prompt()
            except KeyboardInterrupt:
                continue  # the line is given up
            except EOFError:
                return 0
            if text.strip() and not self._follow(text):
                return 0

    def _follow(self, text: str) -> bool:
        """Do what a line asks for; return whether the conversation goes on."""
        try:
            meaning = lines.understand(text, self._last)
            match meaning:
                case lines.Leave():
                    return False
                case lines.Perform("run", request):
                    self._run(request)
                case lines.Perform(action, request):
                    _SHOW.get(action, _nothing)(self._perform(action, request, Narrator(plain=True)), request)
                case lines.Go("environments"):
                    tables.envs(self._perform("env list", EnvRequest(), Narrator(plain=True)))
                case lines.Go("help"):
                    _help()
                case lines.Go(place):
                    print(f"There is no {place} to look at here: everything is said line by line.")
                case lines.Stop():
                    print("Nothing runs. Ctrl+C ends what runs.")
                case lines.Clear():
                    clear()
                case lines.Recall(words):
                    self._recall(words)
                case lines.TakeBack(again):
                    print(harmless(self._perform("undo", UndoRequest(again), Narrator(plain=True))))
                case lines.Switch(model, session):
                    print(harmless(self._talker.switch(model, session)))
                case lines.Nothing():
                    self._say(text)
        except (KeyboardInterrupt, Interrupted):
            sys.stderr.write("Stopped.\n")
        except LuciError as error:
            show_error(error)
        return True

    def _say(self, text: str) -> None:
        """Let the assistant answer; where there is none, luci answers what it can."""
        try:
            self._talker.say(text)
        except NoModel as error:
            if command := in_commands(text):
                print(f"No model is set up. I take it for: {harmless(command)}")
                self._follow(command)
            else:
                print(harmless(f"{error.message} {error.hint}\n{CAN}"))

    def _recall(self, words: str) -> None:
        action = "sessions search" if words else "sessions list"
        tables.recalled(self._perform(action, RecallRequest(words), Narrator(plain=True)))

    def _run(self, request: RunRequest) -> None:
        self._last = request
        # luci stays, and the log is kept
        recorded = replace(request, become=os.name != "nt", record=True, pictures=True)
        teller = _RunTeller()
        try:
            code = self._perform("run", recorded, teller)
        except LuciError as error:
            teller.over(None, error)
            raise
        teller.over(code, None)

    def _perform(self, action: str, request: Any, narrator: Narrator) -> Any:
        """Perform an action to its end, say what it says, return its result."""
        steps = perform(action, request, Context(config.load(), narrator.ask))
        try:
            while True:
                narrator.show(next(steps))
        except StopIteration as stop:
            return stop.value
        finally:
            steps.close()
            narrator.close()


def _output() -> Output:
    """Write to the terminal without asking where its cursor is: not each can answer, and nothing is drawn there."""
    output = create_output()
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False
    return output


class _RunTeller(Narrator):
    """Also says what was planned, where an exception came from, and how it ended."""

    def __init__(self) -> None:
        super().__init__(plain=True)
        self._story = Story(monotonic())

    def show(self, event: Event) -> None:
        self._story = self._story.after(event, monotonic())
        super().show(event)
        if isinstance(event, Started) and self._story.planned:
            self._line(self._story.planned.replace(" · ", ", "))
        if isinstance(event, Pictured):
            sure = [file for file in event.files if file not in event.perhaps]
            for said, files in (("made", sure), ("made by it or by another run:", event.perhaps)):
                if files:
                    self._line(f"{said} {', '.join(files)}")
        if isinstance(event, Failed) and event.file and event.error != "KeyboardInterrupt":
            self._line(f"{event.error} at {event.file}, line {event.line}")

    def over(self, code: int | None, error: LuciError | None) -> None:
        interrupted = self._story.signal == signal.SIGINT
        story = self._story.finished(code, error, monotonic(), stopped=interrupted)
        self._line(f"{story.outcome} after {duration(story.ended - story.began if story.ended else 0)}")


class _Typed(History):
    """What was typed on all days, in the app too."""

    def load_history_strings(self) -> Iterator[str]:
        return reversed(typed.load())

    def store_string(self, string: str) -> None:
        remember(string)


class _Words(Completer):
    """Commands, and what goes with them."""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        text = document.text_before_cursor
        for candidate in complete(text, named(config.load)):
            yield Completion(candidate.text, candidate.start - len(text), candidate.shown, candidate.about)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def submit(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):  # as in a shell, and in the app
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def _help() -> None:
    width = max(len(command.usage) for command in lines.COMMANDS.values())
    for command in lines.COMMANDS.values():
        print(f"{command.usage:<{width}}  {command.summary}")
    print("Any path to a script runs it, with what follows as its arguments.")
    print("Tab completes, up and down go through what was typed, ctrl+r searches it,")
    print("alt+enter, or enter behind a \\, begins a new line; ctrl+c ends what runs, ctrl+d leaves.")


def _nothing(result: Any, request: Any) -> None:
    print("Done.")


def _why(result: Any, request: Any) -> None:
    print(harmless("\n".join(result.lines)))


def _plan(result: Any, request: Any) -> None:
    made, what = result
    tables.plan({**made.as_dict(), "environment": what})


_SHOW: dict[str, Callable[[Any, Any], None]] = {
    "plan": _plan,
    "env create": lambda told, request: tables.made(told),
    "env import": lambda told, request: tables.made(told),
    "env lock": lambda told, request: tables.locked(told, request.check),
    "env prune": lambda rows, request: tables.pruned(rows, request.dry_run),
    "runs list": lambda found, request: tables.runs(found),
    "why": _why,
    "doctor": lambda findings, request: tables.findings(findings),
}
