"""What goes by a name, for who types one: models and past conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from luci.actions.completion import Named
from luci.config import Settings

_MOST = 50  # conversations


def named(settings: Callable[[], Settings]) -> Mapping[str, Named]:
    def models() -> Mapping[str, str]:
        from luci.chat.offers import known

        return known(settings())

    def sessions() -> Mapping[str, str]:
        from luci.actions.door import done
        from luci.chat.recall import RecallRequest
        from luci.context import Context

        found = done("sessions list", RecallRequest(), Context(settings()))[:_MOST]
        return {session.id: session.title for session in found}

    return {"model": models, "session": sessions}
