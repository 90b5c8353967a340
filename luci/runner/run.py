"""The loop: plan, build, run, diagnose, plan again.

Where nothing needs watching luci becomes the script, and the environment's hook brings it back (`resume`) when a
module is missing. Otherwise luci stays the parent and the same hook leaves its report in a file; where no hook saw the
end, the script's last words are read for it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luci import paths, runs
from luci.context import Context, never
from luci.envs import backends, files, uses
from luci.envs.store import Env, Store
from luci.errors import EnvError, UsageError
from luci.events import Become, Ended, Event, Output, Pictured, Started, Told, Walled, Warned, Words
from luci.process import StdinSpool
from luci.process import run as run_process
from luci.runner import last_words, memory, oom, pictures
from luci.runner.comeback import Stdin, restored, running, saved, script_again, stdin_kind
from luci.runner.guesses import ask_again
from luci.runner.last_words import Tail
from luci.runner.plan import Plan
from luci.runner.prepare import prepare, remember_that_it_worked, unprovided
from luci.runner.request import Mended, Progress, RunRequest
from luci.runner.script import Script, read_script
from luci.runner.walled import (
    folder_of,
    put_up,
    python_of,
    report_behind,
    take_out,
    wall_for,
    weighed,
    within,
    within_time,
)
from luci.runner.warm import activated
from luci.values import replace

if TYPE_CHECKING:
    from luci.runner.diagnose import Report
    from luci.terminals import Terminal
    from luci.walls.container import Box
    from luci.walls.fence import Fence
    from luci.walls.ladder import Wall
    from luci.walls.sarus import Hold

RIVALS = 100  # of the latest runs, those that may have written the images that are found after one


def run(request: RunRequest, context: Context) -> Generator[Event, None, int]:
    """Run a script; return the exit code. The last event is Become where the caller is to become the script."""
    steps = _run(request, context)
    try:
        return (yield from (_run_on(request.terminal, steps) if request.terminal else steps))
    finally:
        if not request.become:  # else this process is about to be the script
            uses.let_go()


def _run_on(terminal: Terminal, steps: Generator[Event, None, int]) -> Generator[Event, None, int]:
    """Run on a terminal, which ends with the run. Words that were held back are written where the script wrote."""
    with ExitStack() as stack:
        stack.callback(terminal.end)
        stack.callback(steps.close)
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                return int(end.value)
            if isinstance(event, Words):
                terminal.say(event.text)
            yield event


def _run(request: RunRequest, context: Context) -> Generator[Event, None, int]:
    script = read_script(request.script, request.kind)  # type: ignore[arg-type]
    made, env = yield from prepare(request, script, context)
    strange = [why for why in made.wall.get("why", ()) if why.startswith("[walls.stranger]")]
    if strange and request.walls.stranger is None:  # who said so knows
        told = f"{script.name} is not your own, and runs behind the wall {made.wall['name']}"
        yield Told(f"{told} ({strange[0]}); --trust runs it as yours.")
    if made.wall["lacks"]:
        yield Warned(f"The wall is {made.wall['name']}, and does not hold: {'; '.join(made.wall['lacks'])}.")
    for choice in unprovided(made):
        yield Warned(f"Nothing was found that provides {choice.module}: {choice.reason.rstrip('.')}.")
        ask_again(choice, made.known)
    return (yield from _attempts(request, script, Mended(Progress(), made, env), context))


def resume(state: Path, context: Context) -> Generator[Event, None, int]:
    """Go on after an attempt that ended with a module missing: the hook came back to us with its report."""
    from luci.runner.diagnose import diagnose, read_report
    from luci.runner.mend import mend

    request, progress, key, stdin = restored(state)
    report = read_report(Path(f"{state}.report"))
    script = script_again(request, state)
    if stdin.offset < 0 and report and report.stdin_position is not None:
        stdin = replace(stdin, offset=report.stdin_position)
    stdin.rewind()
    runs.collect()
    for leftover in (state, Path(f"{state}.report"), Path(f"{state}.told")):
        leftover.unlink(missing_ok=True)
    env = Store(paths.envs()).get(key)
    if report is None or env is None:
        raise EnvError("luci was called back without a report.", hint="Run the script again.")
    diagnosis = diagnose(
        report, exit_code=1, signal=0, timed_out=False, script_folder=script.folder, env_prefix=env.path
    )
    again = yield from mend(request, script, progress, env, report, diagnosis, stdin, context)
    if again is None:
        return 1
    return (yield from _attempts(request, script, again, context))


def _attempts(request: RunRequest, script: Script, mended: Mended, context: Context) -> Generator[Event, None, int]:
    spool: StdinSpool | None = None
    request = within_time(request, script, context, mended.env.spec.kind)
    stdin = Stdin() if request.terminal else Stdin.now()
    while True:
        progress, made, env = mended.progress, mended.made, mended.env
        if _may_become(request, script, made, env, context):
            _say_started(request, script, env)
            state = saved(request, progress, env, script)
            yield _become(request, script, made, env, state)
            return 0
        if spool is None and stdin.kind == "pipe" and made.scan.reads_stdin and script.kind != "stdin":
            spool = StdinSpool()
        killed_before = oom.kills()
        ended, report, tail = yield from _watch(request, script, made, env, spool, context)
        from luci.runner.diagnose import diagnose  # 10 ms, for those who stay to see the end

        code = ended.exit_code
        diagnosis = diagnose(
            report,
            exit_code=ended.exit_code,
            signal=ended.signal,
            timed_out=ended.timed_out,
            timeout=request.timeout,
            stderr_tail=tail,
            oom_killed=ended.signal == 9 and oom.kills() > killed_before,
            script_folder=script.folder,
            env_prefix=env.path,
            without_site=request.without_site,
        )
        if report is None:
            if code and not ended.timed_out:
                yield from _said_to_fail(tail, script)
            if diagnosis.advice and (code or ended.timed_out) and diagnosis.kind != "other":
                yield Told(diagnosis.advice)
            if not request.wants.requirements:
                remember_that_it_worked(request, script)
            return code
        from luci.runner.mend import mend

        stdin.rewind()
        held = Stdin() if spool else stdin
        again = yield from mend(request, script, progress, env, report, diagnosis, held, context)
        if again is None:
            from luci.runner.failure import at

            yield at(f"{report.type}: {report.message}", report.frames, script)
            return code
        mended = again


def _said_to_fail(tail: str, script: Script) -> Iterator[Event]:
    from luci.runner.failure import failed  # patterns that only a failure needs

    if failure := failed(tail, script):
        yield failure


# -- running


def _may_become(request: RunRequest, script: Script, made: Plan, env: Env, context: Context) -> bool:
    """Whether nothing needs a parent: no limit, no log, and no piped input that a second attempt would miss."""
    if not request.become or request.timeout or request.record or context.settings.run.record:
        return False
    if made.wall["name"] != "off":
        return False
    if request.without_site or env.spec.kind == "system":
        return False  # the hook that would bring luci back will not be there
    known = memory.load(script).warm
    worked_before = known.get("proven", False) and known.get("key") == env.key
    return worked_before or script.kind == "stdin" or stdin_kind() != "pipe" or not made.scan.reads_stdin


def _command(request: RunRequest, script: Script, env: Env) -> tuple[str, ...]:
    return (python_of(env), *request.python_args, *script.argv, *request.args)


def _environ(request: RunRequest, script: Script, env: Env, made: Plan) -> dict[str, str]:
    kept = (os.environ["PYTHONPATH"],) if request.keep_pythonpath and os.environ.get("PYTHONPATH") else ()
    environ = activated(folder_of(env), dict(os.environ), (*made.scan.paths, *kept))
    if not os.path.exists(f"{environ.get('VIRTUAL_ENV', '')}/pyvenv.cfg"):
        environ.pop("VIRTUAL_ENV", None)
    said = _env_file(request.env_file) if request.env_file else {}
    if made.variables:
        from luci.runner.variables import with_them

        environ = with_them(environ, {name: value for name, value in made.variables.items() if name not in said})
    environ = {**said, **environ}
    environ["LUCI_MEMORY"] = str(memory.place(script))
    return environ


def _env_file(name: str) -> dict[str, str]:
    import dotenv

    if not Path(name).is_file():
        raise UsageError(f"--env-file {name} is not a file.")
    return {key: value for key, value in dotenv.dotenv_values(name).items() if value is not None}


def _become(request: RunRequest, script: Script, made: Plan, env: Env, state: Path | None) -> Become:
    environ = _environ(request, script, env, made)
    if state:
        environ["LUCI_RUN"] = f"{os.getpid()}:exec:{state}"
    stdin = str(_spooled(script, state or running() / str(os.getpid()))) if script.kind == "stdin" else ""
    return Become(_command(request, script, env), environ, stdin)


def _spooled(script: Script, state: Path) -> Path:
    place = state.with_suffix(".stdin")
    files.write(place, script.source)
    return place


def _say_started(request: RunRequest, script: Script, env: Env, wall: Wall | None = None) -> runs.Run:
    name = str(script.path or script.name)
    held = wall.gives if wall else within(request.timeout)
    args = request.args if request.told_args is None else request.told_args
    return runs.start(name, args, env.key, env.spec.requirements, env.version, wall.name if wall else "", held)


def _watch(
    request: RunRequest, script: Script, made: Plan, env: Env, spool: StdinSpool | None, context: Context
) -> Generator[Event, None, tuple[Ended, Report | None, str]]:
    """Run the script as its parent; return how it ended, what is known of a missing module, and its last words where
    they passed through us."""
    with ExitStack() as stack:
        wall = wall_for(request, script, context, env.spec.kind)
        record = _say_started(request, script, env, wall)
        state = running() / f"{os.getpid()}.{record.id}.watched"
        fence = stack.enter_context(put_up(wall, script, made, env, state, context.settings)) if wall else None
        return (yield from _watch_behind(fence, record, state, request, script, made, env, spool, context))


def _watch_behind(
    fence: Fence | Box | Hold | None,
    record: runs.Run,
    state: Path,
    request: RunRequest,
    script: Script,
    made: Plan,
    env: Env,
    spool: StdinSpool | None,
    context: Context,
) -> Generator[Event, None, tuple[Ended, Report | None, str]]:
    told = fence.reports / "run" if fence else state
    report = Path(f"{told}.report")
    seen = Path(f"{told}.end")
    for leftover in (report, seen):
        leftover.unlink(missing_ok=True)
    environ = _environ(request, script, env, made)
    environ["LUCI_RUN"] = f"0:report:{told}"
    log, terminal, since = None, request.terminal, 0
    if terminal or request.record or context.settings.run.record:
        runs.forget_logs(context.settings.run.log_days, context.settings.run.log_mb * 1e6)
    if terminal:
        record = replace(record, log=str(terminal.begin(runs.log_for(record))))
        environ, since = terminal.environ(environ), os.path.getsize(record.log)
    elif request.record or context.settings.run.record:
        record = replace(record, log=str(runs.log_for(record)))
        log = open(record.log, "wb")  # noqa: SIM115
        runs.keep_log(log.fileno())
    figures = runs.figures_for(record)
    if request.pictures and context.settings.app.figures == "offer":
        environ = pictures.without_window(environ, fence.reports / "figures" if fence else figures)
    needs_words = request.without_site or env.spec.kind == "system" or (fence is not None and fence.needs_words)
    heard = Tail() if needs_words and request.become and log is None else None
    command = _command(request, script, env)
    if fence:
        yield Walled(fence.wall.name, fence.wall.gives, fence.wall.lacks, fence.wall.why)
        environ = fence.environ(environ)
    yield Started(command, env.key)
    ended, tail = Ended(1, 0.0), ""
    stdin: Any = _spooled(script, state) if script.kind == "stdin" else spool
    if request.input is not None:
        stdin = state.with_suffix(".input")
        files.write(stdin, request.input.encode())
    try:
        with weighed(fence) as watch:
            for event in run_process(
                fence.command(command, led=terminal is not None) if fence else command,
                environ=environ,
                stdin=stdin,
                timeout=request.timeout,
                stop=context.stop,
                enough=watch.is_over if watch else never,
                capture=not request.become and terminal is None,
                log=log or heard,
                terminal=terminal,
            ):
                if isinstance(event, Ended):
                    if env.spec.kind in backends.BOXED or made.wall["name"] == "container":
                        event = replace(event, peak_bytes=None)  # that of who speaks to the engine
                    ended = event
                elif isinstance(event, Output) and event.stream == "stderr":
                    tail = (tail + event.text)[-last_words.SIZE :]
                yield event
    finally:
        if log:
            log.close()
        runs.end(record, ended.exit_code, ended.seconds, ended.peak_bytes)
    tail = tail or (heard.kept.decode("utf-8", "replace") if heard else _end_of(record.log, since))
    found = report_behind(report)
    if fence and env.spec.kind in backends.IN_ENGINES and found is None and not ended.signal:
        from luci.runner import boxes

        boxes.remember(request, script, made, env, fence)
    hits = fence.verdict(ended.exit_code, seconds=ended.seconds, said=tail) if fence else []
    for hit in (*hits, *(watch.verdict() if watch else ())):
        yield Told(hit)
    if found is None and ended.exit_code == 1 and not seen.exists():
        found = last_words.report_of(tail, ended.seconds, tuple(int(n) for n in env.version.split(".")[:2]))
    if fence:
        take_out(fence.reports / "figures", figures)
    if request.pictures:
        yield from _pictured(record, figures, [Path.cwd(), script.folder], tail)
    for leftover in (report, seen, state.with_suffix(".input")):
        leftover.unlink(missing_ok=True)
    return ended, found, tail


def _pictured(record: runs.Run, figures: Path, folders: list[Path], output: str) -> Iterator[Event]:
    if made := pictures.made(record.started, figures, folders, output):
        perhaps = pictures.doubtful(made, figures, output, record, runs.latest(RIVALS))
        yield Pictured(tuple(map(str, made)), tuple(map(str, perhaps)))


def _end_of(log: str, since: int) -> str:
    """Return the last of what was written to the log from `since` on."""
    if not log:
        return ""
    with open(log, "rb") as file:
        file.seek(max(since, file.seek(0, os.SEEK_END) - last_words.SIZE))
        return file.read().decode("utf-8", "replace")
