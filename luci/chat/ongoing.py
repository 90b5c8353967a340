"""A conversation between one request and the next: its session, who answers, and what was allowed in it."""

from __future__ import annotations

from luci.chat.asking import AskRequest
from luci.chat.leave import Kind
from luci.chat.opening import who_answers
from luci.config import Settings
from luci.values import Value, anew, replace


class Ongoing(Value):
    """`session` is empty until the first request, `model` where the settings name it. `granted` is added to while a
    request is followed: what was allowed for the session."""

    session: str = ""
    model: str = ""
    granted: set[Kind] = anew(set)

    def request(self, text: str) -> AskRequest:
        return AskRequest(text, session=self.session, model=self.model, granted=self.granted)

    def switched(self, model: str, session: str, settings: Settings) -> tuple[Ongoing, str]:
        """Return the conversation with another model, or another conversation, and in words who answers. What was
        allowed in one session is not in another. Raises NoModel, UsageError."""
        model = model or self.model
        told, found = who_answers(model, session, settings)
        if found in ("", self.session):
            return replace(self, model=model), told
        return Ongoing(found, model), told
