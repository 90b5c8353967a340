"""Text that a person keeps as a file of its own, or edits in one for a moment."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

from luci.errors import UsageError

_NAMED = re.compile(r"#\s*file(?:name)?:\s*([\w.-]+\.py)\s*$")


def save_code(code: str, folder: Path | None = None) -> Path:
    """Write code into a new file in the working folder, named as its first line says; return its path."""
    match = _NAMED.match(code.split("\n", 1)[0])
    return save(code, match[1].removesuffix(".py") if match else "answer", ".py", folder)


def save(text: str, stem: str, suffix: str, folder: Path | None = None) -> Path:
    """Write text into a file that was not there before, in the working folder; return its path. Raises UsageError."""
    for number in count(1):
        path = (folder or Path.cwd()) / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            return path
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{path} cannot be written.", cause=error.strerror or str(error)) from error
    raise AssertionError("there is always another number")


def edited(text: str, name: str, edit: Callable[[str], object]) -> str:
    """Let `edit` open a copy of a text in a file of its own; return what is in it then. Raises LuciError, of `edit`."""
    with tempfile.TemporaryDirectory(prefix="luci-") as folder:
        path = Path(folder, Path(name).name or "text")
        path.write_text(text, encoding="utf-8")
        edit(str(path))
        return path.read_text(encoding="utf-8", errors="replace")
