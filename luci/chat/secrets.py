"""Secret values: found, and replaced by names before anything is sent, shown or kept."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from luci.values import Value

_NAMES = re.compile(
    r"(?:^|.*[_-])(?:[A-Z]*KEY|TOKEN|[A-Z]*SECRET|PASSW(?:OR)?D|PASSPHRASE|CREDENTIALS?|AUTH|PAT|DSN)(?:$|[_-].*)",
    re.IGNORECASE,
)
_NO_SECRETS = re.compile(r"SSH_AUTH_SOCK|XAUTHORITY|.*(_FILE|_PATH|_DIR|_SOCK|_TTY|_TYPE|_METHOD)")
_SHORTEST = 8  # characters: what is shorter is found in ordinary text
_SHAPES = (
    ("private-key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("api-key", r"\bsk-[A-Za-z0-9_-]{16,}"),
    ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    ("gitlab-token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
    ("aws-key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("google-key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("slack-token", r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    ("pypi-token", r"\bpypi-[A-Za-z0-9_-]{40,}"),
    ("hugging-face-token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("password", r"(?<=://)[^\s/:@]+:[^\s/@]{3,}(?=@)"),
)
_SHAPE = re.compile("|".join(f"(?P<{name.replace('-', '_')}>{pattern})" for name, pattern in _SHAPES), re.DOTALL)


class Secrets(Value):
    """Known values by name. A placeholder is the same each time that its value is met."""

    values: Mapping[str, str]

    def masked(self, text: str) -> str:
        """Return text with each secret replaced by its placeholder.

        >>> Secrets({"DB_PASSWORD": "correct-horse"}).masked("login(correct-horse)")
        'login([secret DB_PASSWORD])'
        """
        names = {value: name for name, value in self.values.items()}

        def named(match: re.Match[str]) -> str:
            name = names.get(match.group())
            return placeholder(name) if name else _of_shape(match)

        text = _SHAPE.sub(named, text)
        for value in sorted(names, key=len, reverse=True):
            text = text.replace(value, placeholder(names[value]))
        return text

    def put_back(self, text: str, *, within: str | None = None) -> str:
        """Return text with the placeholders of known values replaced by them; only of those that are in `within`
        already, where that is given."""
        for name, value in self.values.items():
            if within is None or value in within:
                text = text.replace(placeholder(name), value)
        if within is not None:
            for match in _SHAPE.finditer(within):
                text = text.replace(_of_shape(match), match.group())
        return text


def placeholder(name: str) -> str:
    return f"[secret {name}]"


def _of_shape(match: re.Match[str]) -> str:
    kind = (match.lastgroup or "").replace("_", "-")
    return placeholder(f"{kind}-{hashlib.sha256(match.group().encode()).hexdigest()[:6]}")


def known(folder: Path, environ: Mapping[str, str] = os.environ, more: Iterable[tuple[str, str]] = ()) -> Secrets:
    """Return the secrets of the environment, of the .env files beside the scripts, and `more` by name."""
    found = dict(_of(environ))
    import dotenv

    for path in sorted(folder.glob(".env*")):
        if path.is_file() and not path.name.endswith((".example", ".sample", ".template")):
            found.update(_all_of(dotenv.dotenv_values(path, interpolate=False)))
    found.update(more)
    return Secrets({name: value for name, value in found.items() if len(value) >= _SHORTEST})


def _of(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return (
        (name, value) for name, value in environ.items() if _NAMES.fullmatch(name) and not _NO_SECRETS.fullmatch(name)
    )


def _all_of(told: Mapping[str, str | None]) -> Iterable[tuple[str, str]]:
    """What a .env file keeps is secret where its name says so, or where it is long and no plain word or address."""
    for name, value in told.items():
        if value and (_NAMES.fullmatch(name) or re.fullmatch(r"[A-Za-z0-9+/_=-]{20,}", value)):
            yield name, value
