"""Answer whether a wheel holds a module and names, and remember each fact for good."""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any, cast

from luci.envs.sources import local_path
from luci.errors import IndexFailed
from luci.runner import pages
from luci.runner.bindings import Bindings, bindings
from luci.runner.listing import File
from luci.runner.web import Web
from luci.runner.wheels import (
    COMPILED,
    EVERY_MODULE_HAS,
    BadWheel,
    Holds,
    RangesUnsupported,
    RemoteFile,
    Wheel,
    declared,
    declares,
    find_module,
    spool,
)

FORMAT = 1
WHOLE = {"Accept-Encoding": "identity"}  # a part of a file is a part of its own bytes


class Inside:
    """One wheel, at `file.url`. Nothing is asked for before a question needs it. Not for several threads at once."""

    def __init__(self, file: File, web: Web, cache: Path) -> None:
        self._file = file
        self._web = web
        # both: a page may lie about a hash, and a file may be replaced
        key = pages.digest(f"{file.sha256} {file.url}")
        self._kept = cache / key[:2] / f"{key}.json"
        facts = pages.load(self._kept)
        self._facts: dict[str, Any] = facts if facts.get("format") == FORMAT else {"format": FORMAT}
        self._wheel: Wheel | None = None
        self._download = False

    def holds(self, module: str, names: Collection[str]) -> Holds:
        """Raises BadWheel, and IndexFailed where the wheel cannot be had."""
        if self._file.metadata and (said := self._said(module, names)) is not Holds.UNKNOWN:
            return said
        try:
            return self._look(module, names)
        except RangesUnsupported:
            if (said := self._said(module, names)) is not Holds.UNKNOWN:
                return said
            self._download = True
            return self._look(module, names)

    def _said(self, module: str, names: Collection[str]) -> Holds:
        """Say what the metadata file beside the wheel tells, advertised or not."""
        if "declared" not in self._facts:
            if local_path(self._file.url):
                return Holds.UNKNOWN
            answer = self._web.get(self._file.url + ".metadata")
            said = declared(answer.body.decode("utf-8", "replace")) if answer.status == 200 else None
            self._remember("declared", said)
        if self._facts["declared"] is None:
            return Holds.UNKNOWN
        importable, namespaces = self._facts["declared"]
        said_of_module = declares(importable, namespaces, module)
        return Holds.UNKNOWN if said_of_module is Holds.YES and names else said_of_module

    def _look(self, module: str, names: Collection[str]) -> Holds:
        path = find_module(self._paths(), module)
        if path is None:
            return self._of_absent(module)
        missing = {
            name
            for name in names
            if name != "*" and name not in EVERY_MODULE_HAS and find_module(self._paths(), f"{module}.{name}") is None
        }
        if not missing:
            return Holds.YES
        if path.endswith(COMPILED):
            return Holds.UNKNOWN
        if not path:
            return Holds.NO
        found = self._bindings(module, path)
        missing -= found.names
        unsure = found.open
        for star in found.stars if missing else ():
            source = find_module(self._paths(), star)
            if not source or source.endswith(COMPILED):
                unsure = True
                continue
            behind = self._bindings(star, source)
            missing -= behind.names
            unsure = unsure or behind.open or bool(behind.stars)
        if not missing:
            return Holds.YES
        return Holds.UNKNOWN if unsure else Holds.NO

    def _of_absent(self, module: str) -> Holds:
        """Say NO, unless a module above it makes modules as it runs, as six does."""
        while module := module.rpartition(".")[0]:
            path = find_module(self._paths(), module)
            if path and (path.endswith(COMPILED) or self._bindings(module, path).aliases):
                return Holds.UNKNOWN
        return Holds.NO

    def _paths(self) -> list[str]:
        if "paths" not in self._facts:
            self._remember("paths", self._opened().paths)
        paths: list[str] = self._facts["paths"]
        return paths

    def _bindings(self, module: str, path: str) -> Bindings:
        known = self._facts.get("bindings", {})
        if module not in known:
            package = module if path.endswith("/__init__.py") else module.rpartition(".")[0]
            found = bindings(self._opened().read(path), package)
            row = [sorted(found.names), found.open, found.aliases, list(found.stars)]
            self._remember("bindings", {**known, module: row})
        names, is_open, aliases, stars = self._facts["bindings"][module]
        return Bindings(frozenset(names), is_open, aliases, tuple(stars))

    def _remember(self, what: str, fact: object) -> None:
        self._facts[what] = fact
        pages.save(self._kept, self._facts)

    def _opened(self) -> Wheel:
        if self._wheel is None:
            path = local_path(self._file.url)
            if path:
                try:
                    self._wheel = Wheel(path.open("rb"))
                except OSError as error:
                    raise BadWheel(error.strerror or "it cannot be read") from error
            else:
                self._wheel = Wheel(self._whole()) if self._download else Wheel(RemoteFile(self._part))
        return self._wheel

    def _part(self, first: int, last: int | None) -> tuple[bytes, int]:
        span = f"bytes={first}" if first < 0 else f"bytes={first}-{last}"
        answer = self._web.get(self._file.url, {**WHOLE, "Range": span})
        self._check(answer.status)
        size = re.fullmatch(r"bytes \d+-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if answer.status != 206 or size is None:
            raise RangesUnsupported
        return answer.body, int(size[1])

    def _whole(self) -> IO[bytes]:
        file = spool()
        answer = self._web.get(self._file.url, WHOLE, save=file)
        self._check(answer.status)
        if answer.status != 200:
            raise IndexFailed(f"{self._file.name} could not be fetched.", cause=f"the index answered {answer.status}")
        file.seek(0)
        if self._file.sha256 and _sha256(file) != self._file.sha256:
            raise BadWheel("it has another hash than the index says")
        return file

    def _check(self, status: int) -> None:
        if status in (404, 410):
            raise BadWheel("the index lists it but does not have it")
        if status in (401, 403):
            raise IndexFailed(
                f"{self._file.name} could not be fetched.",
                cause=f"the index answered {status}",
                hint="It wants a login: put one into its URL or into ~/.netrc.",
            )


def _sha256(file: IO[bytes]) -> str:
    import hashlib

    found = hashlib.file_digest(cast(io.BufferedReader, file), "sha256").hexdigest()
    file.seek(0)
    return found
