"""All that the core ever says. A front end shows these values and decides nothing."""

from __future__ import annotations

from typing import Any

from luci.values import Value, as_dict


class Event(Value):
    """Something that happened. `as_dict` is its JSON form, with its name under "event"."""

    def as_dict(self) -> dict[str, Any]:
        return {"event": type(self).__name__.lower(), **as_dict(self)}


class Note(Event):
    """A fact worth a line, said only with --verbose."""

    text: str


class Told(Event):
    """A line the person should see."""

    text: str


class Warned(Event):
    """Something weaker or stranger than the person may expect."""

    text: str
    hint: str = ""


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


class Reached(Event):
    """How far work on several things has come: `done` of `total` are over, and `subject` is next."""

    done: int
    total: int
    subject: str


class Measured(Event):
    """What an environment takes on the disk: the `bytes` of its files, and those that removing it would free."""

    key: str
    bytes: int
    freed: int


class Planned(Event):
    """What luci would do. `plan` is the plan's JSON form."""

    plan: dict[str, Any]


class Built(Event):
    """An environment is there that was not."""

    key: str
    path: str
    seconds: float
    packages: int


class Reused(Event):
    key: str
    path: str


class Missing(Event):
    """A run ended because a module was not there."""

    module: str
    file: str
    line: int


class Retrying(Event):
    """The script runs again, with another plan."""

    attempt: int
    reason: str


class Walled(Event):
    """The wall that the run is behind. `gives` is what it holds, `lacks` what stays open, `why` the settings that ask
    for it, each in words."""

    wall: str
    gives: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


class Started(Event):
    """The script runs."""

    argv: tuple[str, ...]
    env_key: str
    pid: int = 0


class Output(Event):
    """Bytes that the script wrote, as text with surrogate escapes."""

    stream: str
    text: str


class Words(Event):
    """What an attempt itself said in the end and was held back until it was sure that no other follows."""

    text: str


class Failed(Event):
    """An exception ended the script. `line` of `file`, a person's own, is where; `excerpt` are lines around it.

    `error` is the last line of the traceback, `first` the number of the excerpt's first line.
    """

    error: str
    file: str = ""
    line: int = 0
    first: int = 0
    excerpt: tuple[str, ...] = ()


class Pictured(Event):
    """A run made images. `files` are their paths, the oldest first; `perhaps`: those that another run may have made."""

    files: tuple[str, ...]
    perhaps: tuple[str, ...] = ()


class Become(Event):
    """Nothing is left to decide: the process may become the script, its standard input from `stdin` if given."""

    argv: tuple[str, ...]
    environ: dict[str, str]
    stdin: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"event": "become", "argv": list(self.argv)}  # the environment may hold secrets

    def __repr__(self) -> str:
        return f"Become(argv={self.argv!r})"


class Ended(Event):
    """The script ended. `exit_code` is 128+N where signal N killed it.

    `peak_bytes` is the most memory that it held at once, or one of the processes it waited for; None: not known.
    """

    exit_code: int
    seconds: float
    signal: int = 0
    timed_out: bool = False
    peak_bytes: int | None = None
