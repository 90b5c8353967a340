"""How much a model holds, as far as anybody knows, and what its server's counts tell of what it really read."""

from __future__ import annotations

from dataclasses import dataclass

from luci.chat.faults import TooLong

_SMALLEST = 1_000  # tokens: a model that holds less holds no conversation
_SMALLEST_WITH_TOOLS = 4_000  # which take nearly half of that
_TELLING = 2_000  # tokens of a prompt from which on a server's count says something of its beginning
_DENSEST = 5.0  # tokens counted for one that is reckoned: single bytes of a script that the model never learnt


@dataclass
class Room:
    """`tokens` are those that the model was found to hold, 0: nothing is known but the settings. `density` is how many
    a server counts for each that luci reckons; never below one, so that what is reckoned is rather too much."""

    tokens: int = 0
    density: float = 1.0
    _last: tuple[int, int] = (0, 0)  # tokens of the last prompt: what was reckoned, and what the server counted

    @property
    def for_tools(self) -> bool:
        return not 0 < self.tokens < _SMALLEST_WITH_TOOLS

    def fits(self, most: int) -> int:
        """Return how many tokens, as they are reckoned, the model holds; `most` where nobody knows it."""
        return int((self.tokens or most) / self.density)

    def counted(self, reckoned: int, by_server: int) -> None:
        """Take in what a server counted for a prompt."""
        if reckoned > 0:
            self.density = min(_DENSEST, max(1.0, by_server / reckoned))

    def shrink(self, error: TooLong, sent: int, most: int) -> bool:
        """Take in that a prompt that was reckoned as `sent` was too long; return whether another one may be tried."""
        before = min(self.fits(most), sent)
        if error.room:
            self.tokens = min(error.room, self.tokens or error.room)
        if error.counted:
            self.density = min(_DENSEST, max(self.density, error.counted / max(1, sent)))
        if not error.room or self.fits(most) > before * 0.9:  # its words do not say enough
            self.tokens = round(before * self.density * 0.7)
        return self.fits(most) >= _SMALLEST

    def left_tools_out(self, counted: int, messages: int, tools: int) -> bool:
        """Whether a server seems to have read the messages without the tools, as one does whose template has no place
        for them. Only a first count tells."""
        return self._last == (0, 0) and bool(tools) and messages / 2 < counted < messages + tools * 0.3

    def lost_its_beginning(self, reckoned: int, counted: int) -> bool:
        """Whether a server seems to have read only the end: it counts far fewer tokens than were sent, or no more than
        before although much was added."""
        was, had = self._last
        self._last = (reckoned, counted)
        if reckoned <= _TELLING:
            return False
        return counted < reckoned / 2 or (bool(was) and reckoned > was * 1.2 and counted <= had * 1.02)
