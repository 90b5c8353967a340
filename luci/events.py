"""All that the core ever says. A front end shows these values and decides nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `as_dict` is its JSON form, with its name under "event"."""

    def as_dict(self) -> dict[str, Any]:
        return {"event": type(self).__name__.lower(), **dataclasses.asdict(self)}


@dataclass(frozen=True, slots=True)
class Note(Event):
    """A fact worth a line, said only with --verbose."""

    text: str


@dataclass(frozen=True, slots=True)
class Told(Event):
    """A line the person should see."""

    text: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something weaker or stranger than the person may expect."""

    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Working(Event):
    """A step that may take long has begun, or has come further; it ends with the next event that is none of its own.

    `done` of `total` packages are behind it, and `received` of `size` bytes of the downloads under way. A total or a
    size of 0: not known.
    """

    step: str
    detail: str = ""
    done: int = 0
    total: int = 0
    received: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Reached(Event):
    """How far work on several things has come: `done` of `total` are over, and `subject` is next."""

    done: int
    total: int
    subject: str


@dataclass(frozen=True, slots=True)
class Measured(Event):
    """What an environment takes on the disk: the `bytes` of its files, and those that removing it would free."""

    key: str
    bytes: int
    freed: int


@dataclass(frozen=True, slots=True)
class Planned(Event):
    """What luci would do. `plan` is the plan's JSON form."""

    plan: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Built(Event):
    """An environment is there that was not."""

    key: str
    path: str
    seconds: float
    packages: int


@dataclass(frozen=True, slots=True)
class Reused(Event):
    key: str
    path: str


@dataclass(frozen=True, slots=True)
class Missing(Event):
    """A run ended because a module was not there."""

    module: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """The script runs again, with another plan."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True)
class Walled(Event):
    """The wall that the run is behind. `gives` is what it holds, `lacks` what stays open, each in words."""

    wall: str
    gives: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The script runs."""

    argv: tuple[str, ...]
    env_key: str
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Output(Event):
    """Bytes that the script wrote, as text with surrogate escapes."""

    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Words(Event):
    """What an attempt itself said in the end and was held back until it was sure that no other follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    """An exception ended the script. `line` of `file`, a person's own, is where; `excerpt` are lines around it.

    `error` is the last line of the traceback, `first` the number of the excerpt's first line.
    """

    error: str
    file: str = ""
    line: int = 0
    first: int = 0
    excerpt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pictured(Event):
    """A run made images. `files` are their paths, the oldest first."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Become(Event):
    """Nothing is left to decide: the process may become the script, its standard input from `stdin` if given."""

    argv: tuple[str, ...]
    environ: dict[str, str] = field(repr=False)
    stdin: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"event": "become", "argv": list(self.argv)}  # the environment may hold secrets


@dataclass(frozen=True, slots=True)
class Ended(Event):
    """The script ended. `exit_code` is 128+N where signal N killed it.

    `peak_bytes` is the most memory that it held at once, or one of the processes it waited for; None: not known.
    """

    exit_code: int
    seconds: float
    signal: int = 0
    timed_out: bool = False
    peak_bytes: int | None = None
