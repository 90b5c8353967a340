"""What a project page lists, as HTML or JSON (PEP 503, 592, 691, 700, 714), and what names of files tell.

An index is asked before most first runs, so this takes no more than the standard library: what reads pages of any
kind for anyone takes 300 ms to load.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import urldefrag, urljoin

from luci.envs.naming import canonical_name
from luci.envs.sources import without_credentials

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
Kind = Literal["wheel", "sdist"]


class File(NamedTuple):
    """A file of a release. `url` holds no credentials; `metadata` tells that the page advertises URL.metadata."""

    name: str
    url: str
    version: str
    kind: Kind
    requires_python: str = ""
    sha256: str = ""
    seconds: float | None = None  # since the epoch, when it was uploaded
    yanked: bool = False
    size: int | None = None
    metadata: bool = False

    @property
    def uploaded(self) -> datetime | None:
        return None if self.seconds is None else datetime.fromtimestamp(self.seconds, UTC)


class Unreadable(Exception):
    """The answer is not a project page."""


def check_version(version: object) -> None:
    if int(str(version).partition(".")[0]) > 1:
        raise ValueError("it is written for later programs")


def listed(body: bytes, content_type: str, url: str, name: str) -> tuple[File, ...]:
    """Return the wheels and sdists of a project that a page lists. `url` is the page's own. Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        return tuple(_in_json(body, url, name))
    if kind in ("", "text/html", HTML):
        return tuple(_in_html(body, url, name))
    raise Unreadable(f"it answered {kind}, which is no project page")


def named(file: str, url: str, name: str, **more: Any) -> Iterator[File]:
    """Yield the file of a project, if its name says that it is one."""
    if told := told_by(file, name):
        url, fragment = urldefrag(url)
        sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
        yield File(file, without_credentials(url), *told, **{"sha256": sha256, **more})


_ARCHIVE = re.compile(r"(.+)\.(?:tar|tar\.(?:bz2|gz|lz|lzma|xz|Z)|tbz|tgz|tlz|txz|zip)")
_VERSION = re.compile(r"[A-Za-z0-9_.!+-]+")
_FOR_ONE_SYSTEM = re.compile(r"\.(?:aix|cygwin|darwin|linux|macosx|solaris|sunos|[wW]in)")  # distutils' bdist_dumb


def told_by(file: str, name: str) -> tuple[str, Kind] | None:
    """Return the version and the kind of a project's file, None where its name tells of none.

    >>> told_by("zope.event-4.0-py3-none-any.whl", "zope-event"), told_by("a-1-2.0.tar.gz", "a-1")
    (('4.0', 'wheel'), ('2.0', 'sdist'))
    """
    if file.endswith(".whl"):
        parts = file.removesuffix(".whl").split("-")
        whole = len(parts) == 5 or (len(parts) == 6 and parts[2][:1].isdigit())
        fits = whole and all(parts) and canonical_name(parts[0]) == name and _VERSION.fullmatch(parts[1])
        return (parts[1], "wheel") if fits else None
    if archive := _ARCHIVE.fullmatch(file):
        stem = archive[1]
        for dash in (number for number, letter in enumerate(stem) if letter == "-"):
            version = stem[dash + 1 :]
            if canonical_name(stem[:dash]) == name and _VERSION.fullmatch(version):
                return None if _FOR_ONE_SYSTEM.search(version) else (version, "sdist")
    return None


# -- JSON


def _in_json(body: bytes, url: str, name: str) -> Iterator[File]:
    try:
        page = json.loads(body)
        check_version(page["meta"]["api-version"])
        for file in page["files"]:
            uploaded = file.get("upload-time")
            yield from named(
                _text(file["filename"]),
                urljoin(url, _text(file["url"])),
                name,
                requires_python=_text(file.get("requires-python") or ""),
                sha256=_text(file["hashes"].get("sha256", "")),
                seconds=None if uploaded is None else seconds_of(datetime.fromisoformat(_text(uploaded))),
                yanked=file.get("yanked", False) is not False,
                size=None if file.get("size") is None else int(file["size"]),
                metadata=_has_metadata(file) and file["filename"].endswith(".whl"),
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Unreadable(f"its JSON is not a project page ({type(error).__name__})") from error


def _has_metadata(file: Mapping[str, Any]) -> bool:
    return bool(file.get("core-metadata", file.get("dist-info-metadata")))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


# -- HTML


def _in_html(body: bytes, url: str, name: str) -> Iterator[File]:
    from luci.runner.anchors import Links

    links = Links(url)
    try:
        links.feed(body.decode("utf-8-sig", "replace"))
        links.close()
    except (ValueError, AssertionError) as error:  # the second of the standard library's parser
        raise Unreadable(f"its HTML is not a project page ({type(error).__name__})") from error
    for told in links.found:
        wheel = told["text"].endswith(".whl")
        said = told.get("data-core-metadata", told.get("data-dist-info-metadata", ""))
        yield from named(
            told["text"],
            told["href"],
            name,
            requires_python=told.get("data-requires-python", ""),
            seconds=_seconds_in(told.get("data-upload-time", "")),
            yanked="data-yanked" in told,
            metadata=wheel and (said.lower() == "true" or bool(re.fullmatch(r"\w+=[0-9A-Fa-f]+", said))),
        )


def _seconds_in(text: str) -> float | None:
    try:
        return seconds_of(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None


def seconds_of(when: datetime) -> float | None:
    """Return a time in seconds since the epoch; one without a zone is UTC's."""
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except OverflowError:  # a year that only another time zone has
        return None
