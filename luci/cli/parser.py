"""The words of the command line: what can be said, and its help."""

from __future__ import annotations

import argparse
from typing import Any

from luci import __version__
from luci.actions.script_line import add_plan_options, add_run_options
from luci.cli.at_once import LIMIT
from luci.cli.options import as_json, command, offering, voice, yes
from luci.cli.words import Parser

_EXAMPLES = """examples:
  luci run plot.py --size 10         run it; what follows the script is the script's
  luci run -c "import yaml; print(yaml.safe_load('a: 1'))"
  luci run --with "pandas<2" old.py  add a requirement for this run
  luci plan plot.py                  what would be installed, and why
  luci env list                      the environments luci keeps

luci alone opens the app. luci COMMAND --help says more of each.
"""
_CODES = "exit codes: the script's; 124 timed out, 125 could not be started, 126 not approved, 2 usage"


def part(words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Part the words at the first `--`: luci's own, and the command behind it.

    >>> part(["shell", "plot.py", "--", "ls", "--all"])
    (['shell', 'plot.py'], ('ls', '--all'))
    """
    at = words.index("--") if "--" in words else len(words)
    return words[:at], tuple(words[at + 1 :])


def parser(word: str = "") -> argparse.ArgumentParser:
    """Return the parser of all commands, or of the one that is asked for alone, where `word` names it: to know them all
    takes longer than most of them."""
    top = Parser(
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


def command_of(top: argparse.ArgumentParser, word: str) -> argparse.ArgumentParser:
    """Return the parser of one command of luci's parser."""
    every = next(action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    known: argparse.ArgumentParser = every.choices[word]
    return known


def _add_hidden(commands: Any) -> None:
    for name, add in (("_resume", "state"), ("_need", "requirements")):
        hidden = commands.add_parser(name)
        hidden.add_argument(add, nargs="+" if name == "_need" else None)
        hidden.set_defaults(do=name)


def _add_talk(commands: Any) -> None:
    from luci.cli import talk_words

    talk_words.add(commands)


def _add_env(commands: Any) -> None:
    from luci.cli import env_words

    env_words.add(commands)


def _add_run(commands: Any) -> None:
    run = command(
        commands,
        "run",
        "run a script in the environment it needs",
        "luci run plot.py --size 10",
        "luci run --sandbox auto --memory 1g downloaded.py",
        "luci run --python 3.11 --with 'numpy<2' -m mypackage.tool",
        "luci run -c \"import yaml; print(yaml.safe_load('a: 1'))\"",
        notes=f"Options come before SCRIPT; what follows it is the script's.\n{_CODES}",
        usage="luci run [options] SCRIPT [ARGS...]",
    )
    add_plan_options(run)
    voice(run)
    add_run_options(run)
    run.add_argument("--dry-run", action="store_true", help="say what would be done: luci plan")
    yes(run, "answer every question with yes")
    run.add_argument("--events", default="", metavar="FILE", help="write one JSON event a line")
    run.set_defaults(do="run", args=())


def _add_plan(commands: Any) -> None:
    plan = command(
        commands,
        "plan",
        "say what run would do, and why",
        "luci plan plot.py",
        "luci plan --names plot.py > requirements.txt",
        notes="exit codes: 126 where it would ask, 125 where the script cannot run",
        usage="luci plan [options] SCRIPT",
    )
    add_plan_options(plan)
    voice(plan)
    how = plan.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON document")
    how.add_argument("--names", action="store_true", help="one distribution a line, as it would be installed")
    plan.set_defaults(do="plan", args=())


def _add_runs(commands: Any) -> None:
    runs = command(commands, "runs", "what ran, and how it ended", "luci runs list", "luci runs log 1")
    verbs = runs.add_subparsers(metavar="VERB", title="verbs", required=True)
    said = {
        "list": ("list the runs, the latest first", "luci runs list --limit 100 --json"),
        "show": ("show one: its environment, its attempts, how it ended", "luci runs show"),
        "log": ("print what a recorded run wrote", "luci run --record plot.py", "luci runs log"),
    }
    for verb, (text, *examples) in said.items():
        made = command(verbs, verb, text, *examples)
        if verb == "list":
            made.add_argument("--limit", type=int, default=LIMIT, metavar="N", help=f"at most N (default {LIMIT})")
        else:
            text = "an id, or 1 for the latest"
            offering(made.add_argument("run", nargs="?", default="1", metavar="RUN", help=text), "runs")
        if verb != "log":
            as_json(made)
        made.set_defaults(do="runs", verb=verb)


def _add_care(commands: Any) -> None:
    text = "look whether everything that luci needs is there"
    doctor = command(commands, "doctor", text, "luci doctor", notes="exit codes: 1 where something is not well")
    as_json(doctor)
    doctor.set_defaults(do="doctor")
    settings = command(
        commands,
        "config",
        "show the settings, or change one",
        "luci config",
        "luci config run.retry never",
        "luci config names.mymodule my-distribution",
        "luci config --unset run.retry",
    )
    offering(settings.add_argument("key", nargs="?", metavar="KEY", help="as in run.retry"), "settings")
    offering(settings.add_argument("value", nargs="?", metavar="VALUE", help="what it is from now on"), "values")
    settings.add_argument("--unset", action="store_true", help="take KEY out of the file")
    as_json(settings)
    settings.set_defaults(do="config")
    completion = command(
        commands,
        "completion",
        "print what makes a shell complete luci's words",
        'eval "$(luci completion bash)"    in ~/.bashrc',
        'eval "$(luci completion zsh)"     in ~/.zshrc',
        "luci completion fish | source     in ~/.config/fish/config.fish",
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="whose words they are")
    completion.set_defaults(do="completion")
