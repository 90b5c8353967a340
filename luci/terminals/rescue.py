"""Restore the terminal where the app is gone from one moment to the next (SIGSEGV, SIGKILL, no memory left).

Nothing can be done then in the process itself, so a shell waits beside it for the end of a pipe.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

# main screen, no mouse (1000 to 1015), no marks around what is pasted (2004), no sizes as input (2048), keys as ever
# (kitty's protocol), a cursor
_AS_EVER = (
    "".join(f"\\033[?{mode}l" for mode in (1049, 1000, 1002, 1003, 1006, 1015, 2004, 2048)) + "\\033[<u\\033[?25h"
)
_WATCH = f"""
read -r word && exit
stty "$2" <&2 2>/dev/null || stty sane <&2
{{
    printf '{_AS_EVER}\\033[0m\\r\\n'
    echo 'error: luci was ended from one moment to the next.'
    if [ -s "$1" ]; then echo "hint: Please report it, with what is in $1"; else rm -f "$1"; fi
}} >&2
"""


class Rescue:
    """Knows how the terminal that stderr is was before the app had it, and watches over it from `begin` to `over`."""

    def __init__(self, folder: Path) -> None:
        """Where a fault ends Python, it will be written down in `folder` where that was."""
        self._place = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-fault.log"
        self._before = _modes()
        self._watcher: subprocess.Popen[bytes] | None = None
        self._log: BinaryIO | None = None

    def begin(self) -> None:
        if not self._before:
            return
        import faulthandler

        try:
            self._place.parent.mkdir(parents=True, exist_ok=True)
            self._log = open(self._place, "wb")  # noqa: SIM115 - for as long as the app is there
            faulthandler.enable(self._log)
            command = ["/bin/sh", "-c", _WATCH, "luci", str(self._place), self._before]
            # in a session of its own: what is told to all of ours does not concern it
            self._watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=2, start_new_session=True)
        except OSError:  # a full disk, too many processes: it goes without
            self.over()

    def over(self) -> None:
        """The app has restored the terminal itself, or has lost it."""
        if self._watcher and self._watcher.stdin:
            with contextlib.suppress(OSError):
                os.write(self._watcher.stdin.fileno(), b"over\n")
        if self._log:
            import faulthandler

            faulthandler.disable()
            with contextlib.suppress(OSError):
                self._log.close()
                self._place.unlink()
        self._watcher = self._log = None


def _modes() -> str:
    """How the terminal is set, as `stty -g` tells it on Linux; nothing where there is none."""
    if sys.platform == "win32":
        return ""
    import termios

    try:
        *flags, _, _, keys = termios.tcgetattr(2)
    except (termios.error, ValueError):
        return ""
    return ":".join(f"{value if isinstance(value, int) else value[0]:x}" for value in (*flags, *keys))
