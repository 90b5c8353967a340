"""The same as well as Windows allows."""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from luci.events import Ended, Event, Output
from luci.process.spool import StdinSpool
from luci.process.streams import CHUNK
from luci.process.tree import TICK_SECONDS, TIMED_OUT

if TYPE_CHECKING:
    import queue
    import subprocess

    from luci.process.child import Log

if sys.platform == "win32":

    def run_on_windows(
        command: list[str],
        environ: Mapping[str, str],
        cwd: str | Path | None,
        stdin: int | Path | StdinSpool | None,
        timeout: float | None,
        stop: Callable[[], bool],
        capture: bool,
        log: Log | None,
    ) -> Iterator[Event]:
        """As `run`, with a thread for each pipe, since poll is not there. Not tested: no Windows was at hand."""
        import queue
        import subprocess

        began = time.monotonic()
        said: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        pipe = subprocess.PIPE if capture or log is not None else None
        with contextlib.ExitStack() as stack:
            fd = stdin.source if isinstance(stdin, StdinSpool) else stdin
            popen = subprocess.Popen(
                command,
                env=environ,
                cwd=cwd,
                stdin=stack.enter_context(fd.open("rb")) if isinstance(fd, Path) else fd,
                stdout=pipe,
                stderr=pipe,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
            )
            stack.callback(_end_on_windows, popen)
            streams = {"stdout": popen.stdout, "stderr": popen.stderr}
            decoders = {name: codecs.getincrementaldecoder("utf-8")("surrogateescape") for name in streams}
            for name, file in streams.items():
                if file is not None:
                    threading.Thread(target=_listen, args=(name, file, said), daemon=True).start()
            timed_out = False
            while True:
                running = popen.poll() is None
                timed_out = timed_out or (running and timeout is not None and time.monotonic() - began >= timeout)
                if running and (timed_out or stop()):
                    _end_on_windows(popen)
                try:
                    name, data = said.get(timeout=TICK_SECONDS)
                except queue.Empty:
                    if running:
                        continue
                    break
                if log is not None:
                    log.write(data)
                if capture:
                    yield Output(name, decoders[name].decode(data))
                else:
                    os.write(1 if name == "stdout" else 2, data)
            yield Ended(TIMED_OUT if timed_out else popen.returncode, time.monotonic() - began, 0, timed_out)

    def _listen(name: str, file: IO[bytes], said: queue.SimpleQueue[tuple[str, bytes]]) -> None:
        while data := os.read(file.fileno(), CHUNK):
            said.put((name, data))

    def _end_on_windows(popen: subprocess.Popen[bytes]) -> None:
        import subprocess

        if popen.poll() is None:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(popen.pid)], capture_output=True, check=False)
            popen.wait()
