"""The standard library of a Python version, whichever Python asks."""

from __future__ import annotations

import sys
from functools import cache

Version = tuple[int, int]

# Sources: the "Removed" and "New Modules" sections of "What's New in Python 3.7" to "3.14"; PEP 594 for 3.13.
ADDED: dict[str, Version] = {
    "_colorize": (3, 13),
    "_pyrepl": (3, 13),
    "_zoneinfo": (3, 9),
    "annotationlib": (3, 14),
    "compression": (3, 14),
    "contextvars": (3, 7),
    "dataclasses": (3, 7),
    "graphlib": (3, 9),
    "tomllib": (3, 11),
    "zoneinfo": (3, 9),
}
REMOVED: dict[str, Version] = {
    "_bootlocale": (3, 10),
    "_dummy_thread": (3, 9),
    "aifc": (3, 13),
    "asynchat": (3, 12),
    "asyncore": (3, 12),
    "audioop": (3, 13),
    "binhex": (3, 11),
    "cgi": (3, 13),
    "cgitb": (3, 13),
    "chunk": (3, 13),
    "crypt": (3, 13),
    "distutils": (3, 12),
    "dummy_threading": (3, 9),
    "formatter": (3, 10),
    "imghdr": (3, 13),
    "imp": (3, 12),
    "lib2to3": (3, 13),
    "macpath": (3, 8),
    "macurl2path": (3, 7),
    "mailcap": (3, 13),
    "msilib": (3, 13),
    "nis": (3, 13),
    "nntplib": (3, 13),
    "ossaudiodev": (3, 13),
    "parser": (3, 10),
    "pipes": (3, 13),
    "smtpd": (3, 12),
    "sndhdr": (3, 13),
    "spwd": (3, 13),
    "sunau": (3, 13),
    "symbol": (3, 10),
    "telnetlib": (3, 13),
    "uu": (3, 13),
    "xdrlib": (3, 13),
}
# Importable everywhere, but sys.stdlib_module_names leaves them out.
UNLISTED = frozenset({"__main__", "test"})
# Frozen into the interpreter, or imported before the first line of a script: a file of that name is never found.
LOADED = frozenset(
    {
        "__main__",
        "_collections_abc",
        "_sitebuiltins",
        "abc",
        "codecs",
        "encodings",
        "genericpath",
        "io",
        "ntpath",
        "os",
        "posixpath",
        "runpy",
        "site",
        "stat",
        "zipimport",
    }
)


@cache
def names(version: Version) -> frozenset[str]:
    """Return the top-level modules of the standard library of `version`, those of all platforms, 3.6 and later.

    >>> "distutils" in names((3, 11)), "distutils" in names((3, 12))
    (True, False)
    """
    changed = ADDED.keys() | REMOVED.keys()
    there = {name for name in changed if ADDED.get(name, version) <= version < REMOVED.get(name, (99, 0))}
    return (frozenset(sys.stdlib_module_names) - changed) | there | UNLISTED


def removed_in(module: str) -> Version | None:
    """Return the first version without this module, which had it before.

    >>> removed_in("distutils.core")
    (3, 12)
    """
    return REMOVED.get(module.partition(".")[0])


def added_in(module: str) -> Version | None:
    return ADDED.get(module.partition(".")[0])


def is_never_shadowed(module: str) -> bool:
    """Say whether the interpreter has this top-level module before it looks into any folder."""
    return module in LOADED or module in sys.builtin_module_names
