"""A conversation on a terminal, or in a pipe: the answer on stdout, all that is done on stderr."""

from __future__ import annotations

import sys

from luci import events
from luci.chat.messages import AskedAgain, Changed, Replied, Replying, Thinking, Used, Using
from luci.context import Answer, Question
from luci.events import Event
from luci.screens.asked import answered
from luci.screens.heard import briefly, sentence
from luci.screens.plain import harmless
from luci.screens.terminal import Narrator


class Teller(Narrator):
    """Shows a conversation's events. `stream`: what is answered is written as it comes."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, stream: bool = True, plain: bool = False) -> None:
        super().__init__(quiet=quiet, verbose=verbose, plain=plain)
        self._stream, self._open, self._began, self._thinks = stream, False, False, False

    def show(self, event: Event) -> None:
        match event:
            case Replying(text):
                self._say(text)
            case Thinking():
                self._think()
            case Replied(text, trouble, anew):
                if anew and self._began:
                    self._end()
                    self._line("the longest piece that came:" if trouble else "that were its thoughts; the answer:")
                    self._say(text)
                self._end()
                if trouble:
                    self._line(f"the answer is not whole: {trouble}")
            case AskedAgain(reason, seconds):
                void = " What came of the answer is void." if self._began else ""
                self._end()
                self._line(f"{sentence(reason)}{void} It is asked again in {seconds:.0f} s.")
            case Using(_, _, title):
                self._end()
                self._line(f"▸ {title}" if not self.plain else title)
            case Changed(_, diff, asked) if not asked:  # who was asked has seen it
                for line in diff.split("\n"):
                    self._line(f"  {line}")
            case Changed():
                pass
            case Used(_, _, ok, told) if not ok:
                self._line(f"  {briefly(told)}" if told else "  it failed")
            case Used(_, tool, _, told) if tool in ("run", "run_code"):
                self._line(f"  {told.splitlines()[0]}")
            case events.Output(_, text):
                self.rest()
                sys.stderr.write(harmless(text))
                sys.stderr.flush()
            case _:
                super().show(event)

    def _say(self, text: str) -> None:
        self._began = True
        if self._stream:
            self.rest()
            sys.stdout.write(harmless(text))
            sys.stdout.flush()
            self._open = not text.endswith("\n")

    def _think(self) -> None:
        """Say that it thinks: what, is kept in the session."""
        if not self._thinks:
            self._end()
            self._line("thinking …")
        self._thinks = True

    def _end(self) -> None:
        if self._open:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self._open = self._began = self._thinks = False

    def close(self) -> None:
        self._end()
        super().close()

    def ask(self, question: Question) -> bool | Answer:
        if not question.wants_words:
            return super().ask(question)
        self.rest()
        self._end()
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        return answered(question)
