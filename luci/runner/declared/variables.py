"""The variables that a file for conda sets for whoever runs in its environment: which are set, and which need a yes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from luci.runner.declared.values import has_control_characters, shown

Variables = tuple[tuple[str, str], ...]

# what luci and the environment need to be as they are
_OURS = re.compile(r"LUCI_.*|CONDA_(PREFIX|DEFAULT_ENV|SHLVL|PROMPT_MODIFIER)|VIRTUAL_ENV|_|PWD|OLDPWD|SHLVL")
# what loads or runs code, says where programs, keys and packages come from, or where a program's own settings lie
_RUNS_CODE = re.compile(
    r"PATH|HOME|SHELL|IFS|ENV|BASH.*|SHELLOPTS|PS[0-9]|PROMPT_COMMAND|ZDOTDIR|TMPDIR|TMP|TEMP|XDG_.*"
    r"|LD_.*|DYLD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|NLSPATH|MALLOC_.*"
    r"|PYTHON(?!(UNBUFFERED|UTF8|HASHSEED|IOENCODING|DONTWRITEBYTECODE|FAULTHANDLER|NOUSERSITE)$).*|IPYTHONDIR|JUPYTER_.*"
    r"|_?JAVA_.*|JDK_.*|CLASSPATH|NODE_.*|PERL.*|RUBY.*|GEM_.*|R_.*|LUA_.*|JULIA_.*|GIT_.*|SSH_.*|CC|CXX|FC|LDSHARED|MAKE.*"
    r"|EDITOR|VISUAL|PAGER|MANPAGER|BROWSER|LESS.*|(PIP|UV|CONDA|MAMBA|PIXI)_.*|(.*_)?PROXY|SSL_.*|OPENSSL_.*"
    r"|(CURL|REQUESTS)_CA_BUNDLE|GTK_.*|QT_.*|GIO_.*|.*_PRELOAD|.*_PLUGIN_PATH|MPLBACKEND|MPLCONFIGDIR",
    re.IGNORECASE,
)


def read(table: object, place: str) -> tuple[Variables, list[str]]:
    """Return {name: value} of a file as pairs, and a sentence for each that is not set. Nothing in a value is
    expanded."""
    found: dict[str, str] = {}
    problems = []
    for name, value in table.items() if isinstance(table, Mapping) else ():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            problems.append(f"{place}: {shown(name)!r} is no name of a variable.")
        elif _OURS.fullmatch(name):
            problems.append(f"{place}: {name} is not set: luci sets it.")
        elif not _is_plain(value):
            problems.append(f"{place}: {name} is not set: its value is no text.")
        else:
            found[name] = str(value)
    return tuple(sorted(found.items())), problems


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not has_control_characters(str(value))


def runs_code(name: str) -> bool:
    """
    >>> runs_code("LD_PRELOAD"), runs_code("PYTHONPATH"), runs_code("https_proxy"), runs_code("OMP_NUM_THREADS")
    (True, True, True, False)
    """
    return bool(_RUNS_CODE.fullmatch(name))
