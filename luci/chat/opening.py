"""Begin a conversation, or go on with one: who answers, what it may do, and what was said so far."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from luci.chat import keys, providers, secrets
from luci.chat.converse import Talk
from luci.chat.ground import Ground
from luci.chat.hands import Hands, nobody_answers
from luci.chat.leave import Decide, Kind, Leave, Rules, nobody
from luci.chat.model import Model
from luci.chat.providers import Endpoint
from luci.chat.replay import Replay
from luci.chat.sessions import Sessions
from luci.config import ModelSettings, Settings
from luci.context import Context
from luci.errors import LuciError
from luci.values import Value, replace


class Opening(Value):
    """`session` is one to go on with, "" for a new one; `model` is another than the settings name, as a person says it
    (see `providers.endpoint`); `replay` answers in the place of a model."""

    session: str = ""
    model: str = ""
    allowed: frozenset[Kind] = frozenset()
    decide: Decide = nobody
    reply: Callable[[str], str | None] = nobody_answers
    replay: Replay | None = None


def who_answers(model: str, session: str, settings: Settings) -> tuple[str, str]:
    """Return in words who answers, and the id of the session that is meant. Raises UsageError, and without a session
    NoModel: what was said before can be looked at without anybody to go on with."""
    try:
        told = f"{providers.endpoint(settings.model, said=model).told} answers"
    except providers.NoModel as error:
        if not session:
            raise
        told = f"{error.message} {error.hint}".rstrip(".")
    if not session:
        return f"{told}.", ""
    sessions = Sessions()
    try:
        known = sessions.find(session)
    finally:
        sessions.close()
    elsewhere = "" if Path(known.folder) == Path.cwd() else f" It was begun in {known.folder}."
    return f"{told}; the session {known.id} goes on: {known.title}.{elsewhere}", known.id


def _for_another(settings: ModelSettings, endpoint: Endpoint) -> ModelSettings:
    """Return the settings without what holds only for who is configured: a price for its model, a planner for its
    server, as nobody else is to read what is said."""
    try:
        configured = providers.endpoint(settings)
    except LuciError:
        configured = Endpoint("", "", "", "", "")
    if endpoint.base_url != configured.base_url:
        return replace(settings, price_in=0, price_out=0, planner="")
    return settings if endpoint.model == configured.model else replace(settings, price_in=0, price_out=0)


def opened(opening: Opening, context: Context, sessions: Sessions) -> Talk:
    """Return a conversation in the working folder. Raises NoModel where nobody could answer."""
    folder = Path.cwd()
    settings = context.settings.model
    if opening.replay:
        model: Model | Replay = opening.replay
        more: list[tuple[str, str]] = []
    else:
        endpoint = providers.endpoint(settings, os.environ, opening.model)
        if opening.model:
            settings = _for_another(settings, endpoint)
        model = Model(endpoint, settings, context.stop)
        more = [("LUCI_API_KEY", endpoint.key)]
    leave = Leave(
        context.settings.leave.policy,
        opening.allowed,
        Rules.of(context.settings.leave.allow, context.settings.leave.deny, os.path.realpath(folder)),
        opening.decide,
    )
    known = sessions.find(opening.session) if opening.session else None
    session = known.id if known else sessions.begin(folder)
    hands = Hands(
        replace(context, ask=lambda _: False),
        Ground(folder),
        leave,
        secrets.known(folder, more=[*more, *((f"{name} key", keys.kept(name)) for name in keys.providers())]),
        sessions,
        session,
        opening.reply,
    )
    planner = None
    if isinstance(model, Model) and settings.planner:
        planner = Model(replace(model.endpoint, model=settings.planner, family=""), settings, context.stop)
    return Talk(model, hands, sessions.messages(session) if known else [], planner=planner)
