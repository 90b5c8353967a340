"""What can be said of talking: the words of ask, chat, why, sessions, audit, undo, redo, key and adopt."""

from __future__ import annotations

import argparse
from typing import Any

from luci.cli.options import offering

_RAW: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
KINDS = ("write", "run", "install", "network")


def add(commands: Any) -> None:
    """Add the commands to luci's parser."""
    _add_ask(commands)
    _add_sessions(commands)
    _add_small(commands)


def _add_ask(commands: Any) -> None:
    ask = commands.add_parser(
        "ask",
        help="say what you want; a model writes it, and luci runs and mends it",
        epilog="examples:\n"
        '  luci ask "plot the columns of data.csv"\n'
        '  luci ask --allow write,run,install "a script that prints the next full moon"\n'
        '  luci run report.py 2>&1 | luci ask "why does it fail?"\n'
        '  git diff | luci ask --json "is anything wrong here?" | jq -r .text\n'
        "  luci ask - < request.txt\n"
        "The answer is on stdout, all that is done on stderr. Without a terminal nobody can be asked: what needs\n"
        "leave is refused, except what --allow names. Exit codes: 0 it is done; 1 it is not, and why is said; 2 the\n"
        "command is wrong, or no model is set up; 130 it was interrupted.",
        **_RAW,
    )
    ask.add_argument(
        "words", nargs="*", metavar="TEXT", help="what you want; what is piped in goes along; - for all of it"
    )
    for name, metavar, what, text in (
        ("--allow", "KINDS", "kinds", f"let it do without asking: {', '.join(KINDS)}"),
        ("--model", "NAME", "models", "another model than the settings name: MODEL, PROVIDER, or 'PROVIDER MODEL'"),
        ("--session", "ID", "sessions", "go on with a session: an id, or 1 for the latest"),
    ):
        offering(ask.add_argument(name, default="", metavar=metavar, help=text), what)
    ask.add_argument("--replay", default="", metavar="FILE", help="take the model's answers from a transcript")
    ask.add_argument("--json", action="store_true", help="one JSON document: text, why, scripts, account, session")
    ask.add_argument("-q", "--quiet", action="store_true", help="say nothing but the answer and errors")
    ask.set_defaults(do="ask")


def _add_sessions(commands: Any) -> None:
    sessions = commands.add_parser(
        "sessions",
        help="list, show, search, export and delete conversations",
        epilog="examples:\n"
        "  luci sessions search moon phase      both words; the last may be a beginning\n"
        "  luci sessions search '\"moon phase\"'  one behind the other\n"
        "  luci sessions export 1 > talk.md     1 is the latest; else an id, or how it begins\n"
        "  luci sessions fork 1 --at 4          go on otherwise after entry 4: luci ask --session 1 ...",
        **_RAW,
    )
    verbs = sessions.add_subparsers(metavar="VERB", title="verbs", required=True)
    texts = {
        "list": "list the sessions",
        "show": "show what was said and done in one",
        "search": "find words in all of them",
        "export": "print one as Markdown, or as a transcript to replay",
        "delete": "delete one, with all that can be undone by it",
        "fork": "begin a new session with the beginning of another",
    }
    for verb, text in texts.items():
        command = verbs.add_parser(verb, help=text, description=text, allow_abbrev=False)
        if verb == "search":
            command.add_argument("words", nargs="+", metavar="WORD")
        elif verb != "list":
            text = "an id, or 1 for the latest"
            offering(command.add_argument("session", nargs="?", default="1", metavar="SESSION", help=text), "sessions")
        if verb == "export":
            command.add_argument("-f", "--format", default="markdown", choices=("markdown", "replay"))
        elif verb == "fork":
            command.add_argument("--at", type=int, metavar="N", help="the last entry to take over")
        elif verb == "delete":
            command.add_argument("-y", "--yes", action="store_true", help="do not ask")
        if verb in ("list", "show", "search"):
            command.add_argument("--json", action="store_true", help="one JSON document")
        command.set_defaults(do="sessions", verb=verb)


def _add_small(commands: Any) -> None:
    chat = commands.add_parser(
        "chat",
        help="talk line by line: say what you want, run scripts, look at environments",
        description="Talk line by line. Whatever is no command is for the assistant.",
        allow_abbrev=False,
    )
    chat.set_defaults(do="chat")
    why = commands.add_parser("why", help="say why the last run failed, as far as is known", allow_abbrev=False)
    text = "a run's id; else the last that failed"
    offering(why.add_argument("run", nargs="?", default="", metavar="RUN", help=text), "runs")
    why.add_argument("--json", action="store_true", help="one JSON document")
    why.set_defaults(do="why")
    audit = commands.add_parser("audit", help="what was approved and done, in a log that nobody alters unseen", **_RAW)
    verbs = audit.add_subparsers(metavar="VERB", title="verbs", required=True)
    for verb, text in {
        "list": "print the entries",
        "verify": "find entries that were altered or are missing",
        "head": "print a digest of all of it, to keep elsewhere",
    }.items():
        command = verbs.add_parser(verb, help=text, description=text, allow_abbrev=False)
        command.add_argument("--json", action="store_true", help="one JSON document")
        if verb == "verify":
            command.add_argument("--head", default="", metavar="DIGEST", help="a digest that `luci audit head` printed")
        command.set_defaults(do="audit", verb=verb)
    for verb, text in {
        "undo": "take back the last change that the assistant made to a file here",
        "redo": "make the last change again that was taken back",
    }.items():
        command = commands.add_parser(verb, help=text, description=text, allow_abbrev=False)
        command.add_argument("--dry-run", action="store_true", help="only show the difference")
        command.add_argument("-y", "--yes", action="store_true", help="do not ask")
        command.set_defaults(do=verb)
    key = commands.add_parser(
        "key", help="keep a model server's key, or forget it", epilog="example:\n  luci key set openrouter", **_RAW
    )
    key.add_argument("verb", choices=("set", "remove"))
    text = "openai, openrouter, anthropic, google"
    offering(key.add_argument("provider", metavar="PROVIDER", help=text), "providers")
    key.set_defaults(do="key")
    adopt = commands.add_parser(
        "adopt",
        help="write what was inferred into the script as a PEP 723 block",
        epilog="examples:\n  luci adopt plot.py --dry-run\n  luci adopt plot.py --yes",
        **_RAW,
    )
    offering(adopt.add_argument("script", metavar="SCRIPT"), "scripts")
    adopt.add_argument("--with", dest="requirements", action="append", default=[], metavar="REQ", help="one more")
    adopt.add_argument("--dry-run", action="store_true", help="only show the difference")
    adopt.add_argument("-y", "--yes", action="store_true", help="do not ask")
    adopt.add_argument("--json", action="store_true", help="one JSON document")
    adopt.set_defaults(do="adopt")
