"""What names a module's source binds, told without running it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator

from luci.values import Value


class Bindings(Value):
    """What a module's source binds at its top.

    `open`: names may appear that the source does not show. `aliases`: modules may appear below it that are not files.
    `stars`: the modules, absolute, that it imports `*` from.
    """

    names: frozenset[str] = frozenset()
    open: bool = False
    aliases: bool = False
    stars: tuple[str, ...] = ()


def bindings(source: bytes, package: str) -> Bindings:
    """Read what a module binds. `package` is what its relative imports start from.

    >>> sorted(bindings(b"import os.path\\nx, (y, z) = f()\\ndef g(): inner = 1", "").names)
    ['g', 'os', 'x', 'y', 'z']
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in a stranger's strings
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Bindings(open=True, aliases=True)
    names: set[str] = set()
    stars: list[str] = []
    is_open = False
    for statement in _statements(tree.body):
        match statement:
            case ast.FunctionDef(name="__getattr__"):
                decided = _decided_names(statement)
                is_open = is_open or decided is None
                names |= decided or set()
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ImportFrom() if any(alias.name == "*" for alias in statement.names):
                stars.append(_absolute(statement, package))
            case ast.Import() | ast.ImportFrom():
                names |= {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
            case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.AugAssign(target=ast.Name(id="__all__")):
                names |= {n.value for n in ast.walk(statement) if isinstance(n, ast.Constant) and type(n.value) is str}
        names |= _stored(statement)
    magic = _Magic()
    try:
        magic.visit(tree)
    except RecursionError:
        magic.open = magic.aliases = True
    names |= magic.names
    is_open = is_open or magic.open or "__getattr__" in names
    return Bindings(frozenset(names), is_open, magic.aliases, tuple(stars))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at module level, those within if, for, while, with, try and match too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(statement, ast.If) and _is_type_checking(statement.test):
            yield from _statements(statement.orelse)
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, field, ()))
        for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _statements(part.body)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _stored(statement: ast.stmt) -> set[str]:
    """Return the names that a statement itself assigns, not those of the statements in it."""
    heads: list[ast.AST] = []
    match statement:
        case ast.Assign(targets=targets):
            heads = [*targets, statement.value]
        case ast.AnnAssign(value=None):
            heads = []
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            heads = [target]
        case ast.For(target=target, iter=iterated) | ast.AsyncFor(target=target, iter=iterated):
            heads = [target, iterated]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            heads = [*items]
        case ast.If(test=test) | ast.While(test=test):
            heads = [test]
        case ast.Expr(value=value):
            heads = [value]
    return {
        node.id
        for head in heads
        for node in ast.walk(head)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _decided_names(function: ast.FunctionDef) -> set[str] | None:
    """Return the names a module's __getattr__ answers, None if that cannot be read from it.

    It can where each return stands below a test of the name against literals, as in `if name == "old":`.
    """
    parameter = function.args.args[0].arg if function.args.args else ""

    def walk(body: Iterable[ast.stmt]) -> set[str] | None:
        names: set[str] = set()
        for statement in body:
            literals = _tested_literals(statement.test, parameter) if isinstance(statement, ast.If) else None
            if isinstance(statement, ast.If) and literals is not None:
                more = walk(statement.orelse)
                if more is None:
                    return None
                if any(isinstance(node, ast.Return) for child in statement.body for node in ast.walk(child)):
                    names |= literals
                names |= more
            elif isinstance(statement, ast.If):
                first, second = walk(statement.body), walk(statement.orelse)
                if first is None or second is None:
                    return None
                names |= first | second
            elif any(isinstance(node, ast.Return) for node in ast.walk(statement)):
                return None
        return names

    return walk(function.body)


def _tested_literals(test: ast.expr, parameter: str) -> set[str] | None:
    match test:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq() | ast.In()], comparators=[value]) if name == parameter:
            return _literals(value)
    return None


def _literals(node: ast.expr) -> set[str] | None:
    """Return the strings of a literal, or of a literal list, tuple or set of them; None for anything else."""
    elements = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    values = {e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)}
    return values if all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in elements) else None


class _Magic(ast.NodeVisitor):
    """Finds what binds names, or makes modules, behind the back of who reads the source."""

    def __init__(self) -> None:
        self.open = False
        self.aliases = False
        self.names: set[str] = set()  # bound by globals()["name"] = ...
        self._loops: dict[str, set[str]] = {}  # for name in ["a", "b"]

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name) and (values := _literals(node.iter)) is not None:
            self._loops[node.target.id] = values
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
        if name in {"globals", "vars"} and not node.args:
            self.open = True
        if name == "exec" or name.startswith(("lazy.", "lazy_loader.", "_lazy.")) or name.endswith(".attach"):
            self.open = True
        if name == "setattr" and node.args and "modules" in ast.unparse(node.args[0]):
            self.open = True
        if name in {"sys.modules.setdefault", "sys.modules.update", "modules.setdefault", "sys.meta_path.append"}:
            self.aliases = True
        if name in {"sys.meta_path.insert", "__path__.append", "__path__.insert", "__path__.extend"}:
            self.aliases = True
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if _is_globals(node.value) and node.attr in {"get", "keys", "items", "values", "copy"}:
            return
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _is_globals(node.value):
            bound = _literals(node.slice) or self._loops.get(getattr(node.slice, "id", ""))
            if isinstance(node.ctx, ast.Store) and bound is None:
                self.open = True
            elif isinstance(node.ctx, ast.Store):
                self.names |= bound or set()
            return
        if ast.unparse(node.value) in {"sys.modules", "_sys.modules", "modules"}:
            if isinstance(node.ctx, ast.Store):
                self.open = self.aliases = True
            elif ast.unparse(node.slice) == "__name__":
                self.open = True
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        if isinstance(node.ops[0], ast.In | ast.NotIn) and _is_globals(node.comparators[0]):
            return
        self.generic_visit(node)


def _is_globals(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"globals", "vars"}


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    parts = package.split(".") if package else []
    parts = parts[: len(parts) - statement.level + 1]
    return ".".join([*parts, *([statement.module] if statement.module else [])])
