"""Exchange the content of a person's file in one piece: it is the old one or the new one, whatever happens."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def exchange(path: Path, content: bytes | None) -> None:
    """Make `content` all that is in a file; None removes it. Its mode, and a link that leads to it, stay."""
    real = Path(os.path.realpath(path))
    if content is None:
        real.unlink(missing_ok=True)
        return
    real.parent.mkdir(parents=True, exist_ok=True)
    new = real.with_name(f".{real.name[:200]}.{os.getpid()}-{secrets.token_hex(4)}.new")  # two threads may write it
    try:
        with open(new, "xb") as file:
            file.write(content)
        if real.exists():
            os.chmod(new, real.stat().st_mode & 0o7777)
        os.replace(new, real)
    finally:
        new.unlink(missing_ok=True)
