"""What the package indexes hold: projects, their releases, and what is inside their wheels."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from luci import kept
from luci.config import GateSettings, IndexSettings
from luci.context import never
from luci.envs.sources import Sources, local_path, without_credentials
from luci.errors import IndexFailed
from luci.runner import pages
from luci.runner.listing import File, Unreadable, listed
from luci.runner.pages import Page, digest
from luci.runner.projects import Project, Release, releases_of, turning_points
from luci.runner.series import at_series_ends, within_series
from luci.runner.table import normal
from luci.runner.web import Unasked, Web, refused
from luci.runner.wheels import BadWheel, Holds
from luci.values import Value, replace

if TYPE_CHECKING:
    from packaging.version import Version

    from luci.runner.inside import Inside

__all__ = ["File", "Holds", "Index", "Project", "Release", "Use"]

PROBES = 30  # wheels looked into for one question
THREADS = 8
OPEN = 32  # wheels kept open
T = TypeVar("T")
R = TypeVar("R")


class Use(Value):
    """What a script takes from a distribution: a module, dotted, and names imported from it."""

    module: str
    names: tuple[str, ...] = ()


class Index:
    """All the places as one, for any number of threads. `troubles`: what went wrong and could be borne."""

    def __init__(
        self, sources: Sources, settings: IndexSettings, cache: Path, stop: Callable[[], bool] = never
    ) -> None:
        self.troubles: list[str] = []
        self.heard: dict[str, tuple[kept.Stamp, float]] = {}  # files that told something, and until when they may
        self.asks = repr((sources, settings))  # equal for indexes that would ask the same; it may hold credentials
        self.web = Web(sources, settings, stop)
        self._sources = sources
        self._settings = settings
        self._pages = cache / "pages"
        self._facts = cache / "wheels"
        self._local = cache / "local"
        self._projects: dict[str, Project | None] = {}
        self._wheels: dict[str, Inside] = {}
        self._bad: dict[str, str] = {}  # what was wrong with each wheel that was opened, "" for nothing
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def project(self, name: str) -> Project | None:
        """Return what the places hold of a project, None where none of them knows it.

        Raises IndexFailed where that cannot be told: a place did not answer, and nothing is cached.
        """
        name = normal(name)
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name):
            return None
        with self._only_one("project " + name):
            if name not in self._projects:
                self._projects[name] = self._look_up(name)
            return self._projects[name]

    def projects(self, names: Iterable[str]) -> dict[str, Project | None]:
        """Return `project` of each, asked for side by side."""
        return self.side_by_side(self.project, dict.fromkeys(names))

    def side_by_side(self, do: Callable[[T], R], items: Iterable[T]) -> dict[T, R]:
        """Return what `do` tells of each, in order: at once what is cached, several at a time what must be fetched."""
        told: dict[T, R] = {}
        waiting: list[T] = []
        for item in items:
            try:
                with self.web.hushed():
                    told[item] = do(item)
            except Unasked:
                waiting.append(item)
                told[item] = None  # type: ignore[assignment]  # keeps its place
        if waiting:
            from concurrent.futures import ThreadPoolExecutor  # 6 ms

            with ThreadPoolExecutor(min(THREADS, len(waiting))) as pool:
                told.update(zip(waiting, pool.map(do, waiting), strict=True))
        return told

    def hear(self, path: str, stamp: kept.Stamp, until: float) -> None:
        """Note that a file told something, when it was like this, and until when it may be believed."""
        self.heard[path] = stamp, until

    def believed_until(self, now: float, gate: GateSettings | None = None) -> float:
        """Return until when (seconds since the epoch) the same questions get the same answers, while the files that
        told them stay as they are; with a gate, until time alone lets another release through it."""
        instants = [until for _, until in self.heard.values()]
        if gate:
            told = datetime.fromtimestamp(now, UTC)
            projects = [project for project in self._projects.values() if project]
            instants += (when.timestamp() for p in projects for when in turning_points(p, gate, told) if when >= told)
        return min(instants, default=float("inf"))

    def doubt_absence(self, names: Iterable[str]) -> None:
        """Let the next plan ask again for projects that were not found: an index that is ill may say so of any."""
        for name in names:
            for place in self._sources.indexes_for(name):
                known = pages.read(self._kept_at(place, name))
                if known and known.files is None:
                    pages.write(self._kept_at(place, name), replace(known, fetched=0))

    def holds(self, file: File, module: str, names: Collection[str] = ()) -> Holds:
        """Say whether a wheel has a module, and in it the names imported from it. Raises IndexFailed."""
        with self._only_one("wheel " + file.url):
            if self._bad.get(file.url):
                return Holds.NO
            try:
                told = self._inside(file).holds(module, names)
                self._bad[file.url] = ""
                return told
            except BadWheel as error:
                self._bad[file.url] = f"{file.name} is no wheel that could be installed: {error}"
                self._trouble(self._bad[file.url])
                return Holds.NO

    def unread(self, project: Project) -> str:
        """Return why none of a project's wheels that were looked into could be read; empty where one could be."""
        looked_into = [self._bad[file.url] for r in project.releases for file in r.files if file.url in self._bad]
        return looked_into[0] if all(looked_into) and looked_into else ""

    def newest_holding(
        self,
        project: Project,
        uses: Sequence[Use],
        fits: Callable[[File], bool],
        before: datetime | None = None,
        sure: bool = False,
    ) -> Release | None:
        """Return the newest release with a wheel that `fits` and does not lack any of the uses; with `sure`, one that
        shows them all.

        Pre-releases count only where there is nothing else. Releases without an upload time are not `before` any.
        It looks into 30 wheels at most, taking for granted that what a series of releases dropped stays dropped.
        """
        releases = [r for r in project.releases if not r.version.is_prerelease] or list(project.releases)
        known: dict[Version, bool] = {}
        related = False

        def wheel_of(release: Release) -> File | None:
            old = (w for w in release.wheels if before is None or (w.uploaded is not None and w.uploaded < before))
            return next(filter(fits, old), None)

        def has_all(release: Release) -> bool:
            nonlocal related
            if release.version not in known and len(known) < PROBES and (wheel := wheel_of(release)):
                shown = [self.holds(wheel, use.module, use.names) for use in uses]
                known[release.version] = all(h is Holds.YES or (h is Holds.UNKNOWN and not sure) for h in shown)
                tops = {use.module.partition(".")[0] for use in uses}
                related = related or any(self.holds(wheel, top) is not Holds.NO for top in tops)
            return known.get(release.version, False)

        newest = next(filter(wheel_of, releases), None)
        if newest is None or has_all(newest):
            return newest
        fitting = [release for release in releases if wheel_of(release)]
        return at_series_ends(fitting, has_all) or (within_series(fitting, has_all) if related else None)

    def _look_up(self, name: str) -> Project | None:
        found: list[Page] = []
        failures: list[IndexFailed] = []
        for place in self._sources.indexes_for(name):
            try:
                page = self._page(place, name)
            except IndexFailed as error:
                failures.append(error)
                if not self._sources.best_match:  # an index that was to decide is silent, so a later one must not
                    break
                continue
            if page.files is not None:
                found.append(page)
                if not self._sources.best_match:
                    break
        found += self._linked(name)
        if failures and not found:
            raise failures[0]
        for failure in failures:
            self._trouble(f"{failure.message} {failure.cause}")
        if not found:
            return None
        files = {file.name: file for page in reversed(found) for file in page.files or ()}
        stale = any(page.stale for page in found) or bool(failures)
        return Project(name, tuple(releases_of(files.values())), stale)

    def _page(self, place: str, name: str) -> Page:
        url = f"{place.rstrip('/')}/{quote(name)}/"
        path = local_path(url)
        if path is not None:
            self._hear_local(path / "index.html")
            return pages.local(path / "index.html", name, self._local)
        return self._remote_page(url, name, self._kept_at(place, name))

    def _kept_at(self, place: str, name: str) -> Path:
        return self._pages / digest(without_credentials(place)) / f"{name}.json"

    def _linked(self, name: str) -> Iterator[Page]:
        """Yield what flat places hold: folders of files, or single pages of links to files."""
        for place in self._sources.find_links:
            path = local_path(place)
            if path is None:
                cached = self._pages / digest("links " + without_credentials(place)) / f"{name}.json"
                page = self._remote_page(place, name, cached)
            else:
                self._hear_local(path)
                page = pages.local(path, name, self._local)
            if page.files:
                yield page

    def _remote_page(self, url: str, name: str, cached: Path) -> Page:
        stamp = kept.stamp(str(cached))  # before it is read: a newer page shows
        known = pages.read(cached)
        if known and (self._settings.offline or 0 <= time.time() - known.fetched < self._settings.fresh_seconds):
            self.hear(str(cached), stamp, self._believed(known))
            return known
        try:
            page = self._fetched_page(url, name, known)
        except IndexFailed as error:
            if known is None:
                raise
            self._trouble(f"{error.message} {error.cause}; what it said before is used.")
            return replace(known, stale=True)
        pages.write(cached, page)
        self.hear(str(cached), kept.stamp(str(cached)), self._believed(page))
        return page

    def _believed(self, page: Page) -> float:
        return float("inf") if self._settings.offline else page.fetched + self._settings.fresh_seconds

    def _hear_local(self, path: Path) -> None:
        stamp = kept.stamp(str(path))
        told_by_it = not stamp or kept.settled(stamp, time.time_ns())
        self.hear(str(path), stamp, float("inf") if told_by_it else 0)

    def _fetched_page(self, url: str, name: str, known: Page | None) -> Page:
        headers = {"Accept": pages.ACCEPT}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        answer = self.web.get(url, headers)
        if answer.status == 304 and known:
            return replace(known, fetched=time.time())
        if answer.status in (404, 410):
            return Page(None, time.time())
        if answer.status != 200:
            raise refused(url, f"it answered {answer.status}")
        try:
            files = listed(answer.body, answer.headers.get("Content-Type", ""), answer.url, name)
        except Unreadable as error:
            raise refused(url, str(error)) from error
        return Page(files, time.time(), answer.headers.get("ETag", ""))

    def _inside(self, file: File) -> Inside:
        with self._lock:
            from luci.runner.inside import Inside  # 3 ms

            inside = self._wheels.pop(file.url, None) or Inside(file, self.web, self._facts)
            self._wheels[file.url] = inside
            if len(self._wheels) > OPEN:
                del self._wheels[next(iter(self._wheels))]
            return inside

    def _only_one(self, what: str) -> threading.Lock:
        """Return the lock on `what`, so that two threads that need the same do not both fetch it."""
        with self._lock:
            return self._locks.setdefault(what, threading.Lock())

    def _trouble(self, text: str) -> None:
        with self._lock:
            if text not in self.troubles:
                self.troubles.append(text)
