"""python -m luci, and the `luci` command."""

from __future__ import annotations

import sys


def main() -> int:
    from luci.runner import warm

    warm.start(sys.argv[1:])  # does not return where nothing needs deciding
    from luci import cli

    return cli.main(sys.argv[1:])


def _leave_the_working_folder() -> None:
    """Take the folder that `python -m` put first off the path: a json.py of the person's is not ours."""
    first = sys.path[0] if sys.path and not sys.flags.safe_path else ""
    if first and not __file__.startswith(first + "/luci/"):
        del sys.path[0]


if __name__ == "__main__":
    _leave_the_working_folder()
    sys.exit(main())
