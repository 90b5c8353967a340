"""Copy what programs write to a terminal into its log: a process of its own, which no busy interpreter holds up.

Run with four open descriptors: the terminal's master, the log, a pipe to tell, a pipe to be asked through.
It tells, a line each: `grew`, `settled` (all that was written is in the log) and `lost ERRNO BYTES`.
It is asked with `s` to settle. When that pipe closes nothing more will be run there, but what was may have left others
that write on: it goes when nobody has the terminal any more, or when who listens is gone.
"""

from __future__ import annotations

import os
import select
import sys
import time

PIECE = 1 << 16
BURST = 1 << 18  # bytes taken before they are written
STREAM = 0.005  # seconds between two reads below which output streams
PAUSE = 0.001  # seconds in which a stream gathers: fewer and larger reads leave the processor to who writes
OFTEN = 0.01  # seconds between two words that the log grew
QUIET = 0.05  # a terminal hands on what was written to it a moment later
AT_MOST = 1.0  # seconds to wait for the quiet of someone who never stops


class Drain:
    def __init__(self, master: int, log: int, told: int, asked: int) -> None:
        self.master, self.log, self.told, self.asked = master, log, told, asked
        self.poll = select.poll()
        self.poll.register(master, select.POLLIN)
        self.poll.register(asked, select.POLLIN)
        self.poll.register(told, 0)  # which tells all the same when nobody listens any more
        self.lost = 0
        self.heard = True  # whether anyone listens
        self.open = True  # whether anyone can still write to the terminal
        self.untold = False
        self.told_at = 0.0
        self.heard_at = 0.0  # when the last bytes came
        self.settle_by = 0.0  # 0: nobody waits for the quiet

    def run(self) -> None:
        leaving = False
        while not (leaving and not self.settle_by and not (self.open and self.heard)):
            ready = dict(self.poll.poll(self._patience()))
            if self.told in ready:
                self.heard = False
                self.poll.unregister(self.told)
            if self.asked in ready:
                words = os.read(self.asked, 64)
                leaving = leaving or not words
                if leaving:
                    self.poll.unregister(self.asked)
                self.heard_at = time.monotonic()
                self.settle_by = self.heard_at + AT_MOST
            before = self.heard_at
            if self.master in ready and self._copy() and self.heard_at - before < STREAM:
                time.sleep(PAUSE)
            now = time.monotonic()
            if self.untold and now - self.told_at >= OFTEN:
                self._tell_growth(now)
            if self.settle_by and (now - self.heard_at >= QUIET or now >= self.settle_by or not self.open):
                self.settle_by = 0.0
                self._tell_growth(now)
                self._tell(b"settled\n")

    def _patience(self) -> float | None:
        """Milliseconds until there is something to do even if nothing comes."""
        if self.settle_by:
            return 5
        return OFTEN * 1000 if self.untold else None

    def _copy(self) -> int:
        pieces, size = [], 0
        while size < BURST:
            try:
                data = os.read(self.master, PIECE)
            except BlockingIOError:
                break
            except OSError:  # how Linux says that nobody has the other side any more
                data = b""
            if not data:
                self.open = False
                self.poll.unregister(self.master)
                break
            pieces.append(data)
            size += len(data)
        if size:
            self.heard_at = time.monotonic()
            self._keep(b"".join(pieces))
            self.untold = True
        return size

    def _keep(self, data: bytes) -> None:
        """Write to the log. What does not fit is lost and counted: no script must wait for the disk for ever."""
        while data:
            try:
                data = data[os.write(self.log, data) :]
            except OSError as error:
                self.lost += len(data)
                self._tell(f"lost {error.errno} {self.lost}\n".encode("ascii"))
                return

    def _tell_growth(self, now: float) -> None:
        self._tell(b"grew\n")
        self.untold, self.told_at = False, now

    def _tell(self, words: bytes) -> None:
        try:
            os.write(self.told, words)
        except BlockingIOError:  # who has not read the words before these will look at the log then
            pass
        except BrokenPipeError:
            pass


if __name__ == "__main__":
    if hasattr(os, "SCHED_BATCH"):  # it wakes often, and need not push aside who answers a person's keys
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    Drain(*map(int, sys.argv[1:5])).run()
