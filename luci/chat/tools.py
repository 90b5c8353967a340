"""What a model may use: each tool once, with its name, what it takes, and what it does.

A tool's request is a value; its schema and the check of what a model sends come from its fields. A tool yields events
and returns what the model hears; `Wrong` is what it hears where it asked for what cannot be.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Annotated, Any

from luci.chat.shorten import sound
from luci.events import Event
from luci.values import Value, fields

if TYPE_CHECKING:
    from luci.chat.hands import Hands

Use = Callable[[Any, "Hands"], Generator[Event, None, str]]


class Wrong(Exception):
    """What a model asked for cannot be done; the words are for it, never for the person."""


class Tool(Value):
    """`leave` says whether using it may need someone's yes. `place` is "module:function"."""

    name: str
    summary: str
    request: type[Value]
    place: str
    leave: bool = False

    @property
    def _takes(self) -> dict[str, Any]:
        """The fields of the request, each with its kind and what the model is told of it."""
        hints = typing.get_type_hints(self.request, include_extras=True)
        return {name: hints[name] for name in fields(self.request)}

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the request, as the chat-completions protocol wants a function described."""
        hints = self._takes
        properties = {name: {**_kind(hint), "description": hint.__metadata__[0]} for name, hint in hints.items()}
        needed = [name for name in hints if name in self.request.__required__]
        parameters = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.summary, "parameters": parameters},
        }

    def read(self, arguments: str) -> Any:
        """Return the request that a model's JSON means. Raises Wrong, with words that help it to do better."""
        try:
            told = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as error:
            raise Wrong(f"The arguments of {self.name} are no valid JSON: {error}.") from None
        if not isinstance(told, dict):
            raise Wrong(f"The arguments of {self.name} must be a JSON object.")
        hints = self._takes
        if unknown := [name for name in told if name not in hints]:
            raise Wrong(f"{self.name} takes no {', '.join(unknown)}; it takes {', '.join(hints) or 'nothing'}.")
        if missing := [name for name in hints if name in self.request.__required__ and name not in told]:
            raise Wrong(f"{self.name} needs {', '.join(missing)}.")
        return self.request(**{name: _checked(name, value, hints[name]) for name, value in told.items()})


_KINDS: dict[Any, tuple[str, str]] = {str: ("string", "a string"), bool: ("boolean", "true or false")}
_LARGEST = 1_000_000_000  # of a number: lines, seconds
_KINDS[int] = ("integer", "a whole number")


def _kind(hint: Any) -> dict[str, Any]:
    kind = hint.__origin__
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": {"type": "string"}}
    return {"type": _KINDS[kind][0]}


def _checked(name: str, value: Any, hint: Any) -> Any:
    kind = hint.__origin__
    texts = [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    if any(sound(each) != each for each in texts):
        raise Wrong(f"{name} holds half of a character (a lone surrogate), which no file can.")
    if any("\0" in each for each in texts):
        raise Wrong(f"{name} holds a NUL, which no path and no text does.")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise Wrong(f"{name} must be at most {_LARGEST:,}.")
    if typing.get_origin(kind) is tuple:
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise Wrong(f"{name} must be a list of strings, not {json.dumps(value)[:100]}.")
    if type(value) is not kind:
        raise Wrong(f"{name} must be {_KINDS[kind][1]}, not {json.dumps(value)[:100]}.")
    return value


class ReadFile(Value):
    path: Annotated[str, "a file, relative to the project folder"]
    first: Annotated[int, "the first line to return, 1 for the beginning"] = 1
    lines: Annotated[int, "how many lines to return at most"] = 400


class ListFiles(Value):
    path: Annotated[str, "a folder, relative to the project folder"] = "."


class SearchFiles(Value):
    text: Annotated[str, "the text to look for, as it stands in the files"]
    path: Annotated[str, "a folder to look in, relative to the project folder"] = "."


class WriteFile(Value):
    path: Annotated[str, "the file to write, relative to the project folder"]
    content: Annotated[str, "the whole content of the file"]


class EditFile(Value):
    path: Annotated[str, "the file to change, relative to the project folder"]
    old: Annotated[str, "the exact text to replace; it must be in the file exactly once"]
    new: Annotated[str, "the text to put in its place"]


class PlanScript(Value):
    script: Annotated[str, "a Python script, relative to the project folder"]


class RunScript(Value):
    script: Annotated[str, "a Python script, relative to the project folder"]
    args: Annotated[tuple[str, ...], "its command-line arguments"] = ()
    stdin: Annotated[str, "what it reads from standard input"] = ""
    seconds: Annotated[int, "how long it may run, in seconds"] = 60
    network: Annotated[bool, "whether it needs the network, which must be approved"] = False
    variables: Annotated[tuple[str, ...], "names of environment variables that it must see, keys among them"] = ()
    secret_files: Annotated[tuple[str, ...], "files with secrets, such as .env, that it must read: asked for"] = ()
    expect: Annotated[str, "text that its standard output must hold for it to count as working"] = ""


class RunCode(Value):
    code: Annotated[str, "Python source, run as a script of its own in the project folder"]
    seconds: Annotated[int, "how long it may run, in seconds"] = 60
    network: Annotated[bool, "whether it needs the network, which must be approved"] = False


class RunLog(Value):
    run: Annotated[str, "the id of a run, as in @run:ID, or 1 for the latest"] = "1"
    lines: Annotated[int, "how many lines of its end to return"] = 100


class Environments(Value):
    pass


class AskUser(Value):
    question: Annotated[str, "what to ask the person"]


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("read_file", "Read a text file of the project.", ReadFile, "luci.chat.looking:read_file"),
        Tool("list_files", "List the files in a folder of the project.", ListFiles, "luci.chat.looking:list_files"),
        Tool("search_files", "Find text in the project's files.", SearchFiles, "luci.chat.looking:search_files"),
        Tool("write_file", "Create a file, or write it anew.", WriteFile, "luci.chat.writing:write_file", leave=True),
        Tool("edit_file", "Replace a piece of a file.", EditFile, "luci.chat.writing:edit_file", leave=True),
        Tool(
            "plan",
            "Say which packages a script needs, where their names come from, and which are doubtful.",
            PlanScript,
            "luci.chat.running:plan",
        ),
        Tool(
            "run",
            "Run a script in an isolated environment that holds the packages it imports; they are found by luci.",
            RunScript,
            "luci.chat.running:run",
            leave=True,
        ),
        Tool("run_code", "Run a few lines of Python.", RunCode, "luci.chat.running:run_code", leave=True),
        Tool("run_log", "Return the end of what an earlier run wrote.", RunLog, "luci.chat.running:run_log"),
        Tool("environments", "List the environments that luci keeps.", Environments, "luci.chat.looking:environments"),
        Tool("ask_user", "Ask the person a question.", AskUser, "luci.chat.looking:ask_user"),
    )
}
