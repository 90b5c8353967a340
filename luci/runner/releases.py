"""The right version: the newest release that still has what a script imports, for this Python or another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from luci.envs import fitting
from luci.envs.interpreters import Interpreter
from luci.errors import IndexFailed
from luci.runner.choices import Choice, Knowledge, is_bare, name_of
from luci.runner.imports import Certainty
from luci.values import Value, replace

if TYPE_CHECKING:
    from luci.runner.index import File, Index, Project, Release, Use

_TRIED = 3  # fitting releases that are looked into, below the newest that holds what is used


def right_versions(choices: list[Choice], known: Knowledge, python: Interpreter) -> list[Choice]:
    """Hold a known name back to the newest release that still has the submodules and names the script imports."""
    open_to_change = {
        name_of(choice.requirements[0]): choice
        for choice in choices
        if choice.status == "install" and choice.source in ("table", "config") and is_bare(choice.requirements[0])
    }
    uses = {name: uses_of(choice) for name, choice in open_to_change.items()}
    dropped = {name: _dropped(choice) for name, choice in open_to_change.items()}
    asked = [name for name, wanted in uses.items() if wanted or dropped[name]]
    if known.index is None or not asked:
        return choices
    try:
        projects = known.index.projects(asked)
        index = known.index
        found = index.side_by_side(
            lambda name: _newest_before(index, projects[name], uses[name], python, dropped[name]), asked
        )
    except IndexFailed as error:
        known.troubles.append(f"{error.message} {error.cause}".strip())
        return choices
    return [
        _held_back(choice, found.get(name_of(choice.requirements[0])) if choice.requirements else None)
        for choice in choices
    ]


def _dropped(choice: Choice) -> str:
    """Return the oldest of the releases that dropped something the script uses, as far as that is known of it."""
    from packaging.version import Version

    firm = [i for i in choice.imports if i.certainty is not Certainty.OPTIONAL and not i.alternatives]
    return min((i.until for i in firm if i.until), key=Version, default="")


def _newest_before(
    index: Index, project: Project | None, uses: tuple[Use, ...], python: Interpreter, release: str
) -> Newest:
    """Return the newest that holds what is used, of the releases before one; of all where none is named."""
    if not release or project is None:
        return newest(index, project, uses, python)
    fits = fits_for(python)
    latest = next((r for r in project.releases if not r.version.is_prerelease and any(map(fits, r.files))), None)
    found = newest(index, before(project, release), uses, python)
    if found.release is None:
        return replace(found, elsewhere=any(r.wheels for r in project.releases))
    return replace(found, latest=latest, as_of=last_day(project, found.release))


def before(project: Project, version: str) -> Project:
    """The project as it was before a release."""
    from packaging.version import Version

    return replace(project, releases=tuple(r for r in project.releases if r.version < Version(version)))


class Newest(Value):
    """`release` is the newest that holds what is used and that the target can take, `latest` the newest it can take at
    all, `elsewhere` whether a release that holds it has wheels for other Pythons only."""

    release: Release | None = None
    latest: Release | None = None
    elsewhere: bool = False
    as_of: str = ""  # the last day before the release that dropped it


def newest(
    index: Index, project: Project | None, uses: tuple[Use, ...], python: Interpreter, *, sure: bool = False
) -> Newest:
    """Return the newest release of a project that holds `uses`, as far as this Python can take it. With `sure` a wheel
    must show them; without, it is enough that none shows their absence.

    What a release holds hardly depends on the Python it was built for, so one search over all wheels serves them all.
    """
    if project is None:
        return Newest()
    fits = fits_for(python)
    taken = (r for r in project.releases if not r.version.is_prerelease and any(map(fits, r.files)))
    latest = next(taken, None)
    if latest and _holds(index, latest, uses, fits, sure):
        return Newest(latest, latest)
    holding = index.newest_holding(project, uses, lambda file: file.kind == "wheel", sure=sure)
    if holding is None:
        return Newest(None, latest, elsewhere=latest is None and any(r.wheels for r in project.releases))
    all_fitting = chain([latest], taken) if latest else ()
    older = islice((release for release in all_fitting if release.version <= holding.version), _TRIED)
    release = next((release for release in older if _holds(index, release, uses, fits, sure)), None)
    return Newest(release, latest, elsewhere=release is None, as_of=last_day(project, holding))


def last_day(project: Project, release: Release) -> str:
    """Return the last day on which a release was the newest, the day before the next came. Empty if unknown."""
    later = [r.uploaded for r in project.releases if r.version > release.version and not r.version.is_prerelease]
    next_one = min((when for when in later if when), default=None)
    return (next_one.date() - timedelta(days=1)).isoformat() if next_one else ""


def _holds(index: Index, release: Release, uses: tuple[Use, ...], fits: Callable[[File], bool], sure: bool) -> bool:
    from luci.runner.index import Holds

    wheel = next(file for file in release.files if fits(file))
    shown = [index.holds(wheel, use.module, use.names) for use in uses]
    return all(h is Holds.YES or (h is Holds.UNKNOWN and not sure) for h in shown)


def _held_back(choice: Choice, found: Newest | None) -> Choice:
    if found is None or choice.status != "install":
        return choice
    if found.elsewhere:
        return replace(choice, wheel=False)
    if found.release is None or found.latest is None or found.release.version >= found.latest.version:
        return choice
    deciding = [i.why for i in choice.imports if i.until]
    used = deciding or [name for i in choice.imports for name in ([*i.names] or [i.module])]
    missing = ", ".join(sorted(set(used)))
    limit = f"{choice.requirements[0]}<={found.release.version}"
    reason = f"{choice.reason}; the newest release that has {missing} ({found.latest.version} has not)"
    return replace(choice, requirements=(limit, *choice.requirements[1:]), reason=reason, as_of=found.as_of)


def uses_of(choice: Choice) -> tuple[Use, ...]:
    """What must be there, of imports whose absence would end the script. Of `from google.cloud import storage, tasks`
    one distribution must hold google.cloud.storage, the other google.cloud.tasks."""
    from luci.runner.index import Use

    firm = [i for i in choice.imports if i.certainty is not Certainty.OPTIONAL and not i.alternatives]
    inner = {Use(choice.module) for i in firm if choice.module.startswith(f"{i.module}.")}
    outer = [Use(i.module, i.names) for i in firm if not choice.module.startswith(f"{i.module}.")]
    return (*inner, *(use for use in outer if use.names or "." in use.module))


def fits_for(python: Interpreter) -> Callable[[File], bool]:
    """Return whether a wheel can be installed for `python`: its tags, and its Requires-Python."""

    def fits(file: File) -> bool:
        try:
            return (
                file.kind == "wheel"
                and fitting.takes(python.tags, file.name)
                and fitting.satisfies(python.version, file.requires_python)
            )
        except ValueError:
            return False

    return fits


def has_wheels(names: Collection[str], known: Knowledge, python: Interpreter) -> bool:
    """Whether each distribution has some wheel for `python`, as far as the index says."""
    if known.index is None:
        return True
    fits = fits_for(python)
    try:
        projects = known.index.projects(names)
    except IndexFailed:
        return True
    return all(p is None or any(fits(file) for r in p.releases for file in r.files) for p in projects.values())
