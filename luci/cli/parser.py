"""The words of the command line: what can be said, and its help."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from luci import __version__
from luci.actions.script_line import add_plan_options, add_run_options
from luci.cli.at_once import LIMIT
from luci.screens.plain import harmless

_EXAMPLES = """examples:
  luci run plot.py --size 10         run it; what follows the script is the script's
  luci run -c "import yaml; print(yaml.safe_load('a: 1'))"
  luci run --with "pandas<2" old.py  add a requirement for this run
  luci plan plot.py                  what would be installed, and why
  luci env list                      the environments luci keeps
"""


EXPORTS = ("requirements", "pylock", "pep723", "environment.yml", "conda-lock", "dockerfile")


def part(words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part the words at the first `--`: luci's own, and the command behind it.

    >>> part(["shell", "plot.py", "--", "ls", "--all"])
    (['shell', 'plot.py'], ('ls', '--all'))
    """
    at = words.index("--") if "--" in words else len(words)
    return words[:at], tuple(words[at + 1 :])


class _Parser(argparse.ArgumentParser):
    """One that is careful with the words it repeats."""

    def error(self, message: str) -> NoReturn:
        super().error(harmless(message))


def parser(word: str = "") -> argparse.ArgumentParser:
    """Return the parser of all commands, or of the one that is asked for alone, where `word` names it: to know them all
    takes longer than most of them."""
    top = _Parser(
        prog="luci",
        description="Run a Python script that has imports and nothing else, in the right environment.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"luci {__version__}")
    top.add_argument("--plain", action="store_true", help="open the app line by line: no drawing, no colours")
    commands = top.add_subparsers(metavar="COMMAND", title="commands")
    of = {"run": _add_run, "plan": _add_plan, "env": _add_env, "runs": _add_runs}
    of |= {"_resume": _add_hidden, "_need": _add_hidden}
    every = (_add_run, _add_plan, _add_env, _add_runs, _add_care, _add_talk, _add_hidden)
    for add in (of[word],) if word in of else every:
        add(commands)
    return top


def _add_hidden(commands: Any) -> None:
    for name, add in (("_resume", "state"), ("_need", "requirements")):
        hidden = commands.add_parser(name)
        hidden.add_argument(add, nargs="+" if name == "_need" else None)
        hidden.set_defaults(do=name)


def _add_talk(commands: Any) -> None:
    from luci.cli import talk_words

    talk_words.add(commands)


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
    add_plan_options(run)
    _voice(run)
    add_run_options(run)
    run.add_argument("--dry-run", action="store_true", help="say what would be done: luci plan")
    run.add_argument("-y", "--yes", action="store_true", help="answer every question with yes")
    run.add_argument("--events", default="", metavar="FILE", help="write one JSON event a line")
    run.set_defaults(do="run", args=())


def _add_plan(commands: Any) -> None:
    plan = commands.add_parser(
        "plan", help="say what run would do, and why", usage="luci plan [options] SCRIPT", allow_abbrev=False
    )
    add_plan_options(plan)
    _voice(plan)
    how = plan.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON document")
    how.add_argument("--names", action="store_true", help="one distribution a line, as it would be installed")
    plan.set_defaults(do="plan", args=())


def _add_env(commands: Any) -> None:
    env = commands.add_parser("env", help="make, list, lock, check, update and remove environments", allow_abbrev=False)
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
            _environment(command, 1)
        if verb in ("verify", "rebuild", "remove", "prune"):
            _environment(command, "*")
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
        command.set_defaults(do="env", verb=verb)
    _add_more_env(verbs)
    from luci.cli import env_words

    env_words.add(verbs, _voice, _environments)


def _add_more_env(verbs: Any) -> None:
    """The verbs that have examples of their own."""
    raw = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    text = "show all that is known of one: its tree, its runs, its record"
    inspect = verbs.add_parser(
        "inspect", help=text, description=text, epilog="example:\n  luci env inspect plot.py", **raw
    )
    _environment(inspect, 1)
    text = "bring it up to date within its bounds; the difference is shown first"
    update = verbs.add_parser(
        "update",
        help=text,
        description=text,
        epilog="The former generation is kept for 7 days, until the next update or rebuild.\n"
        "examples:\n  luci env update plot.py --dry-run\n  luci env update --all --yes\n"
        "  luci env update --undo plot.py",
        **raw,
    )
    _environment(update, "*")
    update.add_argument("--all", action="store_true", help="all of them")
    update.add_argument("--dry-run", action="store_true", help="only show the difference")
    update.add_argument("--undo", action="store_true", help="take the former generation back")
    update.add_argument("-y", "--yes", action="store_true", help="do not ask")
    text = "write down its exact versions for other tools"
    export = verbs.add_parser(
        "export",
        help=text,
        description=text,
        epilog="examples:\n  luci env export plot.py > requirements.txt\n"
        "  luci env export plot.py -o pylock.toml\n  luci env export plot.py --format pep723",
        **raw,
    )
    _environment(export, "+")
    export.add_argument("-f", "--format", default="", choices=EXPORTS, help="else as the name of FILE says")
    export.add_argument("-o", "--output", default="", metavar="FILE", help="write to FILE, or into a folder")
    export.add_argument("-y", "--yes", action="store_true", help="write over a FILE that says something else")
    text = "open a shell in it, or run a command there"
    shell = verbs.add_parser(
        "shell",
        help=text,
        description=text,
        usage="luci env shell [options] ENV [-- COMMAND ...]",
        epilog="examples:\n  luci env shell plot.py\n  luci env shell plot.py -- python -m pdb plot.py",
        **raw,
    )
    _environment(shell, 1)
    shell.set_defaults(command=())
    for command, verb in ((inspect, "inspect"), (update, "update"), (export, "export"), (shell, "shell")):
        if verb != "shell":
            command.add_argument("--json", action="store_true", help="one JSON document")
        _voice(command)
        command.set_defaults(do="env", verb=verb)


def _environment(command: argparse.ArgumentParser, many: int | str) -> None:
    text = "a key, a name, or a script" if many == 1 else "keys, names or scripts"
    named = command.add_argument("environment", nargs=many, metavar="ENV", help=text)
    named.completer = _environments  # type: ignore[attr-defined]


def _environments(prefix: str, **_: Any) -> list[str]:
    """What a shell may complete an ENV to: labels, keys, and files."""
    from argcomplete.completers import FilesCompleter

    from luci import paths
    from luci.envs.store import Store

    known = [word for env in Store(paths.envs()).all() for word in (*env.names, env.label, env.key)]
    known = list(dict.fromkeys(known))
    scripts = FilesCompleter(("py", "pyw"))(prefix)
    return [word for word in (*known, *scripts) if word.startswith(prefix)]


def _add_runs(commands: Any) -> None:
    runs = commands.add_parser("runs", help="what ran, and how it ended", allow_abbrev=False)
    verbs = runs.add_subparsers(metavar="VERB", title="verbs", required=True)
    for verb, text in {"list": "list the runs", "show": "show one", "log": "print what a recorded run wrote"}.items():
        command = verbs.add_parser(verb, help=text, description=text, allow_abbrev=False)
        if verb == "list":
            command.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"at most N (default {LIMIT})")
        else:
            command.add_argument("run", nargs="?", default="1", metavar="RUN", help="an id, or 1 for the latest")
        if verb != "log":
            command.add_argument("--json", action="store_true", help="one JSON document")
        command.set_defaults(do="runs", verb=verb)


def _add_care(commands: Any) -> None:
    doctor = commands.add_parser("doctor", help="look whether everything that luci needs is there", allow_abbrev=False)
    doctor.add_argument("--json", action="store_true", help="one JSON document")
    doctor.set_defaults(do="doctor")
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
    settings.set_defaults(do="config")
    completion = commands.add_parser(
        "completion",
        help="print what makes a shell complete luci's words",
        epilog='examples:\n  eval "$(luci completion bash)"    in ~/.bashrc; zsh the same, in ~/.zshrc\n'
        "  luci completion fish | source    in ~/.config/fish/config.fish",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    completion.set_defaults(do="completion")
