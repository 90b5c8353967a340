"""The errors luci raises on purpose. Anything else that escapes is a bug.

LuciError
|-- UsageError        2    the command line, or a SCRIPT that is missing or unreadable
|-- ConfigError       2    config.toml or a LUCI_* variable
|-- ScriptError       125  the source cannot be run (syntax, binary, Python 2)
|-- PlanError         125  no plan could be made
|-- EnvError          125  an environment could not be built or used
|   `-- IndexFailed   125  the package index did not answer, or not with what was asked
|-- Refused           126  it was not approved
|-- TimedOut          124
`-- Interrupted       130
"""

from __future__ import annotations


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


class TimedOut(LuciError):
    exit_code = 124


class Interrupted(LuciError):
    exit_code = 130
