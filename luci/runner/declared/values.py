"""The values every reader of declarations answers with, and the few rules all of them share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luci.values import Value, fields

if TYPE_CHECKING:
    from packaging.requirements import Requirement


class Declared(Value):
    """One line that names a distribution, or limits it.

    `line` is a PEP 508 requirement, with its marker; a direct reference is "name @ url", or the bare URL where no
    name is known. `name` is the distribution's canonical name, empty where unknown. `hashes` are "sha256:…". A
    `constraint` installs nothing. ${X} in a network URL is kept, so that no secret gets into a plan: see
    `requirements.expanded`.
    """

    line: str
    name: str
    origin: str
    hashes: tuple[str, ...] = ()
    constraint: bool = False


def with_hashes(line: Declared) -> str:
    """Return a declared line as an installer reads it, the hashes it must have behind it."""
    return " ".join([line.line, *(f"--hash={digest}" for digest in line.hashes)])


class IndexChoice(Value):
    """Where a declaration says packages come from. Empty means: as pip and uv are configured.

    `exclude_newer` is a date or a span ("3 days"), as uv reads it. `only` are triples: a distribution, the
    URL of the one index it comes from, and the marker under which that holds.
    """

    url: str = ""
    extra_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    exclude_newer: str = ""
    prereleases: bool = False
    only: tuple[tuple[str, str, str], ...] = ()

    def over(self, other: IndexChoice) -> IndexChoice:
        """Return both: single values are this one's where it has any, lists are joined."""
        mine_first = {name: _joined(getattr(self, name), getattr(other, name)) for name in fields(self)}
        return IndexChoice(**mine_first)


def _joined(mine: Any, other: Any) -> Any:
    return tuple(dict.fromkeys((*mine, *other))) if isinstance(mine, tuple) else mine or other


class CondaChoice(Value):
    """What a file says to conda: match specs, and where from. `pips` are lines for the package index, `variables` what
    whoever runs in the environment is to see."""

    file: Path
    channels: tuple[str, ...] = ()
    specs: tuple[str, ...] = ()
    pips: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def match_spec(name: str, told: Mapping[str, str]) -> str:
    """Return a match spec of conda's that says more than a version.

    >>> match_spec("zlib", {"version": "==1.3", "build": "0", "md5": ""})
    'zlib[version="==1.3",build="0"]'
    """
    inside = ",".join(f'{key}="{text}"' for key, text in told.items() if text)
    return f"{name}[{inside}]" if inside else name


class Declarations(Value):
    """What was declared, and by which files.

    `complete` means alone and whole: nothing is added by guessing. `files` are those that were read. `problems` are
    the lines that could not be used, each a sentence with its place.
    """

    requirements: tuple[Declared, ...] = ()
    complete: bool = False
    requires_python: str = ""
    index: IndexChoice = IndexChoice()
    locked: Path | None = None
    files: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()
    conda: CondaChoice | None = None
    modules: tuple[str, ...] | None = None  # what the script imported when luci locked it; None: nobody noted that
    asked: tuple[str, ...] = ()  # the requirements that luci locked

    def named(self, name: str) -> tuple[Declared, ...]:
        """Return the lines that speak of the distribution `name` (canonical)."""
        return tuple(declared for declared in self.requirements if declared.name == name)


def requirement(text: str, folder: Path = Path()) -> Requirement:
    """Return a PEP 508 requirement with its canonical name, a path it refers to made absolute. Raises ValueError."""
    from packaging.requirements import Requirement  # 15 ms, and a script that declares nothing needs none of it
    from packaging.utils import canonicalize_name

    if has_control_characters(text):
        raise ValueError("there is a control character in it")
    try:
        parsed = Requirement(text)
        parsed.name = canonicalize_name(parsed.name, validate=True)
        if parsed.url and not re.match(r"[a-z][a-z0-9+.-]*://|\$", parsed.url):
            parsed.url = file_url(parsed.url.removeprefix("file:"), folder)
        str(parsed)
    except RecursionError:
        raise ValueError(f"{shown(text)} is nested too deeply") from None
    return parsed


def has_control_characters(text: str) -> bool:
    """Whether a line holds what would end it, or what a terminal would obey: of PEP 508 a URL may."""
    return any(not char.isprintable() and char not in " \t" for char in text)


def reference(name: str, url: str, extras: Iterable[str] = (), marker: str = "") -> str:
    """Return the PEP 508 line of a direct reference; the bare URL where no name is known."""
    if not name:
        return url
    bracket = f"[{','.join(sorted(extras))}]" if extras else ""
    return str(requirement(f"{name}{bracket} @ {url}" + (f" ; {marker}" if marker else "")))


def git_reference(url: str, revision: str = "", subdirectory: str = "") -> str:
    """Return the PEP 508 URL of a git repository.

    >>> git_reference("git@example.org:team/tool.git", "v1")
    'git+ssh://git@example.org/team/tool.git@v1'
    """
    if "://" not in url and (scp := re.fullmatch(r"([^/@:\s]+@[^/:\s]+):(\S+)", url)):
        url = f"ssh://{scp[1]}/{scp[2]}"
    url = url.removeprefix("git+")
    return with_subdirectory(f"git+{url}" + (f"@{revision}" if revision else ""), subdirectory)


def with_subdirectory(url: str, subdirectory: str) -> str:
    return f"{url}#subdirectory={subdirectory}" if subdirectory else url


def file_url(path: str, folder: Path) -> str:
    """Return `path`, relative to `folder`, as an absolute file:// URL."""
    return Path(os.path.normpath(folder.absolute() / os.path.expanduser(path))).as_uri()


def place(text: str, folder: Path) -> str:
    """Return a find-links or index value with local folders made absolute URLs."""
    return text if "://" in text else file_url(text.removeprefix("file:"), folder)


def both(*markers: object) -> str:
    """Return the marker that holds where all of `markers` hold; empty ones say nothing.

    >>> both("os_name == 'nt'", "", "python_version < '3.9' or extra == 'a'")
    "(os_name == 'nt') and (python_version < '3.9' or extra == 'a')"
    """
    said = [str(marker) for marker in markers if marker]
    return said[0] if len(said) == 1 else " and ".join(f"({marker})" for marker in said)


def shown(text: object) -> str:
    """Return a short form of what a file says, without the credentials of a URL."""
    line = re.sub(r"://[^/\s]*@", "://***@", str(text))
    return line if len(line) <= 100 else line[:99] + "…"


def read_toml(text: str) -> dict[str, Any]:
    """Return a TOML document. Raises ValueError, with the line where there is one."""
    import tomllib  # 10 ms

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_text(path: Path, limit: int = 8_000_000) -> str:
    """Return the text of a regular file. Raises ValueError for anything else, a pipe or a device among them."""
    if not os.path.isfile(path):
        raise ValueError("there is no such file")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    if len(data) > limit:
        raise ValueError(f"it is longer than {limit:,} bytes")
    # PowerShell's `>` writes UTF-16 with a byte order mark
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(encoding, errors="replace")
