"""Small files that are written whole or not at all, and read without surprise."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def listing(folder: str | os.PathLike[str]) -> frozenset[str]:
    """Return the names in a folder; none where it is missing or closed to us."""
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def mtime(path: str | os.PathLike[str]) -> int:
    """Return when the file was changed, in nanoseconds; 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the object in a file; empty where the file is missing, cut short or something else."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: object, *, needed: bool = True) -> None:
    """Replace a file by one with `value` in it: a reader sees the old or the new one whole.

    With needed=False it is a memory that work can go on without, on a full or read-only disk for example.
    """
    text = json.dumps(value, separators=(",", ":"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text.encode("ascii"))
    except OSError:
        if needed:
            raise


def write(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_quick(path: Path, text: str) -> None:
    """Replace a file, without waiting for the disk: for what need not outlive a power cut."""
    name = path.with_name(f".{path.name}.new")
    name.write_text(text, encoding="utf-8")
    os.replace(name, path)


def amount(number: float) -> str:
    """Return bytes as a person reads them.

    >>> amount(1_500_000)
    '1.5 MB'
    """
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
