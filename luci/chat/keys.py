"""Keys of model servers: from the environment, the system's keyring, or a file that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from luci import paths
from luci.errors import ConfigError

SERVICE = "luci"


def file() -> Path:
    return paths.config_file().with_name("keys.toml")


def in_the_file(provider: str) -> str:
    """Return a key as `kept` does, without a look into a keyring: that may ask its owner for a password."""
    return _in_file().get(provider, "")


def kept(provider: str) -> str:
    """Return a key that is kept, empty where none is. Raises ConfigError for a file that others can read, and for a
    keyring that is locked or broken, unless the file has the key."""
    if found := in_the_file(provider):
        return found
    ring = _keyring()
    if ring is None:
        return ""
    with _in_words("read"):
        return ring.get_password(SERVICE, provider) or ""


def keep(provider: str, key: str) -> str:
    """Keep a key, or with an empty one forget it; return where it is kept."""
    ring = _keyring()
    if ring is not None:
        with _in_words("changed"):
            if key:
                ring.set_password(SERVICE, provider, key)
            elif ring.get_password(SERVICE, provider):
                ring.delete_password(SERVICE, provider)
        if provider in _in_file():  # one that was kept there before would be found first
            _write({**_in_file(), provider: ""})
        return f"the keyring ({ring.name})"
    return _write({**_in_file(), provider: key})


def _write(keys: Mapping[str, str]) -> str:
    import tomlkit

    path = file()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)  # its mode is ours from the start
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(tomlkit.dumps({name: value for name, value in keys.items() if value}))
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
    """Return the system's keyring, None where there is none that keeps keys from others: a plain file of another
    program's is no better than ours. Raises ConfigError for one that is configured and cannot be had."""
    try:
        import keyring  # the extra luci[keyring]
    except ImportError:
        return None
    with _in_words("opened"):
        found = keyring.get_keyring()
        parts = getattr(found, "backends", None) or [found]  # several behind one
        return next((part for part in parts if part.priority >= 1), None)


@contextlib.contextmanager
def _in_words(what: str) -> Iterator[None]:
    hint = (
        "Unlock it, or set the provider's variable, such as OPENAI_API_KEY; PYTHON_KEYRING_BACKEND chooses another one."
    )
    from keyring import errors

    try:
        yield
    except errors.KeyringLocked as error:
        raise ConfigError("The keyring is locked.", cause=str(error), hint=hint) from error
    except Exception as error:  # each backend raises what its own libraries do
        cause = f"{type(error).__name__}: {error}"
        raise ConfigError(f"The keyring cannot be {what}.", cause=cause, hint=hint) from error
