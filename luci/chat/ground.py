"""The files that a conversation works on: what lies in the project, and what has a question of its own."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

from luci.values import Value
from luci.walls.places import IN_A_PROJECT, KEYS, RUN_BY_THEMSELVES

LARGEST = 2_000_000  # bytes of a file that is read or written
_SECRET_NAMES = re.compile(
    r"\.env(\..*)?|.*\.(pem|key|p12|pfx|kdbx|keystore|jks)|id_(rsa|dsa|ecdsa|ed25519)(\.pub)?|credentials(\..*)?"
    r"|\.netrc|\.pypirc|\.npmrc|\.pgpass|\.git-credentials|secrets?\.(toml|ya?ml|json|ini)|.*_history",
    re.IGNORECASE,
)
_RUN_NAMES = re.compile(
    r"\.(bash|zsh|k|tcsh|c)(rc|_profile|_login|_logout|_aliases|env)|\.profile|\.zshenv|\.zprofile|\.inputrc|\.vimrc"
    r"|\.tmux\.conf|\.emacs|\.pdbrc|\.pythonrc(\.py)?|\.envrc|sitecustomize\.py|usercustomize\.py|conftest\.py"
    r"|.*\.pth|\.pre-commit-config\.yaml|\.gitconfig|\.gitattributes|\.gitmodules|\.mise\.toml|\.tool-versions",
    re.IGNORECASE,
)


class NotHere(Exception):
    """A path that cannot be used; the words are for the model."""


class Ground(Value):
    """`folder` is the project, and where scripts run."""

    folder: Path

    def place(self, name: str) -> Path:
        """Return where a path of the model's leads, links followed. Raises NotHere for what is no path."""
        if not name or "\0" in name or len(name) > 1000:
            raise NotHere("That is no path.")
        return Path(os.path.realpath(self.folder / os.path.expanduser(name)))

    def shown(self, path: Path) -> str:
        """Return a path as a person of the project writes it."""
        return str(path.relative_to(self._root)) if path.is_relative_to(self._root) else str(path)

    @property
    def _root(self) -> Path:
        return Path(os.path.realpath(self.folder))

    def peculiar(self, path: Path, *, writing: bool) -> str:
        """Return why a file has a question of its own; empty for an ordinary file of the project."""
        if not path.is_relative_to(self._root):
            return "it lies outside the project"
        inside = path.relative_to(self._root).parts
        if _SECRET_NAMES.fullmatch(path.name):
            return "files of that name hold secrets"
        homes = {f"/{name}" for name in KEYS}
        if any(f"/{'/'.join(inside[: n + 1])}" in homes for n in range(len(inside))):
            return "it holds keys"
        if not writing:
            return "it is the repository's own" if ".git" in inside else ""
        if _RUN_NAMES.fullmatch(path.name):
            return "such files run by themselves"
        if any(part in (*IN_A_PROJECT, ".github", ".venv") for part in inside):
            return "what lies there runs by itself"
        if any("/".join(inside).startswith(name) for name in RUN_BY_THEMSELVES if name.startswith(".")):
            return "what lies there runs by itself"
        return ""

    def read(self, path: Path) -> str:
        """Return a text file. Raises NotHere."""
        try:
            if not path.is_file():
                raise NotHere(f"There is no file {self.shown(path)}.")
            if path.stat().st_size > LARGEST:
                raise NotHere(f"{self.shown(path)} is larger than {LARGEST:,} bytes.")
            with open(path, encoding="utf-8", newline="") as file:  # its line ends stay as they are
                return file.read()
        except UnicodeDecodeError:
            raise NotHere(f"{self.shown(path)} is no text.") from None
        except OSError as error:
            raise NotHere(f"{self.shown(path)} cannot be read: {error.strerror}.") from None

    def read_if_there(self, path: Path) -> str | None:
        return self.read(path) if os.path.lexists(path) else None


def diff(before: str | None, after: str | None, name: str) -> str:
    """Return the unified diff between two forms of a file; None is a file that is not there."""
    lines = difflib.unified_diff(
        (before or "").splitlines(),
        (after or "").splitlines(),
        "/dev/null" if before is None else name,
        "/dev/null" if after is None else name,
        lineterm="",
    )
    return "\n".join(lines)
