"""Copies of files as they were, for undo: outside of the sessions, readable by their owner alone, named by content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from luci import paths


def _folder() -> Path:
    return paths.state() / "undo"


def keep(text: str) -> str:
    """Keep a copy; return its name."""
    content = text.encode("utf-8", "surrogateescape")
    name = hashlib.sha256(content).hexdigest()
    path = _folder() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_suffix(f".{os.getpid()}.new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(new, path)
    return name


def read(name: str) -> str:
    """Return a copy. Raises OSError where it is not kept any more."""
    return (_folder() / name).read_bytes().decode("utf-8", "surrogateescape")


def forget_all_but(names: set[str]) -> None:
    """Remove the copies that nothing refers to any more."""
    for path in _folder().iterdir() if _folder().is_dir() else ():
        if path.name not in names:
            path.unlink(missing_ok=True)
