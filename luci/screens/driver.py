"""The terminal that the app is drawn on: it may be gone at any moment, and it may be woken by anyone."""

from __future__ import annotations

import os
import signal
from typing import IO, TYPE_CHECKING, Any

from textual import events
from textual.drivers.linux_driver import LinuxDriver

from luci.screens.pace import Pace

if TYPE_CHECKING:
    from textual.message import Message

    from luci.app import LuciApp


class Paper:
    """What is drawn on. Once the terminal is gone, nobody reads it, and that is no error."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            pass

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            pass

    def fileno(self) -> int:
        return self._file.fileno()


class Driver(LinuxDriver):
    _app: LuciApp

    def __init__(self, app: Any, **options: Any) -> None:
        super().__init__(app, **options)
        self._file: Any = Paper(self._file)

    def write(self, data: str) -> None:
        # without its thread, as where the terminal was gone before it could be taken again, the queue fills for good
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().write(data)

    def process_message(self, message: Message) -> None:
        if isinstance(message, events.InputEvent):
            Pace.typed()
        super().process_message(message)

    def _sigtstp_application(self, *_: object) -> None:
        """Stop with all that the shell started as one job, once the terminal is as it was: the shell takes it then.

        Where no shell could wake us the kernel does not stop us either, and the app is there again.
        """
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)
        self._sigcont_application()

    def _sigcont_application(self, *_: object) -> None:
        """Start again only where we stopped: a shell that closes, for one, wakes who never slept."""
        if self._auto_restart and self._must_signal_resume:
            super()._sigcont_application()

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._app.call_later(self._app.lose_terminal)
        except Exception as error:  # noqa: BLE001 - the app tells of it, as of every error that nobody expected
            self._app.call_later(self._app._handle_exception, error)
