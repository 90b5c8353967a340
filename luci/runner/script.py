"""What the person asked to run: its source, and what Python will make of it."""

from __future__ import annotations

import ast
import os
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from luci.errors import ScriptError, UsageError

Kind = Literal["file", "stdin", "code", "module", "folder"]
Version = tuple[int, int]
LARGEST = 50_000_000  # bytes
ENDINGS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "builtins.exit", "builtins.quit"})
IMPORT_ERRORS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
DEPTH = 20  # blocks or names followed into each other; more is no honest source

Function = ast.FunctionDef | ast.AsyncFunctionDef


class BadSyntax(ScriptError):
    """This Python's grammar does not accept the source; a newer one's might."""


class PythonTwo(ScriptError):
    """The source is written for Python 2."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is to be run.

    `path` is the file that is read, None for standard input, a line of code and an installed module; `folder` is what
    Python will have at sys.path[0]; `argv` is what Python gets after its own options.
    """

    kind: Kind
    name: str
    path: Path | None
    source: bytes
    folder: Path
    argv: tuple[str, ...]

    @property
    def origin(self) -> str:
        """The file that an import or a traceback names."""
        return str(self.path) if self.path else "<stdin>" if self.kind == "stdin" else "<string>"


def read_script(given: str, kind: Kind = "file") -> Script:
    """Return the script that a command line names: a path, "-", code or a module; a path may be a folder.

    UsageError: missing or unreadable. ScriptError: what is there is no source that Python could run.
    """
    here = Path.cwd()
    if kind == "stdin":
        return Script(kind, "-", None, _checked(sys.stdin.buffer.read(LARGEST + 1), "standard input"), here, ("-",))
    if kind == "code":
        return Script(kind, "-c", None, given.encode("utf-8", "surrogateescape"), here, ("-c", given))
    if kind == "module":
        return _module(given, here)
    try:
        path = Path(given).absolute()
        return _folder(given, path) if path.is_dir() else _file(given, path)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(given, error) from error


def _file(given: str, path: Path) -> Script:
    if path.exists() and not path.is_file():
        raise UsageError(f"{given} is not a regular file.", hint="Pipe it instead: luci run - < FILE")
    # CPython resolves the script's own links before it takes the folder
    return Script("file", given, path, _source(given, path), path.resolve().parent, (given,))


def _folder(given: str, path: Path) -> Script:
    main = path / "__main__.py"
    if not main.is_file():
        raise ScriptError(
            f"{given} is a folder without __main__.py.", hint="Name one of its files, or add __main__.py."
        )
    return Script("folder", given, main, _source(given, main), path, (given,))


def _module(given: str, here: Path) -> Script:
    parts = given.split(".")
    if not all(part.isidentifier() for part in parts):
        raise UsageError(f"{given} is not the name of a module.", hint="To run a file, leave -m out.")
    base = here.joinpath(*parts)
    single, main = base.with_name(f"{base.name}.py"), base / "__main__.py"
    if _regular(base) and not main.is_file():
        raise ScriptError(f"{given} is a package without __main__.py.", hint=f"Run one of its modules: -m {given}.NAME")
    # a package comes before a module, and a module before a plain folder
    for path in (main, single) if _regular(base) else (single, main):
        if path.is_file():
            return Script("module", given, path, _source(given, path), here, ("-m", given))
    if len(parts) > 1 and (_regular(here / parts[0]) or (here / f"{parts[0]}.py").is_file()):
        raise UsageError(f"There is no module {given} here.", cause=f"{parts[0]} is in {here}, but {given} is not.")
    return Script("module", given, None, f"import {given}\n".encode(), here, ("-m", given))


def _regular(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _source(given: str, path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise _too_large(given)
        return _checked(path.read_bytes(), given)
    except OSError as error:
        raise _unreadable(given, error) from error


def _unreadable(given: str, error: Exception) -> UsageError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        hint = f"There is {given}.py." if os.path.isfile(f"{given}.py") else "Check the name and the folder."
        return UsageError(f"There is no file {given}.", hint=hint)
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UsageError(f"{given} cannot be read.", cause=words, hint="Check its permissions and its name.")


def _too_large(given: str) -> ScriptError:
    return ScriptError(f"{given} is larger than {LARGEST // 1_000_000} MB.", hint="Is it really a Python source?")


def _checked(source: bytes, given: str) -> bytes:
    """Return the source, if it is one: ScriptError for an archive, UTF-16, bytecode or anything else with NUL bytes."""
    if len(source) > LARGEST:
        raise _too_large(given)
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ScriptError(f"{given} is encoded as UTF-16, which Python does not read.", hint="Save it as UTF-8.")
    if b"\0" not in source:
        return source
    import zipfile  # 8 ms, and only for what is no source

    if zipfile.is_zipfile(BytesIO(source)):
        raise ScriptError(f"{given} is a zip archive, not a source.", hint="Unpack it, and run the folder.")
    line = source.count(b"\n", 0, source.index(b"\0")) + 1
    raise ScriptError(
        f"{given}, line {line}: there is a NUL byte.", hint="It is a binary or a damaged file, no source."
    )


def decode(source: bytes, name: str) -> str:
    """Return the source as Python reads it (PEP 263, and a byte order mark)."""
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(source).readline)
        text = source.decode(encoding)
        text.encode("utf-8")  # some codecs make lone surrogates, which Python refuses
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise ScriptError(
            f"{name}, line {line}: this is not {error.encoding}.",
            cause=error.reason,
            hint="Save it as UTF-8, or name its encoding in the first line: # -*- coding: latin-1 -*-",
        ) from error
    except (SyntaxError, LookupError, ValueError) as error:
        cause = (error.msg if isinstance(error, SyntaxError) else str(error)) or type(error).__name__
        line = 2 if b"coding" not in source.split(b"\n", 1)[0] and b"coding" in source else 1
        raise ScriptError(f"{name}, line {line}: bad encoding.", cause=cause, hint="Save it as UTF-8.") from error
    return text


def parse(text: str, name: str) -> ast.Module:
    """Return the tree of a source. BadSyntax, PythonTwo, or ScriptError for what is nested too deeply."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the script's own Python will show them
            return ast.parse(text)
    except SyntaxError as error:
        raise _refused(text, name, error) from error
    except (RecursionError, MemoryError) as error:
        raise _too_deep(name) from error
    except (ValueError, OverflowError) as error:
        raise ScriptError(f"{name} is not a Python source.", cause=str(error)) from error


def _refused(text: str, name: str, error: SyntaxError) -> ScriptError:
    message, number = error.msg, error.lineno or 1
    if "too many nested" in message or "too complex" in message or "too many levels" in message:
        return _too_deep(name, number)
    lines = text.splitlines()
    line = lines[number - 1] if number <= len(lines) else ""
    if looks_like_python_two(lines, line, error):
        hint = "Convert it to Python 3, or run it with a Python 2 interpreter."
        return PythonTwo(f"{name}, line {number}: this is Python 2.", cause=line.strip()[:200], hint=hint)
    hint = "Remove the Markdown fence." if line.lstrip().startswith("```") else ""
    return BadSyntax(f"{name}, line {number}: {message}", cause=line.strip()[:200], hint=hint)


def _too_deep(name: str, line: int = 0) -> ScriptError:
    where = f"{name}, line {line}" if line else name
    return ScriptError(f"{where}: this is nested too deeply for Python.", hint="Split the longest expression in it.")


PRINT = r"^\s*print\s+(?!=|\()\S|(^|[;:])\s*print\s*>>"
# what Python 2 accepts and no Python 3 ever will, at the line where Python 3 gave up
PYTHON_TWO = re.compile(
    PRINT + r"""|\bexec\s+["'\w]|\bexcept\s+(\w[\w.]*|\([^)]*\))\s*,\s*[a-z_]\w*\s*:|\braise\s+[\w.]+\s*,"""
    r"""|\b(0[xX][0-9a-fA-F]+|\d+)[lL]\b|\b0[0-7]+\b|[\w)\]]\s*<>\s*[\w("']|\b[uU][rR]["']"""
    r"""|\bdef\s+\w+\s*\(.*\([^()=]*\)|\blambda\s*\(|[=(+%,]\s*`[^`]+`"""
)


def looks_like_python_two(lines: list[str], line: str, error: SyntaxError) -> bool:
    """Say whether a source that Python 3 refuses at `line` is written for Python 2."""
    if error.msg.startswith("Missing parentheses in call to") or PYTHON_TWO.search(line):
        return True
    if lines and re.match(r"#!.*\bpython2", lines[0]):
        return True
    return isinstance(error, IndentationError) and any(re.match(PRINT, other) for other in lines)


# The lowest Python whose grammar has a node ("What's New in Python 3.5" to "3.14"); more in `_needed_by`.
GRAMMAR: dict[str, Version] = {
    **dict.fromkeys(("AsyncFunctionDef", "AsyncFor", "AsyncWith", "Await", "MatMult"), (3, 5)),
    **dict.fromkeys(("JoinedStr", "AnnAssign"), (3, 6)),
    "NamedExpr": (3, 8),
    "Match": (3, 10),
    "TryStar": (3, 11),
    **dict.fromkeys(("TypeAlias", "TypeVar", "ParamSpec", "TypeVarTuple"), (3, 12)),
    **dict.fromkeys(("FunctionDef", "Lambda", "ClassDef", "ExceptHandler", "Subscript"), (3, 0)),
    "TemplateStr": (3, 14),
}
TELLING = frozenset(getattr(ast, name) for name in GRAMMAR if hasattr(ast, name))


def minimum_of(nodes: Iterable[ast.AST], text: str) -> Version:
    """Return the lowest Python whose grammar accepts these nodes; only those of TELLING types matter."""
    seen: dict[type[ast.AST], list[ast.AST]] = {}
    for node in nodes:
        seen.setdefault(type(node), []).append(node)
    known = (GRAMMAR.get(kind.__name__, (3, 0)) for kind in seen)
    lines = text.encode().splitlines() if sys.version_info >= (3, 12) and ast.JoinedStr in seen else []
    return max([(3, 0), *known, *(_needed_by(node, lines) for many in seen.values() for node in many)])


def _needed_by(node: ast.AST, lines: list[bytes]) -> Version:
    match node:
        case ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators) if any(
            not _is_plain(decorator) for decorator in decorators
        ):
            return (3, 9)  # PEP 614
        case (
            ast.FunctionDef(args=ast.arguments(posonlyargs=[_, *_]))
            | ast.Lambda(args=ast.arguments(posonlyargs=[_, *_]))
        ):
            return (3, 8)
        case ast.Subscript(slice=ast.Tuple(elts=items)) if any(isinstance(item, ast.Starred) for item in items):
            return (3, 11)  # PEP 646
        case ast.ExceptHandler(type=ast.Tuple(elts=[first, *_], col_offset=column)) if first.col_offset == column:
            return (3, 14)  # PEP 758
        case ast.JoinedStr() if lines and _is_free_f_string(node, lines):
            return (3, 12)  # PEP 701
    return (3, 0)


def _is_plain(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    while isinstance(decorator, ast.Attribute):
        decorator = decorator.value
    return isinstance(decorator, ast.Name)


def _is_free_f_string(node: ast.JoinedStr, lines: list[bytes]) -> bool:
    """Say whether an f-string reuses its own quote, a backslash or a line break inside its braces."""
    fields = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
    if not any(_is_daring(field, lines) for field in fields):
        return False
    last = node.end_lineno or node.lineno
    source = b"\n".join([*lines[node.lineno - 1 : last - 1], lines[last - 1][: node.end_col_offset]])
    opened: list[str] = []
    try:
        for token in tokenize.tokenize(BytesIO(b"(" + source[node.col_offset :] + b")").readline):
            kind = tokenize.tok_name[token.type]
            quote = token.string.lstrip("rRbBuUfFtT")
            if opened and kind in ("STRING", "FSTRING_START"):
                quote = quote[:3] if quote[:3] in ('"""', "'''") else quote[:1]
                if "\\" in token.string or any(outer in quote or quote in outer for outer in opened):
                    return True
            elif opened and kind == "NL" and len(opened[-1]) == 1:
                return True
            if kind == "FSTRING_START":
                opened.append(quote)
            elif kind == "FSTRING_END":
                opened.pop()
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        pass  # a format specification is no string of its own
    return False


def _is_daring(field: ast.expr, lines: list[bytes]) -> bool:
    if field.lineno != field.end_lineno:
        return True
    return any(mark in lines[field.lineno - 1][field.col_offset : field.end_col_offset] for mark in (b"'", b'"', b"\\"))


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
