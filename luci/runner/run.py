"""The loop: plan, build, run, diagnose, plan again.

Where nothing needs watching luci becomes the script, and the environment's hook brings it back (`resume`) when a
module is missing. Otherwise luci stays the parent and the same hook leaves its report in a file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from luci import paths, runs
from luci.context import Context, Question
from luci.envs import files, uses, venvs
from luci.envs.store import Env, Store
from luci.errors import EnvError, IndexFailed, LuciError, PlanError, UsageError
from luci.events import Become, Ended, Event, Missing, Output, Planned, Retrying, Started, Told, Warned, Words
from luci.process import StdinSpool
from luci.process import run as run_process
from luci.runner import cascade, memory, plan, table
from luci.runner.choices import Choice, name_of
from luci.runner.diagnose import Diagnosis, Report, diagnose, read_report
from luci.runner.effects import effects_before, reads_stdin_before
from luci.runner.imports import Certainty
from luci.runner.memory import Memory
from luci.runner.plan import NOTHING_MORE, Plan, Wants
from luci.runner.script import Script, decode, read_script
from luci.runner.tidy import tidy
from luci.runner.warm import activated


_TAIL = 8192  # bytes of a script's last words that are read for a diagnosis


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for on the command line. `become`: the caller can replace its process by the script."""

    script: str
    kind: str = "file"
    args: tuple[str, ...] = ()
    wants: Wants = NOTHING_MORE
    python_args: tuple[str, ...] = ()
    env_file: str = ""
    retry: str = ""
    timeout: float | None = None
    record: bool = False
    fresh: bool = False
    relax: bool = False
    dry_run: bool = False
    keep_pythonpath: bool = False
    become: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: attempts are counted from 1, each missing thing is mended once."""

    attempt: int = 1
    mended: tuple[str, ...] = ()


def run(request: RunRequest, context: Context) -> Generator[Event, None, int]:
    """Run a script; return the exit code. The last event is Become where the caller is to become the script."""
    script = read_script(request.script, request.kind)  # type: ignore[arg-type]
    return (yield from _attempts(request, script, Progress(), context))


def resume(state: Path, context: Context) -> Generator[Event, None, int]:
    """Go on after an attempt that ended with a module missing: the hook came back to us with its report."""
    request, progress, key = _restored(state)
    report = read_report(Path(f"{state}.report"))
    script = _script_again(request, state)
    for leftover in (state, Path(f"{state}.report")):
        leftover.unlink(missing_ok=True)
    env = Store(paths.envs()).get(key)
    if report is None or env is None:
        raise EnvError("luci was called back without a report.", hint="Run the script again.")
    _rewind(state)
    held = _stdin_kind() != "pipe"
    again = yield from _mend(request, script, progress, env, report, diagnosed(report, script, env), held, context)
    if again is None:
        return 1
    return (yield from _attempts(request, script, again, context))


def _attempts(request: RunRequest, script: Script, progress: Progress, context: Context) -> Generator[Event, None, int]:
    spool: StdinSpool | None = None
    while True:
        made, env = yield from prepare(request, script, context)
        if request.dry_run:
            return 0
        if progress.attempt == 1:
            for choice in _unprovided(made):
                yield Warned(f"Nothing was found that provides {choice.module}: {choice.reason.rstrip('.')}.")
        if _may_become(request, script, made, env, context):
            _say_started(request, script, env)
            state = _saved(request, progress, env, script)
            yield _become(request, script, made, env, state)
            return 0
        if spool is None and _stdin_kind() == "pipe" and made.scan.reads_stdin and script.kind != "stdin":
            spool = StdinSpool()
        ended, report, tail = yield from _watch(request, script, made, env, spool, context)
        code = ended.exit_code
        diagnosis = diagnose(
            report,
            exit_code=ended.exit_code,
            signal=ended.signal,
            timed_out=ended.timed_out,
            stderr_tail=tail,
            script_folder=script.folder,
            env_prefix=env.path,
        )
        if report is None:
            if diagnosis.advice and (code or ended.timed_out) and diagnosis.kind != "other":
                yield Told(diagnosis.advice)
            if not request.wants.requirements:
                memory.save(script, _proven(memory.load(script)))
            return code
        held = spool is not None or _stdin_kind() != "pipe"
        again = yield from _mend(request, script, progress, env, report, diagnosis, held, context)
        if again is None:
            return code
        progress = again


# -- getting ready


def prepare(request: RunRequest, script: Script, context: Context) -> Generator[Event, None, tuple[Plan, Env]]:
    """Plan, ask what must be asked, build; return the plan that was built and its environment."""
    began = time.time()
    known = memory.load(script)
    wants = request.wants
    made = yield from plan.make(script, wants, context, known)
    if made.asked and not request.dry_run:
        approved = cascade.approve(made, context)
        known = replace(known, approved=tuple(sorted({*known.approved, *approved})))
        made = yield from plan.make(script, wants, context, known)
    yield Planned(made.as_dict())
    if request.dry_run:
        return made, None  # type: ignore[return-value]
    _refuse_the_hopeless(made)
    store = Store(paths.envs())
    try:
        _insist_on_the_index(made)
        made, env = yield from cascade.build(
            made,
            store,
            table.table(),
            context,
            relax=request.relax,
            fresh=request.fresh,
            again=lambda old, python: _final(plan.make(script, replace(wants, python=python), context, known)),
        )
    except EnvError as error:
        env = _earlier(made, known, store, error)
        yield Warned(f"{error.message} The environment of an earlier run serves.", hint=error.hint)
    _remember(request, script, made, env, known, context)
    if env.created >= began:
        yield from tidy(store, env, context.settings.envs)
    else:
        uses.forget_the_dead(env.root)
    return made, env


def _unprovided(made: Plan) -> list[Choice]:
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


def _insist_on_the_index(made: Plan) -> None:
    """Where the index was needed for a name and did not answer, say so; do not run into a missing module."""
    for choice in made.choices:
        if choice.kind == "unknown" and made.known.troubles and choice.certainty is not Certainty.OPTIONAL:
            raise IndexFailed(
                f"Nobody could say what provides {choice.module}.",
                cause="\n".join(made.known.troubles),
                hint=f"Name it with --with, or under [names] in {paths.config_file()}.",
            )


def _earlier(made: Plan, known: Memory, store: Store, error: EnvError) -> Env:
    """Return the environment that served this script before if it has all that is needed now; else raise `error`."""
    if getattr(error, "reason", "network") not in ("network", "offline"):
        raise error
    env = store.get(str(known.warm.get("key", "")))
    if env is None or not store.take(env):
        raise error
    had = {choice["module"] for choice in env.about.get("choices", ())}
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


def _remember(request: RunRequest, script: Script, made: Plan, env: Env, known: Memory, context: Context) -> None:
    """Keep what was approved, and what the next run needs to start at once."""
    names = {c.module: c.requirements[0] for c in made.choices if c.source == "index" and c.status == "install"}
    warm = known.warm
    if request.wants == NOTHING_MORE:
        was_proven = warm.get("proven", False) and warm.get("key") == env.key
        warm = memory.warm(env, _read_files(made, env), _absent(made), _deciding_variables())
        warm["proven"] = was_proven
        warm["ordinary"] = context.settings.run.record
        warm["paths"] = list(made.scan.paths)
        warm["reads_stdin"] = made.scan.reads_stdin
    approved = tuple(sorted({*known.approved, *(n for n in request.wants.allow if n in env.installed)}))
    memory.save(script, replace(known, names={**known.names, **names}, approved=approved, warm=warm))


def _proven(known: Memory) -> Memory:
    return replace(known, warm={**known.warm, "proven": True}) if known.warm else known


def _read_files(made: Plan, env: Env) -> list[str]:
    declarations = made.declarations.files if made.declarations else ()
    own = [str(paths.config_file()), env.interpreter, str(env.root / "env.json"), str(venvs.site_packages(env.path))]
    return list(dict.fromkeys([*made.scan.files, *map(str, declarations), *own]))


def _absent(made: Plan) -> set[str]:
    """Paths that would change the plan if they came to be: local modules and declarations."""
    tops = {choice.module.partition(".")[0] for choice in made.choices if choice.imports}
    local = {os.path.join(folder, f"{top}{end}") for folder in made.scan.folders for top in tops for end in ("", ".py")}
    roots = {str(made.script.folder), made.spec.scope or str(made.script.folder)}
    named = {
        os.path.join(root, name) for root in roots for name in ("pyproject.toml", "pylock.toml", "requirements.txt")
    }
    lock = {f"{made.script.path}.lock"} if made.script.path else set()
    return {path for path in local | named | lock if not os.path.lexists(path)}


def _deciding_variables() -> dict[str, str]:
    """The variables that would lead to another plan."""
    luci = ("LUCI_CONFIG", "LUCI_RUN_PYTHON", "LUCI_ENVS_SHARE", "LUCI_INDEX_URL", "LUCI_INDEX_EXTRA_URLS")
    others = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
    return {name: os.environ.get(name, "") for name in (*luci, *others)}


# -- running


def _may_become(request: RunRequest, script: Script, made: Plan, env: Env, context: Context) -> bool:
    """Whether nothing needs a parent: no limit, no log, and no piped input that a second attempt would miss."""
    if not request.become or request.timeout or request.record or context.settings.run.record:
        return False
    known = memory.load(script).warm
    proven = known.get("proven", False) and known.get("key") == env.key
    return proven or script.kind == "stdin" or _stdin_kind() != "pipe" or not made.scan.reads_stdin


def _stdin_kind() -> str:
    """Tell "pipe" (what was read is gone), "file" (it can be read again) and "terminal" or nothing at all."""
    import stat

    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return "none"
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return "pipe"
    return "file" if stat.S_ISREG(mode) else "terminal"


def _command(request: RunRequest, script: Script, env: Env) -> tuple[str, ...]:
    return (str(env.python), *request.python_args, *script.argv, *request.args)


def _environ(request: RunRequest, script: Script, env: Env, extra_paths: tuple[str, ...]) -> dict[str, str]:
    kept = (os.environ["PYTHONPATH"],) if request.keep_pythonpath and os.environ.get("PYTHONPATH") else ()
    environ = activated(str(env.path), dict(os.environ), (*extra_paths, *kept))
    if request.env_file:
        environ = {**_env_file(request.env_file), **environ}
    if script.path:
        environ["LUCI_SCRIPT"] = str(script.path)
    return environ


def _env_file(name: str) -> dict[str, str]:
    import dotenv

    if not Path(name).is_file():
        raise UsageError(f"--env-file {name} is not a file.")
    return {key: value for key, value in dotenv.dotenv_values(name).items() if value is not None}


def _become(request: RunRequest, script: Script, made: Plan, env: Env, state: Path) -> Become:
    environ = _environ(request, script, env, made.scan.paths)
    environ["LUCI_RUN"] = f"{os.getpid()}:exec:{state}"
    stdin = str(_spooled(script, state)) if script.kind == "stdin" else ""
    return Become(_command(request, script, env), environ, stdin)


def _spooled(script: Script, state: Path) -> Path:
    place = state.with_suffix(".stdin")
    files.write(place, script.source)
    return place


def _say_started(request: RunRequest, script: Script, env: Env) -> runs.Run:
    name = str(script.path or script.name)
    return runs.start(name, request.args, env.key, env.spec.requirements, env.version)


def _watch(
    request: RunRequest, script: Script, made: Plan, env: Env, spool: StdinSpool | None, context: Context
) -> Generator[Event, None, tuple[Ended, Report | None, str]]:
    """Run the script as its parent; return how it ended, what the hook reported, and its last words on stderr where
    they passed through us."""
    record = _say_started(request, script, env)
    state = _running() / f"{os.getpid()}.watched"
    report = Path(f"{state}.report")
    report.unlink(missing_ok=True)
    environ = _environ(request, script, env, made.scan.paths)
    environ["LUCI_RUN"] = f"0:report:{state}"
    log = None
    if request.record or context.settings.run.record:
        record = replace(record, log=str(runs.log_for(record)))
        log = open(record.log, "wb")  # noqa: SIM115
    command = _command(request, script, env)
    yield Started(command, env.key)
    ended, tail = Ended(1, 0.0), ""
    stdin: Any = _spooled(script, state) if script.kind == "stdin" else spool
    try:
        for event in run_process(
            command,
            environ=environ,
            stdin=stdin,
            timeout=request.timeout,
            stop=context.stop,
            capture=not request.become,
            log=log,
        ):
            if isinstance(event, Ended):
                ended = event
            elif isinstance(event, Output) and event.stream == "stderr":
                tail = (tail + event.text)[-_TAIL:]
            yield event
    finally:
        if log:
            log.close()
        runs.end(record, ended.exit_code, ended.seconds)
    found = read_report(report)
    report.unlink(missing_ok=True)
    return ended, found, tail or _end_of(record.log)


def _end_of(log: str) -> str:
    if not log:
        return ""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        return file.read().decode("utf-8", "replace")


# -- the state of a run that luci became


def _running() -> Path:
    folder = paths.state() / "running"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _saved(request: RunRequest, progress: Progress, env: Env, script: Script) -> Path:
    state = _running() / f"{os.getpid()}.json"
    told = {
        "resume": [sys.executable, "-P", "-m", "luci", "_resume", str(state)],
        "request": {**asdict(request), "wants": {**asdict(request.wants), "allow": sorted(request.wants.allow)}},
        "progress": asdict(progress),
        "key": env.key,
        "stdin": _offset(),
        "source": "" if script.path else script.source.decode("latin-1"),
    }
    files.write_quick(state, json.dumps(told))
    return state


def _restored(state: Path) -> tuple[RunRequest, Progress, str]:
    told = files.read_json(state)
    try:
        wants = told["request"].pop("wants")
        allow = frozenset(wants.pop("allow"))
        asked = Wants(**{**wants, "requirements": tuple(wants["requirements"])}, allow=allow)
        listed: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in told["request"].items()}
        progress = Progress(told["progress"]["attempt"], tuple(told["progress"]["mended"]))
        return RunRequest(**listed, wants=asked), progress, told["key"]
    except (KeyError, TypeError) as error:
        raise EnvError(
            "luci was called back without a state.", cause=str(error), hint="Run the script again."
        ) from error


def _script_again(request: RunRequest, state: Path) -> Script:
    if request.kind != "stdin":
        return read_script(request.script, request.kind)  # type: ignore[arg-type]
    source = str(files.read_json(state).get("source", "")).encode("latin-1")
    return Script("stdin", "-", None, source, Path.cwd(), ("-",))


def _offset() -> int:
    try:
        return os.lseek(0, 0, os.SEEK_CUR) if _stdin_kind() == "file" else -1
    except OSError:
        return -1


def _rewind(state: Path) -> None:
    offset = files.read_json(state).get("stdin", -1)
    if isinstance(offset, int) and offset >= 0 and _stdin_kind() == "file":
        os.lseek(0, offset, os.SEEK_SET)


def diagnosed(report: Report, script: Script, env: Env) -> Diagnosis:
    return diagnose(report, exit_code=1, signal=0, timed_out=False, script_folder=script.folder, env_prefix=env.path)


# -- mending


def _mend(
    request: RunRequest,
    script: Script,
    progress: Progress,
    env: Env,
    report: Report,
    diagnosis: Diagnosis,
    held: bool,
    context: Context,
) -> Generator[Event, None, Progress | None]:
    """Learn from a failed attempt. Return how to go on, or None where the script is not run again: then its own words
    are said."""
    yield Missing(diagnosis.subject, report.file, report.line)
    before = memory.load(script)
    try:
        learned, lesson = _lesson(script, env, diagnosis, before, progress, request, context)
        if learned is None or progress.attempt >= context.settings.run.attempts:
            yield from _last_words(report, lesson or diagnosis.advice)
            return None
        memory.save(script, learned)
        yield Told(lesson)
        made, better = yield from prepare(request, script, context)
    except LuciError as error:
        memory.save(script, before)
        yield from _last_words(report, error.message)
        if error.cause or error.hint:
            yield Told("\n".join(text for text in (error.cause, error.hint) if text))
        return None
    if better.key == env.key:
        memory.save(script, before)
        reasons = [
            f"Nothing provides {c.module}: {c.reason}." for c in _unprovided(made) if c.module in diagnosis.subject
        ]
        yield from _last_words(report, " ".join(reasons) or lesson or diagnosis.advice)
        return None
    if reason := _not_again(request, script, report, held, made, context):
        yield from _last_words(report, f"{reason} The environment is ready: the next run will work.")
        return None
    yield Retrying(progress.attempt + 1, lesson)
    return Progress(progress.attempt + 1, (*progress.mended, diagnosis.subject))


def _last_words(report: Report, advice: str) -> Iterator[Event]:
    if not report.printed:
        yield Words(report.traceback)
    if advice:
        yield Told(advice)


def _lesson(
    script: Script,
    env: Env,
    diagnosis: Diagnosis,
    known: Memory,
    progress: Progress,
    request: RunRequest,
    context: Context,
) -> tuple[Memory | None, str]:
    """Return what to remember of a failure so that the next plan is another one, and say it."""
    from luci.runner import versions

    subject = diagnosis.subject
    if subject in progress.mended:
        return None, f"{subject} is still missing, although it was added."
    if diagnosis.kind == "removed-module" or (removed := table.table().removed.get(subject.partition(".")[0])):
        removed = table.table().removed.get(subject.partition(".")[0])
        if removed is None:
            return None, diagnosis.advice
        return versions.older_python(known, subject, removed, request, context)
    if diagnosis.requirement:
        return replace(
            known, requirements=(*known.requirements, diagnosis.requirement)
        ), f"{diagnosis.requirement} is wanted."
    if diagnosis.kind in ("missing-submodule", "missing-name", "missing-module"):
        declarations = plan.declarations_of(script)
        if declarations and declarations.complete:
            return (
                None,
                f"What the script declares is complete, and {subject} is not in it; --with adds it for one run.",
            )
        return versions.other_release(known, subject, diagnosis.kind, env, request, context)
    return None, diagnosis.advice


def _not_again(request: RunRequest, script: Script, report: Report, held: bool, made: Plan, context: Context) -> str:
    """Return why the script is not run a second time; empty where it is. Weighs what the first attempt did."""
    policy = request.retry or context.settings.run.retry
    if policy == "always":
        return ""
    if policy == "never":
        return "It is not run again (--retry never)."
    text = decode(script.source, script.name)
    line = _line_in(script, report)
    done = [f"line {effect.line} {effect.what}" for effect in effects_before(text, line)]
    if report.seconds > context.settings.run.retry_after_seconds:
        done.append(f"it ran for {report.seconds:.0f} s")
    if not held and reads_stdin_before(text, line):
        done.append("it read from a pipe, which cannot be read again")
    if policy == "auto" and not done:
        return ""
    question = Question("retry", f"Run {script.name} again from its start?", tuple(done), "--retry always")
    if context.ask(question):
        return ""
    return f"It was not run again: {'; '.join(done) or 'nobody said so'}."


def _line_in(script: Script, report: Report) -> int:
    """The line that the script itself had reached, also where a module it imports failed."""
    own = {str(script.path), script.name, "<stdin>", "<string>"}
    return next((line for file, line in reversed(report.frames) if file in own), report.line)
