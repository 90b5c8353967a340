"""What a line that a person typed asks for, and what could come next in it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from luci.config import choices
from luci.errors import UsageError
from luci.values import Value

if TYPE_CHECKING:
    from luci.runner.request import RunRequest

Place = Literal["conversation", "output", "environments", "help"]


class Perform(Value):
    """An action of the door, with its request."""

    action: str
    request: Any


class Go(Value):
    """Show another place."""

    place: Place


class Stop(Value):
    """End what runs: all of it, the runs of one script, or with no words the latest."""

    script: str = ""
    all: bool = False


class Leave(Value):
    """Quit the app."""


class Clear(Value):
    """Take what is over out of the conversation."""


class Recall(Value):
    """List past conversations, or with words those that hold them."""

    words: str = ""


class TakeBack(Value):
    """Undo the assistant's last change to a file, or make it `again`."""

    again: bool = False


class Switch(Value):
    """Let another model answer, or go on with another conversation; with neither, say who answers."""

    model: str = ""
    session: str = ""


class Nothing(Value):
    """A line that is no command."""


Meaning = Perform | Go | Stop | Leave | Clear | Recall | TakeBack | Switch | Nothing


class Command(Value):
    """A word a line may begin with, with or without a slash."""

    name: str
    usage: str
    summary: str
    read: Callable[[list[str], RunRequest | None], Meaning]
    takes: Literal["nothing", "script", "theme", "running", "words", "model", "session", "file", "options"] = "nothing"


WHAT_IT_CAN = "Type a script's path to run it, or: run, plan, envs, prune, stop, help."


def understand(text: str, last: RunRequest | None = None) -> Meaning:
    """Return what a line asks for; `last` is what ran last. Raises UsageError for a command with wrong words."""
    words = _words(text.strip())
    first = words[0] if words else ""
    command = COMMANDS.get(first.removeprefix("/"))
    if first.startswith("/") and command is None and not os.path.exists(first):
        near = _nearest(first[1:])
        raise UsageError(f"There is no command {first}.", hint=f"Did you mean /{near}?" if near else WHAT_IT_CAN)
    if command and (first.startswith("/") or _is_meant(command, words[1:])):
        return command.read(words[1:], last)
    if words and _is_script(path := _as_path(first)):
        return Perform("run", _script([path, *words[1:]]))
    if first.endswith((".py", ".pyw")) and not os.path.exists(path := _as_path(first)):
        raise UsageError(f"There is no file {path} here.", hint="Type a part of its name and press tab.")
    if len(words) == 1 and os.path.exists(path := _as_path(first)):
        raise UsageError(f"{path} is not a Python script.", hint="It takes a .py file, or a folder with __main__.py.")
    return Nothing()


def _is_meant(command: Command, rest: list[str]) -> bool:
    """Whether a bare word is a command, and not the first word of a sentence: "help me plot this" is none."""
    if command.takes == "nothing":
        return all(word.startswith("-") for word in rest)
    if command.takes == "script":
        path = next((word for word in rest if not word.startswith("-")), "")
        looks = path.endswith((".py", ".pyw")) or os.sep in path or os.path.exists(_as_path(path))
        return not rest or looks or rest[0].startswith("-")
    if command.takes == "file":
        return bool(rest) and (rest[0].endswith(".py") or os.path.exists(_as_path(rest[0])))
    if command.takes == "options":
        return any(word.startswith("--") for word in rest)
    if command.takes == "model" and len(rest) == 2:
        return rest[0] in choices("model.provider")
    return len(rest) <= 1


def _words(line: str) -> list[str]:
    """Part a line as a shell would.

    >>> _words("run 'my file.py' --name=\\"a b\\" it\\\\'s")
    ['run', 'my file.py', '--name=a b', "it's"]
    """
    try:
        return shlex.split(line)
    except ValueError:
        command = COMMANDS.get(line.split(maxsplit=1)[0].removeprefix("/"))
        is_quote = command and command.takes not in ("nothing", "words") and re.search(r"""\s['"]""", line)
        if command and (line.startswith("/") or is_quote):  # elsewhere it is an apostrophe: "why doesn't it run"
            raise UsageError("A quotation mark has no partner.", hint="Quote as in a shell: run 'my file.py'") from None
        return line.split()


def _as_path(word: str) -> str:
    """Return the path that a typed or dropped word means; file managers drop file:// addresses.

    >>> _as_path("file:///home/ada/my%20plot.py")
    '/home/ada/my plot.py'
    """
    if word.startswith("file://"):
        return unquote(urlsplit(word).path)
    return os.path.expanduser(word)


def _is_script(path: str) -> bool:
    if os.path.isdir(path):
        return os.path.isfile(os.path.join(path, "__main__.py"))
    return os.path.isfile(path) and (path.endswith((".py", ".pyw")) or _names_python(path))


def _names_python(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            first = file.readline(200)
    except OSError:
        return False
    return first.startswith(b"#!") and b"python" in first


def _script(words: list[str], *, plan: bool = False) -> RunRequest:
    from luci.actions.script_line import read

    request = read([_expanded(word) for word in words], plan=plan)
    if request.kind == "stdin":
        raise UsageError("Standard input is the app's own.", hint="Give a file: run FILE.py [ARGS]")
    return request


def _expanded(word: str) -> str:
    return _as_path(word) if word.startswith(("~", "file://")) else word


def _nearest(word: str) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(word, COMMANDS, 1)), "")


# -- the commands


def _run(words: list[str], last: RunRequest | None) -> Meaning:
    if words:
        return Perform("run", _script(words))
    if last is None:
        raise UsageError("Which script?", hint="run FILE.py [ARGS]")
    return Perform("run", last)


def _plan(words: list[str], last: RunRequest | None) -> Meaning:
    if words:
        return Perform("plan", _script(words, plan=True))
    if last is None:
        raise UsageError("Which script?", hint="plan FILE.py")
    return Perform("plan", last)


def _prune(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.envs import EnvRequest

    if words not in ([], ["--dry-run"]):
        raise UsageError("prune takes --dry-run, or nothing.", hint="prune --dry-run only shows what would go.")
    return Perform("env prune", EnvRequest(dry_run=bool(words)))


def _create(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.creates import CreateRequest
    from luci.runner.wants import Wants

    name = [word for word in words[:1] if not word.startswith("-")]
    wanted, options = words[len(name) + 1 :: 2], words[len(name) :: 2]
    if not name or len(wanted) != len(options) or set(options) - {"--with"}:
        raise UsageError("Which environment?", hint="create NAME --with PACKAGE [--with PACKAGE]")
    return Perform("env create", CreateRequest(name[0], wants=Wants(tuple(wanted))))


def _import(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.creates import ImportRequest

    if len(words) not in (1, 2):
        raise UsageError("Which file, or which folder?", hint="import FILE [NAME]")
    return Perform("env import", ImportRequest(_as_path(words[0]), "".join(words[1:])))


def _lock(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.locks import LockRequest

    if len(words) != 1:
        raise UsageError("Which script, or which environment?", hint="lock FILE.py")
    return Perform("env lock", LockRequest(_as_path(words[0])))


def _runs(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.history import RunsRequest

    return Perform("runs list", RunsRequest())


def _stop(words: list[str], last: RunRequest | None) -> Meaning:
    return Stop(words[0] if words and words[0] != "all" else "", words == ["all"])


def _theme(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.care import ConfigRequest

    if len(words) != 1 or words[0] not in THEMES:
        raise UsageError("Which theme?", hint=f"theme {', '.join(THEMES)}")
    return Perform("config", ConfigRequest("app.theme", words[0]))


def _why(words: list[str], last: RunRequest | None) -> Meaning:
    from luci.actions.why import WhyRequest

    return Perform("why", WhyRequest())


def _sessions(words: list[str], last: RunRequest | None) -> Meaning:
    return Recall(" ".join(words))


def _undo(words: list[str], last: RunRequest | None) -> Meaning:
    return TakeBack()


def _redo(words: list[str], last: RunRequest | None) -> Meaning:
    return TakeBack(again=True)


def _model(words: list[str], last: RunRequest | None) -> Meaning:
    return Switch(model=" ".join(words))


def _resume(words: list[str], last: RunRequest | None) -> Meaning:
    if len(words) != 1:
        raise UsageError("Which conversation?", hint="sessions lists them: resume ID, or resume 1 for the latest")
    return Switch(session=words[0])


THEMES = ("dark", "light", "terminal")

COMMANDS = {
    command.name: command
    for command in (
        Command("run", "run FILE.py [ARGS]", "run a script with all it imports", _run, "script"),
        Command("plan", "plan [FILE.py]", "say what run would do, and why", _plan, "script"),
        Command("envs", "envs", "look at the environments", lambda *_: Go("environments")),
        Command("prune", "prune [--dry-run]", "remove environments not needed", _prune),
        Command("stop", "stop [NAME | all]", "end what runs", _stop, "running"),
        Command("runs", "runs", "list what ran, and how it ended", _runs),
        Command("why", "why", "say why the last run failed", _why),
        Command("create", "create NAME --with PACKAGE", "make an environment for no script", _create, "options"),
        Command("import", "import FILE [NAME]", "take over a lock, a list or a venv", _import, "file"),
        Command("lock", "lock FILE.py", "write a script's exact versions and hashes", _lock, "file"),
        Command("sessions", "sessions [WORDS]", "past conversations, or those that hold words", _sessions, "words"),
        Command("undo", "undo", "take back the assistant's last change to a file", _undo),
        Command("redo", "redo", "make it again", _redo),
        Command("model", "model [NAME]", "choose who answers", _model, "model"),
        Command("resume", "resume ID", "go on with a past conversation", _resume, "session"),
        Command("doctor", "doctor", "look whether everything is there", lambda *_: Perform("doctor", None)),
        Command("theme", "theme dark | light | terminal", "change the colours", _theme, "theme"),
        Command("clear", "clear", "empty the conversation", lambda *_: Clear()),
        Command("help", "help", "show keys and commands", lambda *_: Go("help")),
        Command("quit", "quit", "leave", lambda *_: Leave()),
    )
}
