"""What was asked of a run, and how far it has come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from luci.runner.wants import NOTHING_MORE, Wants
from luci.values import Value, anew
from luci.walls.asked import NOTHING, Asked

if TYPE_CHECKING:
    from luci.envs.store import Env
    from luci.runner.plan import Plan
    from luci.terminals import Terminal


class RunRequest(Value):
    """What was asked for on the command line. `become`: the caller can replace its process by the script."""

    script: str
    kind: str = "file"
    args: tuple[str, ...] = ()
    told_args: tuple[str, ...] | None = None  # as they are recorded, where some of them are secret
    wants: Wants = NOTHING_MORE
    python_args: tuple[str, ...] = ()
    env_file: str = ""
    retry: str = ""
    timeout: float | None = None
    record: bool = False
    fresh: bool = False
    relax: bool = False
    keep_pythonpath: bool = False
    walls: Asked = NOTHING
    become: bool = False
    asks_first: bool = False  # before packages are installed, all of them: somebody else wrote the script
    input: str | None = None  # what the script reads from standard input; None: what luci has there
    pictures: bool = False  # the caller offers to show the images that the run makes
    terminal: Terminal | None = None  # what the script writes into and reads from; never with `become`
    front: dict[str, Any] = anew(dict)  # what the caller needs to go on when luci comes back

    @property
    def without_site(self) -> bool:
        """Whether Python is told (-S) to leave out what is installed, and the start-up hook with it.

        >>> RunRequest("a.py", python_args=("-W", "-S", "-XS", "-OES")).without_site
        True
        >>> RunRequest("a.py", python_args=("-W", "-S", "-XS", "-OE")).without_site
        False
        """
        words = iter(self.python_args)
        for word in words:
            if word in ("-W", "-X", "--check-hash-based-pycs"):
                next(words, "")
            elif word[:1] == "-" and word[:2] != "--" and "S" in re.split("[WX]", word)[0]:
                return True
        return False


class Progress(Value):
    """How far a run has come: attempts are counted from 1, each missing thing is mended once."""

    attempt: int = 1
    mended: tuple[str, ...] = ()

    def after(self, subject: str) -> Progress:
        return Progress(self.attempt + 1, (*self.mended, subject))


class Mended(Value):
    """How a run goes on: what has been mended by now, and what the next attempt runs in."""

    progress: Progress
    made: Plan
    env: Env
