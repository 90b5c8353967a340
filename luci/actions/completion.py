"""What could come next in a line that a person types."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from luci.actions.lines import COMMANDS, THEMES
from luci.values import Value

if TYPE_CHECKING:
    from luci.actions.script_line import Option
    from luci.runs import Run

Named = Callable[[], Mapping[str, str]]  # what goes by a name, and what is told of each
NOTHING: Mapping[str, Named] = MappingProxyType({})
_POINTS = r"(?<!\S)@('[^'\n]*'?[^\s']*|\S*)"  # in a request, which no shell reads
_MENTION = re.compile(f"{_POINTS}$")
MOST = 200  # names of a folder that are looked at further


class Candidate(Value):
    """`text` takes the place of the line from `start` to the cursor; `about` says what it is."""

    text: str
    start: int
    shown: str
    about: str = ""


def complete(line: str, named: Mapping[str, Named] = NOTHING) -> list[Candidate]:
    """Return what could stand at the end of `line`, the text before the cursor. `named` are by what a command takes:
    "running", "model", "session"."""
    if mention := _MENTION.search(line):
        return _mentions(_unquoted(mention[1]), mention.start())
    if "\n" in line:
        return []
    word, start = _last_word(line)
    before = line[:start].split()
    if not before:
        found = _commands(word, start) if not _is_path(word) else []
        return found or (_paths(word, start, scripts=True) if word else [])
    command = COMMANDS.get(before[0].removeprefix("/"))
    if command is None or command.takes == "file":
        return _paths(word, start, scripts=False)
    if command.takes == "script":
        return _script_line(before[1:], word, start, plan=command.name == "plan")
    if command.takes == "options":
        wanted = len(before) > 1 and "--with".startswith(word or " ")
        return [Candidate("--with ", start, "--with PACKAGE", "what it has")] if wanted else []
    if len(before) > 1:
        return []
    names = dict.fromkeys(THEMES, "") if command.takes == "theme" else named.get(command.takes, dict)()
    return [Candidate(name, start, name, about) for name, about in names.items() if name.startswith(word)]


def mentions(text: str) -> list[str]:
    """Return what a request points at: paths, env:NAME, run:ID.

    >>> mentions("compare @a.py with @'my data/b.csv', see @run:1f.")
    ['a.py', 'my data/b.csv', 'run:1f']
    """
    found = (re.sub(r"[,;:.!?)]+$", "", raw) for raw in re.findall(_POINTS, text))
    return list(dict.fromkeys(word for raw in found if (word := _unquoted(raw))))


def takes_more(line: str) -> bool:
    """Whether a line ends in a mention, or begins with a command behind which something can be offered."""
    if _MENTION.search(line):
        return True
    word, space, _ = line.partition(" ")
    command = COMMANDS.get(word)
    return bool(space) and command is not None and command.takes not in ("nothing", "words")


def _script_line(before: list[str], word: str, start: int, *, plan: bool) -> list[Candidate]:
    """Behind `run`: an option, its value, the script, or what is the script's own."""
    from luci.actions.script_line import offered, split

    _, args = split([*before, word])
    if args or "--" in before:
        return _paths(word, start, scripts=not args)
    options = {name: option for option in offered(plan=plan) for name in option.names}
    named = options.get(before[-1]) if before else None
    if named and named.value:
        return _values(named, word, start)
    name, equals, value = word.partition("=")
    if equals and name in options:
        return _values(options[name], value, start + len(name) + 1)
    if word.startswith("-"):
        left = [option for option in options.values() if option.again or not {*option.names} & {*before}]
        fitting = [option for option in dict.fromkeys(left) if any(name.startswith(word) for name in option.names)]
        return [_option(option, start) for option in fitting]
    return _paths(word, start, scripts=True)


def _option(option: Option, start: int) -> Candidate:
    name, listed = option.names[0], ", ".join(option.choices)
    if listed:
        return Candidate(f"{name} ", start, name, f"{option.about}: {listed}")
    return Candidate(f"{name} ", start, f"{name} {option.value}".rstrip(), option.about)


def _values(option: Option, word: str, start: int) -> list[Candidate]:
    if option.value in ("PATH", "FILE"):
        return _paths(word, start, scripts=False)
    return [Candidate(f"{choice} ", start, choice) for choice in option.choices if choice.startswith(word)]


def _mentions(word: str, start: int) -> list[Candidate]:
    """What a request to the assistant may point at: a file, an environment, a run."""
    kind = word.partition(":")[0] if ":" in word else ""
    if kind in ("env", "run"):
        found = _environments() if kind == "env" else _runs()
        return [Candidate(f"@{text} ", start, text, told) for text, told in found.items() if text.startswith(word)]
    files = [Candidate(f"@{c.text}", start, c.shown, c.about) for c in _paths(word, start, scripts=False)]
    kinds = [("env:", "an environment"), ("run:", "a run")]
    return [*(Candidate(f"@{text}", start, text, told) for text, told in kinds if text.startswith(word)), *files]


def _environments() -> dict[str, str]:
    """Environments by the names people gave them, else their labels; by their keys where several share one."""
    from luci.actions.rows import all_of_them

    found: dict[str, list[tuple[str, str]]] = {}
    for row in all_of_them():
        told = f"Python {row['python_version']}, {row['packages']} package{'s' * (row['packages'] != 1)}"
        for name in row["names"] or [row["label"]]:
            found.setdefault(name, []).append((row["key"], told))
    return {
        f"env:{name if len(sharing) == 1 else key}": told if len(sharing) == 1 else f"{name}, {told}"
        for name, sharing in found.items()
        for key, told in sharing
    }


def _runs() -> dict[str, str]:
    from luci import runs

    return {f"run:{run.id}": _told(run) for run in runs.latest(20)}


def _told(run: Run) -> str:
    ended = "no end was seen" if run.exit_code is None else f"exit {run.exit_code}"
    return f"{os.path.basename(run.script)}, {time.strftime('%d %b %H:%M', time.localtime(run.started))}, {ended}"


def _is_path(word: str) -> bool:
    return word.startswith(("./", "../", "~")) or "/" in word[1:]


def _commands(word: str, start: int) -> list[Candidate]:
    """A slash offers all commands; bare letters offer those they begin, as commands alone: a path may follow too."""
    slash = "/" if word.startswith("/") else ""
    if not word:
        return []
    names = [c for c in COMMANDS.values() if c.name.startswith(word.removeprefix("/"))]
    return [
        Candidate(f"{slash}{c.name}{' ' if c.takes != 'nothing' else ''}", start, f"{slash}{c.name}", c.summary)
        for c in names
    ]


def _last_word(line: str) -> tuple[str, int]:
    """Return the last word of a line as it is meant, and where it begins.

    >>> _last_word("run 'my fi")
    ('my fi', 4)
    >>> _last_word("run ")
    ('', 4)
    """
    start, at, quote = 0, 0, ""
    while at < len(line):
        char = line[at]
        if char == "\\" and quote != "'":
            at += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            start = at + 1
        at += 1
    return _unquoted(line[start:], quote), start


def _unquoted(raw: str, quote: str = "") -> str:
    """Return a word as it is meant; `quote` is one that it leaves open."""
    for closed in (quote, "'"):
        try:
            return next(iter(shlex.split(raw + closed)), "")
        except ValueError:  # it ends in a backslash, or an apostrophe stands in it
            continue
    return raw.rstrip("\\")


def _paths(word: str, start: int, *, scripts: bool) -> list[Candidate]:
    folder, _, part = word.rpartition("/")
    shown_folder = f"{folder}/" if "/" in word else ""
    place = os.path.expanduser(shown_folder) or "."
    try:
        with os.scandir(place) as entries:
            named = [e for e in entries if e.name.startswith(part) and (part.startswith(".") or e.name[0] != ".")]
    except OSError:
        return []
    found = []
    for entry in sorted(named, key=lambda e: e.name.lower())[:MOST]:
        is_folder = _is_folder(entry)
        if scripts and not is_folder and not entry.name.endswith((".py", ".pyw")):
            continue
        if is_folder and entry.name == "__pycache__":
            continue
        runs = is_folder and os.path.isfile(os.path.join(place, entry.name, "__main__.py"))
        ending = "/" if is_folder and not runs else " "
        about = "a folder that runs" if runs else "folder" if is_folder else ""
        text = _quoted(shown_folder + entry.name) + ending
        found.append(Candidate(text, start, entry.name + ("/" if is_folder else ""), about))
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _quoted(path: str) -> str:
    """Quote what a shell would part; a leading ~ stays open.

    >>> _quoted("~/my plots/a.py")
    "~/'my plots/a.py'"
    """
    home, _, rest = path.partition("/") if path.startswith("~") else ("", "", path)
    quoted = shlex.quote(rest) if rest else ""
    return f"{home}/{quoted}" if home else quoted
