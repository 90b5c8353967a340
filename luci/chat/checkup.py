"""What `luci doctor` says of models: who is configured, who answers, and what they offer."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from luci.actions import care
from luci.actions.care import Finding
from luci.chat import providers
from luci.chat.model import Model
from luci.chat.providers import NoModel
from luci.context import Context
from luci.errors import LuciError
from luci.events import Event, Working

_MOST = 8  # models that are named


def doctor(request: None, context: Context) -> Generator[Event, None, list[Finding]]:
    """Return what is found of luci, and of who answers in a conversation."""
    found = yield from care.doctor(request, context)
    yield Working("asking", "the model's server")
    return [*found, *_models(context)]


def _models(context: Context) -> Iterator[Finding]:
    here = ", ".join(f"{known.name} at {known.base_url}" for known in providers.servers_here())
    try:
        chosen = providers.endpoint(context.settings.model)
    except NoModel as error:
        yield Finding("model", True, f"none is configured. {error.hint}")
        return
    except LuciError as error:
        yield Finding("model", False, error.message, error.hint)
        return
    if here:
        yield Finding("local models", True, here)
    try:
        offered = Model(chosen, context.settings.model, context.stop).offered()
    except LuciError as error:
        yield Finding("model", False, " ".join(filter(None, [error.message, error.cause])), error.hint)
        return
    if not offered:
        yield Finding("model", False, f"{chosen.base_url} names no models.", "Is the server up, and the address right?")
        return
    more = f" and {len(offered) - _MOST} more" if len(offered) > _MOST else ""
    told = f"{chosen.told} (from {chosen.origin}); offered: {', '.join(offered[:_MOST])}{more}"
    known = Model(chosen, context.settings.model, context.stop).served
    told += f"; it holds {known.room:,} tokens" if known.room else ""
    told += "" if known.tools else "; it knows no tools: it writes its scripts as text"
    known_there = not chosen.model or chosen.family or chosen.model in offered
    yield Finding("model", bool(known_there), told, f"{chosen.model} is not offered: luci config model.name NAME")
