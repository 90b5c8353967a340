"""A project on the indexes: its releases, the newest first, and when time alone changes what may be taken of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from luci.config import GateSettings
from luci.runner.listing import File
from luci.values import Value

if TYPE_CHECKING:
    from packaging.version import Version


class Release(NamedTuple):
    version: Version
    files: tuple[File, ...]

    @property
    def uploaded(self) -> datetime | None:
        """When its first file came, None where the index does not say."""
        times = [file.uploaded for file in self.files if file.uploaded]
        return min(times, default=None)

    @property
    def wheels(self) -> tuple[File, ...]:
        return tuple(file for file in self.files if file.kind == "wheel" and not file.yanked)


class Project(Value):
    """`releases`: newest first, without those that are yanked as a whole. `stale`: told from an old page."""

    name: str
    releases: tuple[Release, ...]
    stale: bool = False


def releases_of(files: Iterable[File]) -> Iterator[Release]:
    """Yield releases, newest first; versions that cannot be read are left out, as installers leave them."""
    by_version: dict[Version, list[File]] = {}
    by_text: dict[str, list[File]] = {}
    for file in files:
        by_text.setdefault(file.version, []).append(file)
    for text, listed in by_text.items():
        if version := _version(text):
            by_version.setdefault(version, []).extend(listed)  # 1.0 and 1.0.0 are one
    for version in sorted(by_version, reverse=True):
        if not all(file.yanked for file in by_version[version]):
            yield Release(version, tuple(by_version[version]))


def turning_points(project: Project, gate: GateSettings, now: datetime) -> Iterator[datetime]:
    """Yield when a release leaves the quarantine, when the project is old enough, and when it is a day older."""
    uploads = [file.uploaded for release in project.releases for file in release.files if file.uploaded]
    yield from (when + timedelta(days=gate.quarantine_days) for when in uploads)
    if uploads and (born := min(uploads)) + timedelta(days=gate.age_days) > now:
        yield born + timedelta(days=gate.age_days)
        yield born + timedelta(days=(now - born).days + 1)


def _version(text: str) -> Version | None:
    from packaging.version import InvalidVersion, Version  # 3 ms, and only where the index is asked

    try:
        return Version(text)
    except InvalidVersion:
        return None
