"""Events on a terminal: one line where something happened, a live line while there is something to wait for."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

from luci import events
from luci.context import Answer, Question
from luci.errors import LuciError, UsageError
from luci.events import Event
from luci.screens.plain import harmless
from luci.values import replace

if TYPE_CHECKING:
    from luci.screens.waiting import LiveLine


class Narrator:
    """Shows the events of one action on stderr; stdout belongs to the script, or to the result."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, log: str = "", plain: bool = False) -> None:
        """`plain`: a step is a line of its own, where otherwise a live line would show it."""
        self.quiet, self.verbose, self.plain = quiet, verbose, plain
        self._live = sys.stderr.isatty() and not quiet and not plain and os.environ.get("TERM") != "dumb"
        self._waiting: LiveLine | None = None
        self._begun: set[tuple[str, str]] = set()
        self._log: TextIO | None = _opened(log) if log else None

    def show(self, event: Event) -> None:
        if self._log:
            self._log.write(json.dumps(event.as_dict()) + "\n")
            self._log.flush()
        match event:
            case events.Working():
                self._wait(event)
            case events.Note(text) if self.verbose:
                self._line(text)
            case events.Told(text):
                self._line(text)
            case events.Warned(text, hint):
                self._line(f"warning: {text}" + (f"\n  hint: {hint}" if hint else ""))
            case events.Built() as built if built.packages or self.verbose:
                self._line(f"built an environment with {_count(built.packages, 'package')} in {built.seconds:.1f} s")
            case events.Reused(key) if self.verbose:
                self._line(f"environment {key}")
            case events.Planned(plan) if self.verbose:
                self._line(f"Python {plan['python']}: {', '.join(plan['requirements']) or 'no packages'}")
            case events.Walled(wall, gives) if self.verbose:
                self._line(f"behind {wall}" + (f" ({', '.join(gives)})" if gives else ""))
            case events.Retrying(attempt):
                self._line(f"running again (attempt {attempt})")
            case events.Words(text):
                self.rest()
                sys.stderr.write(text)
                sys.stderr.flush()
            case events.Output(stream, text):
                target = sys.stdout if stream == "stdout" else sys.stderr
                target.write(text)
                target.flush()
            case events.Started() | events.Become() | events.Ended():
                self.rest()

    def rest(self) -> None:
        """Take the live line away."""
        if self._waiting:
            self._waiting.stop()
            self._waiting = None

    def close(self) -> None:
        self.rest()
        if self._log:
            self._log.close()

    def ask(self, question: Question) -> bool | Answer:
        """Ask on the terminal; where there is none, the answer is no."""
        self.rest()
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        self._print(f"{question.text}", *(f"  {line}" for line in question.details))
        sys.stderr.write("Type y for yes, anything else for no: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def _wait(self, working: events.Working) -> None:
        if self._live:
            if self._waiting is None:
                from luci.screens.waiting import LiveLine  # 40 ms, and only while a person waits

                self._waiting = LiveLine()
            self._waiting.show(replace(working, detail=harmless(working.detail).replace("\n", " ")[:200]))
            return
        # a step that is counted is said once
        begun = (working.step, "" if working.total or not self.verbose else working.detail)
        if (self.verbose or self.plain) and begun not in self._begun:
            self._begun.add(begun)
            self._line(f"{working.step} {working.detail}".rstrip())

    def _line(self, text: str) -> None:
        if not self.quiet:
            self.rest()
            self._print(f"luci: {text}")

    def _print(self, *lines: str) -> None:
        for line in lines:
            sys.stderr.write(harmless(line) + "\n")
        sys.stderr.flush()


def _opened(log: str) -> TextIO:
    try:
        return open(log, "a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--events {log} cannot be written.", cause=str(error)) from error


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def show_error(error: LuciError) -> None:
    """Print what happened, then its cause and what to do, each where there is one."""
    for label, text in (("error", error.message), ("cause", error.cause), ("hint", error.hint)):
        if text:
            sys.stderr.write(f"{label}: " + harmless(text).replace("\n", "\n  ") + "\n")
    sys.stderr.flush()
