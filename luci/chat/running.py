"""Tools that plan and run scripts: behind a wall, with the packages shown first, and every end told in few words."""

from __future__ import annotations

import shlex
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from luci.actions.door import perform
from luci.chat.ground import NotHere
from luci.chat.hands import Hands
from luci.chat.leave import Effect
from luci.chat.mending import Failure
from luci.chat.shorten import shortened
from luci.chat.tools import PlanScript, RunCode, RunLog, RunScript, Wrong
from luci.context import Context, Question
from luci.errors import LuciError, Refused
from luci.events import Ended, Event, Failed, Output, Retrying, Started, Told, Walled, Warned
from luci.runner.plan import Plan, Wants
from luci.runner.request import RunRequest
from luci.walls.asked import NOTHING, Asked, Limits, Reach

MOST = 6_000  # characters of a run's output that a model is told
MEMORY = 4 * 2**30  # bytes
PIDS = 512


@dataclass
class _Seen:
    """What a run said, as far as the model is told of it."""

    stdout: str = ""
    stderr: str = ""
    argv: tuple[str, ...] = ()
    wall: str = ""
    gives: tuple[str, ...] = ()
    told: list[str] = field(default_factory=list)
    failed: Failed | None = None
    ended: Ended | None = None

    def take(self, event: Event) -> None:
        match event:
            case Output(stream, text):
                setattr(self, stream, getattr(self, stream) + text)
            case Retrying():
                self.stdout = self.stderr = ""
            case Started(argv):
                self.argv = argv
            case Walled(wall, gives):
                self.wall, self.gives = wall, gives
            case Told(text) | Warned(text):
                self.told.append(text)
            case Failed():
                self.failed = event
            case Ended():
                self.ended = event


def plan(request: PlanScript, hands: Hands) -> Generator[Event, None, str]:
    path = _script(request.script, hands)
    made, what = yield from _planned(RunRequest(str(path), wants=_wants(path, hands)), hands)
    return "\n".join([f"Python {made.interpreter.version}", *_packages(made), f"environment: {what}"])


def run(request: RunScript, hands: Hands) -> Generator[Event, None, str]:
    path = _script(request.script, hands)
    args = tuple(hands.secrets.put_back(word) for word in request.args)
    asked = RunRequest(
        str(path),
        args=args,
        wants=_wants(path, hands),
        timeout=float(max(1, request.seconds)),
        record=True,
        input=request.stdin,
    )
    return (yield from _run(asked, hands.ground.shown(path), request.network, request.expect, path, hands))


def run_code(request: RunCode, hands: Hands) -> Generator[Event, None, str]:
    timeout = float(max(1, request.seconds))
    asked = RunRequest(request.code, kind="code", timeout=timeout, record=True, input="")
    return (yield from _run(asked, "-c", request.network, "", None, hands))


def run_log(request: RunLog, hands: Hands) -> Generator[Event, None, str]:
    from luci.actions.history import RunsRequest

    try:
        content = yield from perform("runs log", RunsRequest(request.run), hands.context)
    except LuciError as error:
        raise Wrong(error.message) from None
    return _data("\n".join(content.decode("utf-8", "replace").splitlines()[-max(1, request.lines) :]))


# -- one run


def _run(
    asked: RunRequest, shown: str, network: bool, expect: str, path: Path | None, hands: Hands
) -> Generator[Event, None, str]:
    if hands.mending.over:
        raise Wrong(f"Nothing is run any more: {hands.mending.over}.")
    try:
        asked, seen, code = yield from _with_leave(replace(asked, walls=behind(hands, network)), shown, network, hands)
    except LuciError as error:
        advice = hands.mending.ran(Failure(error.message, shown))
        words = [f"It did not start: {error.message}", error.cause, f"hint: {error.hint}" if error.hint else "", advice]
        return "\n".join(word for word in words if word)
    failure = _failure(code, seen, expect, shown)
    if failure is None and path and path not in hands.worked:
        hands.worked.append(path)
    elif failure and path in hands.worked:
        hands.worked.remove(path)
    told = _told(code, seen, failure, hands.mending.ran(failure))
    hands.sessions.add(
        hands.session,
        "run",
        {
            "script": shown,
            "args": list(asked.args),
            "exit_code": code,
            "wall": seen.wall,
            "text": hands.secrets.masked(told),
        },
    )
    return told


def behind(hands: Hands, network: bool) -> Asked:
    """Return the wall for what a model wrote: it writes in the project and a temporary folder, reads the project, its
    environment and the system, and reaches the network only where that is approved."""
    reach = Reach(network=network, writable=(str(hands.folder),))
    return Asked(sandbox="auto" if network else "", limits=Limits(memory=MEMORY, pids=PIDS), reach=reach)


def _with_leave(
    asked: RunRequest, shown: str, network: bool, hands: Hands
) -> Generator[Event, None, tuple[RunRequest, _Seen, int]]:
    """Plan, ask for what needs leave, and run; return what was run, what it said, and its exit code."""
    try:
        made, what = yield from _planned(asked, hands)
    except Refused as error:
        details = (error.message, *error.cause.splitlines(), "It could read and change whatever you can.")
        hands.may(Effect("run", f"Run {shown} without a wall?", details, shown, own=True))
        asked = replace(asked, walls=NOTHING)
        made, what = yield from _planned(asked, hands)
    if what != "reuse" and made.spec.requirements:
        hands.may(Effect("install", "Install packages?", tuple(_packages(made)), " ".join(made.names()), bounded=True))
    if network:
        details = ("It can reach every host that you can.",)
        hands.may(Effect("network", f"Let {shown} use the network?", details, shown))
    command = shlex.join([shown, *asked.args])
    hands.may(Effect("run", f"Run {shown}?", tuple(_command(asked, made, shown)), command, bounded=_is_bounded(made)))
    seen = _Seen()
    steps = perform("run", asked, _context(hands))
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return asked, seen, int(end.value)
        seen.take(event)
        yield event


def _planned(asked: RunRequest, hands: Hands) -> Generator[Event, None, tuple[Plan, str]]:
    result: tuple[Plan, str] = yield from perform("plan", asked, _context(hands))
    return result


def _context(hands: Hands) -> Context:
    """The context of a run: what luci itself would ask a person is asked as an effect of its own."""

    def ask(question: Question) -> bool:
        kind: Any = "install" if question.kind in ("install", "build", "relax") else "run"
        try:
            hands.may(Effect(kind, question.text, question.details, question.text, own=True))
        except Wrong:
            return False
        return True

    return replace(hands.context, ask=ask)


def _script(name: str, hands: Hands) -> Path:
    try:
        path = hands.ground.place(name)
    except NotHere as error:
        raise Wrong(str(error)) from None
    if not path.is_file():
        raise Wrong(f"There is no script {name}; write_file makes one.")
    if why := hands.ground.peculiar(path, writing=False):
        shown = hands.ground.shown(path)
        hands.may(Effect("run", f"Let the model run {shown}?", (why,), shown, own=True))
    return path


def _wants(path: Path, hands: Hands) -> Wants:
    return Wants(requirements=hands.declared.get(path, ()))


def _is_bounded(made: Plan) -> bool:
    return made.wall["name"] not in ("off", "limits")


# -- what is shown and told


def _packages(made: Plan) -> list[str]:
    """Every package with where its name came from."""
    lines = []
    for choice in made.choices:
        where = f", line {choice.imports[0].line}" if choice.imports and choice.imports[0].line else ""
        for requirement in choice.requirements or (choice.module,):
            doubts = f"; in doubt: {'; '.join(choice.doubts)}" if choice.doubts else ""
            if choice.status in ("install", "ask"):
                lines.append(f"{requirement} for {choice.module or 'itself'}{where}: {choice.reason}{doubts}")
            elif choice.status == "none":
                lines.append(f"nothing for {choice.module}{where}: {choice.reason}")
    return lines or ["no packages"]


def _command(asked: RunRequest, made: Plan, shown: str) -> list[str]:
    words = ["python", *(("-c", asked.script) if asked.kind == "code" else (shown,)), *asked.args]
    wall = made.wall
    held = f"behind {wall['name']}: {', '.join(wall['gives']) or 'nothing is limited'}" if wall["name"] != "off" else ""
    lacks = [f"not held: {each}" for each in wall["lacks"]]
    return [shlex.join(words), held or "without a wall", *lacks, f"at most {asked.timeout:g} s"]


def _failure(code: int, seen: _Seen, expect: str, shown: str) -> Failure | None:
    if seen.ended and seen.ended.timed_out:
        return Failure("timeout", shown)
    if code:
        failed = seen.failed
        return Failure(failed.error, failed.file, failed.line) if failed else Failure(f"exit code {code}", shown)
    if expect and expect not in seen.stdout:
        return Failure(f"the output does not hold {expect!r}", shown)
    return None


def _told(code: int, seen: _Seen, failure: Failure | None, advice: str) -> str:
    """What a model hears of a run: how it ended and where, and the beginning, the end and the errors of its output."""
    took = f" after {seen.ended.seconds:.1f} s" if seen.ended else ""
    wall = f", behind {seen.wall} ({', '.join(seen.gives)})" if seen.wall else ""
    lines = [f"exit code {code}{took}{wall}", *(f"luci: {text}" for text in seen.told)]
    if failure:
        lines.append(f"failed: {failure.error}" + (f" at {failure.file}:{failure.line}" if failure.line else ""))
    if seen.failed and seen.failed.excerpt:
        numbered = enumerate(seen.failed.excerpt, start=seen.failed.first)
        lines += [f"{'>' if number == seen.failed.line else ' '}{number:>5}  {line}" for number, line in numbered]
    for name, text in (("stdout", seen.stdout), ("stderr", seen.stderr)):
        if text.strip():
            lines += [f"{name}:", _data(shortened(text, MOST))]
    return "\n".join([*lines, *([advice] if advice else [])])


def _data(text: str) -> str:
    """Mark what a program wrote as data."""
    return f"<data>\n{text.replace('</data>', '</ data>').rstrip()}\n</data>"
