"""Actions performed in threads of their own; what they say arrives as messages."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from textual.message import Message
from textual.message_pump import MessagePump

from luci.actions.door import perform
from luci.config import Settings
from luci.context import Context, Question
from luci.errors import Interrupted, LuciError
from luci.events import Ended, Event, Output, Started


class Job:
    """One action being performed for a widget. Its messages go to that widget, and from there up to the app."""

    class Said(Message):
        """The action yielded an event."""

        def __init__(self, job: Job, event: Event) -> None:
            self.job, self.event = job, event
            super().__init__()

    class Asked(Message):
        """A person must decide; the action waits until `answer` is called."""

        def __init__(self, job: Job, question: Question, answer: Callable[[bool], None]) -> None:
            self.job, self.question, self.answer = job, question, answer
            super().__init__()

    class Finished(Message):
        """The action is over. `error` says why there is no result."""

        def __init__(self, job: Job, result: Any, error: LuciError | None) -> None:
            self.job, self.result, self.error = job, result, error
            super().__init__()

    def __init__(self, target: MessagePump, name: str, request: Any, settings: Settings) -> None:
        self.target, self.name, self.request, self.settings = target, name, request, settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"luci {name}", daemon=True)

    def start(self) -> Job:
        self._thread.start()
        return self

    @property
    def is_stopped(self) -> bool:
        """Whether somebody asked it to end."""
        return self._stop.is_set()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ask the action to end; it does so at the next moment it can."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        context = Context(self.settings, ask=self._ask, stop=self._stop.is_set)
        steps = perform(self.name, self.request, context)
        result, error = None, None
        try:
            while True:
                event = next(steps)
                self.target.post_message(self.Said(self, event))
                if self._stop.is_set() and not isinstance(event, (Started, Output, Ended)):  # a run ends by itself
                    steps.close()
                    raise Interrupted("Stopped.")
        except StopIteration as end:
            result = end.value
        except LuciError as failed:
            error = failed
        self.target.post_message(self.Finished(self, result, error))

    def _ask(self, question: Question) -> bool:
        answered, answers = threading.Event(), [False]

        def answer(yes: bool) -> None:
            answers[0] = yes
            answered.set()

        self.target.post_message(self.Asked(self, question, answer))
        while not answered.wait(0.1):
            if self._stop.is_set():
                return False
        return answers[0]
