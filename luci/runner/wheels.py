"""Look inside a wheel without installing it, and mostly without downloading it."""

from __future__ import annotations

import enum
import io
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import IO, Protocol

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
