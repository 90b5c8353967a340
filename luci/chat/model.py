"""Ask a model, and yield its answer as it comes. Any endpoint that speaks the chat-completions protocol will do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from luci.chat import faults, manners
from luci.chat.faults import Fault, ModelError, NoTools, TooLong
from luci.chat.messages import Answer, AskedAgain, Message, Replying, Thinking
from luci.chat.providers import Endpoint, for_talking, newest
from luci.chat.served import Served, served
from luci.chat.wire import BrokenOff, Moved, NoStream, Silence, Wire
from luci.chat.written import WHY_NOT_WHOLE, Written
from luci.config import ModelSettings
from luci.errors import Interrupted
from luci.events import Event
from luci.values import replace

__all__ = ["Model", "ModelError", "NoTools", "TooLong"]
DELAYS = (1.0, 3.0, 8.0, 20.0)  # seconds before the next try, where the endpoint names none
LONGEST_WAIT = 120.0  # seconds: who wants to be left alone for longer is not asked again
_LOOK = 0.05  # seconds between two looks whether we are to stop
_ROUND = 64  # pieces between two looks whether the model goes round in circles
_LEARNS = 4  # refusals of one request that each teach to ask otherwise


class Model:
    """One model of one endpoint. How the endpoint wants to be asked is learnt while it is."""

    def __init__(self, endpoint: Endpoint, settings: ModelSettings, stop: Callable[[], bool]) -> None:
        self.endpoint, self.settings, self.stop = endpoint, settings, stop
        self._name = "" if endpoint.family else endpoint.model
        self._wire = Wire(endpoint, settings.timeout_seconds)
        self._manners = manners.usual(endpoint)
        self._served: Served | None = None

    @property
    def name(self) -> str:
        """The model's name; where only a family or nothing is named, the endpoint is asked what it offers. Raises
        ModelError, and what `openai` raises."""
        if not self._name:
            offered = self._wire.models()
            family = self.endpoint.family
            best = newest(offered, family) if family else next(iter(for_talking(offered)), "")
            self._name = best.removeprefix("models/") or self.endpoint.model
        if not self._name:
            raise ModelError(f"{self.endpoint.host} offers no model.", hint="Name one: luci config model.name NAME")
        return self._name

    def offered(self) -> list[str]:
        """Return the models that the endpoint names, none where it does not say. Raises ModelError where it does not
        take the key or cannot be reached."""
        import openai

        try:
            return self._wire.models()
        except openai.APIConnectionError as error:
            raise faults.unreachable(error, self.endpoint).error from error
        except openai.AuthenticationError as error:
            raise faults.refused(error, self.endpoint) from error
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):  # what came is no list of models
            return []

    @property
    def served(self) -> Served:
        """What is known of the model before it is asked; of one on this machine that may be much."""
        if self._served is None:
            self._served = served(self.endpoint.base_url, self.name) if self.endpoint.is_here else Served()
        return self._served

    def ready(self) -> Generator[Event, None, str]:
        """Wait for a server that is still starting or loading; return the model's name. Raises ModelError."""
        tries = 0
        while True:
            import openai

            try:
                return self.name
            except openai.APIStatusError as error:
                fault = faults.of_status(error, self.endpoint)
            except openai.APIConnectionError as error:
                fault = faults.unreachable(error, self.endpoint)
            except (openai.OpenAIError, ValueError, AttributeError, TypeError) as error:
                raise ModelError(f"{self.endpoint.host} names no models.", cause=str(error)[:300]) from error
            tries += 1
            if fault.final or tries >= self.settings.tries or not (yield from self._wait(fault, tries)):
                raise fault.error

    def answer(
        self,
        messages: Sequence[Message],
        tools: Sequence[dict[str, Any]] = (),
        most: int = 0,
        void: Callable[[Answer], int] | None = None,
    ) -> Generator[Event, None, Answer]:
        """Ask, and return the answer. A passing fault is tried again; an answer that broke off is asked for anew, and
        if it breaks off each time, the longest piece is returned, marked. `most` limits the tokens of the answer;
        `void` is told of a piece that was paid for in vain before it is asked again, and returns how many tokens the
        next answer may have.

        Raises ModelError where there is no answer at all, TooLong where the messages are more than the model can hold.
        """
        longest: Answer | None = None
        tries, learns = max(1, self.settings.tries), _LEARNS
        while tries:
            host = self.endpoint.host
            name = yield from self.ready()
            fault, piece = yield from self._try(self._manners.request(name, messages, tools, most, host))
            if piece and not fault:
                return piece
            if piece and (longest is None or len(piece.message.text) > len(longest.message.text)):
                longest = piece
            assert fault
            if learns and fault.refused and (better := self._manners.after(fault.error.cause)):
                self._manners, learns = better, learns - 1
                continue
            tries -= 1
            if fault.final or self.stop() or not tries:
                if longest and longest.message.text:
                    return longest
                raise fault.error
            if void and piece and (piece.is_something or fault.heard):
                most = void(piece)
            if not (yield from self._wait(fault, max(1, self.settings.tries) - tries)):
                return longest or Written().answer("it was stopped")
        raise AssertionError("there is at least one try")

    def _try(self, request: dict[str, Any]) -> Generator[Event, None, tuple[Fault | None, Answer | None]]:
        """Return the answer, or why there is none; both for an answer that broke off."""
        import openai

        host = self.endpoint.host
        written = Written(host)
        pieces, number = self._wire.pieces(request, self.stop), 0
        try:
            for number, piece in enumerate(pieces, start=1):
                text, thoughts = written.take(piece)
                if thoughts:
                    yield Thinking(thoughts)
                if text:
                    yield Replying(text)
                if number % _ROUND == 0 and written.goes_round:
                    return None, written.answer("the model writes the same without end")
        except Interrupted:
            return None, written.answer("it was stopped")
        except openai.APIStatusError as error:
            return faults.of_status(error, self.endpoint), None
        except (openai.APIConnectionError, Silence) as error:
            return self._broken(error, written)
        except BrokenOff as error:
            return faults.of_words(error.message, error.code, self.endpoint), written.answer("the model broke off")
        except (openai.APIError, ValueError) as error:  # ValueError: what came is no JSON
            fault = faults.passing(f"{host} answered with what is no answer.", cause=str(error)[:300])
            return fault, written.answer("the answer broke off")
        except NoStream as error:
            return Fault(ModelError(str(error), hint="Is the address right? Most end in /v1."), final=True), None
        finally:
            pieces.close()
        if not written.reason:
            return faults.passing(f"The answer of {host} broke off."), written.answer("it broke off")
        return None, written.answer(WHY_NOT_WHOLE.get(written.reason, ""))

    def _broken(self, error: Exception, written: Written) -> tuple[Fault | None, Answer]:
        """Return what a connection means that fails or falls silent; behind the end of an answer it means nothing."""
        import openai

        host = self.endpoint.host
        if written.reason:
            return None, written.answer(WHY_NOT_WHOLE.get(written.reason, ""))
        if isinstance(error, openai.APITimeoutError | Silence):
            silent = faults.passing(f"{host} said nothing for {self.settings.timeout_seconds:g} s.")
            return replace(silent, heard=True), written.answer("the model fell silent")
        answer = written.answer("the connection broke off")
        if isinstance(error.__cause__, Moved):
            return faults.moved(str(error.__cause__), self.endpoint), answer
        if answer.is_something or not isinstance(error, openai.APIConnectionError):
            return faults.passing(f"The connection to {host} broke off.", cause=str(error.__cause__ or error)), answer
        return faults.unreachable(error, self.endpoint), answer

    def _wait(self, fault: Fault, tries: int) -> Generator[Event, None, bool]:
        """Wait until it may be asked again; return whether nobody stopped that."""
        delay = fault.wish or DELAYS[min(tries - 1, len(DELAYS) - 1)] * (0.8 + 0.4 * random.random())
        error = fault.error
        if delay > LONGEST_WAIT:
            raise ModelError(error.message, cause=f"It wants to be left alone for {delay:.0f} s.", hint=error.hint)
        yield AskedAgain(" ".join(filter(None, [error.message, error.cause])), delay)
        return self._pause(delay)

    def _pause(self, seconds: float) -> bool:
        """Wait; return whether the time passed without a stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.stop():
                return False
            time.sleep(min(left, _LOOK))
        return True
