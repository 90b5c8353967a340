"""What a model hears of a run: how it ended and where, by which of its own lines, with which versions, what was changed
since it first failed; of its output the beginning, the end and the errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from luci import paths
from luci.chat.ground import diff
from luci.chat.mending import Failure
from luci.chat.shorten import data, shortened
from luci.envs.naming import canonical_name
from luci.envs.store import Store
from luci.events import Built, Ended, Event, Failed, Output, Retrying, Reused, Started, Told, Walled, Warned
from luci.runner.choices import name_of
from luci.runner.lost import lost_file
from luci.runner.plan import Plan

MOST = 6_000  # characters of a run's output that a model is told
_MOST_DIFF = 3_000  # and of what was changed
_FRAMES = 3  # of the person's own that are told, besides the innermost
_FRAME = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<name>.+))?$', re.MULTILINE)
_PACKAGE = re.compile(r"(?:site|dist)-packages/([A-Za-z0-9_]+)")


@dataclass
class Seen:
    """What a run said, as far as the model is told of it."""

    stdout: str = ""
    stderr: str = ""
    argv: tuple[str, ...] = ()
    wall: str = ""
    gives: tuple[str, ...] = ()
    key: str = ""  # of its environment
    told: list[str] = field(default_factory=list)
    failed: Failed | None = None
    ended: Ended | None = None

    def take(self, event: Event) -> None:
        match event:
            case Output(stream, text):
                setattr(self, stream, getattr(self, stream) + text)
            case Retrying():
                self.stdout = self.stderr = ""
            case Started(argv):
                self.argv = argv
            case Walled(wall, gives):
                self.wall, self.gives = wall, gives
            case Built(key) | Reused(key):
                self.key = key
            case Told(text) | Warned(text):
                self.told.append(text)
            case Failed():
                self.failed = event
            case Ended():
                self.ended = event

    @property
    def error_text(self) -> str:
        return self.failed.error if self.failed else ""


def of_run(code: int, seen: Seen, failure: Failure | None, advice: str, known: Iterable[str]) -> str:
    """`known` is what luci found out of the failure by itself."""
    took = f" after {seen.ended.seconds:.1f} s" if seen.ended else ""
    wall = f", behind {seen.wall} ({', '.join(seen.gives)})" if seen.wall else ""
    lines = [f"exit code {code}{took}{wall}", *(f"luci: {text}" for text in seen.told)]
    if failure:
        where = f" at {failure.file}:{failure.line}" if failure.line else ""
        lines += ["failed:", data("\n".join([f"{failure.error}{where}", *_excerpt(seen.failed), *known]))]
    for name, text in (("stdout", seen.stdout), ("stderr", seen.stderr)):
        if text.strip():
            lines += [f"{name}:", data(shortened(text, MOST))]
    return "\n".join([*lines, *([advice] if advice else [])])


def found_out(seen: Seen, made: Plan, folder: Path, before: str | None, now: str | None, shown: str) -> Iterator[str]:
    """Yield what a failed run's own facts tell: the callers of the line that failed, a file that was not found, the
    versions that matter, and what was changed since `before`."""
    yield from _callers(seen, folder)
    if lost := lost_file(seen.error_text, folder, walled=bool(seen.wall)):
        yield f"luci: {lost}"
    if versions := _versions(seen, made):
        yield f"installed: {', '.join(versions)}; Python {made.interpreter.version}"
    if before is not None and now is not None and before != now:
        yield f"changed so far:\n{shortened(diff(before, now, shown), _MOST_DIFF)}"


def _callers(seen: Seen, folder: Path) -> Iterator[str]:
    """Yield the person's own lines that led to the one that failed, the innermost first."""
    frames = list(_FRAME.finditer(seen.stderr.rpartition("Traceback (most recent call last)")[2]))
    root, found = os.path.realpath(folder), []
    for frame in reversed(frames):
        path = os.path.realpath(os.path.join(root, frame["file"]))
        at = (path, int(frame["line"]))
        innermost = seen.failed and at == (os.path.realpath(seen.failed.file), seen.failed.line)
        if path.startswith(f"{root}/") and not _PACKAGE.search(path) and not innermost and at not in found:
            found.append(at)
    for path, number in found[:_FRAMES]:
        line = _line(path, number)
        yield f"called from {os.path.relpath(path, root)}:{number}: {line}" if line else f"called from {path}:{number}"


def _line(path: str, number: int) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((line.strip() for at, line in enumerate(file, start=1) if at == number), "")[:300]
    except OSError:
        return ""


def _versions(seen: Seen, made: Plan) -> list[str]:
    """Return the installed versions of what the script imports, and of what stands in the traceback."""
    env = Store(paths.envs()).get(seen.key or made.spec.key)
    if env is None:
        return []
    wanted = {name_of(line) for choice in made.choices for line in choice.requirements}
    wanted |= {canonical_name(name) for name in _PACKAGE.findall(seen.stderr)}
    return [f"{name} {version}" for name, version in env.installed.items() if canonical_name(name) in wanted]


def _excerpt(failed: Failed | None) -> list[str]:
    numbered = enumerate(failed.excerpt, start=failed.first) if failed else ()
    return [f"{'>' if failed and number == failed.line else ' '}{number:>5}  {line}" for number, line in numbered]
