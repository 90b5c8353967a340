"""What a script needs, who says so, and the environment that follows: imports, declarations and pins to an EnvSpec."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from luci.config import Settings
from luci.context import Context
from luci.envs import channels
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
from luci.envs.store import Store, fault
from luci.envs.terms import Terms, quarantine
from luci.errors import LuciError, PlanError, ScriptError
from luci.events import Event, Warned, Working
from luci.runner import declared, imports, kinds, packages
from luci.runner.choices import Choice, Knowledge, guessed, name_of, without_bounds
from luci.runner.declared import Declarations
from luci.runner.declared.values import with_hashes
from luci.runner.imports import Certainty, Import, Scan, Target
from luci.runner.kind_for import kind_for
from luci.runner.kinds import VENV, Kind
from luci.runner.memory import Memory
from luci.runner.premises import declarations_of, knowledge, places_of, pythons
from luci.runner.readings import Readings
from luci.runner.script import BadSyntax, Script
from luci.runner.wants import Wants
from luci.values import Value, anew, replace


class Plan(Value):
    """What luci would do. `spec` is the environment, `choices` say why; what waits for a yes is not in the spec."""

    script: Script
    scan: Scan
    interpreter: Interpreter
    spec: EnvSpec
    choices: tuple[Choice, ...]
    declarations: Declarations | None
    sources: Sources
    terms: Terms
    known: Knowledge
    problems: tuple[str, ...] = ()
    pythons: tuple[Interpreter, ...] = ()  # others that would do, the best first
    memory: Memory = Memory()
    readings: Readings = anew(Readings)  # the sources that were read for it
    wall: Mapping[str, Any] = anew(lambda: {"name": "off", "gives": [], "lacks": []})
    order: tuple[str, ...] = ()  # the keys of the environments that would do, the best first
    kind: Kind = VENV
    asked_kind: str = "auto"  # what somebody asked for, "auto" where nobody did
    by_hand: bool = False  # it is for no script; a person `called` it so
    called: str = ""

    @property
    def asked(self) -> tuple[Choice, ...]:
        return tuple(c for c in self.choices if c.status == "ask")

    @property
    def hopeless(self) -> tuple[Choice, ...]:
        """Modules that the script cannot do without and that nothing on any index provides."""
        certain = ("host", "nothing", "python2", "removed")
        return tuple(c for c in self.choices if c.kind in certain and c.certainty is Certainty.REQUIRED)

    @property
    def variables(self) -> dict[str, str]:
        """What a file of the project's sets for whoever runs in the environment."""
        said = self.declarations.conda if self.declarations else None
        return dict(said.variables) if said else {}

    @property
    def variables_from(self) -> str:
        said = self.declarations.conda if self.declarations else None
        return said.file.name if said else ""

    @property
    def label(self) -> str:
        if self.by_hand:
            return self.called or next((name_of(line) for line in self.names()), "empty")
        return self.script.path.stem if self.script.path else self.script.kind

    def names(self) -> list[str]:
        """One requirement a line, as it would be installed."""
        return [*self.spec.conda, *(line.partition(" --hash")[0] for line in self.spec.requirements)]

    def as_dict(self) -> dict[str, Any]:
        return {
            "script": self.script.name,
            "python": self.interpreter.version,
            "interpreter": self.interpreter.path,
            "key": self.spec.key,
            "kind": self.spec.kind,
            "kind_reason": self.kind.why,
            "conda": list(self.spec.conda),
            "channels": list(self.spec.channels),
            "base": self.spec.base,
            "requirements": list(self.spec.requirements),
            "scope": self.spec.scope,
            "as_of": self.spec.as_of,
            "variables": self.variables,
            "wall": dict(self.wall),
            "choices": [_choice_as_dict(c) for c in self.choices],
            "refused": [_choice_as_dict(c) for c in self.asked],
            "hopeless": [_choice_as_dict(c) for c in self.hopeless],
            "skipped": [{"module": s.module, "line": s.line, "reason": s.reason} for s in self.scan.skipped],
            "problems": list(self.problems),
        }

    def about(self) -> dict[str, Any]:
        """What the environment's record keeps of the plan: who asked for what, and why."""
        return {
            "script": str(self.script.path or self.script.kind),
            "choices": [_choice_as_dict(c) for c in self.choices if c.requirements and c.status == "install"],
            "builds": self.terms.builds,
            "guessed": sorted(self.terms.wheels_only),
            "dated": [name for name, _ in self.terms.not_after],
            "kind_reason": self.kind.why,
            **({"script": "", "by_hand": True, "asked": list(self.order)} if self.by_hand else {}),
        }


def _choice_as_dict(choice: Choice) -> dict[str, Any]:
    first = choice.imports[0] if choice.imports else None
    return {
        "module": choice.module,
        "requirements": list(choice.requirements),
        "source": choice.source,
        "reason": choice.reason,
        "status": choice.status,
        "kind": choice.kind,
        "doubts": list(choice.doubts),
        "certainty": str(choice.certainty),
        "file": first.file if first else "",
        "line": first.line if first else 0,
    }


def make(
    script: Script,
    wants: Wants,
    context: Context,
    memory: Memory,
    declares: Callable[[Script], Declarations | None] = declarations_of,
) -> Generator[Event, None, Plan]:
    """Return the plan for a script. Raises ScriptError for source that cannot run, PlanError where no Python fits.
    `declares` tells what holds for it."""
    settings = context.settings
    declarations = declares(script)
    for problem in declarations.problems if declarations else ():
        yield Warned(problem)
    places = places_of(declarations, settings.index)
    name, kind = yield from kind_for(script, wants, context, declarations, memory)
    places = replace(places, channels=kind.channels)
    here = pythons(wants, declarations, memory, settings, kind)
    known = knowledge(declarations, places, wants, context, memory)
    yield Working("planning", script.name)
    readings = Readings.of(script)

    def on(python: Interpreter) -> Plan:
        return _on(python, script, readings, declarations, places, known, wants, settings, memory, kind)

    best = _best(here, on)
    lacking = kinds.lacking(best.choices, sure=not known.troubles)
    if name == "auto" and lacking and kinds.possible(settings):
        other = yield from _of_channels(best, lacking, script, wants, context, memory, declares)
        if other:
            return other
    places_for = _places_for(best, here)
    plan = _reusing(best, places_for, on)
    readings.keep()
    heard = [kind.listing.trouble] if kind.listing and kind.listing.trouble else []
    troubles = tuple(dict.fromkeys([*heard, *known.troubles, *(known.index.troubles if known.index else ())]))
    problems = (*troubles, *_shadows(plan.scan))
    return replace(plan, pythons=tuple(here), problems=problems, order=tuple(places_for), asked_kind=name)


def _of_channels(
    plan: Plan,
    lacking: list[str],
    script: Script,
    wants: Wants,
    context: Context,
    memory: Memory,
    declares: Callable[[Script], Declarations | None],
) -> Generator[Event, None, Plan | None]:
    """Return the plan for a conda environment where the channels have all that has no wheel, else None."""
    try:
        kind = yield from kinds.conda("", context.settings, plan.declarations, wants.offline, context.stop)
        if not kinds.has_all(kind, lacking):
            return None
        made = yield from make(script, replace(wants, env="conda", python=""), context, memory, declares)
    except LuciError as error:
        yield Warned(f"No conda environment: {error.message}", hint=error.hint)
        return None
    names = ", ".join(map(name_of, lacking))
    why = f"the index has nothing of {names} for a Python here, and a conda channel has it"
    return replace(made, kind=replace(made.kind, why=why))


def _shadows(scan: Scan) -> list[str]:
    return [
        f"{seen.file}:{seen.line} imports {seen.module}, and gets the file of that name beside it: rename that file"
        for seen in scan.shadows
    ]


# -- one Python, and the best of them


def _on(
    python: Interpreter,
    script: Script,
    readings: Readings,
    declarations: Declarations | None,
    places: Sources,
    known: Knowledge,
    wants: Wants,
    settings: Settings,
    memory: Memory,
    kind: Kind,
) -> Plan:
    """Return the plan as it would be with this Python."""
    scan = _scan(script, python, readings)
    learned = [Import(module, 0, "an earlier run", Certainty.DYNAMIC) for module in memory.modules]
    taken = {seen.module for seen in scan.imports}
    wanted = [*scan.imports, *(seen for seen in learned if seen.module not in taken)]
    if kind.name == "system":
        return _as_it_is(python, script, scan, wanted, declarations, places, known, settings, readings, kind)
    choices = [*kinds.provided(kind, packages.choose(wanted, known, python), known.approved), *_gone(scan.gone, known)]
    if declarations and declarations.complete:
        chosen = {line for c in choices for line in c.requirements}
        rest = [d for d in declarations.requirements if not d.constraint and with_hashes(d) not in chosen]
        choices += [Choice("", (with_hashes(d),), "declared", d.origin) for d in rest]
    if kind.listing and declarations and declarations.conda:
        choices += [Choice("", (line,), "declared", declarations.conda.file.name) for line in declarations.conda.pips]
    choices += [Choice("", (line,), "declared", "--with") for line in wants.requirements]
    choices += [Choice("", (line,), "learned", "an earlier run asked for it") for line in memory.requirements]
    if kind.listing:
        reason = "no venv could be built without it"
        choices += [Choice("", (name,), "learned", reason) for name in memory.conda if name in kind.listing.names]
    choices += kinds.libraries(kind, memory.libraries, known.approved)
    choices = [_limited(choice, memory.limits) for choice in choices]
    limits = [with_hashes(d) for d in declarations.requirements if d.constraint] if declarations else []
    chosen = {name_of(line) for c in choices for line in c.requirements}
    limits += [f"{name}{limit}" for name, limit in memory.limits.items() if name not in chosen]
    needed, conda = kinds.divided(kind, _in_the_end(choices, wants))
    spec = EnvSpec(
        python=python.short,
        kind=kind.name,
        conda=conda,
        channels=tuple(map(channels.shown, kind.channels)),
        base=kind.base.replace("{python}", python.short),
        implementation=python.implementation,
        platform=python.platform,
        requirements=tuple(needed),
        constraints=tuple(limits),
        scope="" if settings.envs.share else str(declared.project_root(script.folder) or script.folder),
        index=_where(places, declarations, needed),
        as_of=_as_of(choices, declarations, memory, wants),
    )
    terms = _terms(choices, settings, wants, declarations)
    return Plan(
        script, scan, python, spec, tuple(choices), declarations, places, terms, known, readings=readings, kind=kind
    )


def _as_it_is(
    python: Interpreter,
    script: Script,
    scan: Scan,
    wanted: list[Import],
    declarations: Declarations | None,
    places: Sources,
    known: Knowledge,
    settings: Settings,
    readings: Readings,
    kind: Kind,
) -> Plan:
    """Return the plan for an interpreter into which nothing is installed."""
    from luci.runner import as_it_is

    choices = (*as_it_is.choices(wanted, kind.base), *_gone(scan.gone, known))
    folder = "" if settings.envs.share else str(declared.project_root(script.folder) or script.folder)
    spec = EnvSpec(python.short, (), folder, kind.name, python.implementation, python.platform, base=kind.base)
    terms = Terms(offline=True)
    return Plan(script, scan, python, spec, choices, declarations, places, terms, known, readings=readings, kind=kind)


def _where(places: Sources, declarations: Declarations | None, needed: Iterable[str]) -> str:
    """Where packages come from, as the key knows it, with what else the script says of it."""
    said = declarations.index if declarations and declarations.complete else None
    everywhere = f"{places.identity} with pre-releases".strip() if said and said.prereleases else places.identity
    return "\n".join(filter(None, [everywhere, *places.only_for({name_of(line) for line in needed})]))


def _as_of(choices: Iterable[Choice], declarations: Declarations | None, memory: Memory, wants: Wants) -> str:
    """The day as of which packages are taken: as the script says, else the last day on which all that it uses was
    there, so that what an old release brings along is of its own time."""
    if declarations and declarations.complete:
        return declarations.index.exclude_newer
    asked = {name_of(line) for line in wants.requirements}
    kept = (c for c in choices if c.status == "install" and not asked & {name_of(line) for line in c.requirements})
    return max([memory.as_of, *(c.as_of for c in kept)])


def _scan(script: Script, python: Interpreter, readings: Readings) -> Scan:
    target = Target(python.minor, python.sys_platform, python.os_name, python.implementation)
    try:
        return imports.scan(script, target, readings)
    except BadSyntax as error:
        if python.minor <= sys.version_info[:2]:
            raise
        readings.elsewhere = True
        try:
            return imports.scan_with(python.path, script, target)  # its grammar is newer than this Python's
        except BadSyntax:
            raise error from None


def _gone(gone: Iterable[Import], known: Knowledge) -> list[Choice]:
    """Modules that this Python's standard library has dropped: their backport, or a clear word."""
    choices = []
    for seen in gone:
        top = seen.module.partition(".")[0]
        removed = known.table.removed.get(top)
        if removed and removed.backport:
            reason = f"{top} left the standard library after Python {removed.until[0]}.{removed.until[1]}"
            choices.append(Choice(top, (removed.backport,), "table", reason, (seen,)))
        else:
            until = f" after Python {removed.until[0]}.{removed.until[1]}" if removed else ""
            reason = f"{top} is not in this Python's standard library{until and ': it left' + until}"
            choices.append(Choice(top, (), "table", reason, (seen,), "none", kind="removed"))
    return choices


def _limited(choice: Choice, limits: dict[str, str]) -> Choice:
    """Apply the releases that a failed run taught, where no person said which release."""
    name = name_of(choice.requirements[0]) if choice.requirements else ""
    if choice.source == "declared" or name not in limits:
        return choice
    bare = without_bounds(choice.requirements[0])
    reason = f"{choice.reason}; an earlier run needed an older release"
    return replace(choice, requirements=(f"{bare}{limits[name]}", *choice.requirements[1:]), reason=reason)


def _in_the_end(choices: Iterable[Choice], wants: Wants) -> list[str]:
    """The requirements of all that installs. What --with names replaces the same name from a weaker source."""
    asked = {name_of(line) for line in wants.requirements}
    lines = [(c, line) for c in choices if c.status == "install" for line in c.requirements]
    return [line for c, line in lines if c.reason == "--with" or name_of(line) not in asked]


def _terms(choices: Iterable[Choice], settings: Settings, wants: Wants, declarations: Declarations | None) -> Terms:
    chosen = [c for c in choices if c.status == "install"]
    dated = sorted({name_of(r) for c in chosen if c.source == "index" and c.dated for r in c.requirements})
    said = declarations.index if declarations and declarations.complete else None
    return Terms(
        wheels_only=guessed(chosen),
        not_after=tuple((name, quarantine(settings.gate)) for name in dated),
        prereleases=bool(said and said.prereleases),
        offline=wants.offline or settings.index.offline,
        timeout=settings.index.timeout_seconds,
        tries=settings.index.tries,
    )


# First releases of CPython, from its release schedules (PEP 494, 537, 569, 596, 619, 664, 693, 719, 745).
_RELEASED = {6: "2016-12", 7: "2018-06", 8: "2019-10", 9: "2020-10", 10: "2021-10", 11: "2022-10", 12: "2023-10"}
_RELEASED |= {13: "2024-10", 14: "2025-10"}


def _best(pythons: list[Interpreter], on: Callable[[Interpreter], Plan]) -> Plan:
    """Return the plan with the first Python that can run it; where packages are taken as of a day, with the first that
    was settled by then, if there is one."""
    plan = _first(pythons, on)
    day = plan.spec.as_of if plan.spec.as_of[:4].isdigit() else ""
    by_then = [p for p in pythons if _RELEASED.get(p.minor[1], "9") <= day]
    # packages that are compiled come for a new Python in the months after it
    of_the_time = [p for p in by_then if _RELEASED[p.minor[1]] <= _half_a_year_before(day)] or by_then
    if not of_the_time or plan.interpreter in of_the_time:
        return plan
    try:
        older = _first(of_the_time, on)
    except LuciError:
        return plan
    return older if not older.scan.gone and all(c.wheel for c in older.choices) else plan


def _half_a_year_before(day: str) -> str:
    """Return the month.

    >>> _half_a_year_before("2023-11-05"), _half_a_year_before("2023-03-01")
    ('2023-05', '2022-09')
    """
    months = int(day[:4]) * 12 + int(day[5:7]) - 1 - 6
    return f"{months // 12}-{months % 12 + 1:02}"


def _first(pythons: list[Interpreter], on: Callable[[Interpreter], Plan]) -> Plan:
    """Return the plan with the first Python that has all modules of the standard library the script wants, whose
    grammar reads it, and for which every distribution has a wheel, as far as the index was asked."""
    second: Plan | None = None
    failure: Exception | None = None
    for python in pythons:
        try:
            plan = on(python)
        except ScriptError as error:
            failure = failure or error
            continue
        if plan.scan.minimum > python.minor:
            failure = failure or ScriptError(
                f"{plan.script.name} needs Python {'.'.join(map(str, plan.scan.minimum))} or later.",
                hint="Install one; here are " + ", ".join(p.version for p in pythons) + ".",
            )
            continue
        if not plan.scan.gone and all(c.wheel for c in plan.choices):
            return plan
        second = second or plan
    if second:
        return second
    raise failure or PlanError("No Python was found.")


def _places_for(plan: Plan, pythons: list[Interpreter]) -> dict[str, Interpreter]:
    """Return the keys that the plan's environment would have with each Python, that of its own first."""
    places: dict[str, Interpreter] = {}
    for python in [plan.interpreter, *pythons]:
        base = plan.kind.base.replace("{python}", python.short)
        places.setdefault(replace(plan.spec, python=python.short, base=base).key, python)
    return places


def _reusing(plan: Plan, places: dict[str, Interpreter], on: Callable[[Interpreter], Plan]) -> Plan:
    """Prefer a Python for which the environment is already there and whole."""
    from luci import paths

    store = Store(paths.envs())
    for key, python in places.items():
        env = store.get(key)
        if env and not fault(env):
            other: Plan = plan if python == plan.interpreter else on(python)
            if other.spec.key == env.key and other.scan.minimum <= python.minor:
                return other
    return plan
