"""Look inside a wheel without installing it, and mostly without downloading it."""

from __future__ import annotations

import ast
import enum
import io
import re
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Protocol

from luci.values import Value

BLOCK = 1 << 14
SPOOL = 1 << 23  # bytes of a whole wheel kept in memory before a file takes over
COMPILED = (".so", ".pyd")
EVERY_MODULE_HAS = frozenset({"__doc__", "__file__", "__name__", "__package__", "__path__", "__spec__"})


class Holds(enum.Enum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class RangesUnsupported(Exception):
    """The server answers a request for a part with something else."""


class BadWheel(Exception):
    """The file is not a wheel that could be installed."""


class Fetch(Protocol):
    """Return (bytes, size of the whole file) of a part; `first` below zero counts from the end.

    Raises RangesUnsupported.
    """

    def __call__(self, first: int, last: int | None) -> tuple[bytes, int]: ...


class RemoteFile(io.RawIOBase):
    """A file that is read by ranges, in whole blocks, each once. The end comes first: there a zip has its contents."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._parts: dict[int, bytes] = {}
        self._at = 0
        tail, self._size = fetch(-BLOCK, None)
        self._tail_start = self._size - len(tail)
        self._tail = tail

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        data = self._between(self._at, end)
        self._at = max(self._at, end)
        return data

    def prefetch(self, start: int, end: int) -> None:
        """Have what lies between with one request."""
        end = min(end, self._tail_start)
        missing = [n for n in range(start // BLOCK, -(-end // BLOCK)) if n not in self._parts]
        if start >= end or not missing:
            return
        first, last = missing[0] * BLOCK, min((missing[-1] + 1) * BLOCK, self._tail_start) - 1
        data, _ = self._fetch(first, last)
        if len(data) != last - first + 1:
            raise RangesUnsupported
        for n in range(missing[0], missing[-1] + 1):
            self._parts[n] = data[n * BLOCK - first : (n + 1) * BLOCK - first]

    def _between(self, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        self.prefetch(start, end)
        head = b""
        if start < self._tail_start:
            numbers = range(start // BLOCK, -(-min(end, self._tail_start) // BLOCK))
            joined = b"".join(self._parts[n] for n in numbers)
            head = joined[start - numbers[0] * BLOCK : end - numbers[0] * BLOCK]
        return head + self._tail[max(start - self._tail_start, 0) : max(end - self._tail_start, 0)]


def spool() -> IO[bytes]:
    """Return a place for a whole wheel."""
    import tempfile

    return tempfile.SpooledTemporaryFile(SPOOL)


class Wheel:
    """An open wheel. Paths are as they would lie in site-packages. Raises BadWheel."""

    def __init__(self, file: IO[bytes] | RemoteFile) -> None:
        import zipfile  # 8 ms, and only where a wheel is opened

        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, EOFError) as error:
            raise BadWheel(str(error)) from error
        self._members = {_installed(info.filename): info for info in self._zip.infolist() if not info.is_dir()}

    @property
    def paths(self) -> list[str]:
        """The files that can be imported."""
        return sorted(path for path in self._members if path.endswith((".py", *COMPILED)))

    @property
    def metadata(self) -> str:
        path = next((p for p in self._members if re.fullmatch(r"[^/]+\.dist-info/METADATA", p)), "")
        return self.read(path).decode("utf-8", "replace") if path else ""

    def read(self, path: str) -> bytes:
        import zipfile

        info = self._members[path]
        if isinstance(self._file, RemoteFile):
            header = 30 + len(info.filename.encode()) + 64
            self._file.prefetch(info.header_offset, info.header_offset + header + info.compress_size)
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise BadWheel(str(error)) from error


def _installed(member: str) -> str:
    return re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", member)


def declared(metadata: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return what METADATA says of names that can be imported (PEP 794): names and namespaces, None if nothing.

    >>> declared("Metadata-Version: 2.5\\nName: x\\nImport-Name: x.a\\nImport-Name: x.b ; private\\n")
    (('x.a', 'x.b'), ())
    """
    from email.parser import HeaderParser

    headers = HeaderParser().parsestr(metadata)

    def names(field: str) -> list[str] | None:
        found = headers.get_all(field)
        return None if found is None else [name for each in found if (name := each.partition(";")[0].strip())]

    given, spaces = names("Import-Name"), names("Import-Namespace")
    if given is None and spaces is None:
        return None
    return tuple(given or ()), tuple(spaces or ())


def declares(names: Sequence[str], spaces: Sequence[str], module: str) -> Holds:
    """Say what declared names tell of a module; UNKNOWN sends the reader to the files."""
    if module in names or module in spaces or any(name.startswith(module + ".") for name in names):
        return Holds.YES
    if any(module.startswith(name + ".") for name in names) or module.startswith("_"):
        return Holds.UNKNOWN
    return Holds.NO


def find_module(paths: Iterable[str], module: str) -> str | None:
    """Return the file that is `module`, "" for a namespace package, None where it is not among `paths`.

    >>> find_module(["a/b/c.cpython-311-x86_64-linux-gnu.so"], "a.b.c"), find_module(["a/b/c.py"], "a.b")
    ('a/b/c.cpython-311-x86_64-linux-gnu.so', '')
    """
    stem = module.replace(".", "/")
    listed = frozenset(paths)
    for source in (f"{stem}/__init__.py", f"{stem}.py"):
        if source in listed:
            return source
    package, extension = f"{stem}/__init__.", f"{stem}."
    namespace = False
    for path in listed:
        if path.endswith(COMPILED) and path.startswith((package, extension)) and "/" not in path[len(package) :]:
            return path
        namespace = namespace or path.startswith(stem + "/")
    return "" if namespace else None


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
