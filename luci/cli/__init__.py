"""The command line: what is known already is said at once, all else is parsed, performed and printed."""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run one command; return the exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _lead_closed_streams_nowhere()
    gc.set_threshold(100_000)  # most commands end before they leave that much: to look for it takes a tenth of a plan
    from luci.cli import at_once

    code = at_once.said(list(argv))
    if code is None:
        from luci.cli import commands

        code = commands.main(argv)
    return code


def _lead_closed_streams_nowhere() -> None:
    """Give /dev/null to the streams that were closed when luci began, as a daemon's are: no file of luci's may take
    their place. A script finds them closed, as it would without luci."""
    import os

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number, inheritable=False)
                os.close(nowhere)
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115  for as long as luci lives
