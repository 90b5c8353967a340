"""The errors luci raises on purpose. Anything else that escapes is a bug.

LuciError
|-- UsageError        2    the command line, or a SCRIPT that is missing or unreadable
|-- ConfigError       2    config.toml or a LUCI_* variable
|-- ScriptError       125  the source cannot be run (syntax, binary, Python 2)
|-- PlanError         125  no plan could be made
|-- EnvError          125  an environment could not be built or used
|   `-- IndexFailed   125  the package index did not answer, or not with what was asked
|-- Refused           126  it was not approved
|-- Lacking           125  the machine has no room, no right or no descriptors for it
|-- TimedOut          124
`-- Interrupted       130
"""

from __future__ import annotations

import errno


class LuciError(Exception):
    """Something a person can act on: what happened, why, and what to do about it."""

    exit_code = 1

    def __init__(self, message: str, *, cause: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.hint = hint


class UsageError(LuciError):
    exit_code = 2


class ConfigError(LuciError):
    exit_code = 2


class ScriptError(LuciError):
    exit_code = 125


class PlanError(LuciError):
    exit_code = 125


class EnvError(LuciError):
    exit_code = 125


class IndexFailed(EnvError):
    pass


class Refused(LuciError):
    exit_code = 126


class Lacking(LuciError):
    """The machine, not what was asked, is why it could not be done: no room, no right, no descriptors left."""

    exit_code = 125


def lacking(error: OSError) -> Lacking | None:
    """Return what an error of the machine means for a person, None for one that means something else."""
    said = _LACKING.get(error.errno or 0)
    if said is None:
        return None
    where = f"{error.filename}: " if error.filename else ""
    return Lacking(said[0], cause=f"{where}{error.strerror}", hint=said[1])


_FULL = ("The disk is full.", "Free some space: `luci env prune` and `uv cache clean` help.")
_TOO_MANY_FILES = ("There are no file descriptors left.", "Close some files; `ulimit -n` shows the limit.")
_CLOSED = ("The disk does not let luci write or read.", "LUCI_HOME moves luci's folders elsewhere.")
_TOO_LONG = ("A name is too long for the disk.", "Shorten it, or let LUCI_HOME be a shorter path.")
_DAMAGED = ("The disk does not answer as it should.", "Look at the machine's own log.")
_NO_MEMORY = ("The machine has no room for another process.", "End some; `ulimit -a` shows the limits.")
_LACKING = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EMFILE: _TOO_MANY_FILES,
    errno.ENFILE: _TOO_MANY_FILES,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.ENAMETOOLONG: _TOO_LONG,
    errno.EIO: _DAMAGED,
    errno.ESTALE: _DAMAGED,
    errno.ENOMEM: _NO_MEMORY,
    errno.EAGAIN: _NO_MEMORY,
}


class TimedOut(LuciError):
    exit_code = 124


class Interrupted(LuciError):
    exit_code = 130
