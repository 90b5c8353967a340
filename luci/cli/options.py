"""What many commands share: their options, their examples, and what a shell completes."""

from __future__ import annotations

import argparse
from typing import Any


def command(
    commands: Any, name: str, text: str, *examples: str, notes: str = "", usage: str = ""
) -> argparse.ArgumentParser:
    """Add a command whose help says what it does, what else there is to know, and how it is used."""
    shown = "\n".join([f"example{'s' * (len(examples) > 1)}:", *(f"  {line}" for line in examples)]) if examples else ""
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        usage=usage or None,
        epilog="\n".join(filter(None, [notes, shown])),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return made


def voice(command: argparse.ArgumentParser) -> None:
    command.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    command.add_argument("-v", "--verbose", action="store_true", help="say what is done and why")


def as_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON document")


def dry_run(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--dry-run", action="store_true", help=text)


def yes(command: argparse.ArgumentParser, text: str = "do not ask") -> None:
    command.add_argument("-y", "--yes", action="store_true", help=text)


def environment(command: argparse.ArgumentParser, many: int | str) -> None:
    text = "a name, a key or its beginning, or a script" if many == 1 else "names, keys or their beginnings, or scripts"
    offering(command.add_argument("environment", nargs=many, metavar="ENV", help=text), "environments")


def offering(argument: argparse.Action, what: str) -> None:
    """Let a shell complete an argument to `what`, a function of luci.cli.completing."""

    def offered(**asked: Any) -> Any:
        from luci.cli import completing

        return getattr(completing, what)(**asked)

    argument.completer = offered  # type: ignore[attr-defined]
