"""Conda's channels, as luci's settings name them, else as conda is configured; with nothing said there are none."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from luci import paths
from luci.config import CondaSettings
from luci.envs import files
from luci.envs.sources import Sources, local_path, without_credentials
from luci.errors import ConfigError, EnvError


def configured(settings: CondaSettings) -> tuple[str, ...]:
    """Return the channels, the first preferred: names as conda knows them, and URLs, folders as file:///…"""
    said = settings.channels or _of_conda()
    return tuple(dict.fromkeys(_address(channel) for channel in said))


def _address(channel: str) -> str:
    path = os.path.expanduser(channel)
    return Path(path).as_uri() if os.path.isabs(path) else channel.rstrip("/")


def shown(channel: str) -> str:
    """Return a channel as it may be shown: without a login, and without a token as some servers want it in the path.

    >>> shown("https://me:secret@host/t/a-token/main")
    'https://host/main'
    """
    return re.sub(r"(://[^/]+)/t/[^/]+", r"\1", without_credentials(channel))


def known(identities: tuple[str, ...], sources: Sources) -> tuple[str, ...]:
    """Return the addresses behind what `shown` said, with the logins that are known here."""
    addresses = {shown(channel): channel for channel in sources.channels}
    return tuple(addresses.get(identity, identity) for identity in identities)


def state(channels: tuple[str, ...]) -> list[int]:
    """Return what tells one state of the channels that are folders from another."""
    folders = [folder for channel in channels if "://" in channel and (folder := local_path(channel))]
    subfolders = [folder / name for folder in folders for name in sorted(files.listing(folder))]
    return [files.mtime(folder / "repodata.json") for folder in subfolders]


def age(file: Path) -> float:
    """Return how many seconds ago a file was written; a time in the future is never."""
    passed = time.time() - files.mtime(file) / 1e9
    return passed if passed >= 0 else float("inf")


def package_cache() -> Path:
    """Return where packages are kept unpacked: where an existing conda or mamba keeps them, else in luci's own cache.

    Of an installation nothing but this folder is written to.
    """
    told = os.environ.get("CONDA_PKGS_DIRS", "").split(",")[0]
    folders = [told] if told else [text for table in _tables() for text in _texts(table.get("pkgs_dirs"))]
    folders += [f"{root}/pkgs" for root in _installed()]
    mine = paths.cache() / "conda"
    return next((Path(p) for f in folders if os.access(p := os.path.expanduser(f), os.W_OK)), mine)


def _installed() -> Iterator[str]:
    """Yield the roots of the condas and mambas that are here: as their variables say, else by the programs."""
    yield from filter(None, (os.environ.get("MAMBA_ROOT_PREFIX"), os.environ.get("CONDA_ROOT")))
    named = [os.environ.get(name) for name in ("CONDA_EXE", "MAMBA_EXE")]
    for program in (*named, *map(shutil.which, ("conda", "mamba", "micromamba"))):
        root = os.path.dirname(os.path.dirname(os.path.realpath(program))) if program else ""
        if root and os.path.isdir(os.path.join(root, "conda-meta")):  # else it lies alone, as in /usr/bin
            yield root
    yield "~/micromamba"


# -- .condarc


def files_of_conda(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return where conda's own configuration may lie, the strongest first."""
    places = [environ["CONDARC"]] if environ.get("CONDARC") else []
    roots = [environ.get(name, "") for name in ("CONDA_PREFIX", "CONDA_ROOT", "MAMBA_ROOT_PREFIX")]
    config = environ.get("XDG_CONFIG_HOME") or "~/.config"
    places += [f"{root}/.condarc" for root in roots if root]
    places += ["~/.condarc", "~/.conda/.condarc", f"{config}/conda/.condarc", "/etc/conda/.condarc"]
    return [os.path.abspath(os.path.expanduser(place)) for place in places]


def _of_conda() -> list[str]:
    for table in _tables():
        if named := _texts(table.get("channels")):
            return [each for name in named for each in _behind(name, table)]
    return []


def _behind(name: str, table: dict[str, Any]) -> Iterator[str]:
    """Yield the addresses that a name stands for in a configuration of conda."""
    if name == "defaults" and (listed := _texts(table.get("default_channels"))):
        yield from listed
        return
    custom, alias = table.get("custom_channels"), table.get("channel_alias")
    if "://" in name or os.path.isabs(os.path.expanduser(name)):
        yield name
    elif isinstance(custom, dict) and isinstance(custom.get(name), str):
        yield f"{custom[name].rstrip('/')}/{name}"
    else:
        yield f"{alias.rstrip('/')}/{name}" if isinstance(alias, str) else name


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _tables() -> Iterator[dict[str, Any]]:
    for place in files_of_conda():
        try:
            text = Path(place).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        yield read_yaml(text, place)


def read_yaml(text: str, place: str) -> dict[str, Any]:
    """Return the table in a file of YAML. Raises ConfigError, EnvError where the reader is not installed."""
    try:
        import yaml
    except ImportError:
        raise EnvError(f"Reading {place} needs PyYAML.", hint="Install luci[conda].") from None
    try:
        table = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        where, what = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        deep = isinstance(error, RecursionError)
        cause = "it is nested too deeply" if deep else f"line {where.line + 1}: {what}" if where else str(error)
        raise ConfigError(f"{place} cannot be read.", cause=cause.splitlines()[0]) from error
    return table if isinstance(table, dict) else {}
