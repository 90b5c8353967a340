"""Which distribution provides an import: an ordered chain, each answer saying who gave it and why.

1 declared   the script or its project        4 table   package_names.toml
2 config     the user's own [names]           5 index   a wheel that really holds the module, through the gate
3 learned    an earlier run of this script
"""

from __future__ import annotations

from collections.abc import Iterable

from luci.envs.interpreters import Interpreter
from luci.runner.choices import STALE, Choice, Knowledge, name_of
from luci.runner.declared import Declarations
from luci.runner.declared.values import with_hashes
from luci.runner.guesses import Guess, candidates, guess
from luci.runner.imports import Certainty, Import
from luci.runner.recall import recalled, remember
from luci.runner.releases import right_versions
from luci.runner.table import normal, prefixes
from luci.values import replace

__all__ = ["Choice", "Knowledge", "choose"]


def choose(imports: Iterable[Import], known: Knowledge, python: Interpreter) -> tuple[Choice, ...]:
    """Return a choice for each module that must come from elsewhere, in the order of the source."""
    listed = list(imports)
    made = recalled(listed, known, python)
    if made is None:
        made = _made(listed, known, python)
        remember(listed, known, python, made)
    return tuple(sorted(made, key=lambda c: [(i.file, i.line) for i in c.imports[:1]]))


def _made(listed: list[Import], known: Knowledge, python: Interpreter) -> list[Choice]:
    known = replace(known, hosts=known.table.hosts([i.module for i in listed]), used=_used(listed))
    wanted = _one_of_each_alternative(listed, known)
    groups: dict[tuple[str, tuple[str, ...]], list[Import]] = {}
    answers: dict[tuple[str, tuple[str, ...]], Choice] = {}
    guesses: dict[str, Guess] = {}
    for seen in wanted:
        for dotted in _dotted(seen):
            answer = _sure(dotted, known)
            if answer is None:
                family = known.table.lookup(dotted, known.used)
                top = family.module if family else dotted.partition(".")[0]
                guesses[top] = guesses.get(top, Guess(top)).plus(seen, dotted, family.requirements if family else ())
                continue
            key = (answer.module if not answer.requirements else "", answer.requirements)
            answers.setdefault(key, answer)
            if seen not in groups.setdefault(key, []):
                groups[key].append(seen)
    sure = [_with_its_reason(replace(answer, imports=tuple(groups[key]))) for key, answer in answers.items()]
    checked = right_versions([_optional_or(c) for c in sure], known, python)
    return [*checked, *guess(list(guesses.values()), known, python)]


def _with_its_reason(choice: Choice) -> Choice:
    """What nobody wrote says who needs it."""
    written = any(not seen.why or seen.until for seen in choice.imports)
    return choice if written or choice.source != "table" else replace(choice, reason=choice.imports[0].why)


def _used(imports: Iterable[Import]) -> dict[str, frozenset[str]]:
    taken: dict[str, frozenset[str]] = {}
    for seen in imports:
        taken[seen.module] = taken.get(seen.module, frozenset()) | {*seen.names, *seen.attributes}
    return taken


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
            sure = (m for m in members if (answer := _sure(m.module, known)) and answer.requirements)
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


def _sure(dotted: str, known: Knowledge) -> Choice | None:
    """Ask sources 1 to 4. None: only the index can tell."""
    top = dotted.partition(".")[0]
    entry = known.table.lookup(dotted, known.used)
    if choice := _declared(dotted, entry.requirements if entry else (), known):
        return choice
    for part in prefixes(dotted):
        if part in known.config:
            return Choice(part, (known.config[part],), "config", "the config file says so")
    for part in prefixes(dotted):
        if part in known.learned:
            return Choice(part, (known.learned[part],), "learned", "an earlier run of this script needed it")
    for host in known.hosts:
        if top in known.table.host_context[host]:
            return Choice(top, (), "table", f"{top} exists only inside {host}.", status="none", kind="host")
    if entry is None or entry.kind == "family":
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
    if known.declared.modules is not None and not {*prefixes(dotted)} & {*known.declared.modules}:
        return _beyond_the_lock(dotted, known.declared)
    if known.declared.complete:
        return Choice(dotted.partition(".")[0], (), "declared", "what is declared is complete", status="skip")
    return None


def _beyond_the_lock(dotted: str, lock: Declarations) -> Choice:
    name = lock.locked.name if lock.locked else "the lock"
    reason = f"{name} is stale: it was made before this was imported, and holds nothing of that name"
    return Choice(dotted.partition(".")[0], (), "declared", reason, status="ask", kind=STALE)
