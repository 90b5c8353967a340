"""How far uv came, read from what it draws on a terminal: nowhere else does it tell of each package and each byte."""

from __future__ import annotations

import re
from collections.abc import Iterator

from luci.events import Working

SCREEN = (120, 100)  # columns for a long name, and lines for every download
AS_SAID = {"TERM": "xterm", "UV_NO_WRAP": "1"}  # variables: it draws, and breaks no line of an error to fit our screen


class Listener:
    """Tells what uv says for good (`lines`) from what it draws and takes away again.

    What it draws is for people and may look different tomorrow: what is not understood is passed over, so that the
    worst is a step of which nobody knows how far it came.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._rest = ""
        self._last: Working | None = None

    def hear(self, text: str) -> Iterator[Working]:
        """Take what uv wrote next; yield what is new in it, a download once for each hundredth of its bytes."""
        *pieces, self._rest = _BREAKS.split(self._rest + text)
        for piece, mark in zip(pieces[::2], pieces[1::2], strict=True):
            drawn = self._drawn(piece)
            if drawn:
                yield from self._new(drawn)
                piece = _under(piece)
            if mark.endswith("\n") and (piece or not drawn):
                yield from self._said(_plain(piece))
        if drawn := self._drawn(self._rest):
            yield from self._new(drawn)

    def end(self) -> None:
        """Take the last line, which may have no end."""
        if last := _under(self._rest) if self._drawn(self._rest) else _plain(self._rest):
            self.lines.append(last)
        self._rest = ""

    def _said(self, line: str) -> Iterator[Working]:
        self.lines.append(line)
        if match := _FETCHING.match(line):
            yield from self._new(Working("downloading", match[1]))

    def _drawn(self, piece: str) -> Working | None:
        text = _plain(piece)
        if match := _INSTALLED.search(text):
            return Working("installing", match[3] or "", int(match[1]), int(match[2]))
        fetched = list(_FETCHED.finditer(text))
        if match := _PREPARED.search(text):
            names = [*_BUILDING.findall(text), *(each[1] for each in fetched)]
            received, size = (sum(_bytes(each[part]) for each in fetched) for part in (2, 3))
            return Working("downloading", ", ".join(names), int(match[1]), int(match[2]), received, size)
        if match := _RESOLVED.fullmatch(text):
            return Working("resolving", match[1])
        return _SOMETHING_DRAWN if fetched or _SPINNING.match(text) else None

    def _new(self, now: Working) -> Iterator[Working]:
        last = self._last
        if now is _SOMETHING_DRAWN:
            return
        known = last and (last.step, last.detail, last.done, last.total, last.size)
        moved = now.received - last.received if last else 0
        if known != (now.step, now.detail, now.done, now.total, now.size) or moved * 100 >= now.size > 0:
            self._last = now
            yield now


_BREAKS = re.compile(
    r"(\r?\n|\r(?=[^\n])|\x1b\[[0-9;?]*[A-HJKSTf])"
)  # the end of a line, or a step to where drawing goes on
_STYLES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_SPINNER = "[\u2800-\u28ff]"
_SPINNING = re.compile(rf"\s*(?:{_SPINNER}|[░█]{{2}})")
_RESOLVED = re.compile(rf"{_SPINNER} (\S+)\s*")
_PREPARED = re.compile(rf"{_SPINNER}\s+(?:[A-Z][^()\[\]]*)?\((\d+)/([1-9]\d*)\)")
_INSTALLED = re.compile(r"\[(\d+)/([1-9]\d*)\] (?:Installing wheels\.\.\.|(\S*))")
_FETCHED = re.compile(r"(\S+)\s+-{10,}\s+([\d.]+ [KMGT]?i?B)/([\d.]+ [KMGT]?i?B)")
_BUILDING = re.compile(r"\bBuilding (\S+)")
_FETCHING = re.compile(r"\s*((?:Downloading|Building) \S.*)")
_FAULT = re.compile(r"(?:error|warning|hint): .*|  × .*")
_SOMETHING_DRAWN = Working("")
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def _plain(piece: str) -> str:
    return _STYLES.sub("", piece)


def _under(piece: str) -> str:
    """Return what it said where it had drawn and did not tidy up, as it does when the network fails."""
    match = _FAULT.search(_plain(piece))
    return match[0] if match else ""


def _bytes(text: str) -> int:
    """Return the bytes that "16.13 MiB" says."""
    number, _, unit = text.partition(" ")
    return round(float(number) * _UNITS[unit.rstrip("iB")])
