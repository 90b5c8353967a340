"""The command line: parse, perform, print."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luci import config
from luci.actions.door import perform
from luci.cli import at_once
from luci.context import Context, Question
from luci.errors import LuciError, UsageError, lacking
from luci.events import Become, Event
from luci.screens.plain import as_json, harmless
from luci.screens.terminal import Narrator, show_error
from luci.values import replace

if TYPE_CHECKING:
    import argparse

    from luci.runner.request import RunRequest


def main(argv: Sequence[str]) -> int:
    """Run one command; return the exit code."""
    try:
        os.getcwd()
    except FileNotFoundError:
        show_error(UsageError("The working folder is gone.", hint="cd to one that is there."))
        return UsageError.exit_code
    if "_ARGCOMPLETE" in os.environ:
        from luci.cli import completing  # a shell asks what could come next
        from luci.cli.parser import parser

        completing.answer(parser())
    try:
        code = _main(list(argv))
        sys.stdout.flush()  # here, where it is known what to do if nobody reads
        return code
    except LuciError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return at_once.nobody_reads()
    except OSError as error:
        if (told := lacking(error)) is None:
            raise
        show_error(told)
        return told.exit_code


def _main(argv: list[str]) -> int:
    if argv in ([], ["--plain"]) and sys.stdin.isatty() and sys.stdout.isatty():
        return _converse(plain=bool(argv))
    if argv[:1] == ["plan"] and (asked := at_once.plain_plan(argv[1:])):
        return _plan_plainly(*asked)
    from luci.actions.script_line import split  # with argparse and all its words: 15 ms
    from luci.cli.parser import command_of, parser, part

    if argv[:1] == ["run"] or argv[:1] == ["plan"]:
        known = parser(argv[0])
        own, script_args = split(argv[1:], command_of(known, argv[0]))
        options = known.parse_args([argv[0], *own])
        options.args = tuple(script_args)
    elif argv[:2] == ["env", "shell"]:
        own, command = part(argv)
        options = parser("env").parse_args(own)
        options.command = command
    else:
        options = parser("".join(argv[:1])).parse_args(argv)
    if options.plain and not getattr(options, "do", None):
        raise UsageError("A conversation needs a terminal.", hint="luci run SCRIPT runs one without.")
    if not getattr(options, "do", None):
        parser().print_help()
        return 0
    if options.do in _COMMANDS:
        return int(_COMMANDS[options.do](options))
    from luci.cli.talk_verbs import VERBS

    return int(VERBS[options.do](options))


def _converse(*, plain: bool) -> int:
    """Open the app, or its line by line form where that was asked for or nothing else can be shown."""
    if plain or config.load().app.plain or os.environ.get("TERM") == "dumb":
        from luci.screens.line_by_line import LineByLine

        return LineByLine().talk()
    with _quick_frames():
        from luci import app  # Textual: 200 ms, and only to draw

    return app.main()


@contextlib.contextmanager
def _quick_frames() -> Iterator[None]:
    """Let Textual draw 120 times a second where nobody chose another rate: what a key did is seen sooner by a frame
    of 60. It reads the variable when it is imported; no script is to find it."""
    if "TEXTUAL_FPS" in os.environ:
        yield
        return
    os.environ["TEXTUAL_FPS"] = "120"
    try:
        yield
    finally:
        del os.environ["TEXTUAL_FPS"]


# -- run and plan


def _run(options: argparse.Namespace) -> int:
    from luci.actions.script_line import request_of

    request = replace(request_of(options, options.args), become=os.name != "nt")
    if options.dry_run:
        return _plan(options)
    events = os.path.abspath(options.events) if options.events else ""
    front = {"quiet": options.quiet, "verbose": options.verbose, "log": events, "yes": options.yes}
    request = replace(request, front=front)
    return _perform_run("run", request, request.front)


def _resume(options: argparse.Namespace) -> int:
    from luci.runner.comeback import restored

    state = Path(options.state)
    return _perform_run("resume", state, restored(state)[0].front)


def _perform_run(name: str, request: Any, front: dict[str, Any]) -> int:
    """Perform, show, and at the end become the script where nothing is left to decide."""
    narrator = Narrator(**{key: value for key, value in front.items() if key != "yes"})
    context = _context(narrator, yes=front.get("yes", False))
    become: Become | None = None
    steps = perform(name, request, context)
    try:
        while True:
            event = next(steps)
            narrator.show(event)
            if isinstance(event, Become):
                become = event
    except StopIteration as stop:
        code = int(stop.value)
    finally:
        steps.close()
        narrator.close()
    if become:
        _exec(become)
    return code


def _exec(become: Become) -> None:
    if become.stdin:
        os.dup2(os.open(become.stdin, os.O_RDONLY), 0)
        os.unlink(become.stdin)
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what is ignored stays so in the script
    try:
        os.execve(become.argv[0], list(become.argv), become.environ)
    except OSError as error:
        raise UsageError(f"{become.argv[0]} cannot be started.", cause=str(error)) from error


def _plan(options: argparse.Namespace) -> int:
    from luci.actions.script_line import request_of

    narrator = Narrator(quiet=options.quiet, verbose=options.verbose)
    forms = {"json": getattr(options, "json", False), "names": getattr(options, "names", False)}
    return _planned(request_of(options, options.args), narrator, **forms)


def _plan_plainly(script: str, options: set[str]) -> int:
    from luci.runner.request import RunRequest
    from luci.runner.wants import Wants

    kind = "folder" if os.path.isdir(script) else "file"
    request = RunRequest(script=script, kind=kind, wants=Wants(offline="--offline" in options))
    narrator = Narrator(quiet=bool(options & {"-q", "--quiet"}))
    return _planned(request, narrator, json="--json" in options, names="--names" in options)


def _planned(request: RunRequest, narrator: Narrator, *, json: bool, names: bool) -> int:
    made, what = _result("plan", request, _context(narrator), narrator)
    return at_once.show({**made.as_dict(), "environment": what}, json=json, names=names)


def _context(narrator: Narrator, *, yes: bool = False) -> Context:
    def always(question: Question) -> bool:
        return True

    return Context(config.load(), always if yes else narrator.ask)


def _result(name: str, request: Any, context: Context, narrator: Narrator) -> Any:
    """Perform an action to its end, show what it says, return its result."""
    steps = perform(name, request, context)
    try:
        while True:
            event: Event = next(steps)
            narrator.show(event)
    except StopIteration as stop:
        return stop.value
    finally:
        narrator.close()


# -- environments and runs


def _env(options: argparse.Namespace) -> int:
    from luci.actions.envs import EnvRequest
    from luci.screens import tables

    verb = options.verb
    if verb in ("inspect", "update", "export", "shell", "create", "import", "lock"):
        from luci.cli import env_verbs

        return int(getattr(env_verbs, "import_" if verb == "import" else verb)(options))
    request = EnvRequest(
        selectors=tuple(getattr(options, "environment", ()) or ()),
        all=getattr(options, "all", False),
        package=getattr(options, "package", ""),
        dry_run=getattr(options, "dry_run", False),
        unused_days=getattr(options, "unused_days", None),
        budget_gb=getattr(options, "budget_gb", None),
    )
    narrator = Narrator(quiet=options.quiet, verbose=options.verbose)
    result = _result(f"env {verb}", request, _context(narrator, yes=getattr(options, "yes", False)), narrator)
    if verb == "path" and not options.json:
        sys.stdout.buffer.write(os.fsencode(f"{result}\n"))  # just so, in whatever encoding it is
    elif options.json:
        print(as_json(result))
    elif verb == "list":
        tables.envs(result)
    elif verb == "show":
        tables.env(result)
    elif verb == "tree":
        tables.tree(result)
    elif verb == "why":
        tables.why(result)
    elif verb == "verify":
        for name, faults in result.items():
            print(f"{name}: {'whole' if not faults else ''}")
            for fault in faults:
                print(harmless(f"  {fault}"))
    elif verb == "prune":
        tables.pruned(result, request.dry_run)
    elif verb == "stats":
        tables.stats(result)
    elif verb == "remove":
        print("\n".join(f"{'would remove' if request.dry_run else 'removed'} {name}" for name in result) or "Nothing.")
    return 1 if verb == "verify" and any(result.values()) else 0


def _runs(options: argparse.Namespace) -> int:
    from luci.actions.history import RunsRequest
    from luci.screens import tables

    request = RunsRequest(getattr(options, "run", "1"), getattr(options, "limit", 20))
    narrator = Narrator()
    result = _result(f"runs {options.verb}", request, _context(narrator), narrator)
    if options.verb == "log":
        sys.stdout.buffer.write(result)
    elif options.json:
        print(as_json(result))
    elif options.verb == "list":
        tables.runs(result)
    else:
        tables.run(result)
    return 0


def _need(options: argparse.Namespace) -> int:
    from luci.runner.need import NeedRequest

    narrator = Narrator()
    return int(_result("need", NeedRequest(tuple(options.requirements)), _context(narrator), narrator))


# -- looking after luci itself


def _doctor(options: argparse.Namespace) -> int:
    from luci.screens import tables

    narrator = Narrator()
    found = _result("doctor", None, _context(narrator), narrator)
    print(as_json(found)) if options.json else tables.findings(found)
    return 0 if all(finding.well for finding in found) else 1


def _config(options: argparse.Namespace) -> int:
    from luci.actions.care import ConfigRequest
    from luci.screens import tables

    if options.key and options.value is None and not options.unset:
        raise UsageError(f"What should {options.key} be?", hint="luci config KEY VALUE, or luci config --unset KEY")
    narrator = Narrator()
    request = ConfigRequest(options.key or "", options.value or "", options.unset)
    settings = _result("config", request, _context(narrator), narrator)
    print(as_json(settings)) if options.json else tables.settings(settings, options.key or "")
    return 0


def _completion(options: argparse.Namespace) -> int:
    from luci.cli import completing

    print(completing.code(options.shell))
    return 0


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "plan": _plan,
    "env": _env,
    "runs": _runs,
    "doctor": _doctor,
    "config": _config,
    "completion": _completion,
    "_resume": _resume,
    "_need": _need,
}
