"""Small files that are written whole or not at all, and read without surprise.

What lists things at once reads through this, so each function imports what it needs.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, TypeVar

    T = TypeVar("T")

_WANTING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


def listing(folder: str | os.PathLike[str]) -> frozenset[str]:
    """Return the names in a folder; none where it is missing or closed to us."""
    try:
        return frozenset(os.listdir(folder))
    except OSError as error:
        return _nothing(error, frozenset())


def entries(folder: str | os.PathLike[str]) -> frozenset[str]:
    """Return the names in a folder; none where it is missing. Raises OSError where that cannot be told."""
    try:
        return frozenset(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()


def _nothing(error: OSError, value: T) -> T:
    """Return `value` for a file that is missing or closed; raise where it is this process that cannot read any."""
    if is_wanting(error):
        raise error
    return value


def is_wanting(error: OSError) -> bool:
    """Whether it is this process that lacks something, which says nothing of what it wanted to reach."""
    return error.errno in _WANTING


def mtime(path: str | os.PathLike[str]) -> int:
    """Return when the file was changed, in nanoseconds; 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the object in a file; empty where the file is missing, cut short or something else."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except OSError as error:
        return _nothing(error, {})
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: object, *, needed: bool = True) -> None:
    """Replace a file by one with `value` in it: a reader sees the old or the new one whole.

    With needed=False it is a memory that work can go on without, on a full or read-only disk for example.
    """
    import json

    text = json.dumps(value, separators=(",", ":"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text.encode("ascii"))
    except OSError:
        if needed:
            raise


def write_sealed(path: Path, value: dict[str, Any], *, lasting: bool = True) -> None:
    """As write_json, for a memory that work can go on without, with a sum over it: see `read_sealed`."""
    import json

    text = json.dumps(value, separators=(",", ":")).encode("ascii")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, seal(text) + text[1:], lasting=lasting)
    except OSError:
        return


def read_sealed(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the object that write_sealed put into a file; empty where there is none, or any of it was altered."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        return _nothing(error, {})
    return unsealed(content)


def unsealed(content: bytes) -> dict[str, Any]:
    import json

    start = len(seal(b""))
    if content[:start] != seal(b"{" + content[start:]):
        return {}
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    value.pop("sum", None)
    return value


def seal(text: bytes) -> bytes:
    """Return how an object begins, in JSON, whose text without the sum is `text`."""
    import zlib

    return b'{"sum":"%08x",' % zlib.crc32(text)


def write(path: Path, content: bytes, *, lasting: bool = True) -> None:
    """Replace a file. With lasting=False the disk is not waited for: for what need not outlive a power cut."""
    import tempfile
    from pathlib import Path

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{os.getpid()}-{path.name[:40]}.", suffix=".part")
    try:
        with open(handle, "wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def writer_of(name: str) -> int | None:
    """Return the process that began to write a file of this name, None for names that `write` does not give."""
    import re

    match = re.fullmatch(r"\.(\d+)-.*\.part", name)
    return int(match[1]) if match else None


def discard(path: Path) -> bool:
    """Remove a file or a folder, as far as that can be; return whether it is gone."""
    import shutil

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            return False
    return not os.path.lexists(path)
