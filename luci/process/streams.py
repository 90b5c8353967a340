"""Bytes between descriptors, without waiting for the slow."""

from __future__ import annotations

import codecs
import os
import select

CHUNK = 65536
ENDS = 0x38  # POLLERR, POLLHUP and POLLNVAL, which poll tells unasked


def wait_for(wanted: dict[int, int], seconds: float) -> dict[int, int]:
    """Return {descriptor: poll events} of those in {descriptor: poll events} that are ready, after `seconds` none."""
    poll = select.poll()
    for fd, events in wanted.items():
        if events:
            poll.register(fd, events)
    return dict(poll.poll(seconds * 1000))


class Stream:
    """Bytes on their way from one descriptor to another, in pieces that do not block where the reader is slow."""

    def __init__(self, name: str, source: int, sink: int | None, *, owned: bool = False) -> None:
        self.name, self.source, self.sink, self.owned = name, source, sink, owned
        self.open = True
        self.pending = b""
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def waits_for(self) -> tuple[int, int]:
        if self.pending and self.sink is not None:
            return self.sink, select.POLLOUT
        return self.source, select.POLLIN if self.open else 0

    def move(self) -> bytes:
        """Write a piece of what is pending, else read more; returns what was read."""
        if self.pending and self.sink is not None:
            self._write(self.sink)
            return b""
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return b""
        except OSError:  # how Linux says that the other side of a terminal is gone
            data = b""
        if not data:
            self.shut()
        elif self.sink is not None:
            self.pending = data
        return data

    def _write(self, sink: int) -> None:
        try:
            self.pending = self.pending[os.write(sink, self.pending[: select.PIPE_BUF]) :]
        except BlockingIOError:
            return
        except OSError:  # nobody reads it any more: the child must learn that as it would from its own stdout
            self.pending, self.sink = b"", None
            if self.owned:
                self.shut()

    def shut(self) -> None:
        self.open = False
        if self.owned:
            self.owned = False
            os.close(self.source)
