"""Keys of model servers: from the environment, the system's keyring, or a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luci import paths
from luci.errors import ConfigError

SERVICE = "luci"


def file() -> Path:
    return paths.config_file().with_name("keys.toml")


def key_of(provider: str, variables: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Return a provider's key, empty where there is none. Raises ConfigError for a file that others can read."""
    return next((environ[name] for name in variables if environ.get(name)), "") or kept(provider)


def kept(provider: str) -> str:
    ring = _keyring()
    return (ring.get_password(SERVICE, provider) if ring else None) or _in_file().get(provider, "")


def keep(provider: str, key: str) -> str:
    """Keep a key, or with an empty one forget it; return where it is kept."""
    if ring := _keyring():
        if key:
            ring.set_password(SERVICE, provider, key)
        elif ring.get_password(SERVICE, provider):
            ring.delete_password(SERVICE, provider)
        return "the keyring"
    import tomlkit

    known = {**_in_file(), provider: key}
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as opened:
        opened.write(tomlkit.dumps({name: value for name, value in known.items() if value}))
    os.replace(new, path)
    return str(path)


def providers() -> list[str]:
    """Return the providers that a key is kept of in the file; a keyring cannot be listed."""
    return sorted(_in_file())


def _in_file() -> dict[str, str]:
    import tomllib

    path = file()
    try:
        with path.open("rb") as opened:
            if os.name == "posix" and stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise ConfigError(f"Others can read {path}, which holds keys.", hint=f"chmod 600 {path}")
            told = tomllib.load(opened)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read.", cause=str(error)) from error
    return {name: value for name, value in told.items() if isinstance(value, str)}


def _keyring() -> Any:
    """Return the system's keyring, None where there is none that keeps anything."""
    try:
        import keyring  # the extra luci[keyring]
        from keyring.backends import fail
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), fail.Keyring) else keyring
