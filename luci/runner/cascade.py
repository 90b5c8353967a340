"""When a plan cannot be built: the next plan, tier by tier, each with its own key, each said.

1 wheels, as planned                          4 another Python that has wheels; or from source, with leave
2 without a bound that made it impossible     5 without what is optional
3 another distribution of the same module
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from luci.context import Context, Question
from luci.envs import backends
from luci.envs.installer import InstallFailed
from luci.envs.store import Env, Store
from luci.errors import EnvError, LuciError, Refused
from luci.events import Event, Told, Warned
from luci.runner import kinds
from luci.runner.choices import STALE, Choice, guessed, name_of
from luci.runner.imports import Certainty
from luci.runner.plan import Plan
from luci.runner.releases import has_wheels
from luci.runner.table import Table
from luci.values import Value, replace

_FINAL = ("network", "offline", "hash", "damaged", "disk")  # another plan would meet the same
_PYTHONS = 8  # other Pythons that are tried, at most


class Tier(Value):
    """A plan to try, and what is weaker or other in it than in what was asked for."""

    plan: Plan
    told: str = ""
    loud: bool = False
    lasting: bool = True  # the next run may take it as it is; else it tries the full plan again
    leave: Question | None = None


def build(
    plan: Plan,
    store: Store,
    table: Table,
    context: Context,
    *,
    relax: bool,
    fresh: bool,
    again: Callable[[Plan, str], Plan],
    again_in_conda: Callable[[Plan], Plan] | None = None,
    asks: Callable[[Plan], Question | None] = lambda plan: None,
) -> Generator[Event, None, tuple[Plan, Env, bool]]:
    """Return the first plan that could be built, its environment, and whether the next run may take it as it is.

    `again(plan, python)` makes the plan anew for another Python, `again_in_conda(plan)` for a conda environment. Raises
    InstallFailed with all that was tried. `asks` is the question that a plan must not be built without, if any: Refused
    after a no.
    """
    tried: list[str] = []
    failure: InstallFailed | None = None
    tiers = iter([Tier(plan)])
    while True:
        tier = next(tiers, None)
        if tier is None:
            assert failure is not None
            raise _all(failure, tried)
        if tier.leave and not context.ask(tier.leave):
            tried.append(f"{tier.told}: not approved")
            continue
        if tier.told:
            yield Warned(tier.told) if tier.loud else Told(tier.told)
        try:
            if (question := asks(tier.plan)) and not context.ask(question):
                raise Refused("The packages were not approved.", cause="\n".join(question.details))
            env = yield from ready(tier.plan, store, context, fresh=fresh)
        except InstallFailed as error:
            if error.reason in _FINAL:
                raise
            tried.append(f"{tier.told or 'wheels, as planned'}: {error.message}")
            if failure is None:
                tiers = _next_tiers(plan, error, table, context, relax, again, again_in_conda)
            if failure is None or error.reason == "build":
                failure = error  # why a build failed says more than that there was no wheel
            continue
        return tier.plan, env, tier.lasting


def ready(plan: Plan, store: Store, context: Context, *, fresh: bool = False) -> Generator[Event, None, Env]:
    """Return the plan's environment, built if it is not there."""
    terms = replace(plan.terms, refresh=fresh)

    def fill(folder: Path) -> Iterator[Event]:
        return backends.of(plan.spec.kind).install(plan.spec, folder, plan.sources, terms, context.stop)

    return (
        yield from store.ready(plan.spec, plan.interpreter, fill, label=plan.label, about=plan.about(), fresh=fresh)
    )


def _next_tiers(
    plan: Plan,
    failure: InstallFailed,
    table: Table,
    context: Context,
    relax: bool,
    again: Callable[[Plan, str], Plan],
    again_in_conda: Callable[[Plan], Plan] | None,
) -> Iterator[Tier]:
    if failure.reason == "unsolvable":
        yield from _of_the_index(plan, failure)
    if failure.reason in ("unsolvable", "no-wheel"):
        yield from _looser(plan, relax, [c for c in plan.choices if not c.as_of])
    yield from _alternatives(plan, table)
    if failure.reason in ("unsolvable", "no-wheel", "build"):
        yield from _other_pythons(plan, failure, again)
        yield from _of_channels(plan, failure, context, again_in_conda)
        yield from _of_today(plan)
        yield from _from_source(plan, failure, context, again)
    if failure.reason in ("unsolvable", "no-wheel"):
        yield from _looser(plan, relax, [c for c in plan.choices if c.as_of])  # luci had reason for these
    yield from _without_optional(plan)


def _looser(plan: Plan, relax: bool, among: list[Choice]) -> Iterator[Tier]:
    """Drop one bound at a time. What a lock or a hash fixed is never dropped; what was declared, only with leave."""
    for choice, line in _open_to_change(plan):
        loose = _without_bound(line)
        if loose == line or choice not in among:
            continue
        told = f"trying without the bound of {line}"
        question = Question(
            "relax",
            f"Use {loose} without its bound?",
            (f"{choice.reason}: {line}",),
            "--relax",
            yes=f"Take the {loose} that fits, whichever it is",
            no="Keep the bound",
        )
        ask = choice.source in ("declared", "config") and not relax
        yield Tier(_replaced(plan, line, loose), told, loud=True, lasting=False, leave=question if ask else None)


def _open_to_change(plan: Plan) -> Iterator[tuple[Choice, str]]:
    """The lines that no lock, hash or address fixes."""
    if plan.declarations and plan.declarations.locked:
        return
    for choice in plan.choices:
        for line in choice.requirements if choice.status == "install" else ():
            if " @ " not in line and "--hash=" not in line:
                yield choice, line


def _without_bound(line: str) -> str:
    """Return a requirement for any version, its extras and its marker kept."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.specifiers import SpecifierSet

    try:
        wanted = Requirement(line)
    except InvalidRequirement:
        return line
    if not wanted.specifier:
        return line
    wanted.specifier = SpecifierSet()
    return str(wanted)


def _alternatives(plan: Plan, table: Table) -> Iterator[Tier]:
    for _, line in _open_to_change(plan):
        name = name_of(line)
        for other in table.alternatives.get(name, ()):
            yield Tier(_replaced(plan, line, other), f"trying {other} in the place of {name}")


def _other_pythons(plan: Plan, failure: InstallFailed, again: Callable[[Plan, str], Plan]) -> Iterator[Tier]:
    others = [p for p in plan.pythons if p.minor != plan.interpreter.minor and p.minor >= plan.scan.minimum]
    for python in others[:_PYTHONS]:
        if failure.reason == "no-wheel" and not has_wheels(failure.subjects, plan.known, python):
            continue
        yield Tier(again(plan, python.path or python.version), f"trying Python {python.version}")


def _of_channels(
    plan: Plan, failure: InstallFailed, context: Context, again_in_conda: Callable[[Plan], Plan] | None
) -> Iterator[Tier]:
    """In a conda environment, where nobody said venv and channels are configured."""
    asked = plan.spec.kind != "venv" or plan.asked_kind != "auto"
    if asked or again_in_conda is None or not kinds.possible(context.settings):
        return
    try:
        other = again_in_conda(plan)
    except LuciError:  # no channel answers; the venv's own failure is what is told
        return
    blamed = kinds.provided_of(other.kind, failure.subjects)  # it may be what another brings along
    spec = replace(other.spec, conda=tuple(dict.fromkeys((*other.spec.conda, *blamed))))
    if spec.conda:
        yield Tier(replace(other, spec=spec), f"trying conda's {', '.join(spec.conda)}")


def _of_the_index(plan: Plan, failure: InstallFailed) -> Iterator[Tier]:
    """With what the channels do not have in this version taken from the package index, where no file named it for
    conda."""
    moved = kinds.movable(plan.kind, [line for _, line in _open_to_change(plan)], plan.spec.conda)
    blamed = {line: spec for line, spec in moved.items() if spec in failure.cause} or moved
    if blamed:
        left = tuple(spec for spec in plan.spec.conda if spec not in blamed.values())
        spec = replace(plan.spec, conda=left, requirements=(*plan.spec.requirements, *blamed))
        yield Tier(replace(plan, spec=spec), f"trying {', '.join(blamed)} from the package index")


def _of_today(plan: Plan) -> Iterator[Tier]:
    """With today's packages, where luci itself chose an earlier day."""
    if plan.spec.as_of and not (plan.declarations and plan.declarations.complete):
        yield Tier(replace(plan, spec=replace(plan.spec, as_of="")), f"trying packages newer than {plan.spec.as_of}")


def _from_source(
    plan: Plan, failure: InstallFailed, context: Context, again: Callable[[Plan, str], Plan]
) -> Iterator[Tier]:
    """Building runs the code of a distribution: of one that was guessed only with leave."""
    policy = context.settings.gate.builds
    if policy == "never" or plan.spec.kind in backends.BOXED:  # what is built here is for this machine
        return
    chosen = [c for c in plan.choices if c.status == "install"]
    known = {name_of(line) for c in chosen if c.source != "index" for line in c.requirements}
    blamed = guessed(chosen) if not failure.subjects or set(failure.subjects) - known else frozenset[str]()
    names = ", ".join(failure.subjects) or "what has no wheel"
    asks = bool(blamed) and policy == "known"
    details = tuple(f"{name} was guessed from an import" for name in sorted(blamed))
    question = Question(
        "build",
        f"Build {names} from source? That runs its code.",
        details,
        "--yes",
        yes=f"Build {names}, running its code now",
        no="Build nothing",
    )
    others = [p for p in plan.pythons if p.minor != plan.interpreter.minor and p.minor >= plan.scan.minimum]
    for number, python in enumerate([plan.interpreter, *others[:2]]):
        base = plan if number == 0 else again(plan, python.path or python.version)
        told = f"building {names} from source" + (f" with Python {python.version}" if number else "")
        terms = replace(base.terms, builds=True, wheels_only=base.terms.wheels_only - blamed)
        yield Tier(replace(base, terms=terms), told, loud=True, leave=question if asks else None)


def _without_optional(plan: Plan) -> Iterator[Tier]:
    optional = [c for c in plan.choices if c.status == "install" and c.certainty is Certainty.OPTIONAL and c.imports]
    if not optional:
        return
    left = tuple(c for c in plan.choices if c not in optional)
    lines = tuple(line for c in left if c.status == "install" for line in c.requirements)
    names = ", ".join(sorted({name_of(line) for c in optional for line in c.requirements}))
    smaller = replace(plan, choices=left, spec=replace(plan.spec, requirements=lines))
    yield Tier(smaller, f"going on without the optional {names}", loud=True, lasting=False)


def _replaced(plan: Plan, line: str, other: str) -> Plan:
    choices = tuple(
        replace(c, requirements=tuple(other if r == line else r for r in c.requirements))
        if line in c.requirements
        else c
        for c in plan.choices
    )
    wanted = tuple(r for c in choices if c.status == "install" for r in c.requirements)
    return replace(plan, choices=choices, spec=replace(plan.spec, requirements=wanted))


def _all(failure: InstallFailed, tried: list[str]) -> EnvError:
    if len(tried) < 2:
        return failure
    listed = "\n".join(f"{number}. {line}" for number, line in enumerate(tried, 1))
    cause = f"{failure.cause}\nTried:\n{listed}"
    return InstallFailed(failure.reason, failure.subjects, failure.message, cause=cause, hint=failure.hint)


def approve(plan: Plan, context: Context, flag: str = "--allow") -> frozenset[str]:
    """Ask for each distribution that the gate holds back; return the approved ones. Raises Refused at the first no."""
    approved = set()
    for choice in plan.asked:
        if choice.kind == STALE:
            continue  # --with brings it; else it was asked for already
        name = name_of(choice.requirements[0])
        first = choice.imports[0]
        where = f"at {first.file}:{first.line}" if first.line else f"in {first.file}"
        seen = f"{choice.module} is {'loaded' if choice.kind == 'library' else 'imported'} {where}"
        question = Question(
            "install",
            f"Install {name}?",
            (seen, choice.reason, *choice.doubts),
            f"{flag} {name}",
            yes=f"Install {name}, for this script from now on",
            no="Install nothing, and do not run",
        )
        if not context.ask(question):
            raise Refused(
                f"{name} was not approved.",
                cause="\n".join([seen, choice.reason, *choice.doubts]),
                hint=f"If it is what you mean: luci run {flag} {name} …",
            )
        approved.add(name)
    return frozenset(approved)
