"""What a project says to luci in its own file: the tables below [tool.luci] in its pyproject.toml."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from luci.config import Kind, read
from luci.errors import ConfigError
from luci.runner.declared import project_root
from luci.values import Value

Said = TypeVar("Said", bound=Value)


class EnvTable(Value):
    """[tool.luci.envs]"""

    kind: Kind = "auto"


def of_project(folder: Path, name: str, nothing: Said) -> Said:
    """Return `nothing` with what the table `name` says. Raises ConfigError where that cannot be read."""
    root = project_root(folder)
    file = root / "pyproject.toml" if root else None
    try:
        text = file.read_bytes() if file else b""
    except OSError:
        return nothing
    if not file or b"luci" not in text:
        return nothing
    import tomllib  # 4 ms, for projects that name luci only

    try:
        table = tomllib.loads(text.decode()).get("tool", {}).get("luci", {}).get(name, {})
    except (ValueError, AttributeError, RecursionError):
        return nothing  # the plan tells that the file cannot be read
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: [tool.luci] {name} wants a table, not {table!r}.")
    said: Said = read(nothing, table, f"{file}: [tool.luci.{name}]")
    return said


def kind_of(folder: Path) -> str:
    """Return the kind of environment that a project fixes, "auto" where it fixes none. Raises ConfigError."""
    said = of_project(folder, "envs", EnvTable()).kind
    if said == "system":
        raise ConfigError(
            f"{folder}: [tool.luci.envs] kind cannot be 'system': which interpreter that is differs by machine.",
            hint="Leave it out, or run with --env system --python PATH.",
        )
    return said
