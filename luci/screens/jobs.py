"""Actions performed in threads of their own; what they say arrives as messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ClassVar

from textual.message import Message
from textual.message_pump import MessagePump

from luci.actions.door import ACTIONS, perform
from luci.config import Settings
from luci.context import Answer, Context, Question
from luci.errors import Interrupted, LuciError, lacking
from luci.events import Ended, Event, Output, Started


class Job:
    """One action being performed for a widget. Its messages go to that widget, and from there up to the app."""

    under_way: ClassVar[set[Job]] = set()

    class News(Message, no_dispatch=None):
        """Something of a job. While an app is taken down, the parts of its panes before the panes, it hears none."""

        def __init_subclass__(cls) -> None:
            super().__init_subclass__(no_dispatch=None)

        def __init__(self, job: Job) -> None:
            self.job = job
            super().__init__()

        @property
        def no_dispatch(self) -> bool:  # type: ignore[override]  # Textual has one value for all of a class
            return not self.job.target.app.is_running

    class Said(News):
        """The action yielded an event."""

        def __init__(self, job: Job, event: Event) -> None:
            self.event = event
            super().__init__(job)

    class SaidMuch(News):
        """The action, performed with `together`, yielded events: `job.heard()` are those that nobody took yet."""

    class Asked(News):
        """A person must decide; the action waits until `answer` is called."""

        def __init__(self, job: Job, question: Question, answer: Callable[[Answer], None]) -> None:
            self.question, self.answer = question, answer
            super().__init__(job)

    class Finished(News):
        """The action is over. `error` says why there is no result."""

        def __init__(self, job: Job, result: Any, error: LuciError | None) -> None:
            self.result, self.error = result, error
            super().__init__(job)

    def __init__(
        self, target: MessagePump, name: str, request: Any, settings: Settings, *, together: bool = False
    ) -> None:
        """With `together`, what is said while the target is busy comes in one message, however much it is."""
        self.target, self.name, self.request, self.settings = target, name, request, settings
        self.together = together
        self._unheard: list[Event] = []
        self._unheard_lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"luci {name}", daemon=True)

    def start(self) -> Job:
        self.under_way.add(self)
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
                self._say(event)
                ends_by_itself = ACTIONS[self.name].heeds_stop or isinstance(event, Started | Output | Ended)
                if self._stop.is_set() and not ends_by_itself:
                    steps.close()
                    raise Interrupted("Stopped.")
        except StopIteration as end:
            result = end.value
        except LuciError as failed:
            error = failed
        except BaseException as failed:  # noqa: BLE001 - else nobody hears of it, and who waits for the end waits on
            error = _bug(self.name, failed)
        self.under_way.discard(self)
        self.target.post_message(self.Finished(self, result, error))

    def _say(self, event: Event) -> None:
        if not self.together:
            self.target.post_message(self.Said(self, event))
            return
        with self._unheard_lock:
            self._unheard.append(event)
            is_first = len(self._unheard) == 1
        if is_first:
            self.target.post_message(self.SaidMuch(self))

    def heard(self) -> list[Event]:
        """Take what was said and not heard yet."""
        with self._unheard_lock:
            events, self._unheard = self._unheard, []
        return events

    def _ask(self, question: Question) -> Answer:
        answered, answers = threading.Event(), [Answer(False)]

        def answer(given: Answer) -> None:
            answers[0] = given
            answered.set()

        self.target.post_message(self.Asked(self, question, answer))
        while not answered.wait(0.1):
            if self._stop.is_set():
                return Answer(False, stop=True)
        return answers[0]


def stop_all(seconds: float) -> bool:
    """Ask all that is under way to end, and wait so long for it; return whether it ended."""
    until = time.monotonic() + seconds
    jobs = list(Job.under_way)
    for job in jobs:
        job.stop()
    return all(job.wait(max(0.0, until - time.monotonic())) for job in jobs)


def _bug(name: str, failed: BaseException) -> LuciError:
    """Return what is told of an error that no action should raise; the machine's own lacks are none of luci's."""
    if isinstance(failed, OSError) and (told := lacking(failed)):
        return told
    from luci import crashes

    return crashes.noted(failed, f"A fault in luci itself ended this ({name}).")
