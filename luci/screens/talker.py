"""The assistant of a line by line conversation, from one request to the next."""

from __future__ import annotations

import sys

from luci import config
from luci.actions.door import done, perform
from luci.chat.messages import Began
from luci.chat.offers import Offer
from luci.chat.ongoing import Ongoing
from luci.chat.providers import NoModel
from luci.chat.recall import SessionRequest, last_exchange
from luci.context import Context
from luci.errors import LuciError
from luci.screens.plain import harmless
from luci.screens.talk import Teller
from luci.values import replace


class Talker:
    """Hands what a person says to a model, and shows what comes of it."""

    def __init__(self) -> None:
        self._ongoing = Ongoing()

    def greeting(self) -> str:
        """Say who answers, as far as that is known without asking anybody."""
        try:
            return f"{done('who', '', Context(config.load())).told} answers; model chooses another one."
        except NoModel:
            return "No model is set up; model lists who could answer."
        except LuciError as error:
            return " ".join(filter(None, [error.message, error.hint]))

    def say(self, text: str) -> None:
        """Follow a request to its end. Raises NoModel, and what else keeps a model from answering."""
        teller = Teller(plain=True)
        steps = perform("ask", self._ongoing.request(text), Context(config.load(), teller.ask))
        try:
            while True:
                event = next(steps)
                if isinstance(event, Began):
                    self._ongoing = replace(self._ongoing, session=event.session)
                teller.show(event)
        except StopIteration as end:
            if end.value.why:
                sys.stderr.write(harmless("\n".join(end.value.words)) + "\n")
        finally:
            steps.close()
            teller.close()

    def switch(self, model: str, session: str) -> str:
        """Let another model answer, or go on with another conversation; return who answers, in which, and what was said
        there last; with neither, who could answer."""
        settings = config.load()
        if not (model or session):
            return self._who_could_answer()
        before = self._ongoing.session
        self._ongoing, told = self._ongoing.switched(model, session, settings)
        if not session:
            return "\n".join(filter(None, [told, self._doubt()]))
        if self._ongoing.session == before:
            return told
        entries = done("sessions show", SessionRequest(self._ongoing.session), Context(settings)).entries
        return "\n".join(
            [told, *(f"{mark}{text}" for mark, text in zip(("> ", ""), last_exchange(entries), strict=False))]
        )

    def _who_could_answer(self) -> str:
        offer = self._offer()
        told = [f"{offer.endpoint.told} answers."] if offer.endpoint else []
        others = [f"  {name}: {about}" for name, about in offer.others.items()]
        return "\n".join([*told, offer.told, *others])

    def _doubt(self) -> str:
        try:
            return self._offer().doubt
        except LuciError as error:
            return error.message

    def _offer(self) -> Offer:
        offer: Offer = done("models", self._ongoing.model, Context(config.load()))
        return offer
