"""From one failing run to the next: what a change may not do, when another strategy is due, and when to stop."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from luci.chat import hiding
from luci.chat.account import Attempt
from luci.envs import interpreters
from luci.values import Value

STRATEGIES = {
    "syntax correction": "Look at the line and those before it: brackets, quotes, indentation, keywords.",
    "logic improvement": "Do not change the line that fails: find where the wrong value comes from.",
    "error handling": "Treat the condition that fails as one that will happen, and say what the script does then.",
    "performance": "Do less: stream, work in pieces, use a better algorithm.",
    "security hardening": "Ask for less: fewer rights, other places, no network.",
    "comprehensive": "Leave the approach: write the failing part anew in another way, with another library if need be.",
}
_FIRST = {
    "syntax correction": ("SyntaxError", "IndentationError", "TabError"),
    "error handling": ("FileNotFoundError", "ConnectionError", "OSError", "EOFError", "UnicodeDecodeError"),
    "performance": ("MemoryError", "RecursionError", "timeout"),
    "security hardening": ("PermissionError", "SSLError"),
}
CODE = "-c"  # what lines of code that are no script are called


class Failure(Value):
    """How a run failed. `error` is the last line of the traceback, or what else ended it; `function` is the innermost
    of the person's own."""

    error: str
    file: str = ""
    line: int = 0

    @property
    def type(self) -> str:
        return self.error.partition(":")[0].rpartition(".")[2]

    @property
    def signature(self) -> str:
        """The error without what differs from run to run.

        >>> Failure("KeyError: 'row 17 of /tmp/x1.csv'", "a.py", 3).signature
        "KeyError: 'row N of PATH' in a.py"
        """
        text = re.sub(r"0x[0-9a-fA-F]+", "N", self.error)
        text = re.sub(r"(?:[A-Za-z]:)?[\\/][^\s'\":,]+", "PATH", text)
        return f"{re.sub(r'[0-9]+', 'N', text)} in {self.file}"


@dataclass
class Mending:
    """What one request has tried. `over` says why no more is tried, while it is empty more may be."""

    failures: dict[str, Failure] = field(default_factory=dict)  # that stand, by script, the latest last
    last: str = CODE  # the script that ran last
    expected: dict[tuple[str, ...], list[str]] = field(default_factory=dict)  # of a script with its arguments
    seen: Counter[str] = field(default_factory=Counter)
    strategies: list[str] = field(default_factory=list)
    over: str = ""
    strategy: str = ""  # that the model was told to try
    attempts: list[Attempt] = field(default_factory=list)
    changes: int = 0  # of files
    refused: list[str] = field(default_factory=list)  # what was not allowed, by its title
    bases: dict[Path, str | None] = field(default_factory=dict)  # files before the request, or when they first failed

    @property
    def failure(self) -> Failure | None:
        """How the script that ran last failed, None where it did not. A line of code that works mends no script."""
        return self.failures.get(self.last)

    def expecting(self, run: tuple[str, ...], expect: str) -> list[str]:
        """Return all that was ever expected of a run: what is left out later is expected still."""
        found = self.expected.setdefault(run, [])
        if expect and expect not in found:
            found.append(expect)
        return found

    def ran(self, failure: Failure | None, script: str = CODE) -> str:
        """Take the end of a run into account; return what the model is told about how to go on."""
        self.strategy = ""
        self.last = self.last if script == CODE and self.last != CODE else script
        self.failures.pop(script, None)
        if failure:
            self.failures[script] = failure
        if failure is None:
            return ""
        self.seen[failure.signature] += 1
        times = self.seen[failure.signature]
        if times == 1:
            return ""
        if times == 2:
            strategy = self.strategy = self._next(failure)
            return f"The same error came back. Try another strategy, {strategy}: {STRATEGIES[strategy]}"
        self.over = f"the same error came back a second time: {failure.error}"
        return (
            "The same error came back again. Stop: change and run nothing more. Say what was tried, what the best "
            "attempt is, and what you would need to know."
        )

    def _next(self, failure: Failure) -> str:
        fitting = [name for name, types in _FIRST.items() if failure.type in types]
        order = [*fitting, "logic improvement", *STRATEGIES]
        strategy = next((name for name in order if name not in self.strategies), "comprehensive")
        self.strategies.append(strategy)
        return strategy

    def objections(self, name: str, before: str | None, after: str) -> Iterator[str]:
        """Yield why a change to a Python file is no mending, a sentence each."""
        if not name.endswith((".py", ".pyw")):
            return
        if trouble := _syntax(after):
            yield f"{name} would not parse: {trouble}."
            return
        failure = self._failure_of(name)
        if before is None or failure is None:
            return
        old, new = _tree(before), _tree(after)
        if old and new and (gone := hiding.tests(old) - hiding.tests(new)):
            yield f"It deletes tests ({', '.join(sorted(gone))})."
        lines = before.split("\n")
        here = os.path.basename(failure.file) == os.path.basename(name) and 0 < failure.line <= len(lines)
        yield from hiding.hidden(before, after, failure.error, lines[failure.line - 1].strip() if here else "")

    def _failure_of(self, name: str) -> Failure | None:
        """Return the failure that a change to a file would mend: its own, else the last that stands."""
        own = [each for each in self.failures.values() if os.path.basename(each.file) == os.path.basename(name)]
        return next(reversed(own or list(self.failures.values())), None)


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


_PARSE = """\
import ast, sys
try: ast.parse(sys.stdin.buffer.read())
except SyntaxError as e: print(f"line {e.lineno}: {e.msg}")
"""


def _syntax(text: str) -> str:
    """Return what is wrong with a source, for this Python and the newest one here; empty where nothing is."""
    try:
        ast.parse(text)
        return ""
    except SyntaxError as error:
        said = f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)
    for python in interpreters.find()[:1]:
        done = subprocess.run(
            [python.path, "-I", "-c", _PARSE], input=text.encode("utf-8", "replace"), capture_output=True, check=False
        )
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else said
    return said
