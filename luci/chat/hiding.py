"""What a change to a script does so that a failure is not seen any more, where it should not happen any more."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections import Counter
from collections.abc import Iterator

_BROAD = {"", "Exception", "BaseException"}
_EXITS = {"sys.exit", "exit", "quit", "os._exit", "SystemExit"}
_ONLY_TELLS = {"print", "traceback.print_exc", "traceback.print_exception", "warnings.warn"}
_LOGS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_HOOKS = {"sys.excepthook", "threading.excepthook", "sys.unraisablehook"}
_DEFINES = {
    *("json.decoder", "subprocess", "socket", "urllib.error", "http.client", "zipfile", "configparser", "queue"),
    *("decimal", "struct", "binascii", "shutil", "email.errors", "xml.etree.ElementTree", "asyncio.exceptions"),
}
_SKIPS = {"skip", "skipif", "skipIf", "skipUnless", "xfail", "expectedFailure", "skipTest", "SkipTest", "importorskip"}


def hidden(old: str, new: str, error: str, failing: str) -> Iterator[str]:
    """Yield how a source that was changed hides `error` (as a traceback ends), a sentence each. `failing` is the line
    that failed, empty where it is of another file. Nothing is said of a source that cannot be read."""
    try:
        before, after = _Source(old, error), _Source(new, error)
        if more := after.silenced - before.silenced:
            kinds = ", ".join(sorted(more))
            yield f"It only hides the error (except {kinds} with nothing done): mend its cause."
        for told in after.tricks - before.tricks:
            yield f"It only hides the error ({told}): mend its cause."
        gone = before.asserts - after.asserts
        if gone and (before.is_of_asserts or not after.asserts >= before.tested):
            yield f"It takes away what is asserted ({', '.join(sorted(gone))[:200]}): make that true."
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    if failing and _is_commented(new, failing) and not _is_commented(old, failing):
        yield "It only comments out the line that failed: mend its cause."


def tests(tree: ast.Module) -> set[str]:
    """Return the names of the tests in a source."""
    return {str(getattr(node, "name", "")) for node in ast.walk(tree) if _is_test(node)}


def _is_test(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name.startswith("test")
    return isinstance(node, ast.ClassDef) and node.name.startswith("Test")


def _is_commented(source: str, line: str) -> bool:
    return any(each.strip().startswith("#") and each.strip("# \t") == line for each in source.split("\n"))


class _Source:
    """What of a source can hide an error, counted."""

    def __init__(self, text: str, error: str) -> None:
        self._tree = ast.parse(text)
        self._error = error
        self._names = dict(_aliases(self._tree))
        self.is_of_asserts = _type(error) == "AssertionError"
        self.silenced = Counter(self._silenced())
        self.tricks = Counter(self._tricks())
        self.asserts = Counter(_asserted(self._tree))
        self.tested = Counter(each for node in ast.walk(self._tree) if _is_test(node) for each in _asserted(node))

    def _called(self, node: ast.expr) -> str:
        """Return a name in full, whatever it was imported or assigned as; empty for what is no name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ".".join(reversed(parts))
        return ".".join([self._names.get(node.id, node.id), *reversed(parts)])

    # -- exceptions that nothing is done with

    def _silenced(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ExceptHandler):
                for kind in self._kinds(node.type):
                    if self._is_meant(kind) and all(self._does_nothing(each, kind) for each in node.body):
                        yield kind
            elif isinstance(node, ast.Call) and self._called(node.func) == "contextlib.suppress":
                yield from (kind for each in node.args for kind in self._kinds(each) if self._is_meant(kind))

    def _kinds(self, node: ast.expr | None) -> list[str]:
        if node is None:
            return [""]
        return [
            self._called(each).rpartition(".")[2] for each in (node.elts if isinstance(node, ast.Tuple) else [node])
        ]

    def _is_meant(self, kind: str) -> bool:
        """Whether a handler of this kind would take the error."""
        return kind in _BROAD or kind in _types_of(self._error)

    def _does_nothing(self, node: ast.stmt, kind: str) -> bool:
        match node:
            case ast.Pass() | ast.Continue() | ast.Break():
                return True
            case ast.Return(value):
                return value is None or isinstance(value, ast.Constant | ast.Name)
            case ast.Raise(exc) if exc is not None:
                return self._exits_well(exc)
            case ast.Assign() | ast.AnnAssign() if kind in _BROAD:
                return node.value is None or _is_plain(node.value)
            case ast.Expr(ast.Constant()):
                return True
            case ast.Expr(ast.Call() as call):
                return self._exits_well(call) or (kind in _BROAD and self._only_tells(call))
        return False

    def _only_tells(self, call: ast.Call) -> bool:
        name = self._called(call.func)
        return name in _ONLY_TELLS or name.rpartition(".")[2] in _LOGS

    def _exits_well(self, node: ast.expr) -> bool:
        """Whether it ends the script as if nothing had happened."""
        if not isinstance(node, ast.Call):
            return self._called(node) == "SystemExit"
        zero = not node.args or (isinstance(node.args[0], ast.Constant) and node.args[0].value in (0, None))
        return self._called(node.func) in _EXITS and zero

    # -- other ways

    def _tricks(self) -> Iterator[str]:
        for node in ast.walk(self._tree):
            match node:
                case ast.Try(finalbody=last) | ast.TryStar(finalbody=last):
                    if any(isinstance(each, ast.Return | ast.Break | ast.Continue) for each in _own(last)):
                        yield "a return in finally takes the error away"
                case ast.If(test=test) | ast.While(test=test) if isinstance(test, ast.Constant) and not test.value:
                    yield "what stands under a condition that is never true is not run"
                case ast.Assign(targets=targets) if any(self._called(each) in _HOOKS for each in targets):
                    yield "another hook is told of errors"
                case ast.Attribute() | ast.Name() if self._called(node) == "os._exit":
                    yield "os._exit ends it whatever happened"
                case ast.FunctionDef(name="__exit__" | "__aexit__", body=body):
                    if any(isinstance(each, ast.Return) and _is_true(each.value) for each in _own(body)):
                        yield "a context manager takes errors away"
                case ast.Call(func=func) if self._is_skip(func):
                    yield f"{self._called(func)} leaves a test out"
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    yield from (
                        f"{self._called(each)} leaves a test out" for each in node.decorator_list if self._is_skip(each)
                    )
                case ast.Call(func=func, args=args) if self._called(func) in (
                    "warnings.filterwarnings",
                    "warnings.simplefilter",
                ):
                    if (
                        args
                        and isinstance(args[0], ast.Constant)
                        and args[0].value == "ignore"
                        and "Warning" in self._error
                    ):
                        yield "the warning is not told any more"
            for _, body in ast.iter_fields(node):
                if isinstance(body, list) and any(map(self._ends_well, body[:-1])):
                    yield "what stands behind its end is never run"

    def _ends_well(self, node: object) -> bool:
        """Whether nothing behind a statement is run, although nothing failed."""
        if isinstance(node, ast.Return | ast.Continue | ast.Break):
            return True
        return isinstance(node, ast.Expr | ast.Raise) and bool(
            (value := node.value if isinstance(node, ast.Expr) else node.exc) and self._exits_well(value)
        )

    def _is_skip(self, node: ast.expr) -> bool:
        name = self._called(node)
        return name.startswith(("pytest.", "unittest.", "self.")) and name.rpartition(".")[2] in _SKIPS


def _own(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield what a body does itself, without what functions in it do."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _own([each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)])


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield what names stand for: (as it is called, in full)."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from ((each.asname, each.name) for each in names if each.asname)
            case ast.ImportFrom(module=str(module), names=names, level=0) if module != "builtins":
                yield from ((each.asname or each.name, f"{module}.{each.name}") for each in names)
            case ast.Assign(targets=[ast.Name(name)], value=ast.Name(other)) if hasattr(builtins, other):
                yield name, other


def _asserted(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            yield ast.unparse(node.test)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("assert")
        ):
            yield ast.unparse(node)


def _is_plain(node: ast.expr) -> bool:
    empty = isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict) and not list(ast.iter_child_nodes(node))[1:]
    return isinstance(node, ast.Constant | ast.Name) or empty


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and bool(node.value)


def _type(error: str) -> str:
    return error.partition(":")[0].rpartition(".")[2].strip()


def _types_of(error: str) -> set[str]:
    """Return the names of an error's type and of all that it is one of, as far as the standard library tells.

    >>> sorted(_types_of("json.decoder.JSONDecodeError: x") & {"JSONDecodeError", "ValueError", "KeyError"})
    ['JSONDecodeError', 'ValueError']
    """
    module, _, name = error.partition(":")[0].strip().rpartition(".")
    found: object = getattr(builtins, name, None)
    if module in _DEFINES:  # any other name is the script's to choose, and some modules do something when imported
        found = getattr(importlib.import_module(module), name, found)
    return {each.__name__ for each in found.__mro__[:-1]} | {name} if isinstance(found, type) else {name}
