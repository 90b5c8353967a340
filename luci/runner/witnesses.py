"""What a plan follows from, besides sources: what is around a script, the variables, what earlier runs taught.

Each function tells it in a form that is equal while nothing changed. This module imports only what Python has loaded
anyway, and json.
"""

from __future__ import annotations

import os

from luci import kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_PREFIXES = ("LUCI_", "UV_", "PIP_", "PYENV_", "XDG_")
_OTHERS = {"HOME", "PATH", "SSL_CERT_FILE", "SSL_CLIENT_CERT"}
_OF_A_RUN = {"LUCI_RUN", "LUCI_MEMORY", "LUCI_COMMANDS"}  # of a script that luci runs, and that calls luci
_MARKERS = ("pyproject.toml", "pylock.toml", "setup.py", "setup.cfg", ".git", "requirements.txt")
_MODULES = (".py", ".pyc", ".so", ".pyd")
_TAUGHT = ("modules", "names", "requirements", "limits", "approved", "python", "as_of")


def variables(expanded: Iterable[str] = ()) -> str:
    """A digest of the variables that decide: they may hold passwords. `expanded` are those that declarations name."""
    names = {name for name in os.environ if name.startswith(_PREFIXES)} | _OTHERS | set(expanded)
    told = [f"{name}={os.environ.get(name)}" for name in sorted(names - _OF_A_RUN)]
    return kept.digest("\0".join(told).encode("utf-8", "surrogateescape"))


def above(folder: str) -> list[tuple[str, list[str], int]]:
    """What makes a project of a folder or of one above it, and who may write there."""
    found = []
    while True:
        there = [name for name in _MARKERS if os.path.exists(os.path.join(folder, name))]
        found.append((folder, there, _mode(folder)))
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return found


def _mode(folder: str) -> int:
    try:
        return os.stat(folder).st_mode
    except OSError:
        return 0


def requirements_files(folder: str) -> list[str]:
    try:
        return sorted(n for n in os.listdir(folder) if n.startswith("requirements") and n.endswith(".txt"))
    except OSError:
        return []


def modules(folder: str) -> list[tuple[str, str]]:
    """What a folder holds that could be a module, links with what they lead to; and whether there is anything else."""
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                link = os.readlink(entry.path) if entry.is_symlink() else ""
                if entry.is_dir():
                    found.add((entry.name, f"folder {link}"))
                elif link or entry.name.endswith(_MODULES):
                    found.add((entry.name, link))
                else:
                    found.add(("", ""))
    except (OSError, ValueError):
        return []
    return sorted(one for one in found if one[0] != "__pycache__")


def taught(memory: str, form: int) -> str:
    """What earlier runs of a script taught, from its memory, if that is of this form."""
    content = kept.content(memory)
    if content is None:
        return "{}"
    import json  # 2 ms, and a script that was never run has no memory

    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("format") != form:
        return "{}"
    return json.dumps({name: told[name] for name in _TAUGHT if told.get(name)}, sort_keys=True)
