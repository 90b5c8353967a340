"""Keys in their turn. Some come in one piece, as over a slow line, and what the first does decides whom the second is
for: of `/rich`, the slash opens a field, and the letters are for that field."""

from __future__ import annotations

from collections import deque

from textual.events import Event
from textual.message import Message
from textual.message_pump import MessagePump

PATIENCE = 2.0  # seconds after which a key is given up whose widget is gone with it


class Turn(Message):
    """Follows a key from widget to widget: when it comes to the app, all have had the key."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()


class Turns:
    """Which key is under way, and what came meanwhile."""

    def __init__(self) -> None:
        self.waiting: deque[Event] = deque()
        self.number = 0  # of the key that is under way, or was last
        self._target: MessagePump | None = None  # whom it was given to; None: no key is under way
        self._rounds = 0  # that its turn has yet to make

    def must_wait(self, event: Event) -> bool:
        """Whether another key is under way; then the event is kept."""
        if self._target is not None:
            self.waiting.append(event)
        return self._target is not None

    def follow(self, target: MessagePump, *, taken: bool) -> None:
        """Send a turn after the key that this widget was given; not `taken`: the app did something for it."""
        self.number += 1
        self._target, self._rounds = target, 1 if taken else 2
        self._send()

    def came_back(self) -> None:
        """No widget took the key: what it is bound to may send a message, which the turn is to follow as well."""
        if self._target is not None:
            self._rounds = 2

    def is_over(self, turn: Turn) -> bool:
        """Whether that was the last round; the turn of a key that was given up counts no more."""
        if turn.number != self.number or self._target is None:
            return False
        self._rounds -= 1
        return self._rounds <= 0 or not self._send()

    def end(self, number: int) -> bool:
        """Whether this was the end of the key with that number."""
        if number != self.number or self._target is None:
            return False
        self._target = None
        return True

    def _send(self) -> bool:
        return self._target is not None and self._target.post_message(Turn(self.number))
