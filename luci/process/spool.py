"""Our piped standard input, kept for a second attempt."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Iterator

from luci.process.streams import CHUNK, wait_for


class StdinSpool:
    """Our piped standard input, kept as it is read, so that a second attempt can have it from the start.

    No more is read than the child has room for. `is_whole` says whether all that was read is still here;
    a full disk makes it False, and what is read from then on goes to the child only. Not on Windows.
    """

    def __init__(self, source: int = 0) -> None:
        import tempfile  # 6 ms

        self.source = source
        self.kept = tempfile.TemporaryFile()  # noqa: SIM115
        self.size = 0
        self.is_whole = True
        self.ended = False
        self.feeding: tuple[threading.Thread, int] | None = None

    def attach(self) -> int:
        """Return a descriptor that reads everything from the start; the caller closes it, `detach` ends the feeding."""
        self.detach()
        reader, writer = os.pipe()
        woken, waker = os.pipe()
        os.set_blocking(writer, False)
        thread = threading.Thread(target=self._feed, args=(writer, woken), daemon=True)
        self.feeding = thread, waker
        thread.start()
        return reader

    def detach(self) -> None:
        if self.feeding is not None:
            thread, waker = self.feeding
            os.close(waker)
            thread.join()
            self.feeding = None

    def close(self) -> None:
        self.detach()
        self.kept.close()

    def _feed(self, writer: int, woken: int) -> None:
        try:
            for piece in self._pieces(writer, woken):
                while piece:
                    if woken in wait_for({writer: select.POLLOUT, woken: select.POLLIN}, 3600):
                        return
                    with contextlib.suppress(BlockingIOError):
                        piece = piece[os.write(writer, piece) :]
        except BrokenPipeError:  # the child wants no more of it; another may
            pass
        finally:
            os.close(writer)
            os.close(woken)

    def _pieces(self, writer: int, woken: int) -> Iterator[bytes]:
        """Yield what was kept, then what comes, until it ends, or the child or we want no more."""
        at = 0
        while True:
            if at < self.size:
                piece = os.pread(self.kept.fileno(), CHUNK, at)
                at += len(piece)
                yield piece
                continue
            if self.ended:
                return
            ready = wait_for({self.source: select.POLLIN, woken: select.POLLIN, writer: select.POLLERR}, 3600)
            if woken in ready or writer in ready:
                return
            if self.source in ready:
                data = os.read(self.source, CHUNK)
                self.ended = not data
                if not self._keep(data):
                    yield data

    def _keep(self, data: bytes) -> bool:
        if self.is_whole:
            try:
                os.pwrite(self.kept.fileno(), data, self.size)
                self.size += len(data)
            except OSError:
                self.is_whole = False
        return self.is_whole
