"""How an environment is filled again: with which Python, from where, and on which terms."""

from __future__ import annotations

import os

from luci.context import Context
from luci.envs import backends, channels, interpreters
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources, sources
from luci.envs.store import Env
from luci.envs.terms import Terms, quarantine
from luci.errors import LuciError
from luci.runner.premises import declarations_of, places_of
from luci.runner.script import read_script
from luci.values import Value, replace

ONLY = "only "  # how a line of a key's index begins that says of one package where it comes from: see luci.envs.sources
PRERELEASES = " with pre-releases"  # how a key's index says that they are allowed: see luci.runner.plan


class Grounds(Value):
    """`same_places`: packages would come from where they came from."""

    python: Interpreter
    sources: Sources
    terms: Terms
    same_places: bool


def grounds(env: Env, context: Context, *, refresh: bool = False) -> Grounds:
    settings = context.settings
    everywhere = "\n".join(line for line in env.spec.index.splitlines() if not line.startswith(ONLY))
    wanted = everywhere.removesuffix(PRERELEASES.strip()).strip()
    places = _places(env, wanted, context)
    if env.spec.kind == "conda":
        places = replace(places, channels=channels.configured(settings.conda))
    return Grounds(
        python=_python(env),
        sources=places,
        terms=Terms(
            builds=bool(env.about.get("builds")),
            wheels_only=frozenset(env.about.get("guessed", ())),
            not_after=tuple((name, quarantine(settings.gate)) for name in env.about.get("dated", ())),
            prereleases=everywhere.endswith(PRERELEASES.strip()),
            offline=settings.index.offline,
            refresh=refresh,
            timeout=settings.index.timeout_seconds,
            tries=settings.index.tries,
        ),
        same_places=places.identity == wanted,
    )


def _python(env: Env) -> Interpreter:
    if env.spec.kind == "conda":
        from luci.envs import condas

        return condas.interpreter(env.version)
    if env.spec.kind in backends.BOXED:
        return Interpreter("", env.version, env.spec.implementation, env.spec.platform, "linux", "posix")
    return interpreters.choose(env.interpreter if os.path.exists(env.interpreter) else env.spec.python)


def _places(env: Env, wanted: str, context: Context) -> Sources:
    """Return where it was filled from: what is configured, or what its script's own block says."""
    configured = sources(context.settings.index)
    script = str(env.about.get("script", ""))
    kept = any(line.startswith(ONLY) for line in env.spec.index.splitlines())  # the script knows the logins of those
    if (configured.identity == wanted and not kept) or not os.path.isfile(script):
        return configured
    try:
        said = places_of(declarations_of(read_script(script)), context.settings.index)
    except LuciError:  # the script cannot be read as one any more
        return configured
    return said if said.identity == wanted else configured
