"""Which models can be chosen: what an endpoint says that it has. It is kept, to be completed while somebody types."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping

from luci import kept, paths
from luci.chat import keys, providers
from luci.chat.model import Model, ModelError
from luci.config import Settings
from luci.context import Context
from luci.errors import LuciError
from luci.events import Event, Working
from luci.values import Value, anew

_TOLD = 30  # names in a line


class Offer(Value):
    """`endpoint` says who answers, None where nobody does; `models` is empty where it does not tell what it has, and
    `trouble` why where that is known. `provider` is who a person chose by name, "" for nobody; `others` are who could
    be, and what each wants."""

    endpoint: providers.Endpoint | None
    models: tuple[str, ...]
    provider: str = ""
    others: Mapping[str, str] = anew(dict)
    trouble: str = ""

    def chosen(self, model: str) -> str:
        """Return the choice of one of the models, as a person would say it."""
        return f"{self.provider} {model}".strip()

    @property
    def told(self) -> str:
        """What can be chosen, in words."""
        if self.endpoint is None:
            return "No model is configured. `model PROVIDER` chooses one."
        if self.trouble:
            return self.trouble
        if not self.models:
            return f"{self.endpoint.host} does not tell what it has. `model NAME` takes one by its name."
        more = f" and {len(self.models) - _TOLD} more" if len(self.models) > _TOLD else ""
        return f"{self.endpoint.host} has {', '.join(self.models[:_TOLD])}{more}. `model NAME` chooses."

    @property
    def doubt(self) -> str:
        """What speaks against the model that was chosen, in words; empty where nothing does. An endpoint may know names
        that it does not list."""
        if self.endpoint is None or not self.models:
            return self.trouble
        name = self.endpoint.model
        if not name or name in self.models or f"models/{name}" in self.models:
            return ""
        import difflib

        near = difflib.get_close_matches(name, self.models, 3, 0.4) or self.models[:3]
        return f"{self.endpoint.host} does not list {name}. It has {', '.join(near)}."


def offered(said: str, context: Context) -> Generator[Event, None, Offer]:
    """Ask who answers, with what a person chose, for what it has. Raises ConfigError."""
    settings = context.settings.model
    try:
        endpoint = providers.endpoint(settings, said=said)
    except providers.NoModel:
        return Offer(None, (), others=_others(""))
    yield Working("asking", endpoint.host)
    models: tuple[str, ...] = ()
    trouble = ""
    try:
        models = tuple(providers.for_talking(Model(endpoint, settings, context.stop).offered()))
    except ModelError as error:
        trouble = " ".join(filter(None, [error.message, error.hint]))
    if models:
        kept.save(_file(), {**_kept(), endpoint.base_url: models})
    return Offer(endpoint, models, providers.parted(said)[0], _others(endpoint.provider), trouble)


def _others(but: str) -> dict[str, str]:
    """Return the providers that could be chosen, those first that need nothing more, and what each wants."""
    up = {known.name for known in providers.servers_here()}
    ready: dict[str, str] = {}
    rest: dict[str, str] = {}
    for name, known in providers.PROVIDERS.items():
        if name == but:
            continue
        if known.local:
            (ready if name in up else rest)[name] = "on this machine" + ("" if name in up else ", not up")
        elif any(os.environ.get(variable) for variable in known.variables) or keys.in_the_file(name):
            ready[name] = "its key is here"
        else:
            rest[name] = f"wants a key: luci key set {name}"
    return {**ready, **rest}


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
    except LuciError:  # who asks for it is told
        names = {}
    return {**names, **dict.fromkeys(providers.PROVIDERS, "its default model")}


def _file() -> str:
    return os.path.join(paths.text("cache"), "models")


def _kept() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = kept.load(_file()) or {}
    return found
