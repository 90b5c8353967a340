"""Code from an answer, saved as a file that was not there before."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

from luci.errors import UsageError

_NAMED = re.compile(r"#\s*file(?:name)?:\s*([\w.-]+\.py)\s*$")


def save(code: str, folder: Path | None = None) -> Path:
    """Write code into a new file in the working folder, named as its first line says; return its path."""
    match = _NAMED.match(code.split("\n", 1)[0])
    stem = match[1].removesuffix(".py") if match else "answer"
    for number in count(1):
        path = (folder or Path.cwd()) / (f"{stem}.py" if number == 1 else f"{stem}-{number}.py")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(code)
            return path
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{path} cannot be written.", cause=error.strerror or str(error)) from error
    raise AssertionError("there is always another number")
