"""What the code before a line does to the world, as far as its source shows: it decides whether a rerun is harmless."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import NamedTuple

WRITES = "writes files"
STARTS = "starts processes"
CONNECTS = "uses the network"

Function = ast.FunctionDef | ast.AsyncFunctionDef
Unit = ast.Module | Function  # what runs as one: a module with its class bodies, or a function


class Effect(NamedTuple):
    """`what` completes the sentence "line N ..."."""

    line: int
    what: str


UNREADABLE = Effect(1, "cannot be read, so it may do anything")


def effects_before(source_text: str, line: int) -> tuple[Effect, ...]:
    """Return what ran before `line`, or at it, and happens twice when the script runs again, in source order.

    Functions and classes of the same file are followed, also where they are handed on as callbacks; imports of other
    files are not. Reading, printing and computing are no effects. Source that cannot be read counts as one.
    """
    source = _read(source_text)
    if source is None:
        return (UNREADABLE,)
    try:
        calls = (node for node in source.run_before(line) if isinstance(node, ast.Call))
        return tuple(sorted({Effect(call.lineno, what) for call in calls if (what := source.effect(call))}))
    except RecursionError:
        return (UNREADABLE,)


def only_imports_before(source_text: str, line: int) -> bool:
    """Say whether nothing was called until `line`, or at it: what took its time were imports, and will be again."""
    source = _read(source_text)
    try:
        return source is not None and not any(isinstance(node, ast.Call) for node in source.run_before(line))
    except RecursionError:
        return False


def reads_stdin_before(source_text: str, line: int) -> bool:
    """Say whether standard input was read before `line`, or at it; True where the source cannot be read."""
    source = _read(source_text)
    try:
        return source is None or any(source.reads_stdin(node) for node in source.run_before(line))
    except RecursionError:
        return True


def _read(text: str) -> _Source | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the script's own, such as "\d" in a plain string
            return _Source(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Source:
    """One source: what its names stand for, and what of it runs."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.imported: dict[str, str] = {}  # np -> numpy
        self.starred: list[str] = []  # from x import *
        self.made: dict[str, str] = {}  # session, self.session -> requests.Session()
        self.functions: dict[str, list[Function]] = {}  # by name, methods too
        self.classes: dict[str, ast.ClassDef] = {}
        for node in ast.walk(tree):
            self._note(node)
        for node in ast.walk(tree):
            self._note_made(node)

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    top = alias.name.partition(".")[0]
                    self.imported[alias.asname or top] = alias.name if alias.asname else top
            case ast.ImportFrom(module=str(module), level=0, names=[ast.alias(name="*")]):
                self.starred.append(module)
            case ast.ImportFrom(module=str(module), level=0, names=aliases):
                for alias in aliases:
                    self.imported[alias.asname or alias.name] = f"{module}.{alias.name}"
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self.functions.setdefault(name, []).append(node)
            case ast.ClassDef(name=name):
                self.classes[name] = node

    def _note_made(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[target, *_], value=value) | ast.NamedExpr(target=target, value=value):
                pass
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pass
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as target):
                pass
            case _:
                return
        if _spelt(target) and (what := self.dotted(value)).endswith(")"):
            self.made.setdefault(_spelt(target), what)

    def dotted(self, node: ast.expr) -> str:
        """Return what an expression stands for, a call shown as "()": pathlib.Path().open; "" where that is unknown."""
        match node:
            case ast.Name(id=name):
                return self.imported.get(name) or self.made.get(name) or name
            case ast.Attribute(value=value, attr=name):
                return self.made.get(_spelt(node)) or f"{self.dotted(value)}.{name}"
            case ast.Call(func=function):
                return f"{self.dotted(function)}()"
            case ast.Await(value=value):
                return self.dotted(value)
            case ast.BinOp(left=left, op=ast.Div()):  # Path(...) / name
                return base if (base := self.dotted(left)).startswith("pathlib.") else ""
        return ""

    # What runs

    def run_before(self, line: int) -> Iterator[ast.expr]:
        """Yield the expressions that ran when `line` was reached.

        A function on the way to that line ran up to its last call that leads there, other functions ran whole.
        Where no call leads to the function that holds the line, something else called it, after all of the module.
        """
        holder = _unit_at(self.tree, line)
        limits = self._ways_to(holder)
        waiting: list[Unit] = [self.tree] if self.tree in limits or holder is self.tree else [self.tree, holder]
        limits[holder] = max(_end_of_loop(holder, line), line)
        seen: set[Unit] = set()
        while waiting:
            unit = waiting.pop()
            if unit in seen:
                continue
            seen.add(unit)
            for node, _ in _expressions(unit):
                if node.lineno <= limits.get(unit, node.lineno):
                    yield node
                    waiting += self._called_by(node)

    def _ways_to(self, holder: Unit) -> dict[Unit, int]:
        """Return every unit from which calls lead to `holder`, with the last line of the last such call."""
        units: list[Unit] = [self.tree, *(function for same in self.functions.values() for function in same)]
        calls = [(u, called, end) for u in units for node, end in _expressions(u) for called in self._called_by(node)]
        ways: dict[Unit, int] = {}
        aims = {holder}
        while aims:
            found = [(unit, end) for unit, called, end in calls if called in aims and unit is not holder]
            aims = {unit for unit, _ in found if unit not in ways}
            for unit, end in found:
                ways[unit] = max(end, ways.get(unit, 0))
        return ways

    def _called_by(self, node: ast.expr) -> list[Function]:
        """Return the functions of this file that a call may run: what it names, what it makes, what it is handed."""
        if not isinstance(node, ast.Call):
            return []
        named = [node.func, *node.args, *(keyword.value for keyword in node.keywords)]
        return [function for expression in named for function in self._functions_named(expression)]

    def _functions_named(self, node: ast.expr) -> list[Function]:
        match node:
            case ast.Name(id=name) if name in self.classes:
                return [
                    item for item in self.classes[name].body if isinstance(item, Function) and item.name[:2] == "__"
                ]
            case ast.Name(id=name):
                return self.functions.get(name, [])
            case ast.Attribute(value=ast.Name(id=base), attr=name) if base not in self.imported:
                return self.functions.get(name, [])
            case ast.Attribute(value=ast.Call() | ast.Attribute(), attr=name):
                return self.functions.get(name, [])
        return []

    # What it does

    def effect(self, call: ast.Call) -> str:
        name = self.dotted(call.func)
        if name in self.functions:
            return ""
        for full in (name, *(f"{module}.{name}" for module in self.starred)):
            if _writes(full, call, self) or _dumps(full, call, self):
                return WRITES
            if _STARTS.fullmatch(full) and not _asks_pip(call):
                return STARTS
            if _CONNECTS.fullmatch(full) or _fetches(call):
                return CONNECTS
        return ""

    def reads_stdin(self, node: ast.expr) -> bool:
        match node:
            case ast.Name() | ast.Attribute():
                return self.dotted(node) == "sys.stdin"
            case ast.Call(func=function, args=args):
                name = self.dotted(function)
                first = args[0].value if args and isinstance(args[0], ast.Constant) else None
                if name in ("input", "raw_input", "fileinput.input", "fileinput.FileInput"):
                    return name not in self.functions
                return (
                    name in ("open", "io.open", "os.read", "os.fdopen")
                    and first in (0, "/dev/stdin")
                    and first is not False
                )
        return False


def _expressions(unit: Unit) -> Iterator[tuple[ast.expr, int]]:
    """Yield the expressions that run when `unit` does, each with its last line, or that of its outermost loop.

    The bodies of functions run when they are called. A decorator is a call.
    """
    waiting: list[tuple[ast.AST, int]] = [(node, 0) for node in unit.body]
    while waiting:
        node, loop = waiting.pop()
        children: list[ast.AST] = list(ast.iter_child_nodes(node))
        if isinstance(node, Function | ast.ClassDef):
            calls = [ast.copy_location(ast.Call(d, [], []), d) for d in node.decorator_list]
            children = [*calls, *(node.body if isinstance(node, ast.ClassDef) else [])]
            children += node.bases if isinstance(node, ast.ClassDef) else _defaults(node)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            loop = loop or node.end_lineno or node.lineno
        elif isinstance(node, ast.expr):
            yield node, loop or node.end_lineno or node.lineno
            if isinstance(node, ast.Attribute) and node.attr in _ASKS_STDIN and "stdin" in _spelt(node.value):
                continue
        waiting.extend((child, loop) for child in children)


def _spelt(node: ast.expr) -> str:
    """Return "name" or "name.attribute" as written, "" for all else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=base), attr=name):
            return f"{base}.{name}"
    return ""


def _defaults(function: Function) -> list[ast.AST]:
    return [default for default in (*function.args.defaults, *function.args.kw_defaults) if default]


def _unit_at(tree: ast.Module, line: int) -> Unit:
    """Return the innermost function in whose body `line` is, or the module."""
    found: Unit = tree
    for node in ast.walk(tree):  # outer ones come first
        if isinstance(node, Function) and node.body[0].lineno <= line <= (node.end_lineno or 0):
            found = node
    return found


def _end_of_loop(unit: Unit, line: int) -> int:
    ends = (
        node.end_lineno or 0
        for node in ast.walk(unit)
        if isinstance(node, ast.For | ast.AsyncFor | ast.While) and node.lineno < line <= (node.end_lineno or 0)
    )
    return max(ends, default=0)


# Which calls do what, by the name of what is called

_ASKS_STDIN = {"isatty", "fileno", "encoding", "errors", "closed", "name", "mode", "reconfigure"}  # reads nothing
_OPENS = {  # where the mode stands
    **dict.fromkeys(("open", "io.open", "builtins.open", "codecs.open", "aiofiles.open", "os.fdopen"), 1),
    **dict.fromkeys(("gzip.open", "bz2.open", "lzma.open", "gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile"), 1),
    **dict.fromkeys(("zipfile.ZipFile", "tarfile.open", "h5py.File", "netCDF4.Dataset", "smart_open.open"), 1),
}
_WRITES = re.compile(
    r"os\.(remove|unlink|rename|renames|replace|rmdir|removedirs|mkdir|makedirs|link|symlink|truncate|ftruncate|chmod"
    r"|chown|lchown|mkfifo|mknod|utime)"
    r"|shutil\.(copy\w*|move|rmtree|make_archive|unpack_archive|chown)"
    r"|pathlib\..*\.(rename|replace|chmod)"
    r"|(shelve|dbm(\.\w+)?)\.open"
    r"|logging\.FileHandler|logging\.handlers\.\w*FileHandler"
    r"|.*\.(write_text|write_bytes|unlink|mkdir|rmdir|touch|symlink_to|hardlink_to"
    r"|savefig|imsave|imwrite|save|savez|savez_compressed|savetxt|extractall)"
    r"|.*\.to_(csv|excel|parquet|pickle|feather|hdf|sql|file|netcdf|zarr|json|html|latex|markdown|xml|stata)"
)
_AS_TEXT_WITHOUT_A_PLACE = re.compile(r".*\.to_\w+")
_DUMPS = re.compile(
    r"(json|pickle|cPickle|marshal|plistlib|yaml|toml|tomli_w|joblib|dill|cloudpickle|simplejson)\.\w*dump"
)
_STARTS = re.compile(
    r"subprocess\.(run|call|check_call|check_output|Popen|getoutput|getstatusoutput)"
    r"|os\.(system|popen|exec\w+|spawn\w+|posix_spawnp?|fork|forkpty|startfile|kill|killpg)"
    r"|multiprocessing\.(.*\.)?(Process|Pool)|concurrent\.futures\.(process\.)?ProcessPoolExecutor"
    r"|asyncio\.create_subprocess_\w+|.*\.subprocess_(exec|shell)|pty\.(spawn|fork)|pexpect\.(spawn|run)"
    r"|webbrowser\.open\w*|sh\.\w+"
)
_CONNECTS = re.compile(
    r"(requests|httpx|aiohttp|urllib3|requests_html|cloudscraper)\.(.*\.)?"
    r"(get|post|put|delete|patch|head|options|request|stream|send|ws_connect|urlopen)"
    r"|socket\.(socket|create_connection|create_server|socketpair|getaddrinfo|gethostbyname\w*|gethostbyaddr)"
    r"|urllib2?\.(request\.)?(urlopen|urlretrieve|build_opener\(\)\.open)"
    r"|(http\.client|httplib)\.HTTPS?Connection|http\.server\.\w+|socketserver\.\w+|xmlrpc\.client\.\w+"
    r"|(smtplib|ftplib|imaplib|poplib|nntplib|telnetlib|paramiko|boto3|botocore|websockets|websocket|pika|kafka)\..*"
    r"|(psycopg2?|pymysql|MySQLdb|mysql\.connector|pyodbc|asyncpg|aiomysql|oracledb|snowflake\.connector)\.(create_pool|connect)"
    r"|pymongo\.MongoClient|redis\.(Redis|StrictRedis|from_url)|(uvicorn|waitress)\.\w+|selenium\.webdriver\.\w+"
    r"|asyncio\.(open_connection|start_server)|wget\.download|yfinance\.download"
)


def _writes(name: str, call: ast.Call, source: _Source) -> bool:
    if name in _OPENS:
        return _opens_to_write(call, _OPENS[name])
    if name.endswith(".open") and name.startswith("pathlib."):
        return _opens_to_write(call, 0)
    if name == "sqlite3.connect":
        return not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == ":memory:")
    if name == "os.open":
        return any(flag in ast.unparse(call) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"))
    if name == "logging.basicConfig":
        return any(keyword.arg == "filename" for keyword in call.keywords)
    if _AS_TEXT_WITHOUT_A_PLACE.fullmatch(name) and not call.args:
        return any(keyword.arg in ("path_or_buf", "path", "buf") for keyword in call.keywords)
    if _WRITES.fullmatch(name) is None:
        return False
    return not any(_is_memory(argument, source) for argument in call.args)


def _opens_to_write(call: ast.Call, position: int) -> bool:
    """Whether a mode is given that writes, or one that the source does not show."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] or call.args[position : position + 1]
    if not given:
        return False
    if not isinstance(given[0], ast.Constant):
        return True
    return bool(set("wax+") & set(re.split(r"[:|]", str(given[0].value))[0]))


def _dumps(name: str, call: ast.Call, source: _Source) -> bool:
    places = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg in ("fp", "file", "stream"))]
    return bool(places) and _DUMPS.fullmatch(name) is not None and not _is_memory(places[0], source)


def _is_memory(node: ast.expr, source: _Source) -> bool:
    """Whether something that is written to is no file: what is printed twice does no harm."""
    return source.dotted(node).startswith(("sys.stdout", "sys.stderr", "io.StringIO", "io.BytesIO"))


def _asks_pip(call: ast.Call) -> bool:
    """Whether a command is `pip install`: inside an environment that changes nothing, luci's own pip answers."""
    words = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return {"pip", "install"} <= set(" ".join(words).split())


def _fetches(call: ast.Call) -> bool:
    """Whether a method with an HTTP verb's name is given an address."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in (
        "get",
        "post",
        "put",
        "delete",
        "patch",
        "request",
    ):
        return False
    texts = [node.value for argument in call.args[:2] for node in ast.walk(argument) if isinstance(node, ast.Constant)]
    return any(isinstance(text, str) and text.startswith(("http://", "https://")) for text in texts)
