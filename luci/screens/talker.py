"""The assistant of a line by line conversation: opened when it is first needed, kept while the conversation lasts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from luci import config
from luci.chat.opening import Opening, opened
from luci.chat.providers import NoModel
from luci.context import Context
from luci.screens.plain import harmless
from luci.screens.talk import Teller

if TYPE_CHECKING:
    from luci.chat.converse import Talk
    from luci.chat.sessions import Sessions


class Talker:
    """Hands what a person says to a model, and shows what comes of it."""

    def __init__(self) -> None:
        self._talk: Talk | None = None
        self._sessions: Sessions | None = None
        self._opening = Opening()

    def say(self, text: str) -> None:
        """Follow a request to its end. Raises NoModel, and what else keeps a model from answering."""
        teller = Teller(plain=True)
        talk = self._opened()
        talk.hands.leave.decide, talk.hands.reply = teller.decide, teller.reply
        steps = talk.ask(text)
        try:
            while True:
                teller.show(next(steps))
        except StopIteration as end:
            if end.value.why:
                sys.stderr.write(f"luci: {harmless(end.value.why)}\n")
        finally:
            steps.close()
            teller.close()

    def switch(self, model: str, session: str) -> str:
        """Let another model answer, or go on with another conversation; return who answers, and in which."""
        former, self._talk = self._talk, None
        going_on = session or (former.hands.session if former else self._opening.session)
        self._opening = Opening(session=going_on, model=model or self._opening.model)
        try:
            talk = self._opened()
        except Exception:
            self._talk = former
            raise
        said = sum(message.role == "user" for message in talk.messages)
        return f"{talk.model.name} answers, in session {talk.hands.session} ({said} requests so far)"

    def _opened(self) -> Talk:
        if self._talk is None:
            from luci.chat.sessions import Sessions

            self._sessions = self._sessions or Sessions()
            self._talk = opened(self._opening, Context(config.load()), self._sessions)
        return self._talk

    def close(self) -> None:
        if self._sessions:
            self._sessions.close()


def without_a_model(text: str, error: NoModel) -> str:
    """Return what luci can say by itself to a request that is for an assistant."""
    return "\n".join(
        (
            f"{error.message} {error.hint}",
            "Without one I run, plan and mend scripts, and say why a run failed: run FILE, plan FILE, why, help.",
        )
    )
