"""Open a shell in an environment, or run one command there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator

from luci import paths
from luci.actions.envs import chosen, store
from luci.context import Context
from luci.envs import backends, shells
from luci.envs.store import fault
from luci.errors import EnvError, UsageError
from luci.events import Become, Event
from luci.runner.walled import folder_of
from luci.runner.warm import activated
from luci.values import Value


class ShellRequest(Value):
    """`command` is run instead of a shell."""

    selector: str
    command: tuple[str, ...] = ()


def shell(request: ShellRequest, context: Context) -> Generator[Event, None, int]:
    """Mark the environment as used by this process, which is to become the shell: the last event says how."""
    if os.name == "nt":
        raise UsageError("Opening a shell is not to be had on Windows yet.", hint="`luci env path` prints the folder.")
    env = chosen(request.selector)
    backends.insist(env.spec.kind, "shell", "opens no shell")
    if not store().take(env):
        hint = f"`luci env rebuild {env.key}` makes it whole."
        raise EnvError(f"{env.name} is broken.", cause=fault(env), hint=hint)
    if env.spec.kind in backends.IN_ENGINES:
        from luci.runner import boxes

        yield boxes.shell(env, request.command or ("/bin/sh",), context)
        return 0
    environ = activated(folder_of(env), dict(os.environ))
    if not request.command:
        opened = shells.shell(env, os.environ, environ, paths.state() / "shells")
        yield Become(opened.argv, opened.environ)
        return 0
    program = shutil.which(request.command[0], path=environ["PATH"])
    if program is None:
        raise UsageError(f"There is no command {request.command[0]} in {env.name}, nor on PATH.")
    yield Become((program, *request.command[1:]), environ)
    return 0
