#!/usr/bin/env python3
"""Write the keys into docs/app.md, as the app binds them."""

from __future__ import annotations

import re
from pathlib import Path

BEGIN, END = "<!-- keys: written by docs/keys.py -->\n", "<!-- end of keys -->\n"


def table() -> str:
    from luci.app import LuciApp
    from luci.config import Settings
    from luci.screens.keys import places

    told = []
    for place, keys in places(LuciApp(Settings())):
        told += [f"\n| {place} | |\n|---|---|\n", *(f"| `{key.shown}` | {key.about} |\n" for key in keys)]
    return "".join(told) + "\n"


def main() -> None:
    page = Path(__file__).with_name("app.md")
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(f"({BEGIN}).*({END})", lambda m: m[1] + table() + m[2], text, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    main()
