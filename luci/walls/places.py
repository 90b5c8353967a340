"""What lies open behind a wall, and what stays closed whatever is opened around it.

Keys stay closed. What runs by itself later (a start-up file, a git hook) is never written to. In a home whatever begins
with a dot is closed, unless it is opened by name; nothing new can be made beside what is closed, since it could be
another start-up file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from luci.errors import Refused, UsageError
from luci.values import Value
from luci.walls.asked import Reach

Mode = Literal["read", "write", "look"]  # look: what is in a folder, but not what is in its files

# below a home
KEYS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".pypirc", ".npmrc", ".pgpass", ".my.cnf"),
    *(".git-credentials", ".config/git/credentials", ".config/gh", ".config/hub", ".config/gcloud", ".config/rclone"),
    *(".config/op", ".config/sops", ".config/pip", ".config/uv", ".pip", ".password-store", ".age", ".vault-token"),
    *(".local/share/keyrings", ".local/share/kwalletd", ".local/share/python_keyring", ".s3cfg", ".boto"),
    *(".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".terraform.d", ".databrickscfg"),
    *(".cache/huggingface/token", ".huggingface/token", ".mozilla", ".thunderbird", ".config/google-chrome"),
    *(".config/chromium", ".config/BraveSoftware", ".bash_history", ".zsh_history", ".python_history", ".histfile"),
)
RUN_BY_THEMSELVES = (
    *("bin", ".local/bin", ".local/lib", ".local/share/applications", ".local/share/systemd", ".config/systemd"),
    *(".config/autostart", ".config/environment.d", ".config/fish", ".config/git", ".config/nvim", ".config/zsh"),
    *(".config/plasma-workspace", ".cargo/bin", ".pyenv", ".venv", ".git"),
)
SYSTEM_KEYS = ("/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d")
SYSTEM_KEY_FOLDERS = ("/etc/ssh", "/etc/ssl/private", "/etc/NetworkManager", "/etc/wireguard", "/etc/openvpn")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store", "/gnu/store")
IN_A_PROJECT = (".git", ".hg", ".envrc", ".vscode", ".idea")


class Ground(Value):
    """Where a run takes place. `folders` are read, `own` are luci's, which stay closed but for the environment.
    `variables` are set by the environment."""

    env: Path
    python: Path
    folders: tuple[Path, ...]
    own: tuple[Path, ...]
    variables: tuple[str, ...] = ()

    @property
    def needed(self) -> tuple[Path, ...]:
        """The environment, and all the Python that it leads to."""
        return tuple(dict.fromkeys((self.env, *_prefixes(self.python))))


class Opened(Value):
    """Paths with what may be done there, outer ones first; `closed` lie in them and are hidden, `kept` not written.

    `in_projects` are kept as well, and `masked` hidden, where that is possible without keeping new files from being
    made beside them.
    """

    paths: tuple[tuple[str, Mode], ...]
    closed: tuple[str, ...]
    kept: tuple[str, ...]
    in_projects: tuple[str, ...]
    masked: tuple[str, ...] = ()

    @property
    def writable(self) -> tuple[str, ...]:
        return tuple(path for path, mode in self.paths if mode == "write")


def opened(reach: Reach, ground: Ground) -> Opened:
    """Return what is open. Raises UsageError for a folder that is not there, Refused for one that holds keys."""
    homes = _homes()
    wanted: dict[str, Mode] = {path: "read" for name in reach.readable for path in _spellings(name, "--readable")}
    wanted |= {path: "write" for name in reach.writable for path in _spellings(name, "--writable")}
    writable = [path for path, mode in wanted.items() if mode == "write"]
    for path in (path for folder in ground.folders for path in _spellings(str(folder), "")):
        if not any(_is_within(path, other) for other in writable):  # what is within it is written to as well
            wanted.setdefault(path, "read")
    keys = {f"{home}/{name}" for home in homes for name in KEYS}
    for path in wanted:
        if any(_is_within(path, key) for key in keys):
            raise Refused(f"{path} holds keys, which stay closed behind a wall.", hint="Leave it out.")
    named = {*wanted, *map(str, ground.folders)}
    dotted = {entry.path for home in homes for entry in _entries(home) if entry.name.startswith(".")}
    own = {os.path.realpath(path) for path in ground.own}
    closed = keys | own | {path for path in dotted if not any(_is_within(name, path) for name in named)}
    kept = {f"{home}/{name}" for home in homes for name in RUN_BY_THEMSELVES}
    projects = {f"{path}/{name}" for path, mode in wanted.items() if mode == "write" for name in IN_A_PROJECT}
    projects |= {os.path.realpath(path) for path in reach.kept}
    return Opened(
        tuple(sorted((path, mode) for path, mode in wanted.items() if not _is_seen_as_a_link(path, wanted))),
        _existing(closed - named),
        _existing(kept - named - closed),
        _existing(projects - named - closed),
        _existing({os.path.realpath(path) for path in reach.hidden}),
    )


def parted(path: str, mode: Mode, closed: Iterable[str], kept: Iterable[str]) -> Iterator[tuple[str, Mode]]:
    """Open a path around what stays closed in it, piece by piece.

    A folder that holds such a thing may be looked into, and its other entries are opened one by one.
    """
    if path in closed:
        return
    if path in kept and mode == "write":
        mode = "read"
    inside = [other for other in (*closed, *(kept if mode == "write" else ())) if other.startswith(f"{path}/")]
    if not inside:
        yield path, mode
        return
    yield path, "look"
    for entry in _entries(path):
        if not entry.is_symlink():  # where it leads has a path of its own
            yield from parted(entry.path, mode, closed, kept)


def system_keys() -> tuple[str, ...]:
    found = [entry.path for folder in SYSTEM_KEY_FOLDERS for entry in _entries(folder) if "pub" not in entry.name]
    own_names = ("ssh_config", "ssh_config.d")
    return _existing({*SYSTEM_KEYS, *(path for path in found if os.path.basename(path) not in own_names)})


def _prefixes(python: Path) -> Iterator[Path]:
    """Yield the folders of the Pythons that a link leads to, one link after the other."""
    seen = 0
    while python.is_symlink() and seen < 40:
        python = python.parent / os.readlink(python)
        prefix = python.parent.parent if python.parent.name in ("bin", "Scripts") else python.parent
        yield prefix
        if prefix.resolve() != prefix:
            yield prefix.resolve()
        seen += 1


def _homes() -> tuple[str, ...]:
    homes = [os.path.expanduser("~"), os.path.realpath(os.path.expanduser("~"))]
    try:
        import pwd

        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    except (ImportError, KeyError):  # a user without a name
        pass
    return tuple(dict.fromkeys(home for home in homes if os.path.isabs(home) and home != "/"))


def _spellings(name: str, option: str) -> tuple[str, ...]:
    """Return a path as it was written, and where it leads."""
    path = os.path.abspath(os.path.expanduser(name))
    if not os.path.exists(path):
        raise UsageError(f"{option} {name} is not there.")
    return tuple(dict.fromkeys((path, os.path.realpath(path))))


def _is_seen_as_a_link(path: str, wanted: Iterable[str]) -> bool:
    return path != os.path.realpath(path) and any(other != path and _is_within(path, other) for other in wanted)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _existing(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(path for path in paths if os.path.exists(path)))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
