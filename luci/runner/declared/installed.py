"""Read a virtual environment that somebody else made: its distributions, each at the version that is there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING

from luci.runner.declared.values import Declarations, Declared, git_reference, reference, requirement, with_subdirectory

if TYPE_CHECKING:
    from luci.runner.declared.elsewhere import Taken

_OURS = "pip"  # luci's environments have one of their own


def read(folder: Path) -> Taken:
    """Return what is installed in a virtual environment. Raises ValueError where a folder is none."""
    from luci.runner.declared.elsewhere import Taken

    if (folder / "conda-meta").is_dir():
        raise ValueError("it is an environment of conda's: `conda env export > environment.yml`, and import that")
    config = _config(folder)
    left: list[str] = []
    notes: list[str] = []
    declared: list[Declared] = []
    for distribution in sorted(_distributions(folder), key=lambda each: (each.metadata["Name"] or "").lower()):
        name, version = distribution.metadata["Name"], distribution.version
        if not name or not version:
            left.append(f"{_place(distribution)} is left out: it says neither its name nor its version.")
            continue
        try:
            line = _line(name, version, distribution)
            wanted = requirement(line)
        except ValueError as error:
            left.append(f"{name} {version} is left out: {str(error).splitlines()[0]}.")
            continue
        if wanted.name == _OURS:
            notes.append(f"{name} {version} is left out: luci's environments have a pip of their own.")
        else:
            declared.append(Declared(line, wanted.name, f"{folder.name}, {name} {version}"))
    left += [f"{link.stem} is left out: it is installed editable." for link in _links(folder)]
    if config.get("include-system-site-packages", "").lower() == "true":
        left.append("What it sees of the system's packages is left out: only its own are taken.")
    version = config.get("version") or config.get("version_info", "")
    minor = ".".join(version.split(".")[:2])
    python = f"=={minor}.*" if re.fullmatch(r"\d+\.\d+", minor) else ""
    said = Declarations(tuple(declared), complete=True, requires_python=python)
    return Taken(said, tuple(left), tuple(notes), _name(folder))


def _config(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise ValueError("there is no pyvenv.cfg in it, so it is no virtual environment") from None
    told = (line.partition("=") for line in lines if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in told}


def _sites(folder: Path) -> list[Path]:
    found = [*folder.glob("lib*/python*/site-packages"), *folder.glob("lib*/pypy*/site-packages")]
    real = {os.path.realpath(site): site for site in [*found, folder / "Lib" / "site-packages"] if site.is_dir()}
    return list(real.values())  # lib64 is a link to lib


def _distributions(folder: Path) -> Iterator[Distribution]:
    yield from distributions(path=[str(site) for site in _sites(folder)])


def _links(folder: Path) -> list[Path]:
    return sorted(link for site in _sites(folder) for link in site.glob("*.egg-link"))


def _line(name: str, version: str, distribution: Distribution) -> str:
    """Return an exact line, by its address where that is known (PEP 610). Raises ValueError."""
    told = distribution.read_text("direct_url.json")
    if not told:
        return f"{name}=={version}"
    said = json.loads(told)
    url, directory = str(said.get("url", "")), said.get("dir_info")
    if isinstance(directory, dict) and directory.get("editable"):
        raise ValueError(f"it is installed editable, from {url}")
    subdirectory = str(said.get("subdirectory", ""))
    if isinstance(source := said.get("vcs_info"), dict):
        commit = str(source.get("commit_id", ""))
        return reference(name, git_reference(url, commit, subdirectory)) if source.get("vcs") == "git" else ""
    return reference(name, with_subdirectory(url, subdirectory))


def _place(distribution: Distribution) -> str:
    return Path(str(distribution.locate_file(""))).name


def _name(folder: Path) -> str:
    """A folder called `.venv` is named by the one it lies in."""
    given = folder.name.strip(".")
    return folder.parent.name if given in ("venv", "env", "virtualenv") else given
