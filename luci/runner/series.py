"""Search the releases of a project, newest first, for the newest that has what is looked for, in few looks.

What a series of releases dropped is taken to stay dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from luci.runner.projects import Release

Has = Callable[[Release], bool]


def at_series_ends(releases: Sequence[Release], has_all: Has) -> Release | None:
    """Try the last release of each major version, going back; then find where in the next major it was dropped."""
    series = _series(releases, 1)
    for number, group in enumerate(series):
        if has_all(group[0]):
            return (_last_before_drop(series[number - 1], has_all) if number else None) or group[0]
    return None


def within_series(releases: Sequence[Release], has_all: Has) -> Release | None:
    """The same for minor versions, and last inside of each, where steps double."""
    minors = _series(releases, 2)
    for number, group in enumerate(minors):
        if has_all(group[0]):
            return (_last_before_drop(minors[number - 1], has_all) if number else None) or group[0]
    return next((found for group in minors if (found := _galloping(group, has_all))), None)


def _series(releases: Sequence[Release], parts: int) -> list[list[Release]]:
    def prefix(release: Release) -> tuple[int, ...]:
        return (release.version.epoch, *(*release.version.release, 0, 0)[:parts])

    return [list(group) for _, group in groupby(releases, prefix)]


def _galloping(group: Sequence[Release], has_all: Has) -> Release | None:
    missed, step = 0, 1
    while missed < len(group) - 1:
        at = min(missed + step, len(group) - 1)
        if has_all(group[at]):
            return _last_before_drop(group[missed : at + 1], has_all)
        missed, step = at, step * 2
    return None


def _last_before_drop(group: Sequence[Release], has_all: Has) -> Release | None:
    """Bisect: the newest of the group is known to lack it; None where the oldest lacks it too."""
    lacks, has = 0, len(group) - 1
    if has == 0 or not has_all(group[has]):
        return None
    while has - lacks > 1:
        middle = (lacks + has) // 2
        if has_all(group[middle]):
            has = middle
        else:
            lacks = middle
    return group[has]
