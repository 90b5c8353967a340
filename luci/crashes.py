"""What is kept of an error that nobody expected: a file for who mends luci, a sentence for who met it."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from pathlib import Path

from luci import __version__, paths
from luci.errors import LuciError

KEPT = 10  # the newest files


def noted(error: BaseException, said: str = "luci met an error that it did not expect, and closed.") -> LuciError:
    """Write down where the error came from, without any values; return what to tell the person."""
    words = traceback.format_exception_only(error)[-1].strip().split("\n")[0]
    try:
        log = _write(error)
    except OSError as failed:
        cause = f"{words}\nIt could not be written down: {failed}"
        return LuciError(said, cause=cause, hint="Please report it, with what you did.")
    return LuciError(said, cause=words, hint=f"Please report it, with what is in {log}")


def _write(error: BaseException) -> Path:
    folder = paths.state() / "crashes"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    about = (
        f"luci {__version__}, Python {platform.python_version()}, {platform.platform()}, {os.environ.get('TERM', '')}"
    )
    log.write_text(f"{about}\n{sys.executable}\n\n{''.join(traceback.format_exception(error))}", encoding="utf-8")
    for old in sorted(folder.glob("*.log"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return log
