"""Which models can be chosen: what an endpoint says that it has. It is kept, to be completed while somebody types."""

from __future__ import annotations

import os
from collections.abc import Generator

from luci import kept, paths
from luci.chat import keys, providers
from luci.chat.model import Model
from luci.config import Settings
from luci.context import Context
from luci.events import Event, Working
from luci.values import Value

_TOLD = 30  # names in a line


class Offer(Value):
    """`endpoint` says who answers; `models` is empty where it does not tell what it has. `provider` is who a person
    chose by name, "" for nobody."""

    endpoint: providers.Endpoint
    models: tuple[str, ...]
    provider: str = ""

    def chosen(self, model: str) -> str:
        """Return the choice of one of the models, as a person would say it."""
        return f"{self.provider} {model}".strip()

    @property
    def told(self) -> str:
        """What can be chosen, in words."""
        if not self.models:
            return f"{self.endpoint.host} does not tell what it has. `model NAME` takes one by its name."
        more = f" and {len(self.models) - _TOLD} more" if len(self.models) > _TOLD else ""
        return f"{self.endpoint.host} has {', '.join(self.models[:_TOLD])}{more}. `model NAME` chooses one."

    @property
    def doubt(self) -> str:
        """What speaks against the model that was chosen, in words; empty where nothing does. An endpoint may know names
        that it does not list."""
        name = self.endpoint.model
        if not self.models or not name or name in self.models or f"models/{name}" in self.models:
            return ""
        import difflib

        near = difflib.get_close_matches(name, self.models, 3, 0.4) or self.models[:3]
        return f"{self.endpoint.host} does not list {name}. It has {', '.join(near)}."


def offered(said: str, context: Context) -> Generator[Event, None, Offer]:
    """Ask who answers, with what a person chose, for what it has. Raises NoModel, ModelError."""
    settings = context.settings.model
    endpoint = providers.endpoint(settings, said=said)
    yield Working("asking", endpoint.host)
    models = tuple(providers.for_talking(Model(endpoint, settings, context.stop).offered()))
    if models:
        kept.save(_file(), {**_kept(), endpoint.base_url: models})
    return Offer(endpoint, models, providers.parted(said)[0])


def who(said: str, context: Context) -> Generator[Event, None, providers.Endpoint]:
    """Say who answers, with what a person chose, as far as that is known without waking a keyring. Raises NoModel."""
    yield from ()
    return providers.endpoint(context.settings.model, said=said, kept=keys.in_the_file)


def known(settings: Settings) -> dict[str, str]:
    """Return what can be chosen, as far as that is known without asking anybody, and of whom it is."""
    try:
        endpoint = providers.endpoint(settings.model, kept=keys.in_the_file)
        host = endpoint.provider or endpoint.host
        names = dict.fromkeys(_kept().get(endpoint.base_url, ()), host)
    except providers.NoModel:
        names = {}
    return {**names, **dict.fromkeys(providers.PROVIDERS, "its default model")}


def _file() -> str:
    return os.path.join(paths.text("cache"), "models")


def _kept() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = kept.load(_file()) or {}
    return found
