"""The expressions with which a script decides what it imports, and where from, worked out for a target."""

from __future__ import annotations

import ast
import operator
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from luci.runner.scope import Names
from luci.runner.stdlib import Version
from luci.values import Value

Data = tuple[Any, ...]  # ("constant", 3), ("fact", "os.name"), ("Eq", left, right), ... only what JSON can hold
Conditions = tuple[tuple[Data, bool], ...]  # each with what it must come to
Facts = Mapping[str, Any]  # what a fact is for a target, in a file
UNKNOWN: Any = object()
NOTHING: Data = ("unknown",)
BUDGET = 400  # nodes read for one expression: names that stand for names grow exponentially


class Target(Value):
    """The Python that will run the script: `platform` as in sys.platform, `implementation` as in sys.implementation."""

    version: Version
    platform: str = sys.platform
    os_name: str = os.name
    implementation: str = "cpython"


def facts_of(target: Target) -> dict[str, Any]:
    """Return all that is the same for every file: no `__file__`, `__name__`, `sys.argv` and `sys.path` yet."""
    major, minor = target.version
    system = {"win32": "Windows", "darwin": "Darwin"}.get(target.platform, target.platform.capitalize())
    implementation = {"cpython": "CPython", "pypy": "PyPy"}.get(target.implementation, target.implementation)
    return {
        "sys.version_info": (major, minor, None),  # None compares with nothing: the patch version is not known
        "sys.hexversion": major << 24 | minor << 16 | 0xF0,
        "sys.version": f"{major}.{minor}.",
        "platform.python_version()": f"{major}.{minor}.",
        "platform.python_version_tuple()": (str(major), str(minor)),
        "platform.python_implementation()": implementation,
        "sys.implementation.name": target.implementation,
        "PY2": major == 2,
        "PY3": major >= 3,
        "sys.platform": target.platform,
        "platform.system()": system,
        "os.name": target.os_name,
        "TYPE_CHECKING": False,
        "__debug__": True,
        "os.getcwd()": os.getcwd(),
        "pathlib.Path.cwd()": Path.cwd(),
        "pathlib.Path.home()": Path.home(),
        "os.pardir": "..",
        "os.curdir": ".",
        "os.sep": "/",
    }


FACTS = {*facts_of(Target((3, 0))), "__file__", "__name__", "sys.argv", "sys.path"}
CONVENTIONS = {"TYPE_CHECKING", "PY2", "PY3"}  # mean the same wherever they come from
REASONS = {
    "TYPE_CHECKING": "type checking only",
    "sys.platform": "not on this platform",
    "platform.system()": "not on this platform",
    "os.name": "not on this platform",
    "__name__": "only when run as the script",
}  # the first that applies is told
OTHERWISE = "not on this version"
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"os.path.{f.__name__}": f for f in (os.path.join, os.path.dirname, os.path.basename, os.path.split)},
    **{f"os.path.{f.__name__}": f for f in (os.path.abspath, os.path.realpath, os.path.normpath, os.path.expanduser)},
    **{f"pathlib.{name}": Path for name in ("Path", "PurePath", "PosixPath", "WindowsPath")},
    "os.fspath": os.fspath,
    "str": str,
    "int": int,
    "tuple": tuple,
}
OWN_FILE = {"inspect.getfile", "inspect.getsourcefile", "inspect.getabsfile"}
METHODS: dict[type, set[str]] = {
    str: {"startswith", "endswith", "lower", "upper", "strip", "rstrip", "split"},
    Path: {"resolve", "absolute", "joinpath", "as_posix", "expanduser", "with_name"},
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Is": operator.eq,
    "IsNot": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": lambda item, many: item in many,
    "NotIn": lambda item, many: item not in many,
    "Add": operator.add,
    "Div": operator.truediv,
    "item": operator.getitem,
    "upto": lambda value, end: value[:end],
}


def read(node: ast.expr, names: Names) -> Data:
    """Return an expression as data; the parts that are not understood are NOTHING."""
    return _Reading(names).read(node, 0)


class _Reading:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.left = BUDGET

    def read(self, node: ast.expr, depth: int) -> Data:
        self.left -= 1
        depth += 1
        if self.left < 0 or depth > 60:
            return NOTHING
        match node:
            case ast.Constant(value=str() | None | bool() as value):
                return ("constant", value)
            case ast.Constant(value=int() as value) if abs(value) < 2**63:
                return ("constant", value)
            case ast.Name() | ast.Attribute():
                return self._name(node, depth)
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return ("list", *(self.read(item, depth) for item in items))
            case ast.BoolOp(op=op, values=values):
                return ("and" if isinstance(op, ast.And) else "or", *(self.read(value, depth) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ("not", self.read(operand, depth))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)) if abs(value) < 2**63:
                return ("constant", -value)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                sides = [self.read(side, depth) for side in (left, *rights)]
                pairs = [(type(op).__name__, *sides[i : i + 2]) for i, op in enumerate(ops)]
                return pairs[0] if len(pairs) == 1 else ("and", *pairs)
            case ast.BinOp(left=left, op=ast.Add() | ast.Div() as op, right=right):
                return (type(op).__name__, self.read(left, depth), self.read(right, depth))
            case ast.Subscript(value=value, slice=ast.Slice(lower=None, upper=ast.expr() as end, step=None)):
                return ("upto", self.read(value, depth), self.read(end, depth))
            case ast.Subscript(value=value, slice=index):
                return ("item", self.read(value, depth), self.read(index, depth))
            case ast.JoinedStr(values=parts):
                inner = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
                return ("text", *(self.read(part, depth) for part in inner))
            case ast.Call(func=function, args=arguments):
                return self._call(function, arguments, depth)
        return NOTHING

    def _name(self, node: ast.Name | ast.Attribute, depth: int) -> Data:
        dotted = self.names.dotted(node)
        plain = node.id if isinstance(node, ast.Name) else node.attr
        last = dotted.rpartition(".")[2]
        if last in CONVENTIONS or plain == "TYPE_CHECKING":
            return ("fact", last or plain)
        if dotted in FACTS:
            return ("fact", dotted)
        if isinstance(node, ast.Attribute):
            return ("attribute", self.read(node.value, depth), node.attr)
        value = self.names.assigned.get(node.id)
        return NOTHING if value is None else self.read(value, depth)

    def _call(self, function: ast.expr, arguments: list[ast.expr], depth: int) -> Data:
        dotted = self.names.dotted(function)
        if dotted in OWN_FILE:
            return ("fact", "__file__")
        if f"{dotted}()" in FACTS:
            return ("fact", f"{dotted}()")
        inner = [self.read(argument, depth) for argument in arguments]
        if dotted in FUNCTIONS:
            return ("call", dotted, *inner)
        if isinstance(function, ast.Attribute):
            return ("method", function.attr, self.read(function.value, depth), *inner)
        return NOTHING


def work_out(data: Data, facts: Facts) -> tuple[Any, frozenset[str]]:
    """Return the value of an expression, UNKNOWN where it cannot be known, and the facts that decided it.

    >>> is_posix = ("Eq", ("fact", "os.name"), ("constant", "posix"))
    >>> work_out(("not", is_posix), {"os.name": "nt"})
    (True, frozenset({'os.name'}))
    >>> work_out(is_posix, {})[0] is UNKNOWN
    True
    """
    kind, *parts = data
    if kind == "constant":
        return parts[0], frozenset()
    if kind == "fact":
        return facts.get(parts[0], UNKNOWN), frozenset(parts)
    if kind in ("and", "or"):
        return _logic(kind == "or", [work_out(part, facts) for part in parts])
    known = [(part, frozenset[str]()) if isinstance(part, str) else work_out(part, facts) for part in parts]
    values = [value for value, _ in known]
    if kind == "unknown" or any(value is UNKNOWN for value in values):
        return UNKNOWN, frozenset()
    try:
        value = _apply(kind, values)
    except (TypeError, ValueError, IndexError, AttributeError, RuntimeError, OSError, ZeroDivisionError):
        return UNKNOWN, frozenset()
    return value, frozenset().union(*(used for _, used in known))


def _logic(decisive: bool, results: list[tuple[Any, frozenset[str]]]) -> tuple[Any, frozenset[str]]:
    for value, used in results:
        if value is not UNKNOWN and bool(value) is decisive:
            return decisive, used
    if any(value is UNKNOWN for value, _ in results):
        return UNKNOWN, frozenset()
    return not decisive, frozenset().union(*(used for _, used in results))


def _apply(kind: str, values: list[Any]) -> Any:
    match kind, values:
        case "list", _:
            return tuple(values)
        case "text", _:
            return "".join(str(value) for value in values)
        case "not", [value]:
            return not value
        case "attribute", [tuple() as version, "major" | "minor" as part]:
            return version[("major", "minor").index(part)]
        case "attribute", [Path() as path, "parent"]:
            return path.parent
        case "attribute", [Path() as path, "parents"]:
            return tuple(path.parents)
        case "call", [function, *arguments]:
            return FUNCTIONS[function](*arguments)
        case "method", [name, owner, *arguments] if any(isinstance(owner, t) and name in METHODS[t] for t in METHODS):
            return getattr(owner, name)(*arguments)
        case _, [left, right] if kind in OPERATORS and (value := OPERATORS[kind](left, right)) is not None:
            return value
    return UNKNOWN


def why_not(conditions: Conditions, facts: Facts) -> str:
    """Return why code under these conditions never runs on the target, "" where it may run."""
    for data, wanted in conditions:
        value, used = work_out(data, facts)
        if value is not UNKNOWN and bool(value) is not wanted:
            reasons = {REASONS.get(fact, OTHERWISE) for fact in used}
            return min(reasons, default="never runs", key=[*REASONS.values(), OTHERWISE].index)
    return ""


def folders_from(data: Data, facts: Facts) -> list[str]:
    """Return the folders that an expression names: a text or path, or several of them in a list."""
    items = data[1:] if data[0] == "list" else (data,)
    values = [work_out(item, facts)[0] for item in items]
    return [os.fspath(value) for value in values if isinstance(value, str | Path) and "\0" not in str(value)]
