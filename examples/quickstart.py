"""Show the environment this script runs in: every package, its size, and what it is for.

    luci run examples/quickstart.py

The script imports `humanize` and `rich`, and nothing declares them. luci finds which packages provide them, keeps an
environment with them, and runs the script in it.
"""

import platform
import sys
from importlib.metadata import Distribution, distributions

import humanize
from rich.console import Console, Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table

MOST = 12  # packages to show


def main() -> None:
    sizes = {distribution: size_of(distribution) for distribution in distributions()}
    largest_first = sorted(sizes, key=lambda distribution: -sizes[distribution])
    table = Table(box=None, header_style="dim", expand=True)
    for heading, justify in {"Package": "left", "Version": "left", "Size": "right", "": "left"}.items():
        table.add_column(heading, justify=justify, no_wrap=True)
    table.add_column("What it is", no_wrap=True, ratio=1)
    for distribution in largest_first[:MOST]:
        bar = ProgressBar(total=max(sizes.values()) or 1, completed=sizes[distribution], width=10)
        size = humanize.naturalsize(sizes[distribution])
        name, about = f"[bold]{distribution.name}[/]", distribution.metadata["Summary"]
        table.add_row(name, distribution.version, size, bar, about)
    total = humanize.naturalsize(sum(sizes.values()))
    packages = humanize.apnumber(len(sizes))
    footer = f"\n[dim]Python {platform.python_version()}, {packages} packages, {total}, in[/]\n{sys.prefix}"
    title = "[bold green]It runs[/]"
    Console().print(Panel(Group(table, footer), title=title, border_style="green", padding=(1, 2)))


def size_of(distribution: Distribution) -> int:
    """Return the bytes of a distribution's files."""
    files = (file.locate() for file in distribution.files or [])
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    main()
