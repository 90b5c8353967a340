"""Lend the terminal to another program: the person's editor, a shell; or open a file in the system's viewer."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePath

from luci import process
from luci.errors import EnvError, UsageError
from luci.events import Ended

_COLON = {"code", "code-insiders", "codium", "cursor", "windsurf", "zed", "subl", "hx", "helix", "micro"}
_GOTO = {"code", "code-insiders", "codium", "cursor", "windsurf"}
_PLUS = {"vi", "vim", "nvim", "gvim", "view", "nano", "pico", "emacs", "emacsclient", "kak", "joe", "mg", "ne", "gedit"}


def command(path: str, line: int, editor: str) -> list[str]:
    """Return what opens `path` at `line` (0: wherever).

    >>> command("a.py", 3, "nvim -R")
    ['nvim', '-R', '+3', 'a.py']
    >>> command("a.py", 3, "code --wait")
    ['code', '--wait', '-g', 'a.py:3']
    """
    words = shlex.split(editor)
    name = PurePath(words[0]).name if words else ""
    if line > 0 and name in _COLON:
        return [*words, *(["-g"] if name in _GOTO else []), f"{path}:{line}"]
    return [*words, *([f"+{line}"] if line > 0 and name in _PLUS else []), path]


def edit(path: str, line: int = 0) -> None:
    """Run $VISUAL or $EDITOR until it ends. Raises UsageError where it cannot be started."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        words = command(path, line, editor)
    except ValueError as error:
        raise UsageError(f"$EDITOR cannot be read: {editor}", cause=str(error)) from error
    lend(words)


def lend(argv: Sequence[str]) -> int:
    """Run a program that has the terminal until it ends; return its exit code. Raises UsageError.

    It is in the foreground alone, so that what it is told by keys (ctrl+c, ctrl+z) is not told to us.
    """
    try:
        *_, ended = process.run(argv, environ=os.environ)
    except EnvError as error:
        raise UsageError(error.message, cause=error.cause, hint="Set $EDITOR or $SHELL.") from error
    return ended.exit_code if isinstance(ended, Ended) else 1


def view(path: str) -> None:
    """Open a file as the desktop would, and go on. Raises UsageError where nothing can."""
    if sys.platform == "win32":
        os.startfile(path)
        return
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    shown = bool(sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not shown or not shutil.which(opener):
        raise UsageError(f"No viewer can be opened here for {path}.", hint="Where there is a desktop, it opens there.")
    quiet = subprocess.DEVNULL
    subprocess.Popen([opener, path], stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
