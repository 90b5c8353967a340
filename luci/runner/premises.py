"""What a plan starts from: what is declared, where packages come from, the Pythons that are left, what is known."""

from __future__ import annotations

from luci.config import IndexSettings, Settings
from luci.context import Context
from luci.envs import interpreters
from luci.envs.fitting import satisfies
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources, sources
from luci.errors import PlanError
from luci.runner import declared, kinds, table
from luci.runner.choices import Knowledge
from luci.runner.declared import Declarations
from luci.runner.kinds import Kind
from luci.runner.memory import Memory
from luci.runner.script import Script, decode
from luci.runner.wants import Wants
from luci.values import replace


def declarations_of(script: Script) -> Declarations | None:
    """What holds for a script: its lock, its own block, else its project's files, in this order.

    Raises ScriptError for a block that cannot be read.
    """
    lock = declared.beside(script.path) if script.path else None
    if lock is None:
        return without_lock(script)
    block = _block(script)
    if block is None:
        return lock
    if beyond := declared.outdated(lock, block):
        name = lock.locked.name if lock.locked else "the lock"
        told = f"{name} is stale, and not used: the script's block asks for {beyond}, and it does not hold that"
        return replace(block, problems=(*block.problems, f"{told}. `luci env lock {script.name}` makes it anew."))
    return replace(lock, index=block.index)


def without_lock(script: Script) -> Declarations | None:
    """What would hold for a script if no lock lay beside it."""
    return _block(script) or declared.project(script.folder)


def _block(script: Script) -> Declarations | None:
    return declared.inline(decode(script.source, script.name), script.folder)


def places_of(declarations: Declarations | None, settings: IndexSettings) -> Sources:
    """Where packages come from: as the script's own block says, else as the person has configured; what is declared to
    come from one index only comes from there."""
    if declarations is None:
        return sources(settings)
    said = declarations.index
    if not declarations.complete:
        return replace(sources(settings), only=said.only)
    named = replace(
        settings,
        url=said.url or settings.url,
        extra_urls=(*said.extra_urls, *settings.extra_urls),
        find_links=(*said.find_links, *settings.find_links),
    )
    return replace(sources(named), only=said.only)


def pythons(
    wants: Wants, declarations: Declarations | None, memory: Memory, settings: Settings, kind: Kind
) -> list[Interpreter]:
    wanted = "" if kind.name == "system" else wants.python or settings.run.python  # there it is chosen already
    among = kinds.pythons(kind) if kind.listing or kind.here else None
    here = [interpreters.choose(wanted, among)] if wanted and not _is_range(wanted) else among or interpreters.find()
    limits = [
        text
        for text in (wanted if _is_range(wanted) else "", declarations.requires_python if declarations else "")
        if text
    ]
    if not wanted:
        limits += [memory.python] if memory.python else []
        here = [p for p in here if p.final and not p.free_threaded and p.implementation == "cpython"] or here
    fitting = here
    for text in limits:
        try:
            fitting = [p for p in fitting if satisfies(p.version, text)]
        except ValueError:
            raise PlanError(f"requires-python {text!r} is not a version specifier.") from None
    if fitting:
        return fitting
    raise PlanError(
        f"No Python here satisfies {' and '.join(limits) or wanted or 'what is needed'}.",
        cause=f"Here are {', '.join(p.version for p in among or interpreters.find()) or 'none'}.",
        hint="Install one that does, or change requires-python.",
    )


def _is_range(wanted: str) -> bool:
    return wanted[:1] in "<>=!~" if wanted else False


def knowledge(
    declarations: Declarations | None, places: Sources, wants: Wants, context: Context, memory: Memory
) -> Knowledge:
    from luci import paths
    from luci.runner.index import Index

    settings = context.settings
    asked = settings.index if not wants.offline else replace(settings.index, offline=True)
    return Knowledge(
        declared=declarations,
        config=settings.names,
        learned=memory.names,
        table=table.table(),
        index=Index(places, asked, paths.cache() / "index", context.stop),
        gate=settings.gate,
        approved=wants.allow | frozenset(memory.approved),
    )
