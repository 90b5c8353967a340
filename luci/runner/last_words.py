"""A traceback on stderr, read as the start-up hook would have reported it: for when no hook was there to report."""

from __future__ import annotations

import re
from collections.abc import Iterator

from luci.runner.diagnose import Cause, Report, import_error
from luci.values import replace

SIZE = 65536  # bytes of a script's last words that are read


class Tail:
    """A log that keeps the end alone."""

    def __init__(self) -> None:
        self.kept = b""

    def write(self, data: bytes) -> int:
        self.kept = (self.kept + data)[-SIZE:]
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""


def report_of(words: str, seconds: float, python: tuple[int, ...]) -> Report | None:
    """Return what the last traceback in a script's last words tells, if it is of a failed import.

    >>> words = 'Traceback (most recent call last):\\n  File "/a.py", line 1, in <module>\\n    import yaml\\n'
    >>> report_of(words + "ModuleNotFoundError: No module named 'yaml'\\n", 0.1, (3, 13)).name
    'yaml'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", words).replace("\r\n", "\n")
    found = list(re.finditer(_TRACEBACK, text))
    told = import_error(_kind(found[-1]), found[-1]["message"] or "") if found else None
    if told is None:
        return None
    *earlier, last = found
    frames = [(file, int(line)) for file, line in re.findall(_FRAME, last["frames"])] or [("", 0)]
    own = [frame for frame in frames if not re.search(_NOT_OWN, frame[0])] or frames[:1]
    return replace(
        told,
        file=own[-1][0],
        line=own[-1][1],
        raised_file=frames[-1][0],
        raised_line=frames[-1][1],
        frames=tuple(own),
        causes=tuple(_causes(text, earlier, last)),
        traceback=last[0],
        seconds=seconds,
        python=python,
    )


def _causes(text: str, earlier: list[re.Match[str]], last: re.Match[str]) -> Iterator[Cause]:
    """Yield the exceptions that the last one was raised from, the nearest first."""
    for match in reversed(earlier):
        if not re.fullmatch(_LINK, text[match.end() : last.start()]):
            return
        told = import_error(_kind(match), match["message"] or "")
        yield Cause(told.kind, told.name, told.message) if told else Cause(_kind(match), "", match["message"] or "")
        last = match


def _kind(match: re.Match[str]) -> str:
    return match["kind"].rpartition(".")[2]


# compiled when a script has failed
_TRACEBACK = (
    r"(?m)^Traceback \(most recent call last\):\n(?P<frames>(?:[ \t].*\n)*)(?P<kind>[\w.]+)(?:: (?P<message>.*))?$"
)
_FRAME = r'(?m)^  File "(.*)", line (\d+)'
_LINK = r"\s*(?:During handling of the above|The above exception was the direct cause).*\s*"
_NOT_OWN = r"^<frozen |[/\\](?:site|dist)-packages[/\\]|[/\\][Ll]ib(?:64)?[/\\]python\d[\d.]*[/\\]"
