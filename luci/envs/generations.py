"""The generation before the one in use: an update keeps it for a while, so that it can be taken back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from luci.values import replace

if TYPE_CHECKING:
    from luci.envs.records import Env

KEPT_SECONDS = 7 * 86_400  # after an update; the next update or rebuild lets it go at once

_OWN = ("generation", "interpreter", "version", "installed", "created", "sealed")  # what each generation has for itself


def without_former(about: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in about.items() if name != "former"}


def with_former(about: dict[str, Any], env: Env) -> dict[str, Any]:
    """Return `about` with `env` in it, as the generation that can be taken back."""
    own = {name: getattr(env, name) for name in _OWN}
    kept = {**own, "bytes": env.about.get("bytes", 0), "until": time.time() + KEPT_SECONDS}
    return {**without_former(about), "former": kept}


def former(env: Env) -> Env | None:
    """Return the generation before this one where it is still kept."""
    told = env.about.get("former")
    if not told or not (env.root / f"g{told['generation']}").is_dir():
        return None
    about = {**without_former(env.about), "bytes": told["bytes"]}
    return replace(env, **{name: told[name] for name in _OWN}, about=about)


def kept(env: Env) -> frozenset[int]:
    """Return the numbers of the generations that sweeping leaves alone."""
    told = env.about.get("former")
    return frozenset({env.generation, *([told["generation"]] if told and told["until"] > time.time() else [])})
