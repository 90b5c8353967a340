"""Which distribution provides an import: an ordered chain, each answer saying who gave it and why.

1 declared   the script or its project        4 table   package_names.toml
2 config     the user's own [names]           5 index   a wheel that really holds the module, through the gate
3 learned    an earlier run of this script
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from luci.config import GateSettings
from luci.envs.interpreters import Interpreter
from luci.errors import IndexFailed
from luci.runner.imports import Certainty, Import
from luci.runner.table import Table, normal, one_edit_apart, prefixes

if TYPE_CHECKING:
    from luci.runner.declared import Declarations, Declared
    from luci.runner.index import File, Index, Project, Release, Use

T = TypeVar("T")
R = TypeVar("R")
Source = Literal["declared", "config", "learned", "table", "index"]
Status = Literal["install", "ask", "none", "skip"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which distribution provides a module, and who says so.

    `status`: it installs, it waits for a yes because of `doubts`, nothing provides it (`kind` says which nothing),
    or it is optional and not sure enough. `wheel` is whether the target can take a wheel of it, as far as known.
    """

    module: str
    requirements: tuple[str, ...]
    source: Source
    reason: str
    imports: tuple[Import, ...] = ()
    status: Status = "install"
    doubts: tuple[str, ...] = ()
    kind: str = ""
    wheel: bool = True
    dated: bool = False  # a guess whose releases all say when they were uploaded, so that young ones can be left out

    @property
    def certainty(self) -> Certainty:
        """That of its most certain import."""
        order = list(Certainty)
        return min((i.certainty for i in self.imports), key=order.index, default=Certainty.DYNAMIC)


@dataclass(frozen=True)
class Knowledge:
    """All that the chain may ask, in the chain's order."""

    declared: Declarations | None
    config: Mapping[str, str]
    learned: Mapping[str, str]
    table: Table
    index: Index | None
    gate: GateSettings
    approved: frozenset[str] = frozenset()  # distributions that --allow or an answered question let in
    troubles: list[str] = field(default_factory=list)  # what the index could not say


def choose(imports: Iterable[Import], known: Knowledge, python: Interpreter) -> tuple[Choice, ...]:
    """Return a choice for each module that must come from elsewhere, in the order of the source."""
    wanted = _one_of_each_alternative(list(imports), known)
    groups: dict[tuple[str, tuple[str, ...]], list[Import]] = {}
    answers: dict[tuple[str, tuple[str, ...]], Choice] = {}
    guesses: dict[str, list[Import]] = {}
    for seen in wanted:
        for dotted in _dotted(seen):
            answer = _sure(dotted, seen, known)
            if answer is None:
                guesses.setdefault(dotted.partition(".")[0], []).append(seen)
                continue
            key = (answer.module if not answer.requirements else "", answer.requirements)
            answers.setdefault(key, answer)
            if seen not in groups.setdefault(key, []):
                groups[key].append(seen)
    sure = [replace(answer, imports=tuple(groups[key])) for key, answer in answers.items()]
    checked = _with_versions([_optional_or(c) for c in sure], known, python)
    guessed = _guessed(guesses, known, python)
    return tuple(sorted([*checked, *guessed], key=lambda c: [(i.file, i.line) for i in c.imports[:1]]))


def _dotted(seen: Import) -> list[str]:
    """Every dotted name that an import may mean: `from google.cloud import storage` means google.cloud.storage."""
    return [f"{seen.module}.{name}" for name in seen.names] or [seen.module]


def _one_of_each_alternative(imports: list[Import], known: Knowledge) -> list[Import]:
    """Keep, of imports of which one is enough, the first whose provider is sure, else the first."""
    kept, decided = [], {}
    for seen in imports:
        if not seen.alternatives:
            kept.append(seen)
            continue
        group = (seen.file, seen.alternatives)
        if group not in decided:
            members = [i for i in imports if (i.file, i.alternatives) == group]
            sure = (m for m in members if (answer := _sure(m.module, m, known)) and answer.requirements)
            decided[group] = next(sure, members[0]).module
        if seen.module == decided[group]:
            kept.append(seen)
    return kept


def _optional_or(choice: Choice) -> Choice:
    """An optional import is never a reason to ask, refuse or fail."""
    if choice.certainty is Certainty.OPTIONAL and choice.status != "install":
        return replace(choice, status="skip")
    return choice


# -- sources 1 to 4


def _sure(dotted: str, seen: Import, known: Knowledge) -> Choice | None:
    """Ask sources 1 to 4. None: only the index can tell."""
    used = {*seen.names, *seen.attributes}
    entry = known.table.lookup(dotted, used)
    if choice := _declared(dotted, entry.requirements if entry else (), known):
        return choice
    for part in prefixes(dotted):
        if part in known.config:
            return Choice(part, (known.config[part],), "config", "the config file says so")
    for part in prefixes(dotted):
        if part in known.learned:
            return Choice(part, (known.learned[part],), "learned", "an earlier run of this script needed it")
    if entry is None:
        return None
    if entry.kind == "provided":
        extra = next((known.table.extras[p] for p in prefixes(dotted) if p in known.table.extras), "")
        wanted = (extra,) if extra else entry.requirements
        renamed = normal(entry.module) != name_of(wanted[0])
        return Choice(
            entry.module, wanted, "table", f"{entry.module} is in {name_of(wanted[0])}" if renamed else "well known"
        )
    if entry.kind == "generic":
        reason = f"no {entry.module}.py is beside the script, and the name is too common to guess a distribution from"
        return Choice(entry.module, (), "table", reason, status="none", kind="generic")
    return Choice(entry.module, (), "table", entry.reason, status="none", kind=entry.kind)


def _declared(dotted: str, tabled: tuple[str, ...], known: Knowledge) -> Choice | None:
    if known.declared is None:
        return None
    for name in [*(name_of(r) for r in tabled), *candidates(dotted)]:
        lines = [d for d in known.declared.requirements if d.name == name and not d.constraint]
        if lines:
            return Choice(dotted.partition(".")[0], tuple(with_hashes(d) for d in lines), "declared", lines[0].origin)
    if known.declared.complete:
        return Choice(dotted.partition(".")[0], (), "declared", "what is declared is complete", status="skip")
    return None


def with_hashes(line: Declared) -> str:
    """Return a declared line as an installer reads it, the hashes it must have behind it."""
    return " ".join([line.line, *(f"--hash={digest}" for digest in line.hashes)])


def candidates(dotted: str) -> list[str]:
    """Return the distribution names that an import's name suggests, canonical, the likeliest first.

    >>> candidates("zope.event")
    ['zope-event', 'zope', 'python-zope', 'pyzope', 'zope-python', 'py-zope']
    """
    parts = dotted.split(".")
    top = parts[0]
    joined = ["-".join(parts[:n]) for n in range(min(len(parts), 3), 1, -1)]
    return list(
        dict.fromkeys(normal(n) for n in [*joined, top, f"python-{top}", f"py{top}", f"{top}-python", f"py-{top}"])
    )


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return normal(match.group()) if match else ""


# -- the right version


def _with_versions(choices: list[Choice], known: Knowledge, python: Interpreter) -> list[Choice]:
    """Hold a known name back to the newest release that still has the submodules and names the script imports."""
    open_to_change = {
        name_of(choice.requirements[0]): choice
        for choice in choices
        if choice.status == "install" and choice.source in ("table", "config") and _bare(choice.requirements[0])
    }
    uses = {name: _uses(choice.imports) for name, choice in open_to_change.items()}
    asked = [name for name, wanted in uses.items() if wanted]
    if known.index is None or not asked:
        return choices
    try:
        projects = known.index.projects(asked)
        found = dict(_in_parallel(lambda name: _newest(known.index, projects[name], uses[name], python), asked))
    except IndexFailed as error:
        known.troubles.append(error.message)
        return choices
    return [
        _held_back(choice, found.get(name_of(choice.requirements[0])) if choice.requirements else None)
        for choice in choices
    ]


@dataclass(frozen=True, slots=True)
class _Newest:
    release: Release | None  # the newest that holds what is used
    latest: Release | None  # the newest the target can take at all


def _newest(index: Index | None, project: Project | None, uses: tuple[Use, ...], python: Interpreter) -> _Newest:
    if index is None or project is None:
        return _Newest(None, None)
    fits = fits_for(python)
    latest = next((r for r in project.releases if not r.version.is_prerelease and any(map(fits, r.files))), None)
    return _Newest(index.newest_holding(project, uses, fits), latest)


def _held_back(choice: Choice, newest: _Newest | None) -> Choice:
    if newest is None or newest.latest is None or choice.status != "install":
        return (
            choice if newest is None or newest.latest or choice.source == "declared" else replace(choice, wheel=False)
        )
    if newest.release is None or newest.release.version >= newest.latest.version:
        return choice
    missing = ", ".join(sorted({name for i in choice.imports for name in ([*i.names] or [i.module])}))
    limit = f"{choice.requirements[0]}<={newest.release.version}"
    reason = f"{choice.reason}; the newest release that has {missing} ({newest.latest.version} has not)"
    return replace(choice, requirements=(limit, *choice.requirements[1:]), reason=reason)


def without_bounds(requirement: str) -> str:
    """Return the name and extras of a requirement.

    >>> without_bounds("Django[argon2] >=4,<5")
    'Django[argon2]'
    """
    match = re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?", requirement.strip())
    return match.group() if match else requirement.strip()


def _bare(requirement: str) -> bool:
    """Whether luci may choose the version."""
    return without_bounds(requirement) == requirement.strip()


def _uses(imports: Iterable[Import]) -> tuple[Use, ...]:
    """What must be there, of imports whose absence would end the script."""
    from luci.runner.index import Use

    firm = (i for i in imports if i.certainty is not Certainty.OPTIONAL and not i.alternatives)
    return tuple(Use(i.module, i.names) for i in firm if i.names or "." in i.module)


def fits_for(python: Interpreter) -> Callable[[File], bool]:
    """Return whether a wheel can be installed for `python`: its tags, and its Requires-Python."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    def fits(file: File) -> bool:
        if file.kind != "wheel":
            return False
        try:
            tags = parse_wheel_filename(file.name)[3]
            wanted = SpecifierSet(file.requires_python)
        except (InvalidWheelFilename, InvalidSpecifier):
            return False
        return not tags.isdisjoint(python.tags) and wanted.contains(python.version, prereleases=True)

    return fits


def _in_parallel(do: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    from concurrent.futures import ThreadPoolExecutor  # 6 ms, and only where the index is asked

    listed = list(items)
    with ThreadPoolExecutor(8) as pool:
        yield from zip(listed, pool.map(do, listed), strict=True)


# -- source 5, and its gate


def _guessed(guesses: Mapping[str, list[Import]], known: Knowledge, python: Interpreter) -> list[Choice]:
    firm = {top: seen for top, seen in guesses.items() if any(i.certainty is not Certainty.OPTIONAL for i in seen)}
    skipped = [
        Choice(top, (), "index", "optional, and no source that is sure knows it", tuple(seen), "skip")
        for top, seen in guesses.items()
        if top not in firm
    ]
    if not firm:
        return skipped
    if known.index is None:
        unknown = "the index was not asked"
        return skipped + [Choice(t, (), "index", unknown, tuple(s), "none", kind="unknown") for t, s in firm.items()]
    names = {top: _untaken(top, seen, known) for top, seen in firm.items()}
    try:
        projects = known.index.projects({name for listed in names.values() for name in listed})
        found = _in_parallel(lambda top: _evidence(top, firm[top], names[top], projects, known, python), firm)
        return skipped + [choice for _, choice in found]
    except IndexFailed as error:
        known.troubles.append(error.message)
        reason = f"the index could not be asked: {error.message}"
        return skipped + [Choice(t, (), "index", reason, tuple(s), "none", kind="unknown") for t, s in firm.items()]


def _untaken(top: str, imports: list[Import], known: Knowledge) -> list[str]:
    named = [name for seen in imports for dotted in _dotted(seen) for name in candidates(dotted)]
    return [name for name in dict.fromkeys([*named, *candidates(top)]) if name not in known.table.taken]


@dataclass(frozen=True, slots=True)
class _Candidate:
    project: Project
    release: Release | None  # None: no wheel can prove anything
    proven: bool

    @property
    def born(self) -> datetime | None:
        dates = [r.uploaded for r in self.project.releases if r.uploaded]
        return min(dates) if len(dates) == len(self.project.releases) and dates else None


def _evidence(
    top: str,
    imports: list[Import],
    names: list[str],
    projects: Mapping[str, Project | None],
    known: Knowledge,
    python: Interpreter,
) -> Choice:
    """Return the candidate whose wheel holds the module and what is used of it; of several the oldest."""
    from luci.runner.index import Holds, Use

    assert known.index is not None
    uses = _uses(imports) or (Use(top, ()),)
    quarantine = datetime.now(UTC) - timedelta(days=known.gate.quarantine_days)
    fits = fits_for(python)
    found = []
    for name in names:
        project = projects.get(name)
        if project is None or not project.releases:
            continue
        release = known.index.newest_holding(project, uses, fits, before=quarantine)
        release = release or known.index.newest_holding(project, uses, fits)
        if release:
            wheel = next(file for file in release.files if fits(file))
            sure = all(known.index.holds(wheel, use.module, use.names) is Holds.YES for use in uses)
            found.append(_Candidate(project, release, sure))
        elif name == normal(top) and not any(file.kind == "wheel" for r in project.releases for file in r.files):
            found.append(_Candidate(project, None, False))
    if not found:
        reason = f"no distribution on the index was found that holds {', '.join(sorted({u.module for u in uses}))}"
        return Choice(top, (), "index", reason, tuple(imports), "none", kind="unknown")
    never = datetime.max.replace(tzinfo=UTC)
    best = min(found, key=lambda c: (c.release is None, not c.proven, c.born or never, -len(c.project.releases)))
    return _gated(top, imports, best, known, fits)


def _gated(top: str, imports: list[Import], best: _Candidate, known: Knowledge, fits: Callable[[File], bool]) -> Choice:
    name, gate, now = normal(best.project.name), known.gate, datetime.now(UTC)
    doubts = _doubts(name, best, known, now)
    if best.release is None:
        doubts.append(f"{name} has no wheel that could show what it holds; building it runs its code")
    elif not best.proven:
        doubts.append(f"the wheel of {name} does not show all that the script imports")
    if too_young := best.release is not None and _young(best.release, gate, now):
        doubts.append(f"its only fitting release is younger than {gate.quarantine_days:g} days")
    since = f" since {best.born.year}" if best.born else ""
    count = len(best.project.releases)
    reason = f"{name} {best.release.version if best.release else ''} holds {top}; {count} releases{since}"
    latest = next((r for r in best.project.releases if not r.version.is_prerelease and any(map(fits, r.files))), None)
    held_back = best.release and latest and best.release.version < latest.version and not _young(latest, gate, now)
    requirement = f"{name}<={best.release.version}" if best.release and held_back else name
    status: Status = "install" if not doubts or name in known.approved else "ask"
    dated = best.born is not None and not too_young
    return Choice(top, (requirement,), "index", reason, tuple(imports), status, tuple(doubts), dated=dated)


def _doubts(name: str, found: _Candidate, known: Knowledge, now: datetime) -> list[str]:
    """What keeps a name that only the index speaks for from being trusted: its age, its releases, its spelling."""
    gate, count, doubts = known.gate, len(found.project.releases), []
    if found.born is None:
        doubts.append("the index does not say when it was uploaded")
    elif now - found.born < timedelta(days=gate.age_days):
        doubts.append(f"it is {(now - found.born).days} days old (less than {gate.age_days:g})")
    if count < gate.releases:
        doubts.append(f"it has {count} release{'s' * (count != 1)} (fewer than {gate.releases})")
    if near := one_edit_apart(name, known.table.distributions):
        doubts.append(f"its name is one letter from {near}")
    return doubts


def doubts_about(name: str, known: Knowledge, python: Interpreter) -> tuple[str, ...]:
    """Return what speaks against a distribution that a script, not a person, asked for by name; none for known ones."""
    if name in known.table.distributions or name in known.approved:
        return ()
    if name in known.table.taken:
        return (known.table.taken[name],)
    if known.index is None or (project := known.index.project(name)) is None:
        return ("the index does not know it",)
    return tuple(_doubts(name, _Candidate(project, None, False), known, datetime.now(UTC)))


def _young(release: Release, gate: GateSettings, now: datetime) -> bool:
    return release.uploaded is not None and now - release.uploaded < timedelta(days=gate.quarantine_days)


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


def guessed(choices: Collection[Choice]) -> frozenset[str]:
    """Return the distributions that only the index spoke for."""
    return frozenset(name_of(r) for c in choices if c.source == "index" for r in c.requirements)
