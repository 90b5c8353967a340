"""A shell in an environment: the person's own, with their own start-up files, and a prompt that says where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from luci.envs import files
from luci.envs.store import Env
from luci.values import Value

# Each first reads what the person has for this shell, then activates: start-up files like to put their own things
# in front of PATH.
_BASH = """\
for _luci in /etc/bash.bashrc ~/.bashrc; do [ -r "$_luci" ] && . "$_luci"; done
unset _luci
. "$LUCI_SHELL_ENV/bin/activate"
PS1="($LUCI_SHELL) ${PS1-}"
"""
_SH = """\
[ -n "${LUCI_SHELL_STARTED-}" ] && [ -r "$LUCI_SHELL_STARTED" ] && . "$LUCI_SHELL_STARTED"
. "$LUCI_SHELL_ENV/bin/activate"
PS1="($LUCI_SHELL) ${PS1-}"
"""
_ZSHENV = """\
_luci_zdotdir=$ZDOTDIR
if [[ -n $LUCI_SHELL_STARTED ]]; then ZDOTDIR=$LUCI_SHELL_STARTED; else unset ZDOTDIR; fi
[[ -r ${ZDOTDIR:-$HOME}/.zshenv ]] && . ${ZDOTDIR:-$HOME}/.zshenv
LUCI_SHELL_STARTED=${ZDOTDIR-}
ZDOTDIR=$_luci_zdotdir
"""
_ZSHRC = """\
unset _luci_zdotdir
if [[ -n $LUCI_SHELL_STARTED ]]; then ZDOTDIR=$LUCI_SHELL_STARTED; else unset ZDOTDIR; fi
[[ -r ${ZDOTDIR:-$HOME}/.zshrc ]] && . ${ZDOTDIR:-$HOME}/.zshrc
. "$LUCI_SHELL_ENV/bin/activate"
PROMPT="($LUCI_SHELL) $PROMPT"
"""
_FISH = """\
source "$LUCI_SHELL_ENV/bin/activate.fish"
functions -q fish_prompt; and functions -c fish_prompt _luci_own_prompt
function fish_prompt
    printf '(%s) ' $LUCI_SHELL
    functions -q _luci_own_prompt; and _luci_own_prompt
end
"""


class Shell(Value):
    """What to start, and with which variables."""

    argv: tuple[str, ...]
    environ: dict[str, str]


def shell(env: Env, environ: Mapping[str, str], activated: Mapping[str, str], folder: Path) -> Shell:
    """Return the person's shell in `env`; `folder` is where its start-up files may lie.

    A shell that is known here activates by itself, so that `deactivate` undoes all of it. Another gets the variables
    of `activated`, and its own prompt.
    """
    path = environ.get("SHELL") or "/bin/sh"
    known = _KNOWN.get(os.path.basename(path))
    own = {"LUCI_SHELL": env.label, "LUCI_SHELL_ENV": str(env.path)}
    base = {name: value for name, value in environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    if known is None:
        return Shell((path, "-i"), {**activated, **own})
    arguments, more = known(folder, environ)
    return Shell((path, *arguments), {**base, **own, "VIRTUAL_ENV_DISABLE_PROMPT": "1", **more})


_Started = tuple[tuple[str, ...], dict[str, str]]


def _bash(folder: Path, environ: Mapping[str, str]) -> _Started:
    return ("--rcfile", _kept(folder / "bashrc", _BASH), "-i"), {}


def _sh(folder: Path, environ: Mapping[str, str]) -> _Started:
    return ("-i",), {"ENV": _kept(folder / "shrc", _SH), "LUCI_SHELL_STARTED": environ.get("ENV", "")}


def _zsh(folder: Path, environ: Mapping[str, str]) -> _Started:
    place = folder / "zsh"
    _kept(place / ".zshenv", _ZSHENV)
    _kept(place / ".zshrc", _ZSHRC)
    return ("-i",), {"ZDOTDIR": str(place), "LUCI_SHELL_STARTED": environ.get("ZDOTDIR", "")}


def _fish(folder: Path, environ: Mapping[str, str]) -> _Started:
    return ("--init-command", _FISH, "-i"), {}


_KNOWN: dict[str, Callable[[Path, Mapping[str, str]], _Started]] = {
    "bash": _bash,
    "sh": _sh,
    "dash": _sh,
    "ksh": _sh,
    "zsh": _zsh,
    "fish": _fish,
}


def _kept(file: Path, text: str) -> str:
    """Return the path of a file with this text."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        there = file.read_text(encoding="utf-8")
    except OSError:
        there = ""
    if there != text:
        files.write(file, text.encode())
    return str(file)
