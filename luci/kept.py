"""What luci worked out and keeps in its cache: read whole or not at all, and only by the luci and Python that wrote it.

Values are Python's own (marshal), since reading them must cost next to nothing; a checksum stands before them. This
module imports only what Python has loaded anyway, and a hash.
"""

from __future__ import annotations

import _thread
import marshal
import os
import sys
import time

try:  # where hashlib has it from, which loads OpenSSL besides: as long as Python starts
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Stamp = tuple[int, ...]
_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_DECIDING = ("", "envs", "runner", os.path.join("runner", "declared"))  # the folders whose code makes a plan
_CHECKSUM = 16  # bytes
_DAY = 86_400  # seconds
YOUNG = 2_000_000_000  # ns: a file changed that lately may change again without a trace in its times


def load(path: str) -> Any:
    """Return the value in a file; None where there is none, it was damaged, or another luci or Python wrote it."""
    try:
        with open(path, "rb") as file:
            whole = file.read()
            age = time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    head = _head()
    start = len(head) + _CHECKSUM
    if not whole.startswith(head) or whole[len(head) : start] != _checksum(whole[start:]):
        return None
    if age > _DAY:
        _touch(path)  # what is used stays: see drop_oldest
    try:
        return marshal.loads(whole[start:])
    except (ValueError, EOFError, TypeError):
        return None


def save(path: str, value: Any) -> None:
    """Replace a file at once. A cache that cannot be written costs time, not the run, so that is no error."""
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f".{os.getpid()}-{name}.{_thread.get_ident()}.part")  # see files.writer_of
    try:
        payload = marshal.dumps(value)
    except ValueError:
        return  # it is nested too deeply
    try:
        os.makedirs(folder, exist_ok=True)
        with open(scratch, "wb", opener=_for_me_alone) as file:
            file.write(_head() + _checksum(payload) + payload)
        os.replace(scratch, path)
    except OSError:
        _remove(scratch)


def _for_me_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)  # a declared URL may hold a password


def drop_oldest(folder: str, most: int) -> None:
    """Keep at most `most` files of a folder, those that were used last."""
    try:
        with os.scandir(folder) as entries:
            times = sorted((entry.stat().st_mtime_ns, entry.path) for entry in entries)
    except OSError:
        return  # somebody else is at it
    for _, path in times[: max(0, len(times) - most)]:
        _remove(path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # it is gone already, or the disk takes no change


def _touch(path: str) -> None:
    try:
        os.utime(path)
    except OSError:
        pass  # a cache that cannot be written can be read all the same


def _head() -> bytes:
    return b"luci " + fingerprint().encode("ascii") + b"\n"


_fingerprint = ""


def fingerprint() -> str:
    """Tell one luci from another, its table of names included, and one Python and one machine from another."""
    global _fingerprint
    if not _fingerprint:
        told = [f"{sys.version} {sys.prefix} {sys.byteorder} {sys.maxsize}", *_machine()]
        for part in _DECIDING:
            with os.scandir(os.path.join(_PACKAGE, part)) as entries:
                stats = ((entry.name, entry.stat()) for entry in entries if entry.name.endswith((".py", ".toml")))
                told += sorted(f"{name} {info.st_mtime_ns} {info.st_size}" for name, info in stats)
        _fingerprint = digest("\n".join(told).encode("utf-8", "surrogateescape"))
    return _fingerprint


def _machine() -> list[str]:
    """What decides which wheels fit, besides the Python: the system, the processor, the C library."""
    if sys.platform == "win32":
        return [sys.platform]
    system = os.uname()
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
    return [system.sysname, system.machine, system.release if sys.platform == "darwin" else "", libc or ""]


def sha256_of(content: bytes) -> str:
    global _sha256
    if _sha256 is None:
        _sha256 = _lightest_sha256()
    return str(_sha256(content).hexdigest())


_sha256: Any = None


def _lightest_sha256() -> Any:
    for module in ("_sha2", "_sha256"):  # since Python 3.12, and before
        try:
            return __import__(module).sha256
        except ImportError:
            continue
    from hashlib import sha256

    return sha256


def digest(content: bytes) -> str:
    return blake2b(content, digest_size=_CHECKSUM).hexdigest()


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=_CHECKSUM).digest()


# -- files, and whether they are as they were


def stamp(path: str) -> Stamp:
    """Tell one state of a file from another, cheaply; empty where there is none."""
    try:
        info = os.stat(path)
    except (OSError, ValueError):
        return ()
    return info.st_mtime_ns, info.st_size, info.st_ino, info.st_ctime_ns


def content(path: str) -> bytes | None:
    """Return what a regular file holds; None for anything else, and for what may not be read."""
    from stat import S_ISREG

    try:
        if not S_ISREG(os.stat(path).st_mode):  # a pipe would wait for a writer
            return None
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def digest_of(path: str) -> str:
    """Return the digest of a file's content; empty where there is none that can be read."""
    held = content(path)
    return "" if held is None else digest(held)


def settled(known: Stamp, now: int) -> bool:
    """Whether a file was last changed so long before `now` (ns) that a later change shows in its stamp."""
    return bool(known) and known[3] < now - YOUNG
