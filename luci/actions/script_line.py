"""The words behind `run` and `plan`: luci's options, the script, and what is the script's own."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from luci.errors import UsageError
from luci.values import Value

if TYPE_CHECKING:
    from luci.runner.request import RunRequest
    from luci.walls.asked import Asked

KINDS = ("auto", "venv", "conda", "docker", "podman", "sarus", "system")
_RUNGS = ("auto", "container", "bwrap", "landlock", "limits", "off")


class Option(Value):
    """What may stand before the script. `value` names what it takes, nothing where it stands alone."""

    names: tuple[str, ...]
    about: str
    value: str = ""
    choices: tuple[str, ...] = ()
    again: bool = False  # it may be given more than once


def split(words: list[str], command: argparse.ArgumentParser | None = None) -> tuple[list[str], list[str]]:
    """Part the words behind `run` into luci's, the script's name the last of them, and the script's own.

    `command` knows which options take a value; without it they are those of `run`.

    >>> split(["--with", "x", "a.py", "--help"])
    (['--with', 'x', 'a.py'], ['--help'])
    """
    at, valued = 0, _valued(command or _parser(plan=False))
    while at < len(words):
        word = words[at]
        if word in ("-m", "-c"):
            return words[: at + 2], words[at + 2 :]
        if word == "--":
            return words[: at + 2], words[at + 2 :]
        if word == "--python-arg" and at + 1 < len(words):
            words = [*words[:at], f"{word}={words[at + 1]}", *words[at + 2 :]]  # its value begins with a dash
            at += 1
        elif word in valued:
            at += 2
        elif word.startswith("-") and word != "-":
            at += 1
        else:
            return words[: at + 1], words[at + 1 :]
    return words, []


def _valued(command: argparse.ArgumentParser) -> set[str]:
    return {name for action in _options(command) if action.nargs != 0 for name in action.option_strings}


def _options(command: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in command._actions if action.option_strings]  # argparse tells them nowhere else


def add_plan_options(command: argparse.ArgumentParser) -> None:
    """The options that decide what a script is and what it needs."""
    command.add_argument("script", nargs="?", metavar="SCRIPT", help="a file, a folder with __main__.py, or -")
    command.add_argument("-m", dest="module", metavar="MODULE", help="run a module")
    command.add_argument("-c", dest="code", metavar="CODE", help="run a line of code")
    command.add_argument(
        "-w", "--with", dest="with_", action="append", default=[], metavar="REQ", help="add a requirement"
    )
    command.add_argument("-p", "--python", default="", metavar="VERSION", help="a version, a range or a path")
    command.add_argument("--env", default="", choices=KINDS, help="the kind of environment")
    command.add_argument(
        "--allow", action="append", default=[], metavar="NAME", help="install this guessed distribution"
    )
    command.add_argument("--offline", action="store_true", help="use what was fetched before")
    _add_wall_options(command)


def _add_wall_options(command: argparse.ArgumentParser) -> None:
    """The options that say what it may use and reach."""
    command.add_argument("--sandbox", default="", choices=_RUNGS, help="put it behind this wall")
    command.add_argument("--memory", type=_bytes, default=0, metavar="SIZE", help="hold it to so much, as in 512m")
    command.add_argument("--cpus", type=_seconds, default=0, metavar="N", help="hold it to so many CPUs")
    command.add_argument("--pids", type=_count, default=0, metavar="N", help="hold it to so many processes and threads")
    command.add_argument("--disk", type=_bytes, default=0, metavar="SIZE", help="hold what it writes to so much")
    network = command.add_mutually_exclusive_group()
    network.add_argument("--no-network", action="store_true", help="close the network to it")
    network.add_argument("--network", action="store_true", help="open it, whatever the settings say")
    whose = command.add_mutually_exclusive_group()
    whose.add_argument("--stranger", action="store_true", help="somebody else wrote it, or a model: [walls.stranger]")
    whose.add_argument("--trust", action="store_true", help="it is as good as your own")
    for name, text in (("readable", "let it read this"), ("writable", "let it write there, and read")):
        command.add_argument(f"--{name}", action="append", default=[], metavar="PATH", help=f"{text}, behind a wall")
    command.add_argument(
        "--variable", action="append", default=[], metavar="NAME", help="let it see this variable, behind a wall"
    )


def add_run_options(command: argparse.ArgumentParser) -> None:
    """The options that decide how it runs."""
    command.add_argument(
        "--python-arg", action="append", default=[], metavar="ARG", help="pass to Python, as --python-arg=-O"
    )
    command.add_argument("--env-file", default="", metavar="FILE", help="set the variables of a .env file")
    command.add_argument("--keep-pythonpath", action="store_true", help="let the script see PYTHONPATH")
    command.add_argument(
        "--retry", default="", choices=("auto", "ask", "never", "always"), help="run again after a mend"
    )
    command.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="end it and its children after this time")
    command.add_argument("--record", action="store_true", help="keep its output and how it ended: luci runs log")
    command.add_argument("--fresh", action="store_true", help="build the environment again, with what is newest now")
    command.add_argument(
        "--relax", action="store_true", help="allow declared bounds to be dropped where they are impossible"
    )


def request_of(options: argparse.Namespace, args: tuple[str, ...]) -> RunRequest:
    """Return what the options ask for. Raises UsageError where they name no script, or two."""
    from luci.runner.request import RunRequest
    from luci.runner.wants import Wants

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
        env=options.env,
        stranger=_said_of_its_author(options),
    )
    if "retry" not in options:
        walls = _walls(options)
        return RunRequest(script=script, kind=kind, args=args, wants=wants, walls=walls)
    return RunRequest(
        script=script,
        kind=kind,
        args=args,
        wants=wants,
        python_args=tuple(options.python_arg),
        env_file=options.env_file,
        retry=options.retry,
        timeout=options.timeout,
        record=options.record,
        fresh=options.fresh,
        relax=options.relax,
        keep_pythonpath=options.keep_pythonpath,
        walls=_walls(options),
    )


def _walls(options: argparse.Namespace) -> Asked:
    from luci.walls.asked import Asked, Limits, Reach

    reach = Reach(not options.no_network, tuple(options.readable), tuple(options.writable), tuple(options.variable))
    limits = Limits(options.memory, options.cpus, options.pids, options.disk)
    return Asked(options.sandbox, limits, reach, options.network, _said_of_its_author(options))


def _said_of_its_author(options: argparse.Namespace) -> bool | None:
    """Whether somebody else wrote the script; None: nobody said."""
    return True if options.stranger else False if options.trust else None


def read(words: list[str], *, plan: bool = False) -> RunRequest:
    """Return what the words behind `run` (or `plan`) ask for. Raises UsageError."""
    parser = _parser(plan)
    own, args = split(words, parser)
    return request_of(parser.parse_args(own), tuple(args))


def offered(*, plan: bool = False) -> list[Option]:
    """Return the options of `run` (or `plan`), as they are declared."""
    return [
        Option(
            tuple(sorted(action.option_strings, key=len, reverse=True)),
            action.help or "",
            "" if action.nargs == 0 else action.metavar if isinstance(action.metavar, str) else action.dest.upper(),
            tuple(action.choices or ()),
            isinstance(action.default, list),
        )
        for action in _options(_parser(plan))
    ]


def _parser(plan: bool) -> argparse.ArgumentParser:
    parser = _Words(prog="plan" if plan else "run", add_help=False, allow_abbrev=False)
    add_plan_options(parser)
    if not plan:
        add_run_options(parser)
    return parser


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{self.prog}: {message}.", hint=f"{self.prog} [options] SCRIPT [ARGS...]")


def _bytes(text: str) -> int:
    from luci.walls.asked import size

    try:
        return size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _number(kind: type, text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no {'whole ' * (kind is int)}number") from error


def _count(text: str) -> int:
    number: int = _number(int, text)
    if number <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def _seconds(text: str) -> float:
    number: float = _number(float, text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return number
