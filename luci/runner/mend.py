"""Learn from a failed attempt, and weigh whether the script may run again."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from luci.context import Context, Question
from luci.envs import sonames
from luci.envs.records import Env
from luci.envs.whole import altered, condemn, verify
from luci.errors import LuciError
from luci.events import Event, Missing, Retrying, Told, Words
from luci.runner import kinds, memory, premises, table
from luci.runner.comeback import Stdin
from luci.runner.diagnose import Diagnosis, Report
from luci.runner.locking import StaleLock
from luci.runner.memory import Memory
from luci.runner.prepare import prepare, unprovided
from luci.runner.request import Mended, Progress, RunRequest
from luci.runner.script import Script, decode
from luci.values import replace

_MENDED_BY_OTHERS = ("missing-submodule", "missing-name", "missing-module")


def mend(
    request: RunRequest,
    script: Script,
    progress: Progress,
    env: Env,
    report: Report,
    diagnosis: Diagnosis,
    stdin: Stdin,
    context: Context,
) -> Generator[Event, None, Mended | None]:
    """Learn from a failed attempt. Return how to go on, or None where the script is not run again: then its own words
    are said."""
    diagnosis = _first_cause(report, diagnosis)
    yield Missing(diagnosis.subject, report.file, report.line)
    before = memory.load(script)
    try:
        if diagnosis.kind in _MENDED_BY_OTHERS and _altered(env):
            made, better = yield from prepare(request, script, context)  # finds it broken, and builds it again
            yield Retrying(progress.attempt + 1, "The environment was not whole.")
            return Mended(progress.after(diagnosis.subject), made, better)
        learned, lesson = _lesson(script, env, diagnosis, before, progress, request, context)
        if learned is None or progress.attempt >= context.settings.run.attempts:
            yield from _last_words(report, lesson or diagnosis.advice)
            return None
        memory.save(script, replace(learned, warm={}))  # what was learned makes another plan
        place = f" ({Path(report.file).name}:{report.line})" if report.file else ""
        yield Told(f"{lesson.rstrip('.')}{place}.")
        made, better = yield from prepare(request, script, context)
    except LuciError as error:
        if not isinstance(error, StaleLock):  # what its lock lacks is for the next lock to hold
            memory.save(script, before)
        labelled = (("cause", error.cause), ("hint", error.hint))
        more = "".join(f"\n{label}: {text}" for label, text in labelled if text)
        yield from _last_words(report, error.message + more)
        return None
    if diagnosis.kind == "shared-library" and not sonames.brings(better.path, diagnosis.subject):
        memory.save(script, before)
        yield from _last_words(report, diagnosis.advice)
        return None
    if better.key == env.key:
        memory.save(script, before)
        reasons = [
            f"Nothing provides {c.module}: {c.reason}." for c in unprovided(made) if c.module in diagnosis.subject
        ]
        yield from _last_words(report, " ".join(reasons) or lesson or diagnosis.advice)
        return None
    if reason := _not_again(request, script, report, stdin, context):
        yield from _last_words(report, f"{reason} The environment is ready: the next run will work.")
        return None
    yield Retrying(progress.attempt + 1, lesson)
    return Mended(progress.after(diagnosis.subject), made, better)


def _altered(env: Env) -> bool:
    """Whether files of the environment are gone or changed; then it counts as broken from now on."""
    faults = verify(env)
    if not faults:
        return False
    if altered(faults):
        from luci.envs import installer

        installer.forget(env.installed)
    condemn(env)
    return True


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
    if env.spec.kind == "system":
        return None, f"{env.spec.base} does not have {subject}, and luci installs nothing there."
    if subject in progress.mended:
        return None, f"{subject} is still missing, although it was added."
    declarations = premises.declarations_of(script)
    allowed = declarations.requires_python if declarations else ""
    if diagnosis.kind == "shared-library":
        if not diagnosis.subject or not (kinds.possible(context.settings) or env.spec.kind == "conda"):
            return None, diagnosis.advice
        return replace(known, libraries=(*known.libraries, diagnosis.subject)), f"{diagnosis.subject} is missing"
    if removed := table.table().removed.get(subject.partition(".")[0]):
        return versions.older_python(known, subject, removed, request, context, allowed)
    if diagnosis.kind == "removed-module" or versions.NEEDS_OLD_IMPORTS.search(subject):
        return versions.python_with(known, subject, request, context, allowed)
    if diagnosis.requirement:
        wanted = (*known.requirements, diagnosis.requirement)
        return replace(known, requirements=wanted), f"{diagnosis.requirement} is wanted."
    if diagnosis.kind in _MENDED_BY_OTHERS:
        of_luci = declarations is not None and declarations.modules is not None and diagnosis.kind == "missing-module"
        if declarations and declarations.complete and not of_luci:
            return (
                None,
                f"The script's declarations are complete, and {subject} is not in them; --with adds it once.",
            )
        return versions.other_release(known, subject, diagnosis.kind, env, request, context)
    return None, diagnosis.advice


def _first_cause(report: Report, diagnosis: Diagnosis) -> Diagnosis:
    """Where a library tried one module after another, and nothing is known of the last: the first that was missing."""
    if diagnosis.kind != "missing-module" or table.table().lookup(diagnosis.subject):
        return diagnosis
    for cause in report.causes:
        if cause.name and cause.name != diagnosis.subject:
            top = cause.name.partition(".")[0]
            if top in table.table().removed or table.table().lookup(cause.name):
                return replace(diagnosis, subject=cause.name)
    return diagnosis


def _not_again(request: RunRequest, script: Script, report: Report, stdin: Stdin, context: Context) -> str:
    """Return why the script is not run a second time; empty where it is. Weighs what the first attempt did."""
    policy = request.retry or context.settings.run.retry
    if policy == "always":
        return ""
    if policy == "never":
        return "It is not run again (--retry never)."
    from luci.runner import effects  # 5 ms, where something was missing

    text = decode(script.source, script.name)
    line = _line_in(script, report)
    done = [f"line {effect.line} {effect.what}" for effect in effects.effects_before(text, line)]
    long = report.seconds > context.settings.run.retry_after_seconds
    if long and not effects.only_imports_before(text, line):
        done.append(f"it ran for {report.seconds:.0f} s")
    if stdin.kind == "pipe" and (stdin.was_read() or effects.reads_stdin_before(text, line)):
        done.append("it read from a pipe, which cannot be read again")
    if policy == "auto" and not done:
        return ""
    question = Question(
        "retry",
        f"Run {script.name} again from its start?",
        tuple(done),
        "--retry always",
        yes="Run it again: what it did the first time happens twice",
        no="Leave it: the environment is ready for the next run",
    )
    if context.ask(question):
        return ""
    return f"It was not run again: {'; '.join(done) or 'nobody said so'}."


def _line_in(script: Script, report: Report) -> int:
    """The line that the script itself had reached, also where a module it imports failed."""
    own = {str(script.path), script.name, "<stdin>", "<string>"}
    return next((line for file, line in reversed(report.frames) if file in own), report.line)
