"""A conversation on a terminal, or in a pipe: the answer on stdout, all that is done on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from luci import events
from luci.chat.leave import Effect, Verdict
from luci.chat.messages import AskedAgain, Replied, Replying, Used, Using
from luci.events import Event
from luci.screens.plain import harmless
from luci.screens.terminal import Narrator

if TYPE_CHECKING:
    from rich.text import Text

KEYS = (
    ("y", "once"),
    ("s", "for this session"),
    ("e", "edit first"),
    ("n", "no"),
    ("q", "stop"),
)


class Teller(Narrator):
    """Shows a conversation's events. `stream`: what is answered is written as it comes."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, stream: bool = True, plain: bool = False) -> None:
        super().__init__(quiet=quiet, verbose=verbose, plain=plain)
        self._stream, self._open = stream, False

    def show(self, event: Event) -> None:
        match event:
            case Replying(text):
                self._say(text)
            case Replied(_, trouble):
                self._end()
                if trouble:
                    self._line(f"the answer is not whole: {trouble}")
            case AskedAgain(reason, seconds):
                self._end()
                self._line(f"{reason} What came of the answer is void; it is asked again in {seconds:.0f} s.")
            case Using(_, _, title):
                self._end()
                self._line(f"▸ {title}" if not self.plain else title)
            case Used(_, _, ok, told) if not ok:
                self._line(f"  {told.splitlines()[0]}" if told else "  it failed")
            case Used(_, tool, _, told) if tool in ("run", "run_code"):
                self._line(f"  {told.splitlines()[0]}")
            case events.Output(_, text):
                self.rest()
                sys.stderr.write(harmless(text))
                sys.stderr.flush()
            case _:
                super().show(event)

    def _say(self, text: str) -> None:
        if self._stream:
            self.rest()
            sys.stdout.write(harmless(text))
            sys.stdout.flush()
            self._open = not text.endswith("\n")

    def _end(self) -> None:
        if self._open:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self._open = False

    # -- what a person decides

    def decide(self, effect: Effect) -> Verdict:
        """Show all that a yes covers, and read one key. An empty line is no answer."""
        from luci.chat.leave import nobody

        self.rest()
        self._end()
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return nobody(effect)
        self._show(effect)
        keys = [
            (key, text)
            for key, text in KEYS
            if (key != "s" or not effect.own) and (key != "e" or effect.text is not None)
        ]
        while True:
            sys.stderr.write("  ".join(f"[{key}] {text}" for key, text in keys) + ": ")
            sys.stderr.flush()
            line = sys.stdin.readline()
            if not line:
                return Verdict(False, reason="the terminal was closed")
            key = line.strip().lower()[:1]
            if key not in {key for key, _ in keys}:
                continue
            if key == "n":
                sys.stderr.write("Why? (enter for no reason) ")
                sys.stderr.flush()
                return Verdict(False, reason=sys.stdin.readline().strip())
            if key == "e":
                edited = _edited(effect)
                if edited is None or edited == effect.text:
                    continue
                return Verdict(True, text=edited)
            return Verdict(key in "ys", lasting=key == "s", stop=key == "q")

    def _show(self, effect: Effect) -> None:
        from rich.console import Console

        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(harmless(effect.title), style="bold", markup=False)
        for line in effect.details:
            console.print(_coloured(line))

    def reply(self, question: str) -> str | None:
        """Let the person answer a question of the model's."""
        self.rest()
        self._end()
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        self._print(question)
        sys.stderr.write("> ")
        sys.stderr.flush()
        return sys.stdin.readline().strip() or None


_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _coloured(line: str) -> Text:
    from rich.text import Text

    style = (
        "green" if line.startswith("+") else "red" if line.startswith("-") else "cyan" if line.startswith("@@") else ""
    )
    return Text(f"  {harmless(line)}", style=style)


def _edited(effect: Effect) -> str | None:
    """Return the text as a person made it in their editor; None where there is no editor."""
    import tempfile
    from pathlib import Path

    from luci import editor
    from luci.errors import LuciError
    from luci.screens.terminal import show_error

    with tempfile.TemporaryDirectory(prefix="luci-") as folder:
        path = Path(folder, effect.subject.rpartition("/")[2] or "text")
        path.write_text(effect.text or "", encoding="utf-8")
        try:
            editor.edit(str(path), 1)
        except LuciError as error:
            show_error(error)
            return None
        return path.read_text(encoding="utf-8")
