"""Read project pages, as HTML or JSON (PEP 503, 691, 700, 714), and keep what they said on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from luci import kept
from luci.envs.files import write as replace_file
from luci.envs.sources import without_credentials
from luci.runner.table import normal
from luci.values import Value

if TYPE_CHECKING:
    from pypi_simple import DistributionPackage

JSON = "application/vnd.pypi.simple.v1+json"
# JSON first. An index may answer HTML all the same, and yet add upload times to it only then
ACCEPT = f"{JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
FORMAT = 1
_LOCAL = 1000  # pages kept of those on this machine, at most


class File(NamedTuple):
    """A file of a release. `url` holds no credentials; `metadata` tells that the page advertises URL.metadata."""

    name: str
    url: str
    version: str
    kind: Literal["wheel", "sdist"]
    requires_python: str = ""
    sha256: str = ""
    seconds: float | None = None  # since the epoch, when it was uploaded
    yanked: bool = False
    size: int | None = None
    metadata: bool = False

    @property
    def uploaded(self) -> datetime | None:
        return None if self.seconds is None else datetime.fromtimestamp(self.seconds, UTC)


class Page(Value):
    """What one place says of a project. `files` is None where it does not know it; `fetched` in Unix seconds."""

    files: tuple[File, ...] | None
    fetched: float
    etag: str = ""
    stale: bool = False


class Unreadable(Exception):
    """The answer is not a project page."""


def parsed(body: bytes, content_type: str, url: str, name: str) -> tuple[File, ...]:
    """Return the wheels and sdists a page lists. `url` is the page's own. Raises Unreadable."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON:
        from pypi_simple import ProjectPage, UnsupportedRepoVersionError  # 300 ms, where a page is not in the cache

        try:
            packages = ProjectPage.from_json_data(json.loads(body), url).packages
        except (ValueError, UnsupportedRepoVersionError) as error:
            raise Unreadable(f"its JSON is not a project page ({type(error).__name__})") from error
        return tuple(_files(((package, package.upload_time) for package in packages), name))
    if kind in ("", "text/html", "application/vnd.pypi.simple.v1+html"):
        return tuple(_files(_links(body, url, name), name))
    raise Unreadable(f"it answered {kind}, which is no project page")


def local(path: Path, name: str, cache: Path) -> Page:
    """Return the page that a file or a folder on this machine is; what it said is kept in the folder `cache`."""
    place = str(cache / digest(f"{path} {name}"))
    stamp = kept.stamp(str(path))  # before it is read: a change in between shows the next time
    said = kept.load(place)
    if stamp and said and said["stamp"] == stamp:
        return Page(tuple(map(File._make, said["files"])), time.time())
    try:
        files = _in_folder(path, name) if path.is_dir() else _on_page(path, name)
    except OSError:
        return Page(None, time.time())
    if kept.settled(stamp, time.time_ns()):
        kept.save(place, {"stamp": stamp, "files": list(map(list, files))})
        kept.drop_oldest(str(cache), _LOCAL)
    return Page(files, time.time())


def _on_page(path: Path, name: str) -> tuple[File, ...]:
    return parsed(path.read_bytes(), "text/html", path.absolute().as_uri(), name)


def _in_folder(path: Path, name: str) -> tuple[File, ...]:
    from pypi_simple import DistributionPackage, Link

    links = (Link(each.name, each.absolute().as_uri(), {}) for each in path.iterdir())
    return tuple(_files(((DistributionPackage.from_link(link, name), None) for link in links), name))


def _links(body: bytes, url: str, name: str) -> Iterator[tuple[DistributionPackage, datetime | None]]:
    from pypi_simple import DistributionPackage, parse_links_stream

    for link in parse_links_stream([body], url):  # five times as fast as parsing into a tree
        yield DistributionPackage.from_link(link, name), _time(link.get_str_attrib("data-upload-time"))


def _files(packages: Iterable[tuple[DistributionPackage, datetime | None]], name: str) -> Iterator[File]:
    for package, uploaded in packages:
        if package.version is None or normal(package.project or "") != name:
            continue
        if package.package_type != "wheel" and package.package_type != "sdist":
            continue
        yield File(
            name=package.filename,
            url=without_credentials(package.url),
            version=package.version,
            kind="wheel" if package.package_type == "wheel" else "sdist",
            requires_python=package.requires_python or "",
            sha256=package.digests.get("sha256", ""),
            seconds=_seconds(uploaded),
            yanked=package.is_yanked,
            size=package.size,
            metadata=bool(package.has_metadata) and package.package_type == "wheel",
        )


def _seconds(uploaded: datetime | None) -> float | None:
    with suppress(OverflowError):  # a year that only another time zone has
        if uploaded:
            return (uploaded if uploaded.tzinfo else uploaded.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    return None


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def read(path: Path) -> Page | None:
    """Return the page kept at `path`, None where there is none that can be read."""
    said = read_json(path)
    try:
        if said is None or said["format"] != FORMAT:
            return None
        files = None if said["files"] is None else tuple(map(File._make, said["files"]))
        return Page(files, float(said["fetched"]), str(said["etag"]))
    except (KeyError, TypeError, ValueError):
        return None


def write(path: Path, page: Page) -> None:
    files = None if page.files is None else list(map(list, page.files))
    write_json(path, {"format": FORMAT, "fetched": page.fetched, "etag": page.etag, "files": files})


def read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write at once or not at all. A cache that cannot be written costs time, not the run, so that is no error."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, json.dumps(value, separators=(",", ":")).encode(), lasting=False)


def digest(text: str) -> str:
    return kept.sha256_of(text.encode("utf-8", "surrogatepass"))[:20]
