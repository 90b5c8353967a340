"""Plan, ask what must be asked, build: from a script to an environment that is ready for it."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator
from typing import Any

from luci import config, paths
from luci.context import Context
from luci.envs import backends, channels, records, uses, venvs
from luci.envs.store import Env, Store, is_published
from luci.errors import EnvError, IndexFailed, PlanError
from luci.events import Event, Planned, Told, Warned
from luci.runner import cascade, declared, kinds, launch, locking, memory, plan, table, variables
from luci.runner import warm as warming
from luci.runner.approval import to_install
from luci.runner.choices import Choice, name_of
from luci.runner.imports import Certainty
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.script import Script
from luci.runner.tidy import forget_ended_runs, tidy
from luci.runner.walled import held_to, insist_on_a_wall, is_held, wall_for, walled
from luci.runner.wants import NOTHING_MORE
from luci.values import replace


def prepare(request: RunRequest, script: Script, context: Context) -> Generator[Event, None, tuple[Plan, Env]]:
    """Plan, ask what must be asked, build; return the plan that was built and its environment."""
    began = time.time()
    if trouble := memory.trouble(script):
        yield Told(trouble)
    known = memory.load(script)
    wants = request.wants
    asks_first = request.asks_first
    if held_to(request, script, context).stranger:
        asks_first = True  # what a stranger declares is a guess; and a build would run code before the wall is up
        gate = replace(context.settings.gate, builds="never")
        context = replace(context, settings=replace(context.settings, gate=gate))
    insist_on_a_wall(request, script, context)  # what cannot be had is refused before anything is built
    made = yield from plan.make(script, wants, context, known)
    if beyond := locking.beyond(made, wants):
        yield from locking.renew(script, beyond, context)
        known = memory.load(script)
        made = yield from plan.make(script, wants, context, known)
    if made.asked:
        approved = cascade.approve(made, context)
        known = replace(known, approved=tuple(sorted({*known.approved, *approved})))
        made = yield from plan.make(script, wants, context, known)
    known = variables.approved(made, known, wants.allow, context, all_of_them=asks_first)
    made = walled(made, wall_for(request, script, context, made.spec.kind))
    yield Planned(made.as_dict())
    _refuse_the_hopeless(made)
    if made.spec.kind == "system":
        from luci.runner import as_it_is

        as_it_is.insist(made.choices, made.spec.base, script.name)
    store, first = Store(paths.envs()), made
    try:
        _insist_on_the_index(made, _provided_by(store.get(known.key)))
        made, env, lasting = yield from cascade.build(
            made,
            store,
            table.table(),
            context,
            relax=request.relax,
            fresh=request.fresh,
            asks=(lambda tier: to_install(tier, store)) if asks_first else (lambda tier: None),
            again_in_conda=lambda old: _final(plan.make(script, replace(wants, env="conda"), context, known)),
            again=lambda old, python: _final(plan.make(script, replace(wants, python=python), context, known)),
        )
    except EnvError as error:
        env, lasting = _earlier(made, known, store, error), False
        yield Warned(f"{error.message} The environment of an earlier run serves.", hint=error.hint)
    if (first.spec.kind, made.spec.kind) == ("venv", "conda"):
        known = replace(known, conda=kinds.beyond(made.spec.conda, made.choices))
    if env.spec.kind in backends.BOXED:
        from luci.runner import boxes

        yield from boxes.with_its_image(env, context)
    forget_ended_runs()
    _remember(request, script, made, env, known, context, lasting, began)
    if env.created >= began:
        yield from tidy(store, env, context.settings.envs)
    else:
        uses.forget_the_dead(env.root)
    return made, env


def unprovided(made: Plan) -> list[Choice]:
    return [c for c in made.choices if c.status == "none" and c.certainty is not Certainty.OPTIONAL]


def _final(steps: Iterator[Event]) -> Plan:
    """Run a planning to its end and return the plan."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def _refuse_the_hopeless(made: Plan) -> None:
    for choice in made.hopeless:
        seen = choice.imports[0]
        raise PlanError(
            f"{choice.module} cannot be had.",
            cause=f"{choice.reason} It is imported at {seen.file}:{seen.line}.",
            hint="`luci plan` shows everything that the script needs.",
        )


def _insist_on_the_index(made: Plan, had: frozenset[str]) -> None:
    """Where the index was needed for a name and did not answer, say so; do not run into a missing module. Nor is it
    believed that nothing provides what an earlier run `had`."""
    for choice in made.choices:
        if choice.kind != "unknown" or choice.certainty is Certainty.OPTIONAL:
            continue
        if made.known.troubles or choice.module in had:
            raise IndexFailed(
                f"Nobody could say what provides {choice.module}.",
                cause="\n".join(made.known.troubles) or f"{choice.reason[:1].upper()}{choice.reason[1:]}.",
                hint=f"Name it with --with, or under [names] in {paths.config_file()}.",
            )


def _provided_by(env: Env | None) -> frozenset[str]:
    """Return the modules for which something was installed into an environment."""
    return frozenset(choice["module"] for choice in env.about.get("choices", ())) if env else frozenset()


def _earlier(made: Plan, known: Memory, store: Store, error: EnvError) -> Env:
    """Return the environment that served this script before if it is of the same kind, for another would run elsewhere
    than was asked for, and has all that is needed now; else raise `error`."""
    if getattr(error, "reason", "network") not in ("network", "offline"):
        raise error
    env = store.get(known.key)
    if env is None or env.spec.kind != made.spec.kind or not store.take(env):
        raise error
    had = _provided_by(env)
    for choice in made.choices:
        lines = [line for line in choice.requirements if choice.status == "install"]
        if not all(_satisfied(line, env.installed) for line in lines) or (
            choice.kind == "unknown" and choice.module not in had
        ):
            raise error
    return env


def _satisfied(line: str, installed: dict[str, str]) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(line.partition(" --hash")[0])
    except InvalidRequirement:
        return False
    version = installed.get(name_of(wanted.name), "")
    return bool(version) and wanted.url is None and wanted.specifier.contains(version, prereleases=True)


def _remember(
    request: RunRequest,
    script: Script,
    made: Plan,
    env: Env,
    known: Memory,
    context: Context,
    lasting: bool,
    began: float,
) -> None:
    """Keep what was approved, and, where this environment is no makeshift, what the next run needs to start at once."""
    let_in = [c for c in made.choices if c.source == "index" and c.doubts and c.status == "install"]
    names = {choice.module: choice.requirements[0] for choice in let_in}
    warm = known.warm if lasting else {}
    if request.wants == NOTHING_MORE and lasting:
        was_proven = warm.get("proven", False) and warm.get("key") == env.key
        boxed = made.spec.kind not in ("venv", "conda")  # what starts it is no Python of the environment's folder
        if not boxed:
            venvs.refresh_hook(env.path)
        warm = memory.warm(env, _read_files(made, env), _absent(made), _roots(made), _deciding_variables())
        warm["proven"] = was_proven
        joined = any(name in variables.JOINED for name in made.variables)
        warm["ordinary"] = boxed or joined or context.settings.run.record or is_held(script, context, env.spec.kind)
        warm["paths"] = list(made.scan.paths)
        warm["reads_stdin"] = made.scan.reads_stdin
        warm["variables"] = made.variables
        if _changed_since(began, made) or not _is_of(env, warm):  # what was saved meanwhile is not what was read
            warm = {}
    approved = tuple(sorted({*known.approved, *(n for n in request.wants.allow if n in env.installed)}))
    memory.save(script, replace(known, key=env.key, names={**known.names, **names}, approved=approved, warm=warm))
    _let_the_launcher_know(request, script, warm)


def _changed_since(began: float, made: Plan) -> bool:
    declarations = made.declarations.files if made.declarations else ()
    return any(_changed(path) >= began for path in (*made.scan.files, *map(str, declarations)))


def _is_of(env: Env, warm: dict[str, Any]) -> bool:
    """Whether the stamp of the environment's record is of the record that was read: others may have taken it aside, or
    published another generation, before it was stamped."""
    path = str(env.root / records.NAME)
    stamped = warm["files"][path]
    return bool(stamped) and is_published(env) and warming.stamp(path) == stamped


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_ctime
    except OSError:
        return 0


def remember_that_it_worked(request: RunRequest, script: Script) -> None:
    """A script that ended without a module missing may read its input from a pipe at once next time."""
    known = memory.load(script)
    if request.wants == NOTHING_MORE and known.warm and not known.warm.get("proven"):
        warm = {**known.warm, "proven": True}
        memory.save(script, replace(known, warm=warm))
        _let_the_launcher_know(request, script, warm)


def _let_the_launcher_know(request: RunRequest, script: Script, warm: dict[str, Any]) -> None:
    if warm.get("variables"):
        return  # the launcher knows none
    if warm and script.kind == "file" and not warm["ordinary"]:  # also of a run that wanted more: it wrote the memory
        launch.record(request.script, memory.place(script), warm)


def _read_files(made: Plan, env: Env) -> list[str]:
    declarations = made.declarations.files if made.declarations else ()
    own = [str(paths.config_file()), env.interpreter, str(env.root / "env.json"), str(venvs.site_packages(env.path))]
    own.append(str(backends.of(env.spec.kind).witness(env.path)))
    own += [f"{root}/pyproject.toml" for root in _roots(made) if os.path.lexists(f"{root}/pyproject.toml")]
    own += channels.files_of_conda() if env.spec.kind == "conda" else []
    return list(dict.fromkeys([*made.scan.files, *map(str, declarations), *own]))


DECLARING = ("pyproject.toml", "pylock.toml", *declared.for_conda())


def _absent(made: Plan) -> set[str]:
    """Paths that would change the plan if they came to be: local modules and declarations."""
    tops = {choice.module.partition(".")[0] for choice in made.choices if choice.imports}
    local = {os.path.join(folder, f"{top}{end}") for folder in made.scan.folders for top in tops for end in ("", ".py")}
    named = {os.path.join(root, name) for root in _roots(made) for name in DECLARING}
    beside = made.script.path
    locks = {str(beside.with_name(name)) for name in declared.lock_names(beside.name)} if beside else set()
    return {path for path in local | named | locks if not os.path.lexists(path)}


_UNDECIDING = ("LUCI_APP_", "LUCI_MODEL_", "LUCI_LEAVE_")  # sections that no plan depends on


def _deciding_variables() -> dict[str, str]:
    """The variables that would lead to another plan or another way to run."""
    others = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    ours = [name for name in config.variables() if not name.startswith(_UNDECIDING)]
    return {name: os.environ.get(name, "") for name in ("LUCI_CONFIG", *ours, *others)}


def _roots(made: Plan) -> set[str]:
    return {str(made.script.folder), made.spec.scope or str(made.script.folder)}
