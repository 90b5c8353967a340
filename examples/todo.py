"""List what is left to do: every TODO and FIXME in the source below a folder.

    luci run examples/todo.py
    luci run examples/todo.py ~/project

`rich` makes it pretty and is optional: the script says what it does without it, so luci never fails for it.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

try:
    from rich.console import Console
    from rich.table import Table
except ImportError:
    Table = None

MARK = re.compile(r"(?:#|//|--|;)\s*(TODO|FIXME|XXX)\b[:\s]*(.*)")
SOURCES = {".py", ".js", ".ts", ".c", ".h", ".go", ".rs", ".sh", ".toml", ".yml", ".sql", ".lua"}


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".").expanduser()
    found = list(marks(folder))
    if not found:
        print(f"Nothing left to do in {folder.resolve()}.")
    elif Table:
        table = Table("Where", "What", "Why", title=f"{len(found)} things to do")
        for where, kind, text in found:
            table.add_row(where, f"[{'red' if kind == 'FIXME' else 'yellow'}]{kind}", text)
        Console().print(table)
    else:
        for where, kind, text in found:
            print(f"{where}: {kind} {text}")


def marks(folder: Path) -> Iterator[tuple[str, str, str]]:
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in sorted(names):
            file = Path(path, name)
            if file.suffix in SOURCES:
                yield from marks_in(file, folder)


def marks_in(file: Path, folder: Path) -> Iterator[tuple[str, str, str]]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, 1):
        if match := MARK.search(line):
            yield f"{file.relative_to(folder)}:{number}", match[1], match[2].strip()


if __name__ == "__main__":
    main()
