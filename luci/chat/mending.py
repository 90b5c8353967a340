"""From one failing run to the next: what a change may not do, when another strategy is due, and when to stop."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
_BROAD = {"", "Exception", "BaseException"}


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

    failure: Failure | None = None
    seen: Counter[str] = field(default_factory=Counter)
    strategies: list[str] = field(default_factory=list)
    over: str = ""
    strategy: str = ""  # that the model was told to try
    attempts: list[Attempt] = field(default_factory=list)
    changes: int = 0  # of files
    refused: list[str] = field(default_factory=list)  # what was not allowed, by its title
    bases: dict[Path, str | None] = field(default_factory=dict)  # files before the request, or when they first failed

    def ran(self, failure: Failure | None) -> str:
        """Take the end of a run into account; return what the model is told about how to go on."""
        self.failure, self.strategy = failure, ""
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
        old, new = _tree(before or ""), _tree(after)
        if before is None or self.failure is None or old is None or new is None:
            return
        if gone := _tests(old) - _tests(new):
            yield f"It deletes tests ({', '.join(sorted(gone))})."
        silenced = _silenced(new) - _silenced(old)
        if hidden := {kind for kind in silenced if kind in _BROAD or kind == self.failure.type}:
            yield f"It only hides the error (except {', '.join(sorted(hidden))} with nothing done): mend its cause."


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


def _tests(tree: ast.Module) -> set[str]:
    return {
        node.name
        for node in ast.walk(tree)
        if (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"))
        or (isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
    }


def _silenced(tree: ast.Module) -> Counter[str]:
    """Count, by exception, the handlers that do nothing; `contextlib.suppress` is such a one."""
    found: Counter[str] = Counter()
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(_does_nothing(each) for each in node.body):
            found.update(_names(node.type))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
            found.update(name for argument in node.args for name in _names(argument))
    return found


def _names(node: ast.expr | None) -> list[str]:
    if node is None:
        return [""]
    return [ast.unparse(each).rpartition(".")[2] for each in (node.elts if isinstance(node, ast.Tuple) else [node])]


def _does_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Pass | ast.Continue | ast.Break):
        return True
    if isinstance(node, ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant | ast.Name)
    if isinstance(node, ast.Expr):
        call = node.value
        return isinstance(call, ast.Constant) or (isinstance(call, ast.Call) and _exits(call))
    return False


def _exits(call: ast.Call) -> bool:
    """Whether it ends the script as if nothing had happened."""
    zero = not call.args or (isinstance(call.args[0], ast.Constant) and call.args[0].value in (0, None))
    return ast.unparse(call.func) in ("sys.exit", "exit", "quit", "os._exit") and zero
