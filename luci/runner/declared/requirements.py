"""Read a requirements file as pip does, keeping what can be used and naming what cannot.

A reader of our own: the parsers that others publish stop at the first bad line, do not say where a line stands, or
have not been kept. `packaging` reads each requirement, `getopt` the options; only pip's rules for lines are here.
https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from luci.runner.declared.values import (
    Declared,
    IndexChoice,
    file_url,
    place,
    read_text,
    read_toml,
    reference,
    requirement,
    shown,
)
from luci.values import replace

_SOURCES = ["index-url=", "pypi-url=", "extra-index-url=", "find-links=", "no-index", "trusted-host="]
_CHOICES = ["pre", "prefer-binary", "no-binary=", "only-binary=", "require-hashes", "use-feature="]
_OF_ONE = ["hash=", "config-settings=", "global-option="]
_LONG = ["requirement=", "constraint=", "editable=", *_SOURCES, *_CHOICES, *_OF_ONE]
_WITHOUT_EFFECT = {"--prefer-binary", "--require-hashes", "--use-feature"}
_MOST_FILES = 100  # one includes the next, and each takes its part of the stack
_ARCHIVES = (".whl", ".tar.gz", ".zip")


class RequirementsFile:
    """What a requirements file says, with all that it includes; origins are told relative to `root`."""

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.root, self.environ = root, environ
        self.requirements: list[Declared] = []
        self.index = IndexChoice()
        self.files: list[Path] = []
        self.problems: list[str] = []

    def read(self, path: Path, *, constraint: bool = False) -> RequirementsFile:
        path = Path(os.path.normpath(path.absolute()))
        if path in self.files:
            return self
        name = os.path.relpath(path, self.root) if path.is_relative_to(self.root) else path.name
        try:
            text = read_text(path)
        except ValueError as error:
            self.problems.append(f"{name} cannot be read: {error}")
            return self
        self.files.append(path)
        for number, line in logical_lines(text):
            origin = f"{Path(name).as_posix()}:{number}"
            try:
                self._line(expanded(line, self.environ, in_network_urls=False), path.parent, origin, constraint)
            except ValueError as error:
                cause = str(error).split("\n")[0]
                self.problems.append(f"{origin}: {shown(line)!r} is not used: {shown(cause)}")
        return self

    def line(self, text: str, folder: Path, origin: str) -> RequirementsFile:
        """Read one line that another file holds."""
        try:
            self._line(expanded(text, self.environ, in_network_urls=False), folder, origin, constraint=False)
        except ValueError as error:
            cause = str(error).split("\n")[0]
            self.problems.append(f"{origin}: {shown(text)!r} is left out: {shown(cause)}")
        return self

    def _line(self, line: str, folder: Path, origin: str, constraint: bool) -> None:
        wanted, options = _split(line)
        hashes = tuple(value for option, value in options if option == "--hash")
        for option, value in options:
            if option in ("-e", "--editable"):
                wanted = value
            elif option in ("-r", "--requirement", "-c", "--constraint"):
                self._include(value, folder, constraint or option in ("-c", "--constraint"))
            elif not wanted:
                self._setting(option, value, folder)
            elif option != "--hash":
                self.problems.append(f"{origin}: {option} is not followed")
        if wanted:
            text, name = parsed(wanted, folder)
            self.requirements.append(Declared(text, name, origin, hashes, constraint))

    def _include(self, value: str, folder: Path, constraint: bool) -> None:
        if "://" in value:
            raise ValueError("files from the network are not read")
        if len(self.files) >= _MOST_FILES:
            raise ValueError(f"more than {_MOST_FILES} files are not read")
        self.read(folder / value, constraint=constraint)

    def _setting(self, option: str, value: str, folder: Path) -> None:
        said = IndexChoice()
        if option in ("-i", "--index-url", "--pypi-url"):
            said = replace(said, url=place(value, folder))
        elif option == "--extra-index-url":
            said = replace(said, extra_urls=(place(value, folder),))
        elif option in ("-f", "--find-links"):
            said = replace(said, find_links=(place(value, folder),))
        elif option == "--no-index":
            said = replace(said, no_index=True)
        elif option == "--pre":
            said = replace(said, prereleases=True)
        elif option not in _WITHOUT_EFFECT:
            raise ValueError(f"{option} is not followed")
        self.index = self.index.over(said)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number, line): continued lines joined, comments and empty lines left out.

    >>> list(logical_lines("a \\\\\\n  >= 1  # why\\n# no\\n-r b.txt"))
    [(1, 'a   >= 1'), (4, '-r b.txt')]
    """
    joined: list[str] = []
    start = 1
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        start = start if joined else number
        is_comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not is_comment:
            joined.append(line[:-1])
            continue
        # a comment ends a continued line; the space keeps it a comment when joined
        joined.append(f" {line}" if is_comment else line)
        if whole := re.sub(r"(^|\s)#.*$", "", "".join(joined)).strip():
            yield start, whole
        joined = []
    if whole := re.sub(r"(^|\s)#.*$", "", "".join(joined)).strip():
        yield start, whole


def expanded(text: str, environ: Mapping[str, str] = os.environ, *, in_network_urls: bool = True) -> str:
    """Return `text` with the value of each ${VARIABLE} that is set.

    In a network URL they are often secrets, and a stranger's URL could carry them off: such a URL is stored
    unexpanded, and expanded by who opens it, once that was approved.

    >>> expanded("tool==${V} @ https://${TOKEN}@example.org", {"TOKEN": "t", "V": "2"}, in_network_urls=False)
    'tool==2 @ https://${TOKEN}@example.org'
    """
    urls = re.finditer(r"(?<![a-z0-9+.-])(?!file:)[a-z][a-z0-9+.-]*://\S*", text)
    kept = [] if in_network_urls else [url.span() for url in urls]

    def value(match: re.Match[str]) -> str:
        if any(start <= match.start() < end for start, end in kept):
            return match[0]
        return environ.get(match[1]) or match[0]

    return re.sub(r"\$\{([A-Z0-9_]+)\}", value, text)


def _split(line: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the requirement of a line, empty if it has none, and its options."""
    import getopt
    import shlex

    wanted, rest = line, ""
    if line.startswith("-"):
        wanted, rest = "", line
    elif at := re.search(r"\s--[a-z]", line):
        wanted, rest = line[: at.start()], line[at.start() :]
    try:
        options, others = getopt.getopt(shlex.split(rest), "r:c:e:i:f:", _LONG)
    except getopt.GetoptError as error:
        raise ValueError(error.msg) from None
    if others:
        raise ValueError(f"{shown(others[0])} is not an option")
    return wanted.strip(), options


def parsed(text: str, folder: Path) -> tuple[str, str]:
    """Return a requirement, a URL or a path as (line, name). Raises ValueError."""
    location, _, marker = re.sub(r"\s;", "\0", text, count=1).partition("\0")
    location, extras = _with_extras(location.strip())
    if re.match(r"[a-z][a-z0-9+.-]+:", location):
        return _direct(location, extras, marker.strip(), folder)
    is_archive = location.endswith(_ARCHIVES) and os.path.isfile(folder / location)
    if is_archive or location.startswith((".", "/", "~")) or re.match(r"[^\s@;<=>!~\[]+/", location):
        if not os.path.exists(folder / os.path.expanduser(location)):
            raise ValueError("there is no such file or folder")
        return _direct(file_url(location, folder), extras, marker.strip(), folder)
    wanted = requirement(text, folder)
    return str(wanted), wanted.name


def _with_extras(text: str) -> tuple[str, list[str]]:
    """Split "./path[a,b]" into its path and extras."""
    if bracket := re.fullmatch(r"(.*?)\[([\w\s,.-]*)\]", text):
        return bracket[1], [extra.strip() for extra in bracket[2].split(",") if extra.strip()]
    return text, []


def _direct(url: str, extras: list[str], marker: str, folder: Path) -> tuple[str, str]:
    from urllib.parse import unquote, urlsplit

    url, _, fragment = url.partition("#")
    said = dict(part.partition("=")[::2] for part in fragment.split("&") if part)
    egg, egg_extras = _with_extras(unquote(said.pop("egg", "")))
    if url.startswith("file:") and not url.startswith("file://"):
        url = file_url(url.removeprefix("file:"), folder)
    path = unquote(urlsplit(url).path)
    name = _canonical(egg) or _archive_name(path.rsplit("/", 1)[-1])
    if url.startswith("file:") and not name:
        name = _folder_name(Path(path))
    kept = "&".join(f"{key}={value}" for key, value in said.items())
    return reference(name, url + (f"#{kept}" if kept else ""), extras or egg_extras, marker), name


def _archive_name(file: str) -> str:
    """Return the distribution that a wheel's or source archive's file name tells, "" if it tells none."""
    from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

    try:
        return parse_wheel_filename(file)[0] if file.endswith(".whl") else parse_sdist_filename(file)[0]
    except (InvalidSdistFilename, InvalidWheelFilename):
        return ""


def _folder_name(folder: Path) -> str:
    """Return the name that a folder's pyproject.toml states, "" if it states none."""
    try:
        project = read_toml(read_text(folder / "pyproject.toml")).get("project")
    except ValueError:
        return ""
    return _canonical(str(project.get("name", ""))) if isinstance(project, dict) else ""


def _canonical(name: str) -> str:
    try:
        return requirement(name).name if name else ""
    except ValueError:
        return ""
