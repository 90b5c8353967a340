"""A question on a terminal, with a key for each answer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from luci.context import Answer, Question
from luci.screens.plain import harmless

if TYPE_CHECKING:
    from rich.text import Text

_MANY = 20  # lines that most terminals show at once
_KEYS = {
    **{key: key for key in "ysenq"},
    "yes": "y",
    "once": "y",
    "session": "s",
    "edit": "e",
    "no": "n",
    "stop": "q",
    "quit": "q",
}
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def answered(question: Question) -> Answer:
    """Show all that a yes covers, and read one key. An empty line is no answer; the end of input is a no."""
    _forget_what_was_typed()
    _show(question)
    if question.kind == "reply":
        text = _line("> ").strip()
        return Answer(bool(text), text=text)
    if len(question.details) > _MANY:  # its beginning is out of sight by now
        sys.stderr.write(f"{harmless(question.text)} ({len(question.details):,} lines above)\n")
    keys = {"y": "once", "s": "for this session", "e": "edit first", "n": "no", "q": "stop"}
    useless = {*("" if question.lasting else "s"), *("e" if question.draft is None else "")}
    keys = {key: text for key, text in keys.items() if key not in useless}
    while True:
        line = _line("  ".join(f"[{key}] {text}" for key, text in keys.items()) + ": ")
        if not line:
            return Answer(False, reason="the terminal was closed")
        key = _KEYS.get(line.strip().lower(), "")  # a whole word: "stop" and "skip" begin like "for this session"
        if key == "n":
            return Answer(False, reason=_line("Why? (enter for no reason) ").strip())
        if key == "e" and key in keys:
            edited = edited_draft(question)
            if edited is not None and edited != question.draft:
                return Answer(True, text=edited)
        elif key in keys:
            return Answer(key in "ys", lasting=key == "s", stop=key == "q")


def _forget_what_was_typed() -> None:
    """Let nothing answer that was typed before there was a question: it was meant for elsewhere."""
    try:
        import termios
    except ImportError:  # Windows
        return
    with contextlib.suppress(termios.error, OSError, ValueError):  # it is no terminal
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def _line(prompt: str) -> str:
    sys.stderr.write(prompt)
    sys.stderr.flush()
    try:
        return sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # the terminal shows ^C behind the prompt
        raise


def _show(question: Question) -> None:
    from rich.console import Console
    from rich.padding import Padding

    console = Console(stderr=True, highlight=False)
    who = "The assistant asks: " if question.kind == "reply" else ""
    console.print(who + harmless(question.text), style="bold", markup=False)
    is_difference = question.details[:1] and question.details[0].startswith("--- ")
    for line in question.details:  # a difference is shown as it is, all else broken between words
        console.print(Padding(_coloured(line), (0, 0, 0, 2), expand=False), soft_wrap=bool(is_difference))


def _coloured(line: str) -> Text:
    from rich.text import Text

    return Text(harmless(line), style=_STYLES.get(line[:1], ""))


def edited_draft(question: Question, lend: Callable[[Callable[[], object]], object] = lambda use: use()) -> str | None:
    """Return the draft as a person made it in their editor, which gets the terminal by `lend`; None where there is no
    editor."""
    from luci import editor
    from luci.actions.snippets import edited
    from luci.errors import LuciError
    from luci.screens.terminal import show_error

    try:
        return edited(question.draft or "", question.name, lambda path: lend(lambda: editor.edit(path)))
    except LuciError as error:
        show_error(error)
        return None
