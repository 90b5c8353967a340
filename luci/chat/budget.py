"""How much a conversation may take: what it would take is reckoned before each call, and what it took after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from luci.chat.manners import MOST
from luci.chat.messages import Message, Usage
from luci.chat.sessions import Sessions
from luci.config import ModelSettings
from luci.errors import Refused

LEAST = 256  # tokens that an answer must be allowed to have
_CHARACTERS = 3.5  # of English and of source to a token; what servers count is used as soon as they tell it
_AROUND = 8  # tokens around each message


def reckoned(messages: Iterable[Message], more: str = "") -> int:
    """Return about how many tokens messages are, and `more` that comes with them."""
    texts = (message.text + "".join(call.name + call.arguments for call in message.calls) for message in messages)
    counts = [len(text.encode("utf-8", "replace")) / _CHARACTERS + _AROUND for text in texts]
    return round(sum(counts) + len(more) / _CHARACTERS)


@dataclass
class Budget:
    """That of one request, and of the day with all sessions."""

    settings: ModelSettings
    sessions: Sessions
    used: Usage = field(default_factory=Usage)
    _reserved: int = 0

    def left(self, prompt: int) -> int:
        """Return how many tokens an answer to a prompt of so many may have, 0 for as many as it likes. They are kept
        for it until `took` or `gave_up`: what another luci does at the same time reckons with them.

        Raises Refused where the call would go over a limit.
        """
        settings, most = self.settings, 0

        def wants(today: int, cost_today: float) -> tuple[int, float | None]:
            nonlocal most
            most = self._most(prompt, today, cost_today)
            answer = min(most or MOST, MOST)
            price = prompt * settings.price_in + answer * settings.price_out
            return prompt + answer, price / 1e6 if price else None

        self._reserved = self.sessions.reserve(wants)
        return most

    def gave_up(self) -> None:
        """Nothing came of the call."""
        self._instead(0, None)

    def _instead(self, tokens: int, cost: float | None) -> None:
        """Count what a call took, once, in the place of what was kept for it."""
        if self._reserved:
            self.sessions.spent(self._reserved, tokens, cost)
        self._reserved = 0

    def _most(self, prompt: int, today: int, cost_today: float) -> int:
        settings = self.settings
        lefts = [
            (settings.request_tokens - self.used.tokens - prompt, settings.request_tokens, "model.request_tokens"),
            (settings.day_tokens - today - prompt, settings.day_tokens, "model.day_tokens"),
        ]
        held = [(left, name) for left, limit, name in lefts if limit]
        for left, name in held:
            if left < LEAST:
                raise _spent(name, "tokens")
        affordable = [
            self._affordable(limit - spent, prompt, name)
            for limit, spent, name in (
                (settings.request_cost, self.used.cost or 0.0, "model.request_cost"),
                (settings.day_cost, cost_today, "model.day_cost"),
            )
            if limit
        ]
        return min([left for left, _ in held] + [tokens for tokens in affordable if tokens], default=0)

    def _affordable(self, money: float, prompt: int, name: str) -> int:
        settings = self.settings
        left = money - prompt * settings.price_in / 1e6
        if left <= 0:
            raise _spent(name, "money")
        if not settings.price_out:
            return 0  # the price is not known: what the endpoint tells is counted afterwards
        tokens = int(left / (settings.price_out / 1e6))
        if tokens < LEAST:
            raise _spent(name, "money")
        return tokens

    def took(self, usage: Usage, prompt: int, answer: int) -> Usage:
        """Count what a call took; where the endpoint does not tell, what was reckoned."""
        settings = self.settings
        prompt = prompt if usage.prompt is None else usage.prompt
        answer = answer if usage.completion is None else usage.completion
        cost = usage.cost
        if cost is None and (settings.price_in or settings.price_out):
            cost = (prompt * settings.price_in + answer * settings.price_out) / 1e6
        counted = Usage(prompt, answer, cost)
        self.used += counted
        self._instead(counted.tokens, cost)
        return counted

    @property
    def blind(self) -> bool:
        """Whether there is a limit of money, and nobody has told a price yet."""
        settings = self.settings
        limited = settings.request_cost or settings.day_cost
        return bool(limited) and self.used.cost is None and not (settings.price_in or settings.price_out)


def _spent(name: str, what: str) -> Refused:
    return Refused(
        f"The budget of {what} ({name}) would be exceeded.", hint=f"luci config {name} N changes it, 0 lifts it."
    )
