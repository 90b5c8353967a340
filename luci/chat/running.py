"""Tools that plan and run scripts: behind a wall, with the packages shown first, and every end told in few words."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from luci import runs
from luci.actions.door import perform
from luci.chat import traces, vouching
from luci.chat.account import Attempt, needs_of
from luci.chat.ground import NotHere
from luci.chat.hands import Hands
from luci.chat.leave import Effect, Kind
from luci.chat.looking import files
from luci.chat.mending import Failure
from luci.chat.secrets import Masking, Secrets
from luci.chat.shorten import data
from luci.chat.telling import Seen, found_out, of_run
from luci.chat.tools import PlanScript, RunCode, RunLog, RunScript, Wrong
from luci.context import Context, Question
from luci.errors import Interrupted, LuciError, Refused
from luci.events import Ended, Event, Output, Retrying
from luci.exchange import exchange
from luci.runner.approval import origins
from luci.runner.choices import name_of
from luci.runner.plan import Plan
from luci.runner.request import RunRequest
from luci.runner.wants import Wants
from luci.runs import Run
from luci.values import fields, replace
from luci.walls.asked import Asked, Limits, Reach
from luci.walls.defaults import OFF

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*)\S* for ")  # a package in what a question says of it
MEMORY = 4 * 2**30  # bytes
PIDS = 512


def _through(seen: Seen, steps: Generator[Event, None, int], secrets: Secrets) -> Generator[Event, None, int]:
    """Take and hand on what is said, secrets masked, to the end; return the exit code."""
    streams = {"stdout": Masking(secrets), "stderr": Masking(secrets)}
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            yield from _shown(streams)
            return int(end.value)
        seen.take(event)
        if isinstance(event, Output):
            if text := streams[event.stream].take(event.text):
                yield replace(event, text=text)
            continue
        if isinstance(event, Ended | Retrying):  # other events may come between two pieces of a line
            yield from _shown(streams)
        yield _masked(event, secrets)


def _shown(streams: dict[str, Masking]) -> Iterator[Output]:
    """Yield what was held back."""
    for name, masking in streams.items():
        if text := masking.rest():
            yield Output("stdout" if name == "stdout" else "stderr", text)


def _masked(event: Event, secrets: Secrets) -> Event:
    told = {name: getattr(event, name) for name in fields(event)}
    return replace(event, **{name: secrets.masked(each) for name, each in told.items() if isinstance(each, str)})


def plan(request: PlanScript, hands: Hands) -> Generator[Event, None, str]:
    path = _script(request.script, hands)
    asked = RunRequest(hands.ground.shown(path), wants=_wants(path, hands))
    made, what = yield from perform("plan", asked, _context(hands))
    lines = origins(made, "install", "ask", "none") or ["no packages"]
    return data("\n".join([f"Python {made.interpreter.version}", *lines, f"environment: {what}"]))


def run(request: RunScript, hands: Hands) -> Generator[Event, None, str]:
    path = _script(request.script, hands)
    shown = hands.ground.shown(path)
    _leave_to_see(request.args, shown, hands, network=request.network)
    args = tuple(hands.secrets.put_back(word) for word in request.args)
    recorded = tuple(hands.secrets.masked(word) for word in request.args)
    asked = RunRequest(shown, args=args, told_args=recorded, wants=_wants(path, hands), input=request.stdin)
    opened = _leave_to_read_secrets(request.secret_files, shown, hands, network=request.network)
    hidden = tuple(name for name in _closed(hands) if name not in opened)
    reach = Reach(network=request.network, variables=request.variables, hidden=_within(hands, hidden))
    held = _held(asked, request.seconds, reach, hands)
    told, well = yield from _run(held, shown, " ".join(request.args), request.expect, hands)
    if path in hands.worked:
        hands.worked.remove(path)
    if well:
        hands.worked.append(path)
    return told


def run_code(request: RunCode, hands: Hands) -> Generator[Event, None, str]:
    asked = RunRequest(request.code, kind="code", input="")
    reach = Reach(network=request.network, hidden=_within(hands, _closed(hands)))
    held = _held(asked, request.seconds, reach, hands)
    told, _ = yield from _run(held, "-c", request.code, "", hands)
    return told


def run_log(request: RunLog, hands: Hands, *, pointed_at: bool = False) -> Generator[Event, None, str]:
    """`pointed_at`: the person names the run."""
    from luci.actions.history import RunsRequest

    try:
        run = runs.find(request.run) if pointed_at else _known_run(request.run, hands)
        content = yield from perform("runs log", RunsRequest(run.id), hands.context)
    except LuciError as error:
        raise Wrong(error.message) from None
    return data("\n".join(content.decode("utf-8", "replace").splitlines()[-max(1, request.lines) :]))


def _known_run(selector: str, hands: Hands) -> Run:
    """Return the run that is meant, where a number counts those of the project; of another one only after a yes."""
    own = [run for run in runs.latest(1_000) if _is_of(run, hands)]
    if selector.isascii() and selector.isdigit() and 1 <= int(selector) <= len(own):
        return own[int(selector) - 1]
    run = runs.find(selector)
    if not _is_of(run, hands):
        details = ("It is of no script of this project.",)
        hands.may(Effect("read", f"Read what {run.script} wrote?", details, run.script, own=True))
    return run


def _is_of(run: Run, hands: Hands) -> bool:
    """Whether a run is of a script of the project, or was made by this luci."""
    return run.pid == os.getpid() or Path(os.path.realpath(run.script)).is_relative_to(hands.ground.root)


# -- one run


def _held(asked: RunRequest, seconds: int, reach: Reach, hands: Hands) -> RunRequest:
    """Return the run of what a model wrote: it writes in the project and a temporary folder, reads the project, its
    environment and the system, and sees no variable and no network but what is approved."""
    within = replace(reach, writable=(str(hands.folder),), kept=traces.folders_of_programs(hands.ground))
    limits = Limits(memory=MEMORY, pids=PIDS)
    walls = Asked("any", limits, within, stranger=True, opens=reach.network)
    return replace(asked, walls=walls, timeout=float(max(1, seconds)), record=True, asks_first=True)


def _run(
    asked: RunRequest, shown: str, said: str, expect: str, hands: Hands
) -> Generator[Event, None, tuple[str, bool]]:
    """Run with leave; return what the model hears, and whether it went well. `said` is what the model itself wrote of
    the command."""
    if hands.mending.over:
        raise Wrong(f"Nothing is run any more: {hands.mending.over.partition(':')[0]}.")
    _leave_to_reach(asked.walls.reach, shown, hands)
    seen = Seen()
    mending, path = hands.mending, hands.ground.place(shown) if asked.kind != "code" else None
    now = _text(path)
    attempt = Attempt(
        shown, lines=len(now.splitlines()) if now else 0, strategy=mending.strategy, changes=mending.changes
    )
    try:
        asked, made = yield from _behind_a_wall(asked, shown, hands)
        command = shlex.join([shown, *asked.args])
        details = tuple(_command(asked, made, shown))
        open_to_it, unasked = _readable_secrets(asked, made, hands)
        secret = tuple(f"It can read {name}, which holds secrets." for name in open_to_it)
        bounded = made.wall["name"] not in ("off", "limits") and not secret
        title = "Run this code?" if asked.kind == "code" else f"Run {shown}?"
        hands.may(Effect("run", title, (*details, *secret), command, own=unasked, bounded=bounded), said)
        if _text(path) != now:
            raise Wrong(f"{shown} was changed by somebody else meanwhile: what was approved is not what would run.")
        began, trusted = time.time(), traces.looked_at(hands)
        try:
            code = yield from _through(seen, perform("run", asked, _context(hands, made)), hands.secrets)
        finally:
            left = traces.put_back(trusted, hands)
            traces.forget_caches(hands.ground, began)
            _mask_logs(began, hands.secrets)
        seen.told += traces.offered(left, shown, hands)
    except Interrupted:
        raise
    except LuciError as error:
        advice = mending.ran(Failure(error.message, shown), shown)
        needs = tuple(filter(None, [error.hint]))
        mending.attempts.append(replace(attempt, error=error.message, started=False, needs=needs))
        hint = f"hint: {error.hint}" if error.hint else ""
        cause = data(error.cause) if error.cause else ""  # an index, an installer or a package may say anything there
        return "\n".join(filter(None, [f"It did not start: {error.message}", cause, hint, advice])), False
    if code == 128 + signal.SIGINT or hands.context.stop():  # ctrl+c is for us as much as for it
        hands.note("run", {"script": shown, "args": list(asked.args), "exit_code": code, "text": "It was stopped."})
        raise Interrupted("Stopped.")
    expected = mending.expecting((shown, *asked.args, asked.input or ""), expect)
    failure = _failure(code, seen, expected, shown)
    known: list[str] = []
    if failure:
        before = mending.bases.setdefault(path, now) if path else None
        known = list(found_out(seen, made, hands.folder, before, now, shown))
        line = failure.line if path and failure.file and os.path.realpath(failure.file) == str(path) else 0
        words = "".join([seen.stderr, *(seen.failed.excerpt if seen.failed else ())])
        reach = asked.walls.reach
        needs = needs_of(failure.error, words, network=reach.network, seconds=asked.timeout or 0)
        attempt = replace(attempt, error=failure.error, line=line, needs=needs)
    mending.attempts.append(replace(attempt, output=len(seen.stdout.splitlines())))
    told = of_run(code, seen, failure, mending.ran(failure, shown), known)
    ended = {"script": shown, "args": list(asked.args), "exit_code": code, "wall": seen.wall}
    hands.note("run", {**ended, "text": told})
    return told, failure is None


def _text(path: Path | None) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path else None
    except OSError:
        return None


def _closed(hands: Hands) -> list[str]:
    """Return the files that no run may read unless it was asked for: those with secrets, and what a rule forbids."""
    rules = hands.leave.rules
    if not any(rule.split()[:1] == ["read"] for rule in rules.deny):
        return hands.ground.secret_files()
    found = {hands.ground.shown(path) for path in files(hands.folder)}
    denied = {name for name in found if rules.denies(Effect("read", "", (), name))}
    return sorted({*hands.ground.secret_files(), *denied})


_SENDS = ("It can send that to any host: it is to have the network.",)


def _leave_to_see(args: tuple[str, ...], shown: str, hands: Hands, *, network: bool) -> None:
    """Ask before a script of a model's is given a secret: what it then writes need not look like one."""
    if named := hands.secrets.named_in(args):
        details = (*(f"It is given the value of {name}." for name in named), *(_SENDS if network else ()))
        hands.may(Effect("read", f"Let {shown} have these secrets?", details, " ".join(named), own=True))


def _leave_to_read_secrets(names: tuple[str, ...], shown: str, hands: Hands, *, network: bool) -> set[str]:
    """Ask before a script of a model's finds what is in a file of secrets; return those that it may read."""
    known = hands.ground.secret_files()
    wanted = [name for each in names if (name := os.path.normpath(each)) in known]
    if wanted:
        details = (*(f"It can read {name}." for name in wanted), *(_SENDS if network else ()))
        hands.may(Effect("read", f"Let {shown} read these files with secrets?", details, " ".join(wanted), own=True))
    return set(wanted)


def _within(hands: Hands, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(os.path.join(os.path.realpath(hands.folder), name) for name in names)


def _readable_secrets(asked: RunRequest, made: Plan, hands: Hands) -> tuple[list[str], bool]:
    """Return the files with secrets that nothing hides from a run, and whether there are some that nobody was asked
    about: a wall that cannot hide them leaves them to the question whether to run it."""
    closed = {hands.ground.shown(Path(path)) for path in asked.walls.reach.hidden}
    hides = made.wall["name"] in ("bwrap", "container")
    known = hands.ground.secret_files()
    denied = [name for name in closed if not hides and hands.leave.rules.denies(Effect("read", "", (), name))]
    if denied:
        raise Wrong(f"A rule forbids to read {denied[0]}, and {made.wall['name']} cannot hide it: nothing was run.")
    readable = [name for name in known if name not in closed or not hides]
    return readable, any(name in closed for name in readable)


def _mask_logs(since: float, secrets: Secrets) -> None:
    """Mask what the runs that luci recorded since then wrote into their logs."""
    for run in runs.latest(10):
        if run.started < since or not run.log or run.pid != os.getpid():
            continue
        path = Path(run.log)
        with contextlib.suppress(OSError):  # it was forgotten already
            written = path.read_bytes()
            masked = secrets.masked(written.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            if masked != written:
                exchange(path, masked)


def _leave_to_reach(reach: Reach, shown: str, hands: Hands) -> None:
    """Ask for what goes beyond the wall that every script of a model's has."""
    hidden = {hands.ground.shown(Path(path)) for path in reach.hidden}
    if reach.network:
        opened = [name for name in hands.ground.secret_files() if name not in hidden]
        readable = [f"It can read {name}, and send it anywhere." for name in opened]
        details = ("It can reach every host that you can.", *readable)
        hands.may(Effect("network", f"Let {shown} use the network?", details, shown, own=bool(readable)))
    if reach.variables:
        details = (*(f"It sees ${name}." for name in reach.variables), *(_SENDS if reach.network else ()))
        hands.may(Effect("read", f"Let {shown} see these variables?", details, " ".join(reach.variables), own=True))


def _behind_a_wall(asked: RunRequest, shown: str, hands: Hands) -> Generator[Event, None, tuple[RunRequest, Plan]]:
    """Return the run with the wall that can be had, and its plan; without one only after a yes of its own."""
    try:
        made, _ = yield from perform("plan", asked, _context(hands))
        return asked, made
    except Refused:
        pass  # not with these limits: the wall without them
    try:
        unlimited = replace(asked, walls=replace(asked.walls, limits=Limits()))
        made, _ = yield from perform("plan", unlimited, _context(hands))
        return unlimited, made
    except Refused as error:
        details = (error.message, *error.cause.splitlines(), "It could read, change and send whatever you can.")
        hands.may(Effect("run", f"Run {shown} without a wall?", details, shown, own=True))
    bare = replace(asked, walls=OFF)
    made, _ = yield from perform("plan", bare, _context(hands))
    return bare, made


def _context(hands: Hands, made: Plan | None = None) -> Context:
    """The context of a run: what luci itself would ask a person is an effect. Packages that luci is sure of may be
    installed where that is allowed; what is in doubt, and what else is asked, has a question of its own. `made` is the
    plan that is carried out."""

    def ask(question: Question) -> bool:
        kind: Kind = "run" if question.kind == "retry" else "install"
        doubts = vouching.doubtful(made).lines if made and question.kind == "packages" else ()
        sure = question.kind == "packages" and not doubts
        named = dict.fromkeys(found[1] for line in question.details if (found := _NAMED.match(line)))
        if made and kind == "install":  # a rule that denies is about each of them, however the question tells it
            wanted = [choice for choice in made.choices if choice.status in ("install", "ask")]
            named |= dict.fromkeys(name_of(line) for choice in wanted for line in choice.requirements)
        subject = " ".join(named) or question.text
        effect = Effect(kind, question.text, (*doubts, *question.details), subject, own=not sure, bounded=sure)
        try:
            hands.may(effect, subject)
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
    _leave_to_ask_elsewhere(path, hands)
    return path


def _leave_to_ask_elsewhere(path: Path, hands: Hands) -> None:
    """Ask before a plan asks for packages where only the script says: an address can carry off what it is made of."""
    places = vouching.places_in(_text(path) or "", path.parent)
    if places and places not in hands.agreed:
        shown = hands.ground.shown(path)
        details = (f"{shown} says that packages come from there:", *places)
        hands.may(Effect("network", "Let luci ask for packages at these addresses?", details, shown, own=True))
        hands.agreed.add(places)


def _wants(path: Path, hands: Hands) -> Wants:
    return Wants(requirements=hands.declared.get(path, ()))


# -- what is shown and told


def _command(asked: RunRequest, made: Plan, shown: str) -> list[str]:
    words = ["python", *(("-c", asked.script) if asked.kind == "code" else (shown,)), *asked.args]
    wall = made.wall
    seconds = f"{asked.timeout:g} s"  # told apart: it holds without a wall as well
    gives = ", ".join(each for each in wall["gives"] if each != seconds)
    held = f"behind {wall['name']}: {gives or 'nothing is limited'}" if wall["name"] != "off" else ""
    lacks = [f"not held: {each}" for each in wall["lacks"]]
    network = ["it has the network"] if asked.walls.reach.network and wall["name"] != "off" else []
    return [shlex.join(words), held or "without a wall", *network, *lacks, f"at most {seconds}"]


def _failure(code: int, seen: Seen, expected: Iterable[str], shown: str) -> Failure | None:
    if seen.ended and seen.ended.timed_out:
        return Failure("timeout", shown)
    if code:
        failed = seen.failed
        return Failure(failed.error, failed.file, failed.line) if failed else Failure(f"exit code {code}", shown)
    missing = [expect for expect in expected if expect not in seen.stdout]
    return Failure(f"the output does not hold {missing[0]!r}, which was expected", shown) if missing else None
