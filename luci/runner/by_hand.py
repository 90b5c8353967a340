"""An environment that a person asks for by hand, for no script: planned, let through the gate, built, named."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

from luci import paths
from luci.context import Context, Question
from luci.envs import backends
from luci.envs.store import Env, Store, fault
from luci.errors import Refused, UsageError
from luci.events import Event, Planned, Told
from luci.runner import cascade, plan, table
from luci.runner.choices import Choice, name_of
from luci.runner.declared import Declarations
from luci.runner.guesses import doubts_about
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.script import Script
from luci.runner.tidy import tidy
from luci.runner.wants import Wants
from luci.values import Value, replace


class Wish(Value):
    """What a person asks for. `said` is what a file says, None where none was given; `left` is what of it cannot be
    taken over, `notes` what need not be. `verb` is the command, for hints."""

    name: str = ""
    wants: Wants = Wants()
    said: Declarations | None = None
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    verb: str = "create"


class Made(Value):
    """What came of it. `how` is "built", "reused", or what would be done: "build", "reuse". `refused` is what would be
    asked for, and refused where nobody answers."""

    plan: Plan
    env: Env | None
    how: str
    refused: tuple[str, ...] = ()


def check_name(name: str) -> None:
    """Raise UsageError for a name that could be taken for a script, a path, a key, or an option."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,31}", name):
        raise UsageError(
            f"{name!r} is no name for an environment.",
            hint="Letters, digits, - and _ make one, 32 at most, and - is not the first.",
        )
    if re.fullmatch(r"[0-9a-f]{16}", name):
        raise UsageError(f"{name} looks like a key.", hint="Choose a name that does not.")


def make(wish: Wish, context: Context, *, dry_run: bool = False) -> Generator[Event, None, Made]:
    """Show, ask what must be asked, build, name. Raises Refused after a no, UsageError where the name is taken."""
    store = Store(paths.envs())
    if wish.name:
        check_name(wish.name)
    alone = replace(context, settings=replace(context.settings, envs=replace(context.settings.envs, share=True)))
    made = yield from _planned(wish, alone)
    _insist_on_the_name(wish, made, store)
    there = store.get(made.spec.key)
    whole = there is not None and not fault(there)
    yield Planned(made.as_dict())
    yield from _shown(wish, made, whole)
    if dry_run:
        asked = () if whole else tuple(_told(_doubtful(made)))
        for line in asked:
            yield Told(f"Asked for: {line}")
        return Made(made, there, "reuse" if whole else "build", (*asked, *(() if whole else wish.left)))
    if there and whole and (not wish.name or wish.name in there.names):
        kept = there if there.by_hand else store.call(there, wish.name)  # what only scripts used is kept from now on
        return Made(made, kept, "reused")
    if not whole:
        approved = _approve(wish, made, context)
        if made.spec.kind == "system":
            from luci.runner import as_it_is

            as_it_is.insist(made.choices, made.spec.base, made.label)
        made = _as_guesses(made, approved)
        made, env, _ = yield from cascade.build(
            made,
            store,
            table.table(),
            context,
            relax=False,
            fresh=False,
            again=lambda old, python: _as_guesses(_end(_planned(_with(wish, python=python), alone)), approved),
            again_in_conda=lambda old: _as_guesses(_end(_planned(_with(wish, env="conda"), alone)), approved),
        )
    else:
        assert there is not None
        env = there
    env = store.call(env, wish.name)
    if env.spec.kind in backends.BOXED:
        from luci.runner import boxes

        yield from boxes.with_its_image(env, context)
    if not whole:
        yield from tidy(store, env, context.settings.envs)
    return Made(made, env, "reused" if whole else "built")


def _with(wish: Wish, **changes: str) -> Wish:
    return replace(wish, wants=replace(wish.wants, **changes))


def _planned(wish: Wish, context: Context) -> Generator[Event, None, Plan]:
    said = wish.said or Declarations(complete=True)
    if wish.wants.python:
        said = replace(said, requires_python="")  # who says which Python means it
    kind = wish.wants.env or ("conda" if said.conda else context.settings.envs.kind)  # no project has a say
    wants = replace(wish.wants, env=kind)
    name = wish.name or "an environment"
    script = Script("code", name, None, b"", Path.cwd(), ())
    made = yield from plan.make(script, wants, context, Memory(), lambda script: said)
    if made.spec.kind == "system" and said.requirements:
        raise UsageError(
            "Nothing is installed into an interpreter as it is.", hint="Leave the file out, or --env system."
        )
    return replace(made, by_hand=True, called=wish.name)


def _insist_on_the_name(wish: Wish, made: Plan, store: Store) -> None:
    other = store.named(wish.name) if wish.name else None
    if other is None or other.key == made.spec.key:
        return
    if not wish.wants.python and made.spec.key in other.about.get("asked", ()):
        return  # it would be on a Python that nobody asked for
    lines = (line.partition(" --hash")[0] for line in (*other.spec.conda, *other.spec.requirements))
    holds = ", ".join(lines) or "no packages"
    more = f"It is broken, and `luci env rebuild {wish.name}` mends it. " if fault(other) else ""
    raise UsageError(
        f"{wish.name} is another environment: Python {other.version}, {holds}.",
        hint=f"{more}Choose another name, or `luci env remove {wish.name}` first.",
    )


def _shown(wish: Wish, made: Plan, whole: bool) -> Iterator[Event]:
    """What it will be, before anything is built."""
    names = [_without_login(line) for line in made.names()]
    held = f"{len(names)} package{'s' * (len(names) != 1)}: {', '.join(names)}" if names else "no packages"
    kind = "" if made.spec.kind == "venv" else f", {made.spec.kind}"
    yield Told(f"{made.label}: Python {made.interpreter.version}{kind}, {held}")
    for line in (*wish.notes, *_elsewhere(made)):
        yield Told(line)
    for line in wish.left:
        yield Told(line)
    if whole:
        yield Told("It is there already.")


def _elsewhere(made: Plan) -> Iterator[str]:
    """What a lock holds for another platform or another Python."""
    from packaging.markers import default_environment
    from packaging.requirements import InvalidRequirement, Requirement

    python = made.interpreter
    about = {
        **{name: str(value) for name, value in default_environment().items()},
        "python_version": python.short,
        "python_full_version": python.version,
        "implementation_name": python.implementation,
        "sys_platform": python.sys_platform,
        "os_name": python.os_name,
        "extra": "",
    }
    for line in made.spec.requirements:
        try:
            wanted = Requirement(line.partition(" --hash")[0])
        except InvalidRequirement:
            continue
        if wanted.marker and not wanted.marker.evaluate(about):
            yield f"{wanted.name} is left out: it is for where {wanted.marker}."


def _approve(wish: Wish, made: Plan, context: Context) -> frozenset[str]:
    """Ask for the names that are not known, and for going on without what is left. Return the names that were let in,
    by an option too."""
    unknown = _doubtful(made)
    if wish.left and not context.ask(
        Question("left-out", f"Make {made.label} without these?", wish.left, "--yes", yes="Make it without them")
    ):
        raise Refused(f"{made.label} was not made.", cause="\n".join(wish.left), hint="--yes makes it without these.")
    if unknown:
        names = ", ".join(unknown)
        allowed = " ".join(f"--allow {name}" for name in unknown)
        doubts = _told(unknown)
        whole = f"{made.label} holds {', '.join(map(_without_login, made.names()))}"
        details = (*doubts, whole) if len(made.names()) > 1 else tuple(doubts)
        question = Question("install", f"Install {names}?", details, allowed, yes=f"Install {names}", no="Make nothing")
        if not context.ask(question):
            raise Refused(
                f"{names} {'was' if len(unknown) == 1 else 'were'} not approved.",
                cause="\n".join(doubts),
                hint=f"If it is what you mean: luci env {wish.verb} {allowed} …",
            )
    return frozenset(unknown) | wish.wants.allow


def _without_login(line: str) -> str:
    return re.sub(r"://[^/\s]*@", "://***@", line)


def _told(doubts: dict[str, tuple[str, ...]]) -> list[str]:
    return [f"{name}: {'; '.join(said)}" for name, said in doubts.items()]


def _doubtful(made: Plan) -> dict[str, tuple[str, ...]]:
    """Return what speaks against each distribution that the package index is asked for."""
    known = made.known
    asked = {name_of(line): line.partition(" --hash")[0] for line in made.spec.requirements}
    strange = [n for n in asked if n not in known.table.distributions and n not in known.approved]
    if known.index and strange:
        known.index.projects([name for name in strange if " @ " not in asked[name]])  # all at once
    found: dict[str, tuple[str, ...]] = {}
    for name in strange:
        if "://" in asked[name]:
            found[name] = (f"it comes from an address: {_without_login(asked[name])}",)
        elif doubts := doubts_about(name, known):
            found[name] = doubts
    return found


def _as_guesses(made: Plan, approved: frozenset[str]) -> Plan:
    """A name that was only let in is not trusted like a known one: nothing of it is built from source unasked."""

    def guess(choice: Choice) -> Choice:
        names = {name_of(line) for line in choice.requirements}
        return replace(choice, source="index", reason=f"{choice.reason}, approved") if names & approved else choice

    choices = tuple(map(guess, made.choices))
    named = {name_of(line) for choice in choices if choice.source == "index" for line in choice.requirements}
    terms = replace(made.terms, wheels_only=made.terms.wheels_only | named)
    return replace(made, choices=choices, terms=terms)


def _end(steps: Iterator[Event]) -> Plan:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
