"""Read poetry's way of writing dependencies, as PEP 508 lines. https://python-poetry.org/docs/dependency-specification/"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from luci.runner.declared.uv_table import listed, string
from luci.runner.declared.values import (
    IndexChoice,
    both,
    file_url,
    git_reference,
    place,
    reference,
    requirement,
    shown,
    with_subdirectory,
)


def requirement_line(name: str, said: object, folder: Path) -> str:
    """Return one dependency as a PEP 508 line. Raises ValueError.

    >>> requirement_line("Django", {"version": "^4.2", "extras": ["argon2"], "python": ">=3.9"}, Path())
    'django[argon2]<5,>=4.2; python_version >= "3.9"'
    """
    table = {"version": said} if isinstance(said, str) else said
    if not isinstance(table, dict):
        raise ValueError("it wants a version or a table")
    extras = listed(table, "extras", str)
    marker = _marker(table)
    if url := _url(table, folder):
        return reference(name, url, extras, marker)
    bracket = f"[{','.join(extras)}]" if extras else ""
    line = f"{name}{bracket}{version_range(string(table, 'version'))}"
    return str(requirement(f"{line} ; {marker}" if marker else line))


def version_range(text: str) -> str:
    """Return poetry's version constraint as PEP 440 specifiers. Of alternatives (||) the last: as a rule the newest.

    >>> [version_range(text) for text in ("^1.2.3", "^0.0.3", "~1.2", "1.*", "1.4")]
    ['>=1.2.3,<2', '>=0.0.3,<0.0.4', '>=1.2,<1.3', '==1.*', '==1.4']
    """
    last = re.split(r"\|\|?", text)[-1].strip()
    if last in ("", "*"):
        return ""
    pieces = [] if len(last) > 1000 else re.findall(r"([<>=!~^]*)\s*([^\s,<>=!~^]+)", last)
    if not pieces:
        raise ValueError(f"{shown(text)!r} is not a version constraint")
    return ",".join(_specifier(operator, version) for operator, version in pieces)


def _specifier(operator: str, version: str) -> str:
    if operator == "^":
        return f">={version},<{_next(version, _first_that_counts(version))}"
    if operator == "~":
        return f">={version},<{_next(version, min(1, len(_release(version)) - 1))}"
    return f"{operator if operator not in ('', '=') else '=='}{version}"


def _first_that_counts(version: str) -> int:
    """Return the place of the leftmost number that is not zero: what a caret keeps."""
    release = _release(version)
    return next((n for n, number in enumerate(release) if number), len(release) - 1)


def _next(version: str, place: int) -> str:
    release = _release(version)
    return ".".join(str(number) for number in (*release[:place], release[place] + 1))


def _release(version: str) -> tuple[int, ...]:
    from packaging.version import Version

    return Version(version).release


def _marker(table: dict[str, Any]) -> str:
    python = version_range(string(table, "python"))
    # python_version has two numbers only: "3.9.1" compares with the full version
    compared = (re.fullmatch(r"([<>=!~]+)(.*)", piece) for piece in python.split(",") if piece)
    pythons = [
        f'{"python_full_version" if match[2].count(".") > 1 else "python_version"} {match[1]} "{match[2]}"'
        for match in compared
        if match
    ]
    platform = string(table, "platform")
    return both(" and ".join(pythons), f'sys_platform == "{platform}"' if platform else "", string(table, "markers"))


def _url(table: dict[str, Any], folder: Path) -> str:
    subdirectory = string(table, "subdirectory")
    if git := string(table, "git"):
        revision = string(table, "rev") or string(table, "tag") or string(table, "branch")
        return git_reference(git, revision, subdirectory)
    if url := string(table, "url"):
        return with_subdirectory(url, subdirectory)
    if path := string(table, "path") or string(table, "file"):
        return file_url(path, folder)
    return ""


def indexes(poetry: dict[str, Any], folder: Path) -> tuple[IndexChoice, dict[str, str]]:
    """Return the index settings, and every source's URL by its name. Raises ValueError."""
    tables = [table for table in listed(poetry, "source", dict) if string(table, "url")]
    urls = {string(table, "name"): place(string(table, "url"), folder) for table in tables}
    primary = [string(t, "name") for t in tables if t.get("priority", "primary") in ("primary", "default")]
    supplemental = [string(t, "name") for t in tables if t.get("priority") in ("supplemental", "secondary")]
    first = urls[primary[0]] if primary else ""
    return IndexChoice(url=first, extra_urls=tuple(urls[name] for name in (*primary[1:], *supplemental))), urls
