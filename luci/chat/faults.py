"""What an endpoint means when it does not answer: in words, whether another try may help, and when."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from luci.chat.providers import Endpoint
from luci.errors import LuciError
from luci.values import Value

if TYPE_CHECKING:
    import openai

_NO_TOOLS = re.compile(
    r"tool.{0,80}(not support|unsupported|--jinja|enable-auto-tool-choice|unrecogni[sz]ed|unknown|not permitted"
    r"|not allowed|disabled|not available)|(support|unsupported|unrecogni[sz]ed|unknown).{0,60}\b(param: )?tools?\b",
    re.IGNORECASE | re.DOTALL,
)
_TOO_LONG = re.compile(
    r"context.{0,20}(length|size|window)|prompt is too long|too many tokens|exceed_context|input.{0,20}too long"
    r"|maximum.{0,30}tokens.{0,40}(input|prompt)|token count.{0,40}exceeds",
    re.IGNORECASE | re.DOTALL,
)
_ROOM = re.compile(
    r"(?:context (?:length|size|window)|maximum|limit)\D{0,40}?(\d[\d,]{3,})|(\d[\d,]{3,})\s*(?:tokens?\s*)?maximum",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"insufficient_quota|insufficient credits|exceeded your current quota|more credits|credit balance", re.IGNORECASE
)


class ModelError(LuciError):
    """The model did not answer, or not with what the protocol has."""


class NoTools(ModelError):
    """The endpoint refuses a request because it offers tools."""


class TooLong(ModelError):
    """The messages are more than the model can hold. `room` is how many tokens it can, `counted` how many they are; 0
    where it does not say."""

    room = 0
    counted = 0


class Fault(Value):
    error: ModelError
    final: bool = False  # another try would change nothing
    wish: float = 0.0  # seconds that the endpoint wants to be left alone
    heard: bool = False  # the endpoint may have worked on the request, and be paid for it
    refused: bool = False  # the request was, in the words of the error's cause: asked otherwise it might not be


def passing(message: str, cause: str = "") -> Fault:
    return Fault(ModelError(message, cause=cause))


def unreachable(error: openai.APIConnectionError, endpoint: Endpoint) -> Fault:
    hint = f"Is the server up? It is looked for at {endpoint.base_url}." if endpoint.is_here else ""
    cause = str(error.__cause__ or error)
    if "CERTIFICATE_VERIFY_FAILED" in cause:
        hint = "SSL_CERT_FILE=FILE names a certificate of your own, or that of who signed it."
        return Fault(ModelError(f"Nobody vouches for {endpoint.host}.", cause=cause, hint=hint), final=True)
    if "disconnected without sending" in cause:
        return Fault(ModelError(f"{endpoint.host} hung up without an answer.", cause=cause, hint=hint))
    return Fault(ModelError(f"{endpoint.host} cannot be reached.", cause=cause, hint=hint))


def moved(to: str, endpoint: Endpoint) -> Fault:
    """What is meant by a redirect that a request with a body cannot follow."""
    address = to.removesuffix("/chat/completions")
    error = ModelError(f"{endpoint.host} sends on to another address.", cause=to)
    error.hint = f"Name that one: luci config model.base_url {address}" if address != to else "Is the address right?"
    return Fault(error, final=True)


def of_status(error: openai.APIStatusError, endpoint: Endpoint) -> Fault:
    wish = _wish(error.response.headers, error.body)
    if error.status_code == 401:
        return Fault(refused(error, endpoint), final=True)
    return of_words(_said(error.body, error.message), error.status_code, endpoint, wish)


def of_words(said: str, code: int, endpoint: Endpoint, wish: float = 0.0) -> Fault:
    """Return what is meant by words that came with a status, or in the middle of an answer (then `code` may be 0)."""
    host = endpoint.host
    if _NO_TOOLS.search(said) and code not in (401, 429):
        return Fault(NoTools(f"{endpoint.model or host} takes no tools.", cause=said), final=True)
    if _NO_MONEY.search(said) or code == 402:
        hint = "It is paid for at the provider; luci's own limits are model.request_cost and model.day_cost."
        error = ModelError(f"The account at {host} has no credit left for this.", cause=said, hint=hint)
        return Fault(error, final=True, refused=True)
    if code == 413 or (_TOO_LONG.search(said) and code < 500 and "in the completion" not in said):
        room = _room(said)
        holds = f" ({room:,} tokens)" if room else ""
        too_long = TooLong(f"This is more than the model at {host} can hold{holds}.", cause=said)
        too_long.hint = f"luci config model.context_tokens {room or 'N'} tells how much it can."
        too_long.room, too_long.counted = room, _counted(said, room)
        return Fault(too_long, final=True, refused="max_tokens" in said or "max_completion_tokens" in said)
    if code == 404:
        ends = endpoint.base_url.rstrip("/").rpartition("/")[2]
        wants = "" if re.fullmatch(r"v\d\w*|openai|api", ends) else "Most addresses end in /v1. "
        hint = f"{wants}`luci doctor` says which models there are."
        return Fault(ModelError(f"{host} knows no such thing.", cause=said, hint=hint), final=True)
    if code in (0, 408, 409, 429) or code >= 500:
        told = {0: "broke off.", 429: "has too much to do."}.get(code, f"answered {code}.")
        return Fault(ModelError(f"{host} {told}", cause=said), wish=wish, refused=code >= 500)
    return Fault(ModelError(f"{host} refused the request ({code}).", cause=said), final=True, refused=True)


def refused(error: openai.APIStatusError, endpoint: Endpoint) -> ModelError:
    said = _said(error.body, error.message)
    if not endpoint.key:
        hint = f"`luci key set {endpoint.provider}` keeps one." if endpoint.provider else "LUCI_API_KEY names it."
        return ModelError(f"{endpoint.host} wants a key.", cause=said, hint=hint)
    hint = f"The key comes from {endpoint.keyed or endpoint.origin or 'the settings'}."
    return ModelError(f"{endpoint.host} does not accept the key.", cause=said, hint=hint)


def _said(body: Any, message: str) -> str:
    """Return the endpoint's own words, of a page of HTML none."""
    if isinstance(body, list) and body:  # so Google's errors come
        body = body[0]
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        body = inner.get("message") if isinstance(inner, Mapping) else inner
    text = str(body or message)
    return "" if "<html" in text.lower() else text[:500]


def _room(said: str) -> int:
    found = _ROOM.search(said)
    return int((found[1] or found[2]).replace(",", "")) if found else 0


def _counted(said: str, room: int) -> int:
    """Return how many tokens were sent: the largest number in words that name a smaller one as what fits."""
    most = max((int(found.replace(",", "")) for found in re.findall(r"\d[\d,]{2,}", said)), default=0)
    return most if 0 < room < most else 0


def _wish(headers: Mapping[str, str], body: Any) -> float:
    """Return the seconds that an endpoint wants to be left alone: of its header, a number or a date, or of Google's
    error."""
    header = headers.get("retry-after", "")
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        pass
    found = re.search(r"retryDelay\W+(\d+(?:\.\d+)?)s", str(body or ""))
    return float(found[1]) if found else 0.0
