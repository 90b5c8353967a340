"""What the index itself says provides a module, and the gate such a guess must pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from luci.config import GateSettings
from luci.envs.interpreters import Interpreter
from luci.errors import IndexFailed
from luci.runner.choices import Choice, Knowledge, Status
from luci.runner.imports import Certainty, Import
from luci.runner.releases import fits_for, last_day, newest, uses_of
from luci.runner.table import normal, one_edit_apart
from luci.values import Value, replace

if TYPE_CHECKING:
    from luci.runner.index import File, Project, Release


class Guess(Value):
    """A module that no sure source knows: where it is imported, and the distributions its name suggests."""

    module: str
    imports: tuple[Import, ...] = ()
    names: tuple[str, ...] = ()

    def plus(self, seen: Import, dotted: str, family: tuple[str, ...]) -> Guess:
        imports = self.imports if seen in self.imports else (*self.imports, seen)
        return replace(self, imports=imports, names=tuple(dict.fromkeys([*self.names, *family, *candidates(dotted)])))

    def unanswered(self, reason: str) -> Choice:
        return Choice(self.module, (), "index", reason, self.imports, "none", kind="unknown")


def candidates(dotted: str) -> list[str]:
    """Return the distribution names that an import's name suggests, canonical, the likeliest first.

    >>> candidates("zope.event")
    ['zope-event', 'zope', 'python-zope', 'pyzope', 'zope-python', 'py-zope']
    """
    parts = dotted.split(".")
    top = parts[0]
    joined = ["-".join(parts[:n]) for n in range(min(len(parts), 3), 1, -1)]
    derived = (f"python-{top}", f"py{top}", f"{top}-python", f"py-{top}")
    return list(dict.fromkeys(normal(name) for name in (*joined, top, *derived)))


def guess(guesses: list[Guess], known: Knowledge, python: Interpreter) -> list[Choice]:
    """Return a choice for each guess: proven by a wheel and through the gate, or waiting for a yes, or unanswered."""
    optional = [g for g in guesses if all(i.certainty is Certainty.OPTIONAL for i in g.imports)]
    unsure = "optional, and no source that is sure knows it"
    skipped = [Choice(g.module, (), "index", unsure, g.imports, "skip") for g in optional]
    firm = [g for g in guesses if g not in optional]
    if not firm:
        return skipped
    if known.index is None:
        return skipped + [g.unanswered("the index was not asked") for g in firm]
    try:
        # the likeliest first: where all fail, its failure is the one to tell
        projects = known.index.projects(name for g in firm for name in g.names if name not in known.table.taken)
        by_module = {g.module: g for g in firm}
        found = known.index.side_by_side(
            lambda module: _evidence(by_module[module], projects, known, python), by_module
        )
        return skipped + list(found.values())
    except IndexFailed as error:
        known.troubles.append(f"{error.message} {error.cause}".strip())
        return skipped + [g.unanswered(f"the index could not be asked: {error.message}") for g in firm]


class _Candidate(Value):
    project: Project
    release: Release | None  # None: no wheel can prove anything
    proven: bool

    @property
    def born(self) -> datetime | None:
        dates = [r.uploaded for r in self.project.releases if r.uploaded]
        return min(dates) if len(dates) == len(self.project.releases) and dates else None


def _evidence(wanted: Guess, projects: Mapping[str, Project | None], known: Knowledge, python: Interpreter) -> Choice:
    """Return the candidate whose wheel holds the module and what is used of it; of several the oldest."""
    from luci.runner.index import Holds, Use

    assert known.index is not None
    top = wanted.module
    uses = uses_of(wanted.unanswered("")) or (Use(top),)
    quarantine = datetime.now(UTC) - timedelta(days=known.gate.quarantine_days)
    fits = fits_for(python)
    found, elsewhere, unread = [], [], ""
    for name in wanted.names:
        project = projects.get(name)
        if project is None or not project.releases:
            continue
        release = known.index.newest_holding(project, uses, fits, before=quarantine)
        release = release or known.index.newest_holding(project, uses, fits)
        if release:
            wheel = next(file for file in release.files if fits(file))
            proven = all(known.index.holds(wheel, use.module) is Holds.YES for use in uses)
            found.append(_Candidate(project, release, proven))
        elif name == normal(top) and not any(r.wheels for r in project.releases):
            found.append(_Candidate(project, None, False))
        elif name in (normal(top), wanted.names[0]) and newest(known.index, project, uses, python).elsewhere:
            elsewhere.append(name)
        if not release and name in (normal(top), wanted.names[0]):
            unread = unread or known.index.unread(project)
    if not found and elsewhere:
        reason = f"{', '.join(elsewhere)} has wheels for other Pythons only"
        return replace(wanted.unanswered(reason), wheel=False)
    if not found and unread:
        known.troubles.append(unread)
        return wanted.unanswered(f"what the index has of it cannot be read: {unread}")
    if not found:
        held = ", ".join(sorted({use.module for use in uses}))
        return wanted.unanswered(f"no distribution on the index was found that holds {held}")
    never = datetime.max.replace(tzinfo=UTC)
    best = min(found, key=lambda c: (c.release is None, not c.proven, c.born or never, -len(c.project.releases)))
    return _gated(wanted, best, known, fits)


def _gated(wanted: Guess, best: _Candidate, known: Knowledge, fits: Callable[[File], bool]) -> Choice:
    top = wanted.module
    name, gate, now = normal(best.project.name), known.gate, datetime.now(UTC)
    doubts = _doubts(name, best, known, now)
    if best.release is None:
        doubts.append(f"{name} has no wheel that could show what it holds; building it runs its code")
    elif not best.proven:
        doubts.append(f"the wheel of {name} does not show that it holds {top}")
    if too_young := best.release is not None and _young(best.release, gate, now):
        doubts.append(f"its only fitting release is younger than {gate.quarantine_days:g} days")
    since = f" since {best.born.year}" if best.born else ""
    count = len(best.project.releases)
    reason = (
        f"{name} {best.release.version if best.release else ''} holds {top}; {count} release{'s' * (count != 1)}{since}"
    )
    latest = next((r for r in best.project.releases if not r.version.is_prerelease and any(map(fits, r.files))), None)
    held_back = best.release and latest and best.release.version < latest.version and not _young(latest, gate, now)
    requirement = f"{name}<={best.release.version}" if best.release and held_back else name
    status: Status = "install" if not doubts or name in known.approved else "ask"
    dated = best.born is not None and not too_young
    day = last_day(best.project, best.release) if best.release and held_back else ""
    return Choice(top, (requirement,), "index", reason, wanted.imports, status, tuple(doubts), as_of=day, dated=dated)


def _doubts(name: str, found: _Candidate, known: Knowledge, now: datetime) -> list[str]:
    """What keeps a name that only the index speaks for from being trusted: its age, its releases, its spelling."""
    gate, count, doubts = known.gate, len(found.project.releases), []
    if found.born is None:
        doubts.append("the index does not say when it was uploaded")
    elif found.born > now:
        doubts.append(f"it was uploaded on {found.born.date()}, later than this machine's clock says it is")
    elif now - found.born < timedelta(days=gate.age_days):
        doubts.append(f"it is {(now - found.born).days} days old (less than {gate.age_days:g})")
    if count < gate.releases:
        doubts.append(f"it has {count} release{'s' * (count != 1)} (fewer than {gate.releases})")
    named = known.table.distributions
    if name not in named and (near := one_edit_apart(name, named)):
        doubts.append(f"its name is one letter from {near}")
    return doubts


def doubts_about(name: str, known: Knowledge) -> tuple[str, ...]:
    """Return what speaks against a distribution that a script, not a person, asked for by name; none for known ones."""
    if name in known.table.distributions or name in known.approved:
        return ()
    if name in known.table.taken:
        return (known.table.taken[name],)
    if known.index is None or (project := known.index.project(name)) is None:
        return ("the index does not know it",)
    return tuple(_doubts(name, _Candidate(project, None, False), known, datetime.now(UTC)))


def ask_again(choice: Choice, known: Knowledge) -> None:
    """Let the next plan ask again for what the index did not have: it may have been ill, or have learnt of it since."""
    dotted = [f"{seen.module}.{name}" for seen in choice.imports for name in ("", *seen.names)]
    if known.index and choice.kind == "unknown":
        known.index.doubt_absence({name for each in dotted for name in candidates(each.rstrip("."))})


def _young(release: Release, gate: GateSettings, now: datetime) -> bool:
    return release.uploaded is not None and now - release.uploaded < timedelta(days=gate.quarantine_days)
