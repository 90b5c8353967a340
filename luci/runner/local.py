"""Where a script finds its own modules."""

from __future__ import annotations

import os

from luci.values import Value

SOURCES = (".py", ".pyc")
PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", ".git")
LOOKED_INTO = 100  # folders, at most, to find out whether one holds sources


class Local(Value):
    """A module of the script's own: what was found (a file or a folder), and the sources that importing it reads."""

    path: str
    sources: tuple[str, ...]


class Folders:
    """The folders that were looked into, each listed once."""

    def __init__(self) -> None:
        self.listings: dict[str, dict[str, bool]] = {}  # name -> is it a folder
        self.compiled: dict[str, dict[str, str]] = {}  # module -> file

    def listing(self, folder: str) -> dict[str, bool]:
        """Return what a folder holds; nothing where there is none, or it may not be read."""
        if folder not in self.listings:
            try:
                with os.scandir(folder) as entries:
                    self.listings[folder] = {entry.name: entry.is_dir() for entry in entries}
            except (OSError, ValueError):
                self.listings[folder] = {}
            compiled = [name for name in self.listings[folder] if name.endswith((".so", ".pyd"))]
            self.compiled[folder] = {name.partition(".")[0]: name for name in compiled}
        return self.listings[folder]

    def find(self, root: str, dotted: str, names: tuple[str, ...] = (), *, plain: bool = True) -> Local | None:
        """Return the module that a folder of sys.path holds under a dotted name; "" is the folder itself.

        A folder without `__init__.py` counts only if `plain`, and if the import leads to something in it: an installed
        package of that name would win. `names` are those taken from the module, or used on it.
        """
        folder, sources, regular = root, list[str](), False
        for part in filter(None, dotted.split(".")):
            kind, path = self._entry(folder, part)
            if kind == "none":
                return Local(folder, tuple(sources)) if regular else None
            if kind == "module":
                return Local(path, (*sources, *_source(path)))
            folder = path if kind == "plain" else os.path.dirname(path)
            regular = regular or kind == "package"
            sources += _source(path)
        within = [entry for name in names if (entry := self._entry(folder, name))[0] != "none"]
        sources += [source for kind, path in within if kind != "plain" for source in _source(path)]
        if regular or (plain and (within or (not names and self._holds_sources(folder)))):
            return Local(folder, tuple(sources))
        return None

    def _entry(self, folder: str, name: str) -> tuple[str, str]:
        """Return what Python takes for a name: package and __init__, module and file, plain and folder, or none."""
        listing = self.listing(folder)
        inner = os.path.join(folder, name)
        if listing.get(name):
            within = self.listing(inner)
            if init := next((f"__init__{end}" for end in SOURCES if f"__init__{end}" in within), ""):
                return "package", os.path.join(inner, init)
        for end in SOURCES:
            if listing.get(name + end) is False:
                return "module", inner + end
        if file := self.compiled[folder].get(name):
            return "module", os.path.join(folder, file)
        return ("plain", inner) if listing.get(name) else ("none", "")

    def _holds_sources(self, folder: str) -> bool:
        waiting, looked = [folder], 0
        while waiting and looked < LOOKED_INTO:
            inner, looked = waiting.pop(), looked + 1
            for name, is_folder in self.listing(inner).items():
                if name.endswith(".py") and not is_folder:
                    return True
                if is_folder and name.isidentifier():
                    waiting.append(os.path.join(inner, name))
        return False


def _source(path: str) -> tuple[str, ...]:
    return (path,) if path.endswith(".py") else ()


def project_root(folder: str) -> str:
    """Return the nearest folder, this one or above it, that holds a project file; "" where there is none."""
    while not any(os.path.exists(os.path.join(folder, name)) for name in PROJECT_FILES):
        folder, below = os.path.dirname(folder), folder
        if folder == below:
            return ""
    return folder
