"""python -m luci, and the `luci` command."""

from __future__ import annotations

import sys


def main() -> int:
    from luci.runner import warm

    warm.start(sys.argv[1:])  # does not return where nothing needs deciding
    from luci import cli

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
