"""The words of `luci env`."""

from __future__ import annotations

import argparse
from typing import Any

from luci.actions.script_line import KINDS
from luci.cli.options import as_json, command, dry_run, environment, offering, voice, yes

EXPORTS = ("requirements", "pylock", "pep723", "environment.yml", "conda-lock", "dockerfile")


def add(commands: Any) -> None:
    """Add `env` and its verbs to luci's parser."""
    env = command(
        commands,
        "env",
        "make, list, lock, check, update and remove environments",
        "luci env list",
        "luci env show plot.py",
        "luci env create web --with flask",
        notes="luci env VERB --help says more of each.",
    )
    verbs = env.add_subparsers(metavar="VERB", title="verbs", required=True)
    for verb, made in {
        "create": _create(verbs),
        "import": _import(verbs),
        "lock": _lock(verbs),
        **_looking(verbs),
        **_keeping(verbs),
        "update": _update(verbs),
        "export": _export(verbs),
        "shell": _shell(verbs),
    }.items():
        if verb != "shell":
            as_json(made)
        voice(made)
        made.set_defaults(do="env", verb=verb)


# -- made by hand


def _create(verbs: Any) -> argparse.ArgumentParser:
    create = command(
        verbs,
        "create",
        "make one for no script, under a name",
        "luci env create web --with flask --with 'requests<3'",
        "luci env create -r requirements.txt --python 3.12",
        "luci env create data --from environment.yml --dry-run",
        "luci env shell web",
        notes="It is shown before it is built, and kept until it is removed, or unused for long.\n"
        "exit codes: 126 where something was not approved",
        usage="luci env create [NAME] [--with REQ]... [-r FILE | --from FILE] [options]",
    )
    create.add_argument("name", nargs="?", default="", metavar="NAME", help="what it is called")
    text = "add a requirement, with bounds if you like"
    create.add_argument("-w", "--with", dest="with_", action="append", default=[], metavar="REQ", help=text)
    source = create.add_mutually_exclusive_group()
    text = "take what a requirements.txt lists"
    listed = source.add_argument("-r", dest="requirements_file", action="append", default=[], metavar="FILE", help=text)
    text = "take what a pyproject.toml, pylock.toml, environment.yml, or any other list or lock says"
    offering(listed, "lists")
    offering(
        source.add_argument("--from", dest="source", action="append", default=[], metavar="FILE", help=text), "lists"
    )
    _how(create)
    return create


def _import(verbs: Any) -> argparse.ArgumentParser:
    take = command(
        verbs,
        "import",
        "make one of a lock, a list, or a virtual environment that is there",
        "luci env import poetry.lock web",
        "luci env import ~/old-project/.venv",
        "luci env import requirements.txt --python 3.11 --dry-run",
        notes="FILE is a requirements.txt, pylock.toml, pyproject.toml, environment.yml, conda-lock.yml, pixi.toml,\n"
        "pixi.lock, uv.lock, poetry.lock, Pipfile.lock or an @EXPLICIT list, or the folder of a virtual environment.\n"
        "What is not taken is named.\n"
        "exit codes: 126 where something was not approved",
        usage="luci env import [options] FILE [NAME]",
    )
    offering(take.add_argument("file", metavar="FILE", help="a lock, a list or a folder"), "lists")
    take.add_argument("name", nargs="?", default="", metavar="NAME", help="what it is called")
    _how(take)
    return take


def _how(made: argparse.ArgumentParser) -> None:
    made.add_argument("-p", "--python", default="", metavar="VERSION", help="a version, a range or a path")
    made.add_argument("--env", default="", choices=KINDS, metavar="KIND", help=f"its kind: {', '.join(KINDS)}")
    _gate(made)
    dry_run(made, "only show what would be made; 126 where it would ask")
    yes(made, "answer every question with yes")


def _gate(made: argparse.ArgumentParser) -> None:
    made.add_argument("--allow", action="append", default=[], metavar="NAME", help="install this guessed distribution")
    made.add_argument("--offline", action="store_true", help="use what was fetched before")


def _lock(verbs: Any) -> argparse.ArgumentParser:
    lock = command(
        verbs,
        "lock",
        "write its exact versions with hashes, as pylock.toml",
        "luci env lock plot.py",
        "luci env lock plot.py --upgrade",
        "luci env lock plot.py --check",
        "luci env lock plot.py --undo",
        notes="Beside a script it is pylock.NAME.toml, and the next run takes just what it holds. An environment's is\n"
        "written into this folder. The difference to one that is there is shown before it is written over.\n"
        "exit codes: 1 where --check finds it stale, 126 where it was not approved",
        usage="luci env lock [options] SCRIPT|NAME",
    )
    named = lock.add_argument("environment", metavar="SCRIPT|NAME", help="a script, or an environment's name or key")
    offering(named, "environments")
    lock.add_argument("-o", "--output", default="", metavar="FILE", help="write to FILE")
    lock.add_argument("-U", "--upgrade", action="store_true", help="take what is newest now, within the bounds")
    lock.add_argument("--check", action="store_true", help="write nothing, only say whether it is stale")
    lock.add_argument("--undo", action="store_true", help="take back the lock that was written over")
    _gate(lock)
    yes(lock, "answer every question with yes")
    return lock


# -- looked at


def _looking(verbs: Any) -> dict[str, argparse.ArgumentParser]:
    made = {
        "list": command(verbs, "list", "list the environments", "luci env list --json"),
        "show": command(verbs, "show", "show one: what it is made of, and who uses it", "luci env show plot.py"),
        "inspect": command(
            verbs,
            "inspect",
            "show all that is known of one: its tree, its runs, its record",
            "luci env inspect plot.py",
        ),
        "path": command(verbs, "path", "print its folder", '"$(luci env path plot.py)/bin/python" -i plot.py'),
        "tree": command(verbs, "tree", "show what is installed, and for what", "luci env tree plot.py"),
        "why": command(verbs, "why", "say why a package is there", "luci env why plot.py numpy"),
        "verify": command(
            verbs,
            "verify",
            "check every file against its hash",
            "luci env verify",
            "luci env verify plot.py",
            notes="Without ENV all of them are checked.\nexit codes: 1 where there are faults",
        ),
        "stats": command(verbs, "stats", "count environments and disk", "luci env stats"),
    }
    for verb in ("show", "inspect", "path", "tree", "why"):
        environment(made[verb], 1)
    environment(made["verify"], "*")
    package = made["why"].add_argument("package", metavar="PACKAGE", help="what is installed there")
    offering(package, "packages")
    return made


# -- kept in order


def _keeping(verbs: Any) -> dict[str, argparse.ArgumentParser]:
    rebuild = command(verbs, "rebuild", "build it again", "luci env rebuild plot.py", "luci env rebuild --all")
    remove = command(
        verbs, "remove", "remove it; what is in use stays", "luci env remove web", "luci env remove --all --dry-run"
    )
    prune = command(
        verbs,
        "prune",
        "remove what is broken, orphaned, long unused or over the budget",
        "luci env prune --dry-run",
        "luci env prune --unused-days 7 --yes",
    )
    for made in (rebuild, remove, prune):
        environment(made, "*")
    for made in (rebuild, remove):
        made.add_argument("--all", action="store_true", help="all of them")
    for made in (remove, prune):
        dry_run(made, "only say what would go")
        yes(made)
    text = "unused for N days (default: [envs] unused_days, 60)"
    prune.add_argument("--unused-days", type=float, metavar="N", help=text)
    text = "keep at most N GB (default: [envs] budget_gb, 10)"
    prune.add_argument("--budget-gb", type=float, metavar="N", help=text)
    return {"rebuild": rebuild, "remove": remove, "prune": prune}


def _update(verbs: Any) -> argparse.ArgumentParser:
    update = command(
        verbs,
        "update",
        "bring it up to date within its bounds; the difference is shown first",
        "luci env update plot.py --dry-run",
        "luci env update --all --yes",
        "luci env update --undo plot.py",
        notes="The former generation is kept for 7 days, until the next update or rebuild.",
    )
    environment(update, "*")
    update.add_argument("--all", action="store_true", help="all of them")
    dry_run(update, "only show the difference")
    update.add_argument("--undo", action="store_true", help="take the former generation back")
    yes(update)
    return update


def _export(verbs: Any) -> argparse.ArgumentParser:
    export = command(
        verbs,
        "export",
        "write down its exact versions for other tools",
        "luci env export plot.py > requirements.txt",
        "luci env export plot.py -o pylock.toml",
        "luci env export plot.py --format pep723",
    )
    environment(export, "+")
    export.add_argument("-f", "--format", default="", choices=EXPORTS, help="else as the name of FILE says")
    export.add_argument("-o", "--output", default="", metavar="FILE", help="write to FILE, or into a folder")
    yes(export, "write over a FILE that says something else")
    return export


# -- entered


def _shell(verbs: Any) -> argparse.ArgumentParser:
    shell = command(
        verbs,
        "shell",
        "open a shell in it, or run a command there",
        "luci env shell plot.py",
        "luci env shell plot.py -- python -m pdb plot.py",
        usage="luci env shell [options] ENV [-- COMMAND ...]",
    )
    environment(shell, 1)
    shell.set_defaults(command=())
    return shell
