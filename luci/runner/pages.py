"""Pages of projects: those on this machine, and what the others said, kept on disk."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from luci import kept
from luci.envs import files
from luci.runner.listing import HTML, JSON, File, Unreadable, listed, named
from luci.values import Value

# JSON first. An index may answer HTML all the same, and yet add upload times to it only then
ACCEPT = f"{JSON}, {HTML};q=0.2, text/html;q=0.1"
FORMAT = 1
_LOCAL = 1000  # pages kept of those on this machine, at most


class Page(Value):
    """What one place says of a project. `files` is None where it does not know it; `fetched` in Unix seconds."""

    files: tuple[File, ...] | None
    fetched: float
    etag: str = ""
    stale: bool = False


def local(path: Path, name: str, cache: Path) -> Page:
    """Return the page that a file or a folder on this machine is; what it said is kept in the folder `cache`."""
    place = str(cache / digest(f"{path} {name}"))
    stamp = kept.stamp(str(path))  # before it is read: a change in between shows the next time
    said = kept.load(place)
    if stamp and said and said["stamp"] == stamp:
        return Page(tuple(map(File._make, said["files"])), time.time())
    try:
        found = _in_folder(path, name) if path.is_dir() else _on_page(path, name)
    except (OSError, Unreadable):
        return Page(None, time.time())
    if kept.settled(stamp, time.time_ns()):
        kept.save(place, {"stamp": stamp, "files": list(map(list, found))})
        kept.drop_oldest(str(cache), _LOCAL)
    return Page(found, time.time())


def _on_page(path: Path, name: str) -> tuple[File, ...]:
    return listed(path.read_bytes(), "text/html", path.absolute().as_uri(), name)


def _in_folder(path: Path, name: str) -> tuple[File, ...]:
    return tuple(file for each in path.iterdir() for file in named(each.name, each.absolute().as_uri(), name))


def read(path: Path) -> Page | None:
    """Return the page kept at `path`, None where there is none that can be read."""
    said = load(path)
    try:
        if said["format"] != FORMAT:
            return None
        held = None if said["files"] is None else tuple(map(File._make, said["files"]))
        return Page(held, float(said["fetched"]), str(said["etag"]))
    except (KeyError, TypeError, ValueError):
        return None


def write(path: Path, page: Page) -> None:
    held = None if page.files is None else list(map(list, page.files))
    save(path, {"format": FORMAT, "fetched": page.fetched, "etag": page.etag, "files": held})


def load(path: Path) -> dict[str, Any]:
    """Return what `save` put into a file; empty where there is none, or any of it was altered since."""
    try:
        return files.unsealed(path.read_bytes())
    except OSError:
        return {}


def save(path: Path, value: dict[str, Any]) -> None:
    """Write at once or not at all. A cache that cannot be written costs time, not the run, so that is no error."""
    files.write_sealed(path, value, lasting=False)


def digest(text: str) -> str:
    return kept.sha256_of(text.encode("utf-8", "surrogatepass"))[:20]
