"""What a shell offers when somebody presses tab: luci's words, its environments and runs, settings, and files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from argcomplete.finders import CompletionFinder
from argcomplete.shell_integration import shellcode

from luci.actions.script_line import split

_LISTS = ("txt", "in", "toml", "lock", "yml", "yaml")
# zsh knows `compdef` once its completion system was loaded, and nobody has to have done that in ~/.zshrc
_ZSH = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"


def code(shell: str) -> str:
    """Return what the shell must evaluate."""
    made: str = shellcode(["luci"], shell=shell)
    return _ZSH + made.removeprefix("#compdef luci\n") if shell == "zsh" else made


def answer(parser: Any) -> None:
    """Tell the shell that asks what could come next, and end."""
    _Finder()(parser, always_complete_options=False, default_completer=files)  # type: ignore[arg-type]


class _Finder(CompletionFinder):
    """One that knows where the script's own words begin: they are files, as far as luci can tell."""

    def _get_completions(self, comp_words: list[str], cword_prefix: str, *quoting: Any) -> list[str]:
        if not behind_the_script(comp_words[1:]):
            listed: list[str] = super()._get_completions(comp_words, cword_prefix, *quoting)  # type: ignore[no-untyped-call]
            return listed
        self._display_completions: dict[str, str] = {}
        return self.quote_completions(files(cword_prefix), *quoting)


def behind_the_script(words: Sequence[str]) -> bool:
    """Whether what comes after these words is not luci's any more.

    >>> behind_the_script(["run", "--sandbox"]), behind_the_script(["run", "--sandbox", "off", "a.py"])
    (False, True)
    >>> behind_the_script(["env", "shell", "web", "--"])
    True
    """
    if list(words[:2]) == ["env", "shell"]:
        return "--" in words
    if words[:1] not in (["run"], ["plan"]):
        return False
    probe = "\0"  # a word that is nobody's: where it lands, the next one does
    _, args = split([*words[1:], probe])
    return probe in args


def files(prefix: str, **_: Any) -> list[str]:
    return _paths(prefix, ())


def scripts(prefix: str, **_: Any) -> list[str]:
    return _paths(prefix, ("py", "pyw"))


def lists(prefix: str, **_: Any) -> list[str]:
    """Lists, locks, and folders."""
    return _paths(prefix, _LISTS)


def environments(prefix: str, **_: Any) -> dict[str, str]:
    """Names, and scripts; keys only once one was begun, as nobody reads them."""
    from luci.actions import rows

    found: dict[str, str] = {}
    for row in rows.all_of_them():
        told = f"Python {row['python_version']}, {row['packages']} package{'s' * (row['packages'] != 1)}"
        for word in (*row["names"], row["label"], *([row["key"]] if prefix else ())):
            found.setdefault(word, told)
    return _beginning(prefix, {**found, **dict.fromkeys(scripts(prefix), "")})


def runs(prefix: str, **_: Any) -> dict[str, str]:
    from luci import runs

    return _beginning(prefix, {run.id: os.path.basename(run.script) for run in runs.latest(20)})


def models(prefix: str, **_: Any) -> dict[str, str]:
    from luci import config
    from luci.chat.offers import known

    return _beginning(prefix, known(config.load()))


def sessions(prefix: str, **_: Any) -> dict[str, str]:
    from luci import config
    from luci.screens.names import named

    return _beginning(prefix, named(config.load)["session"]())


def kinds(prefix: str, **_: Any) -> list[str]:
    """What --allow takes: several, with commas between."""
    from luci.cli.talk_words import KINDS

    said, comma, last = prefix.rpartition(",")
    return [f"{said}{comma}{kind}" for kind in KINDS if kind.startswith(last) and kind not in said.split(",")]


def providers(prefix: str, **_: Any) -> list[str]:
    """Those that want a key."""
    from luci.chat.providers import PROVIDERS

    return [name for name, known in PROVIDERS.items() if not known.local and name.startswith(prefix)]


def settings(prefix: str, **_: Any) -> list[str]:
    from luci import config

    beneath = prefix.count(".") > 1  # the tables of walls repeat each other, and are many
    every = config.keys()
    known = [key for key in every if beneath or key.count(".") == 1]
    tables = dict.fromkeys(key.rpartition(".")[0] + "." for key in every if key.count(".") > 1)
    return [key for key in (*known, *(() if beneath else tables), "names.") if key.startswith(prefix)]


def values(prefix: str, parsed_args: Any, **_: Any) -> list[str]:
    """What a setting may be, where that can be listed."""
    from luci import config

    return [word for word in config.choices(parsed_args.key or "") if word.startswith(prefix)]


def packages(prefix: str, parsed_args: Any, **_: Any) -> list[str]:
    """What the environment holds whose name stands before."""
    from luci.actions.envs import chosen
    from luci.errors import LuciError

    try:
        named: Iterable[str] = parsed_args.environment or ()
        return sorted({name for env in named for name in chosen(env).installed if name.startswith(prefix)})
    except LuciError:
        return []


def _beginning(prefix: str, words: Mapping[str, str]) -> dict[str, str]:
    return {word: told for word, told in words.items() if word.startswith(prefix)}


def _paths(prefix: str, endings: tuple[str, ...]) -> list[str]:
    """Return files that end so, of any kind where no ending is asked for, and folders, which end in a slash."""
    folder, _, part = prefix.rpartition("/")
    shown = f"{folder}/" if "/" in prefix else ""
    found = []
    try:
        with os.scandir(os.path.expanduser(shown) or ".") as entries:
            for entry in entries:
                if not entry.name.startswith(part) or (entry.name[0] == "." and not part.startswith(".")):
                    continue
                if entry.is_dir():
                    found += [] if entry.name == "__pycache__" else [f"{shown}{entry.name}/"]
                elif not endings or entry.name.endswith(tuple(f".{ending}" for ending in endings)):
                    found.append(f"{shown}{entry.name}")
    except OSError:
        return []
    return sorted(found)
