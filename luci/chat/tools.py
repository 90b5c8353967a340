"""What a model may use: each tool once, with its name, what it takes, and what it does.

A tool's request is a frozen dataclass; its schema and the check of what a model sends come from the fields. A tool
yields events and returns what the model hears; `Wrong` is what it hears where it asked for what cannot be.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luci.events import Event

if TYPE_CHECKING:
    from luci.chat.hands import Hands

Use = Callable[[Any, "Hands"], Generator[Event, None, str]]


class Wrong(Exception):
    """What a model asked for cannot be done; the words are for it, never for the person."""


@dataclass(frozen=True, slots=True)
class Tool:
    """`leave` says whether using it may need someone's yes. `place` is "module:function"."""

    name: str
    summary: str
    request: type
    place: str
    leave: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the request, as the chat-completions protocol wants a function described."""
        hints = typing.get_type_hints(self.request)
        fields = dataclasses.fields(self.request)
        properties = {
            each.name: {**_kind(hints[each.name]), "description": each.metadata.get("about", "")} for each in fields
        }
        needed = [each.name for each in fields if each.default is dataclasses.MISSING]
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
        hints = typing.get_type_hints(self.request)
        if unknown := [name for name in told if name not in hints]:
            raise Wrong(f"{self.name} takes no {', '.join(unknown)}; it takes {', '.join(hints) or 'nothing'}.")
        fields = dataclasses.fields(self.request)
        if missing := [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in told]:
            raise Wrong(f"{self.name} needs {', '.join(missing)}.")
        return self.request(**{name: _checked(name, value, hints[name]) for name, value in told.items()})


_KINDS: dict[Any, tuple[str, str]] = {str: ("string", "a string"), bool: ("boolean", "true or false")}
_KINDS[int] = ("integer", "a whole number")


def _kind(hint: Any) -> dict[str, Any]:
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": {"type": "string"}}
    return {"type": _KINDS[hint][0]}


def _checked(name: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise Wrong(f"{name} must be a list of strings, not {json.dumps(value)[:100]}.")
    if type(value) is not hint:
        raise Wrong(f"{name} must be {_KINDS[hint][1]}, not {json.dumps(value)[:100]}.")
    return value


def about(text: str, default: Any = dataclasses.MISSING) -> Any:
    """Describe a field of a request to the model."""
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata={"about": text})
    return dataclasses.field(default=default, metadata={"about": text})


@dataclass(frozen=True, slots=True)
class ReadFile:
    path: str = about("a file, relative to the project folder")
    first: int = about("the first line to return, 1 for the beginning", 1)
    lines: int = about("how many lines to return at most", 400)


@dataclass(frozen=True, slots=True)
class ListFiles:
    path: str = about("a folder, relative to the project folder", ".")


@dataclass(frozen=True, slots=True)
class SearchFiles:
    text: str = about("the text to look for, as it stands in the files")
    path: str = about("a folder to look in, relative to the project folder", ".")


@dataclass(frozen=True, slots=True)
class WriteFile:
    path: str = about("the file to write, relative to the project folder")
    content: str = about("the whole content of the file")


@dataclass(frozen=True, slots=True)
class EditFile:
    path: str = about("the file to change, relative to the project folder")
    old: str = about("the exact text to replace; it must be in the file exactly once")
    new: str = about("the text to put in its place")


@dataclass(frozen=True, slots=True)
class PlanScript:
    script: str = about("a Python script, relative to the project folder")


@dataclass(frozen=True, slots=True)
class RunScript:
    script: str = about("a Python script, relative to the project folder")
    args: tuple[str, ...] = about("its command-line arguments", ())
    stdin: str = about("what it reads from standard input", "")
    seconds: int = about("how long it may run, in seconds", 60)
    network: bool = about("whether it needs the network, which must be approved", False)
    variables: tuple[str, ...] = about("names of environment variables that it must see, keys among them", ())
    expect: str = about("text that its standard output must hold for it to count as working", "")


@dataclass(frozen=True, slots=True)
class RunCode:
    code: str = about("Python source, run as a script of its own in the project folder")
    seconds: int = about("how long it may run, in seconds", 60)
    network: bool = about("whether it needs the network, which must be approved", False)


@dataclass(frozen=True, slots=True)
class RunLog:
    run: str = about("the id of a run, or 1 for the latest", "1")
    lines: int = about("how many lines of its end to return", 100)


@dataclass(frozen=True, slots=True)
class Environments:
    pass


@dataclass(frozen=True, slots=True)
class AskUser:
    question: str = about("what to ask the person")


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
