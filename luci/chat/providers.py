"""Which model answers: providers by name, their keys, and the one that is chosen.

What is said last wins: the settings, then OPENAI_*, OPENROUTER_* and the like where the settings name nobody, then
LUCI_MODEL, LUCI_BASE_URL and LUCI_API_KEY.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from luci.chat import keys, served
from luci.config import ModelSettings
from luci.errors import ConfigError
from luci.values import Value, replace

_SPEECHLESS = re.compile(r"embed|whisper|\btts\b|rerank|dall-e|moderation|stable-diffusion|\bbge-", re.IGNORECASE)


Kept = Callable[[str], str]  # a provider's key, empty where there is none


class Provider(Value):
    """Who serves models. `model` is the default; with `family` it is the newest that is offered under that name."""

    name: str
    base_url: str
    variables: tuple[str, ...] = ()  # that hold its key
    model: str = ""
    family: str = ""

    @property
    def local(self) -> bool:
        return not self.variables


PROVIDERS = {
    provider.name: provider
    for provider in (
        Provider("openai", "https://api.openai.com/v1", ("OPENAI_API_KEY",), "gpt-5"),
        Provider(
            "openrouter",
            "https://openrouter.ai/api/v1",
            ("OPENROUTER_API_KEY",),
            "anthropic/claude-sonnet-4",
            r"anthropic/claude-sonnet-(\d+(?:\.\d+)*)",
        ),
        Provider(
            "anthropic",
            "https://api.anthropic.com/v1",
            ("ANTHROPIC_API_KEY",),
            "claude-sonnet-4-0",
            r"claude-sonnet-(\d+(?:-\d{1,2})?)(?:-\d{8})?",
        ),
        Provider(
            "google",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            "gemini-2.5-pro",
            r"(?:models/)?gemini-(\d+(?:\.\d+)*)-pro",
        ),
        Provider("ollama", "http://127.0.0.1:11434/v1"),
        Provider("lmstudio", "http://127.0.0.1:1234/v1"),
        Provider("llamacpp", "http://127.0.0.1:8080/v1"),
        Provider("vllm", "http://127.0.0.1:8000/v1"),
    )
}


_ALSO_AT = {"llamacpp": ("http://127.0.0.1:9931/v1",)}  # its newer port


class Endpoint(Value):
    """Where answers come from. `origin` says who chose it, `keyed` who told its key, where that is somebody else; an
    empty `model` is the first that it offers."""

    provider: str
    base_url: str
    model: str
    key: str
    origin: str
    family: str = ""
    keyed: str = ""

    def __repr__(self) -> str:
        return f"Endpoint({self.provider!r}, {self.base_url!r}, {self.model!r})"  # without the key

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or self.base_url

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine."""
        return self.host == "localhost" or self.host == "::1" or self.host.startswith("127.")

    @property
    def told(self) -> str:
        return f"{self.model or 'the first model'} of {self.provider or self.host}"


class NoModel(ConfigError):
    """Nobody is configured who could answer."""


def endpoint(
    settings: ModelSettings, environ: Mapping[str, str] = os.environ, said: str = "", kept: Kept = keys.kept
) -> Endpoint:
    """Return who answers. `said` is what a person chose just now, "MODEL", "PROVIDER" or "PROVIDER MODEL": it goes
    before the settings and the variables. `kept` finds keys that stand in no variable. Raises NoModel where nobody is
    configured, ConfigError for an address that is none."""
    provider, model = parted(said)
    if provider:
        named = PROVIDERS[provider]
        url = settings.base_url if settings.provider == provider else ""
        chosen: Endpoint | None = _at(named, url, _key_of(named, environ, kept), "what was chosen")
        name, key = model, ""
    else:
        chosen = _configured(settings, environ, kept) or _of_environ(environ, kept)
        if url := environ.get("LUCI_BASE_URL", ""):
            chosen = Endpoint("", url, "", environ.get("LUCI_API_KEY", ""), "LUCI_BASE_URL")
        name = model or environ.get("LUCI_MODEL", "") or settings.name
        key = environ.get("LUCI_API_KEY", "")
    if chosen is None:
        raise NoModel("No model is configured.", hint=_what_to_do())
    chosen = replace(chosen, model=name or chosen.model)
    if key:
        chosen = replace(chosen, key=key, keyed="LUCI_API_KEY")
    if name:
        chosen = replace(chosen, family="")
    chosen = replace(chosen, base_url=plain(chosen.base_url))
    if not urlsplit(chosen.base_url).scheme.startswith("http"):
        raise ConfigError(
            f"{chosen.base_url!r} is not the address of a model server.", hint="As in http://host:8000/v1"
        )
    known = PROVIDERS.get(chosen.provider)
    if known and not known.local and not chosen.key:
        hint = f"Set {known.variables[0]}, or keep it: luci key set {known.name}"
        raise NoModel(f"There is no key for {known.name}.", hint=hint)
    return chosen


def plain(url: str) -> str:
    """Return the address of a server, also of one of its pages, as its documentation may show it.

    >>> plain(" http://h:1/v1/chat/completions/ "), plain("http://h:1/v1")
    ('http://h:1/v1', 'http://h:1/v1')
    """
    return re.sub(r"/+(chat/completions|completions|models)?/*$", "", url.strip())


def parted(said: str) -> tuple[str, str]:
    """Part what a person chose into a provider and a model.

    >>> parted("ollama qwen3:8b"), parted("anthropic/claude-sonnet-4"), parted("vllm")
    (('ollama', 'qwen3:8b'), ('', 'anthropic/claude-sonnet-4'), ('vllm', ''))
    """
    first, _, rest = said.strip().partition(" ")
    return (first, rest.strip()) if first in PROVIDERS else ("", said.strip())


def _configured(settings: ModelSettings, environ: Mapping[str, str], kept: Kept) -> Endpoint | None:
    if not settings.provider:
        return Endpoint("", settings.base_url, "", "", "[model] base_url") if settings.base_url else None
    named = PROVIDERS[settings.provider]
    return _at(named, settings.base_url, _key_of(named, environ, kept), "[model] provider")


def _of_environ(environ: Mapping[str, str], kept: Kept) -> Endpoint | None:
    if environ.get("OPENAI_BASE_URL"):
        key = environ.get("OPENAI_API_KEY", "")
        return Endpoint("", environ["OPENAI_BASE_URL"], "", key, "OPENAI_BASE_URL")
    for known in PROVIDERS.values():
        for variable in known.variables:
            if environ.get(variable):
                return _at(known, "", environ[variable], variable)
    return next(
        (
            _at(known, "", key, "a key that is kept")
            for known in PROVIDERS.values()
            if known.variables and (key := kept(known.name))
        ),
        None,
    )


def _key_of(known: Provider, environ: Mapping[str, str], kept: Kept) -> str:
    return next((environ[name] for name in known.variables if environ.get(name)), "") or kept(known.name)


def _at(known: Provider, base_url: str, key: str, origin: str) -> Endpoint:
    return Endpoint(known.name, base_url or known.base_url, known.model, key, origin, known.family)


def _what_to_do() -> str:
    if up := servers_here():
        name, url = up[0].name, up[0].base_url
        choose = f"model.provider {name}" if url == PROVIDERS[name].base_url else f"model.base_url {url}"
        return f"{name} answers on this machine: luci config {choose}"
    return "Set OPENAI_API_KEY or OPENROUTER_API_KEY, or name one: luci config model.provider ollama"


def servers_here() -> list[Provider]:
    """Return the local servers that are up, and tell which models they have as a model server does."""
    return [
        replace(known, base_url=url)
        for known in PROVIDERS.values()
        if known.local and (url := next(filter(serves_models, (known.base_url, *_ALSO_AT.get(known.name, ()))), ""))
    ]


def serves_models(base_url: str) -> bool:
    """Whether a model server answers there: many another one takes connections at the same ports."""
    listed = served.told(base_url, f"{urlsplit(base_url).path.rstrip('/')}/models")
    return isinstance((listed or {}).get("data"), list)


def for_talking(offered: Iterable[str]) -> list[str]:
    """Return the models that answer in words, as far as their names say it.

    >>> for_talking(["text-embedding-nomic", "whisper-1", "qwen3:8b"])
    ['qwen3:8b']
    """
    return [name for name in offered if not _SPEECHLESS.search(name)]


def newest(offered: Iterable[str], family: str) -> str:
    """Return the highest version of a family of models; empty where none is offered.

    >>> newest(["a/sonnet-4", "a/sonnet-4.5", "a/sonnet-10:free", "a/opus-5"], r"a/sonnet-(\\d+(?:\\.\\d+)*)")
    'a/sonnet-4.5'
    """
    found = [(match, name) for name in offered if (match := re.fullmatch(family, name))]
    return max(found, key=lambda one: [int(n) for n in re.findall(r"\d+", one[0][1])], default=(None, ""))[1]
