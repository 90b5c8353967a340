"""What the names in a source stand for, its scopes taken together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

ENDINGS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "builtins.exit", "builtins.quit"})
IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
DEPTH = 20  # blocks or names followed into each other; more is no honest source

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Names:
    """What the names of one source stand for, scopes taken together."""

    def __init__(self, tree: ast.Module) -> None:
        self.aliases: dict[str, str] = {}  # np -> numpy, im -> importlib.import_module; relative ones begin with "."
        self.assigned: dict[str, ast.expr | None] = {}  # None: more than once, or not readable
        self.functions: dict[str, Function] = {}
        self.defined: set[str] = set()  # at module level
        self.takes_all = False  # from x import *
        for statement in statements(tree.body, into_functions=True):
            self._note(statement)
        for statement in statements(tree.body, into_functions=False):
            self.defined.update(bound_by(statement))

    def _note(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    first = alias.name.partition(".")[0]
                    self.aliases.setdefault(alias.asname or first, alias.name if alias.asname else first)
            case ast.ImportFrom(names=names):
                origin = "." * statement.level + (statement.module or "")
                for alias in names:
                    self.takes_all |= alias.name == "*"
                    self.aliases.setdefault(alias.asname or alias.name, f"{origin}.{alias.name}")
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.assigned[name] = None if name in self.assigned else value
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                self.assigned[name] = None if name in self.assigned else value
            case ast.AugAssign(target=ast.Name(id=name)):
                self.assigned[name] = None
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self.functions.setdefault(name, statement)

    def dotted(self, node: ast.expr, depth: int = 0) -> str:
        """Return what an expression names, from the module on: "sys.path.append"; "" when it names nothing known."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        base = self.aliases.get(node.id, node.id)
        if base == node.id and node.id in self.assigned:
            value = self.assigned[node.id]
            if depth > DEPTH or not isinstance(value, ast.Name | ast.Attribute):
                return ""
            base = self.dotted(value, depth + 1)
        return ".".join([base, *reversed(attributes)]) if base else ""

    def catches_missing(self, kind: ast.expr | None, depth: int = 0) -> bool:
        """Say whether `except kind` catches that a module is missing."""
        if kind is None:
            return True
        if isinstance(kind, ast.Tuple):
            return any(self.catches_missing(item, depth) for item in kind.elts)
        if isinstance(kind, ast.Name) and (value := self.assigned.get(kind.id)) is not None and depth < DEPTH:
            return self.catches_missing(value, depth + 1)
        return self.dotted(kind).rpartition(".")[2] in IMPORT_ERRORS

    def leaves(self, block: list[ast.stmt], depth: int = 0) -> bool:
        """Say whether a block ends the program, or raises, whatever happens in it."""
        return depth < DEPTH and any(self._leaves(statement, depth + 1) for statement in block)

    def _leaves(self, statement: ast.stmt, depth: int) -> bool:
        match statement:
            case ast.Raise():
                return True
            case ast.Expr(value=ast.Call(func=function)):
                own = self.functions.get(function.id) if isinstance(function, ast.Name) else None
                return self.dotted(function) in ENDINGS or (own is not None and self.leaves(own.body, depth))
            case ast.If(body=body, orelse=orelse):
                return self.leaves(body, depth) and self.leaves(orelse, depth)
            case ast.With(body=body) | ast.AsyncWith(body=body):
                return self.leaves(body, depth)
            case ast.Try(body=body, handlers=handlers, finalbody=final):
                inner = self.leaves(body, depth) and all(self.leaves(handler.body, depth) for handler in handlers)
                return inner or self.leaves(final, depth)
        return False


def statements(block: list[ast.stmt], *, into_functions: bool) -> Iterator[ast.stmt]:
    """Yield a block's statements and those nested in them, in source order."""
    waiting: list[ast.AST] = [*reversed(block)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
            if not into_functions and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
        for field in reversed(BLOCKS):
            waiting.extend(reversed(getattr(node, field, ())))


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, "*" for those of a star import."""
    match statement:
        case ast.Import(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.For(target=ast.Name(id=name)):
            yield name
