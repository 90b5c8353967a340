"""An environment.yml of conda, beside the script or in its project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from luci.runner.declared.values import (
    CondaChoice,
    Declarations,
    Declared,
    has_control_characters,
    read_text,
    requirement,
)

NAMES = ("environment.yml", "environment.yaml")


def environment(folders: tuple[Path, ...]) -> Declarations:
    """Return what the first environment.yml in these folders declares: Python, conda packages, and pip's beneath."""
    for path in (folder / name for folder in folders for name in NAMES):
        if os.path.isfile(path):
            return _read(path)
    return Declarations()


def _read(path: Path) -> Declarations:
    from luci.envs.channels import read_yaml
    from luci.errors import LuciError

    try:
        table = read_yaml(read_text(path), str(path))
    except (ValueError, LuciError) as error:
        return Declarations(files=(path,), problems=(f"{path.name} cannot be read: {error}",))
    problems: list[str] = []
    specs: list[str] = []
    lines: list[Declared] = []
    pips: list[str] = []
    python = ""
    for entry in _list(table.get("dependencies")):
        if isinstance(entry, dict):
            pips += [text for text in _list(entry.get("pip")) if isinstance(text, str)]
        elif not isinstance(entry, str) or has_control_characters(entry):
            problems.append(f"{path.name}: {entry!r} is no package.")
        elif name := _name(entry):
            limit = entry.split("::")[-1].strip()[len(name) :].strip()
            if name == "python":
                python = _specifier(limit)
                continue
            specs.append(_match(name, limit))
            lines.append(Declared(name, name, path.name))
    for text in pips:
        try:
            wanted = requirement(text, path.parent)
            lines.append(Declared(str(wanted), wanted.name, f"{path.name}, pip"))
        except ValueError as error:
            problems.append(f"{path.name}: {text!r} is left out: {error}")
    channels = tuple(text for text in _list(table.get("channels")) if isinstance(text, str) and text != "nodefaults")
    choice = CondaChoice(path, channels, tuple(specs), tuple(d.line for d in lines if d.origin.endswith("pip")))
    return Declarations(tuple(lines), requires_python=python, files=(path,), problems=tuple(problems), conda=choice)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(spec: str) -> str:
    match = re.match(r"\s*(?:[^\s:]+::)?([a-z0-9_][a-z0-9_.-]*)", spec, re.I)
    return match[1].lower() if match else ""


def _match(name: str, limit: str) -> str:
    """Return conda's three ways to limit a package in one: "=1.2", "1.2.*" and ">=1,<2" stay, builds too."""
    return f"{name} {limit}" if limit and limit[0] not in "=<>!~ [" else f"{name}{limit}".strip()


def _specifier(limit: str) -> str:
    """Return a limit of conda's on Python as PEP 440 writes it; "" where it has no such form.

    >>> _specifier("=3.11"), _specifier("3.11.*"), _specifier(">=3.10,<3.13"), _specifier("==3.11.4")
    ('==3.11.*', '==3.11.*', '>=3.10,<3.13', '==3.11.4')
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    version = limit.split("=")[1] if re.fullmatch(r"=[\d.*]+(=\S+)?", limit) else limit
    text = f"=={version.removesuffix('.*')}.*" if re.fullmatch(r"\d+(\.\d+)*(\.\*)?", version) else version
    try:
        return str(text) if SpecifierSet(text) is not None else ""
    except InvalidSpecifier:
        return ""
