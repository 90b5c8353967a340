"""The command line: parse, perform, print."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from luci import __version__, config
from luci.actions.door import perform
from luci.context import Context, Question
from luci.errors import LuciError, UsageError
from luci.events import Become, Event
from luci.screens.terminal import Narrator, as_json, show_error

_EXAMPLES = """examples:
  luci run plot.py --size 10         run it; what follows the script is the script's
  luci run -c "import yaml; print(yaml.safe_load('a: 1'))"
  luci run --with "pandas<2" old.py  add a requirement for this run
  luci plan plot.py                  what would be installed, and why
  luci env list                      the environments luci keeps
"""


def main(argv: Sequence[str]) -> int:
    """Run one command; return the exit code."""
    try:
        os.getcwd()
    except FileNotFoundError:
        show_error(UsageError("The working folder is gone.", hint="cd to one that is there."))
        return UsageError.exit_code
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete  # a shell asks what could come next

        argcomplete.autocomplete(parser())
    try:
        return _main(list(argv))
    except LuciError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads: the last flush must not complain
        return 128 + 13


def _main(argv: list[str]) -> int:
    if argv[:1] == ["run"] or argv[:1] == ["plan"]:
        own, script_args = split(argv[1:])
        options = parser().parse_args([argv[0], *own])
        options.args = tuple(script_args)
    else:
        options = parser().parse_args(argv)
    if not getattr(options, "do", None):
        parser().print_help()
        return 0
    code = options.do(options)
    return int(code)


# -- run and plan

_VALUED = (
    "--with",
    "--python",
    "--allow",
    "--python-arg",
    "--env-file",
    "--retry",
    "--timeout",
    "--events",
    "-w",
    "-p",
)


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """Part the words behind `run` into luci's, the script's name the last of them, and the script's own.

    >>> split(["--with", "x", "a.py", "--help"])
    (['--with', 'x', 'a.py'], ['--help'])
    """
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("-m", "-c"):
            return words[: at + 2], words[at + 2 :]
        if word == "--":
            return words[: at + 2], words[at + 2 :]
        if word == "--python-arg" and at + 1 < len(words):
            words = [*words[:at], f"{word}={words[at + 1]}", *words[at + 2 :]]  # its value begins with a dash
            at += 1
        elif word in _VALUED:
            at += 2
        elif word.startswith("-") and word != "-":
            at += 1
        else:
            return words[: at + 1], words[at + 1 :]
    return words, []


def _request(options: argparse.Namespace) -> Any:
    from luci.runner.plan import Wants
    from luci.runner.request import RunRequest

    kinds = {"module": options.module, "code": options.code}
    given = [(kind, text) for kind, text in kinds.items() if text is not None]
    if options.script is not None:
        path = options.script
        given.append(("stdin" if path == "-" else "folder" if os.path.isdir(path) else "file", path))
    if len(given) != 1:
        raise UsageError("Which script?", hint="luci run SCRIPT, -m MODULE, -c CODE, or - for standard input.")
    kind, script = given[0]
    wants = Wants(
        requirements=tuple(options.with_),
        python=options.python,
        allow=frozenset(options.allow),
        offline=options.offline,
    )
    return RunRequest(script=script, kind=kind, args=options.args, wants=wants)


def _run(options: argparse.Namespace) -> int:
    request = replace(
        _request(options),
        python_args=tuple(options.python_arg),
        env_file=options.env_file,
        retry=options.retry,
        timeout=options.timeout,
        record=options.record,
        fresh=options.fresh,
        relax=options.relax,
        keep_pythonpath=options.keep_pythonpath,
        become=os.name != "nt",
    )
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
    from luci.screens import tables

    narrator = Narrator(quiet=options.quiet, verbose=options.verbose)
    made, what = _result("plan", _request(options), _context(narrator), narrator)
    if getattr(options, "json", False):
        print(as_json({**made.as_dict(), "environment": what}))
    elif getattr(options, "names", False):
        for line in made.names():
            print(line)
    else:
        tables.plan(made, what)
    return 126 if made.asked else 125 if made.hopeless else 0


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
        print(result)
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
                print(f"  {fault}")
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
    narrator = Narrator()
    found = _result("doctor", None, _context(narrator), narrator)
    if options.json:
        print(as_json(found))
    for finding in found if not options.json else ():
        print(f"{'ok   ' if finding.well else 'FAULT'} {finding.subject:<13} {finding.text}")
        if not finding.well:
            print(f"      hint: {finding.hint}")
    return 0 if all(finding.well for finding in found) else 1


def _config(options: argparse.Namespace) -> int:
    from luci.actions.care import ConfigRequest
    from luci.screens import tables

    if options.key and options.value is None and not options.unset:
        raise UsageError(f"What should {options.key} be?", hint="luci config KEY VALUE, or luci config --unset KEY")
    narrator = Narrator()
    request = ConfigRequest(options.key or "", options.value or "", options.unset)
    settings = _result("config", request, _context(narrator), narrator)
    print(as_json(settings)) if options.json else tables.settings(settings)
    return 0


def _completion(options: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["luci"], shell=options.shell))
    return 0


# -- the parser


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="luci",
        description="Run a Python script that has imports and nothing else, in the right environment.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"luci {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", title="commands")
    _add_run(commands)
    _add_plan(commands)
    _add_env(commands)
    _add_runs(commands)
    _add_care(commands)
    for name, add in (("_resume", "state"), ("_need", "requirements")):
        hidden = commands.add_parser(name)
        hidden.add_argument(add, nargs="+" if name == "_need" else None)
        hidden.set_defaults(do=_resume if name == "_resume" else _need)
    return top


def _script_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("script", nargs="?", metavar="SCRIPT", help="a file, a folder with __main__.py, or -")
    command.add_argument("-m", dest="module", metavar="MODULE", help="run a module")
    command.add_argument("-c", dest="code", metavar="CODE", help="run a line of code")
    command.add_argument(
        "-w", "--with", dest="with_", action="append", default=[], metavar="REQ", help="add a requirement"
    )
    command.add_argument("-p", "--python", default="", metavar="VERSION", help="a version, a range or a path")
    command.add_argument(
        "--allow", action="append", default=[], metavar="NAME", help="install this guessed distribution"
    )
    command.add_argument("--offline", action="store_true", help="use what was fetched before")
    _voice(command)


def _voice(command: argparse.ArgumentParser) -> None:
    command.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    command.add_argument("-v", "--verbose", action="store_true", help="say what is done and why")


def _add_run(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="run a script in the environment it needs",
        usage="luci run [options] SCRIPT [ARGS...]",
        epilog="Options come before SCRIPT; what follows it is the script's.\n"
        "exit codes: the script's; 124 timed out, 125 could not be started, 126 not approved, 2 usage",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _script_arguments(run)
    run.add_argument(
        "--python-arg", action="append", default=[], metavar="ARG", help="pass to Python, as --python-arg=-O"
    )
    run.add_argument("--env-file", default="", metavar="FILE", help="set the variables of a .env file")
    run.add_argument("--keep-pythonpath", action="store_true", help="let the script see PYTHONPATH")
    run.add_argument("--retry", default="", choices=("auto", "ask", "never", "always"), help="run again after a mend")
    run.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="end it and its children after this time")
    run.add_argument("--record", action="store_true", help="keep its output and how it ended: luci runs log")
    run.add_argument("--fresh", action="store_true", help="build the environment again, with what is newest now")
    run.add_argument(
        "--relax", action="store_true", help="allow declared bounds to be dropped where they are impossible"
    )
    run.add_argument("--dry-run", action="store_true", help="say what would be done: luci plan")
    run.add_argument("-y", "--yes", action="store_true", help="answer every question with yes")
    run.add_argument("--events", default="", metavar="FILE", help="write one JSON event a line")
    run.set_defaults(do=_run, args=())


def _add_plan(commands: Any) -> None:
    plan = commands.add_parser(
        "plan", help="say what run would do, and why", usage="luci plan [options] SCRIPT", allow_abbrev=False
    )
    _script_arguments(plan)
    how = plan.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON document")
    how.add_argument("--names", action="store_true", help="one distribution a line, as it would be installed")
    plan.set_defaults(do=_plan, args=())


def _add_env(commands: Any) -> None:
    env = commands.add_parser("env", help="list, show, check and remove environments", allow_abbrev=False)
    verbs = env.add_subparsers(metavar="VERB", title="verbs", required=True)
    texts = {
        "list": "list the environments",
        "show": "show one",
        "path": "print its folder",
        "tree": "show what is installed, and for what",
        "why": "say why a package is there",
        "verify": "check every file against its hash",
        "rebuild": "build it again",
        "remove": "remove it; what is in use stays",
        "prune": "remove what is broken, orphaned, long unused or over the budget",
        "stats": "count environments and disk",
    }
    for verb, text in texts.items():
        command = verbs.add_parser(verb, help=text, description=text, allow_abbrev=False)
        command.add_argument("--json", action="store_true", help="one JSON document")
        _voice(command)
        if verb in ("show", "path", "tree", "why"):
            command.add_argument("environment", nargs=1, metavar="ENV", help="a key, a name, or a script")
        if verb in ("verify", "rebuild", "remove"):
            command.add_argument("environment", nargs="*", metavar="ENV", help="keys, names or scripts")
        if verb == "why":
            command.add_argument("package", metavar="PACKAGE")
        if verb in ("rebuild", "remove"):
            command.add_argument("--all", action="store_true", help="all of them")
        if verb in ("remove", "prune"):
            command.add_argument("--dry-run", action="store_true", help="only say what would go")
            command.add_argument("-y", "--yes", action="store_true", help="do not ask")
        if verb == "prune":
            command.add_argument("--unused-days", type=float, metavar="N", help="unused for N days (default 60)")
            command.add_argument("--budget-gb", type=float, metavar="N", help="keep at most N GB (default 10)")
        command.set_defaults(do=_env, verb=verb)


def _add_runs(commands: Any) -> None:
    runs = commands.add_parser("runs", help="what ran, and how it ended", allow_abbrev=False)
    verbs = runs.add_subparsers(metavar="VERB", title="verbs", required=True)
    for verb, text in {"list": "list the runs", "show": "show one", "log": "print what a recorded run wrote"}.items():
        command = verbs.add_parser(verb, help=text, description=text, allow_abbrev=False)
        if verb == "list":
            command.add_argument("--limit", type=int, default=20, metavar="N", help="at most N (default 20)")
        else:
            command.add_argument("run", nargs="?", default="1", metavar="RUN", help="an id, or 1 for the latest")
        if verb != "log":
            command.add_argument("--json", action="store_true", help="one JSON document")
        command.set_defaults(do=_runs, verb=verb)


def _add_care(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="look whether everything that luci needs is there", allow_abbrev=False)
    doctor.add_argument("--json", action="store_true", help="one JSON document")
    doctor.set_defaults(do=_doctor)
    settings = commands.add_parser(
        "config",
        help="show the settings, or change one",
        epilog="examples:\n  luci config run.retry never\n  luci config names.mymodule my-distribution",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    settings.add_argument("key", nargs="?", metavar="KEY", help="as in run.retry")
    settings.add_argument("value", nargs="?", metavar="VALUE")
    settings.add_argument("--unset", action="store_true", help="take KEY out of the file")
    settings.add_argument("--json", action="store_true", help="one JSON document")
    settings.set_defaults(do=_config)
    completion = commands.add_parser(
        "completion",
        help="print what makes a shell complete luci's words",
        epilog='examples:\n  eval "$(luci completion bash)"    in ~/.bashrc; zsh the same, in ~/.zshrc\n'
        "  luci completion fish | source    in ~/.config/fish/config.fish",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(do=_completion)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return number
