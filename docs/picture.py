#!/usr/bin/env python3
"""Draw docs/session.svg: run real commands on a terminal of their own and keep what it showed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

SCRIPT = """import importlib
import sys

import yaml
from bs4 import BeautifulSoup

PAGE = "<ul><li>Mercury</li><li>Venus</li><li>Earth</li></ul>"
names = [item.text for item in BeautifulSoup(PAGE, "html.parser").find_all("li")]
if "--table" in sys.argv:
    tabulate = importlib.import_module("tabulate")
    print(tabulate.tabulate([[name] for name in names], ["planet"], "rounded_outline"))
else:
    print(yaml.safe_dump({"planets": names}), end="")
"""
COMMANDS = ("head -6 planets.py", "luci run planets.py", "luci run planets.py --table", "luci plan planets.py")


def main() -> None:
    console = Console(record=True, width=100, file=open(os.devnull, "w"))  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "planets"
        work.mkdir()
        (work / "planets.py").write_text(SCRIPT)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = {**os.environ, "LUCI_HOME": f"{folder}/home", "COLUMNS": "100", "PATH": path, "TERM": "dumb"}
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            console.print(Text.from_ansi(_shown(command, work, environ)))
    svg = console.export_svg(title="luci")
    Path(__file__).with_name("session.svg").write_text(svg)


def _shown(command: str, folder: Path, environ: dict[str, str]) -> str:
    """Run a command on a pseudo-terminal 100 columns wide and return what it wrote."""
    ours, theirs = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    child = subprocess.Popen(command, shell=True, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        written += chunk
    child.wait()
    os.close(ours)
    text = written.decode().replace("\r\n", "\n").replace(str(folder.parent), "~").rstrip()
    return text.replace(str(Path.home()), "~") + "\n"


if __name__ == "__main__":
    main()
