"""The words of `luci env create`, `lock` and `import`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from luci.actions.script_line import KINDS

_FILES = ("txt", "in", "toml", "lock", "yml", "yaml")


def add(verbs: Any, voice: Callable[[argparse.ArgumentParser], None], environments: Callable[..., list[str]]) -> None:
    for command in (_create(verbs), _import(verbs), _lock(verbs, environments)):
        command.add_argument("-y", "--yes", action="store_true", help="answer every question with yes")
        command.add_argument("--json", action="store_true", help="one JSON document")
        voice(command)


def _create(verbs: Any) -> argparse.ArgumentParser:
    create = _verb(
        verbs,
        "create",
        "make one for no script, under a name",
        "luci env create [NAME] [--with REQUIREMENT]... [-r FILE | --from FILE] [options]",
        "It is shown before it is built, and kept until it is removed, or unused for long.\n"
        "examples:\n  luci env create web --with flask --with 'requests<3'\n"
        "  luci env create -r requirements.txt --python 3.12\n"
        "  luci env create data --from environment.yml --dry-run\n"
        "  luci env shell web",
    )
    create.add_argument("name", nargs="?", default="", metavar="NAME", help="what it is called")
    text = "a package, with bounds if you like"
    create.add_argument("-w", "--with", dest="with_", action="append", default=[], metavar="REQUIREMENT", help=text)
    source = create.add_mutually_exclusive_group()
    text = "a requirements.txt"
    _files(source.add_argument("-r", dest="requirements_file", action="append", default=[], metavar="FILE", help=text))
    text = "pyproject.toml, pylock.toml, environment.yml, or any other list or lock"
    _files(source.add_argument("--from", dest="source", action="append", default=[], metavar="FILE", help=text))
    _how(create)
    return create


def _import(verbs: Any) -> argparse.ArgumentParser:
    take = _verb(
        verbs,
        "import",
        "make one of a lock, a list, or a virtual environment that is there",
        "luci env import [options] FILE [NAME]",
        "FILE is a requirements.txt, pylock.toml, environment.yml, conda-lock.yml, @EXPLICIT list, pixi.lock,\n"
        "uv.lock, poetry.lock or Pipfile.lock, or the folder of a virtual environment. What is not taken is named.\n"
        "examples:\n  luci env import poetry.lock web\n  luci env import ~/old-project/.venv\n"
        "  luci env import requirements.txt --python 3.11 --dry-run",
    )
    _files(take.add_argument("file", metavar="FILE", help="a lock, a list or a folder"))
    take.add_argument("name", nargs="?", default="", metavar="NAME", help="what it is called")
    _how(take)
    return take


def _lock(verbs: Any, environments: Callable[..., list[str]]) -> argparse.ArgumentParser:
    lock = _verb(
        verbs,
        "lock",
        "write its exact versions with hashes, as pylock.toml",
        "luci env lock [options] SCRIPT|NAME",
        "Beside a script it is pylock.NAME.toml, and the next run takes just what it holds. An environment's is\n"
        "written into this folder. The difference to one that is there is shown before it is written over.\n"
        "exit codes: 1 where --check finds it stale, 126 where it was not approved\n"
        "examples:\n  luci env lock plot.py\n  luci env lock plot.py --upgrade\n  luci env lock plot.py --check",
    )
    named = lock.add_argument("environment", metavar="SCRIPT|NAME", help="a script, or a key or a name")
    named.completer = environments  # type: ignore[attr-defined]
    lock.add_argument("-o", "--output", default="", metavar="FILE", help="write it there")
    lock.add_argument("-U", "--upgrade", action="store_true", help="take what is newest now, within the bounds")
    lock.add_argument("--check", action="store_true", help="write nothing, only say whether it is stale")
    lock.add_argument("--allow", action="append", default=[], metavar="NAME", help="let a guessed name in")
    lock.add_argument("--offline", action="store_true", help="do not use the network")
    return lock


def _how(command: argparse.ArgumentParser) -> None:
    command.add_argument("-p", "--python", default="", metavar="X", help="a version, a range, or a path")
    command.add_argument("--env", default="", choices=KINDS, metavar="KIND", help=f"{', '.join(KINDS)}")
    command.add_argument("--allow", action="append", default=[], metavar="NAME", help="let a name in that is not known")
    command.add_argument("--offline", action="store_true", help="do not use the network")
    command.add_argument("--dry-run", action="store_true", help="only show what would be made; 126: it would ask")


def _files(argument: Any) -> None:
    argument.completer = _lists


def _lists(prefix: str, **_: Any) -> list[str]:
    """What a shell may complete a FILE to: lists, locks, and folders."""
    from argcomplete.completers import FilesCompleter

    return FilesCompleter(_FILES)(prefix)


def _verb(verbs: Any, name: str, text: str, usage: str, epilog: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=text,
        description=text,
        usage=usage,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(do="env", verb=name)
    return command
