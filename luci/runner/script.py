"""What the person asked to run: found, read and decoded, or refused in words."""

from __future__ import annotations

import os
import sys
import tokenize
from io import BytesIO
from pathlib import Path
from typing import Literal

from luci.errors import ScriptError, UsageError
from luci.values import Value

Kind = Literal["file", "stdin", "code", "module", "folder"]
LARGEST = 50_000_000  # bytes


class BadSyntax(ScriptError):
    """This Python's grammar does not accept the source; a newer one's might."""


class PythonTwo(ScriptError):
    """The source is written for Python 2."""


class Script(Value):
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
    return Script("file", given, path, _source(given, path), path.resolve().parent, (_argument(given),))


def _argument(given: str) -> str:
    """The path as Python takes it for one, not for an option."""
    return f".{os.sep}{given}" if given.startswith("-") else given


def _folder(given: str, path: Path) -> Script:
    main = path / "__main__.py"
    if not main.is_file():
        raise ScriptError(
            f"{given} is a folder without __main__.py.", hint="Name one of its files, or add __main__.py."
        )
    return Script("folder", given, main, _source(given, main), path, (_argument(given),))


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
