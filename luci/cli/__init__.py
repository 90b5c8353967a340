"""The command line: what is known already is said at once, all else is parsed, performed and printed."""

from __future__ import annotations

import gc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run one command; return the exit code."""
    gc.set_threshold(100_000)  # most commands end before they leave that much: to look for it takes a tenth of a plan
    from luci.cli import at_once

    code = at_once.said(list(argv))
    if code is None:
        from luci.cli import commands

        code = commands.main(argv)
    return code
