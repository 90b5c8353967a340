"""Secret values: found, and replaced by names before anything is sent, shown or kept."""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import os
import re
import shlex
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from luci.values import Value

_NAMES = re.compile(
    r"(?:^|.*[_-])(?:[A-Z]*KEY|TOKEN|[A-Z]*SECRET|[A-Z]*PASSW(?:OR)?D|PASS|PASSPHRASE|PWD|CREDENTIALS?"
    r"|AUTH|PAT|DSN|COOKIE)(?:$|[_-].*)",
    re.IGNORECASE,
)
_NO_SECRETS = re.compile(
    r"SSH_AUTH_SOCK|XAUTHORITY|PWD|OLDPWD|.*(_FILE|_PATH|_DIR|_SOCK|_TTY|_TYPE|_METHOD)", re.IGNORECASE
)
_SHORTEST = 8  # characters: what is shorter is found in ordinary text
_PASSED_OVER = {".git", ".hg", ".venv", "venv", "__pycache__", "node_modules", "site-packages"}
_DEEP = 3  # folders below the project in which .env files are looked for
_SHAPES = (
    (
        "private-key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    ("api-key", r"\bsk-[A-Za-z0-9_-]{16,}"),
    ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    ("gitlab-token", r"\bglpat-[A-Za-z0-9_-]{16,}"),
    ("aws-key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("google-key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("slack-token", r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    ("pypi-token", r"\bpypi-[A-Za-z0-9_-]{40,}"),
    ("hugging-face-token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("npm-token", r"\bnpm_[A-Za-z0-9]{36}"),
    ("stripe-key", r"\b(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}"),
    ("sendgrid-key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("telegram-token", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    ("google-token", r"\bya29\.[A-Za-z0-9_-]{20,}"),
    ("cloud-token", r"\b(?:dop_v1_[a-f0-9]{64}|shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}|xapp-[A-Za-z0-9-]{20,})"),
    ("age-key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    ("account-key", r"(?<=AccountKey=)[A-Za-z0-9+/=]{40,}"),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("password", r"(?<=://)[^\s/:@]+:[^\s/@]{3,}(?=@)"),
)
_IN_A_WORD = re.compile(r"[\w\-.:/@+=~%]")
_LONGEST_WORD = 4_096  # characters that are held back until it is over
_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?!.*-----END)", re.DOTALL)
_SHAPE = re.compile("|".join(f"(?P<{name.replace('-', '_')}>{pattern})" for name, pattern in _SHAPES), re.DOTALL)


class Secrets(Value):
    """Known values by name. A placeholder is the same each time that its value is met, also where it was encoded."""

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
        for form, shown in self._forms:
            if form in text:
                text = text.replace(form, shown)
        return text

    def masked_within(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return values of JSON with the texts in them masked."""

        def masked(value: Any) -> Any:
            if isinstance(value, str):
                return self.masked(value)
            if isinstance(value, Mapping):
                return {key: masked(each) for key, each in value.items()}
            return [masked(each) for each in value] if isinstance(value, list | tuple) else value

        return {key: masked(value) for key, value in told.items()}

    def unlike(self, text: str) -> Secrets:
        """Return the secrets without those whose values stand in a text that was told of none."""
        return Secrets({name: value for name, value in self.values.items() if value not in text}) if text else self

    def named_in(self, texts: Iterable[str]) -> list[str]:
        """Return the names of the secrets whose placeholders stand in texts."""
        joined = "\n".join(texts)
        return [name for name in self.values if placeholder(name) in joined]

    def put_back(self, text: str, *, within: str | None = None) -> str:
        """Return text with the placeholders of known values replaced by them; only of those that are in `within`
        already, where that is given."""
        for name, value in self.values.items():
            if within is None or value in within:
                text = text.replace(placeholder(name), value)
        if within is not None:
            for form, shown in self._forms:
                if form in within:
                    text = text.replace(shown, form)
            for match in _SHAPE.finditer(within):
                text = text.replace(_of_shape(match), match.group())
        return text

    @property
    def _forms(self) -> tuple[tuple[str, str], ...]:
        return _forms_of(tuple(self.values.items()))


class Masking:
    """Masks what comes in pieces: a secret that two pieces share is held back until all of it is there."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets, self._held = secrets, ""

    def take(self, text: str) -> str:
        """Take a piece; return what may be shown by now."""
        text = self._held + text
        at = self._beginning(text)
        self._held = text[at:]
        return self._secrets.masked(text[:at])

    def rest(self) -> str:
        held, self._held = self._held, ""
        return self._secrets.masked(held)

    def _beginning(self, text: str) -> int:
        """Return where a secret may have begun that is not over yet."""
        found = [len(text)]
        start = len(text)
        while start and len(text) - start < _LONGEST_WORD and _IN_A_WORD.match(text[start - 1]):
            start -= 1
        if any(char.isalnum() for char in text[start:]):
            found.append(start)
        if block := _BLOCK.search(text):
            found.append(block.start())
        for value in self._secrets.values.values():
            at = text.find(value[0], max(0, len(text) - len(value) + 1))
            while at >= 0 and not value.startswith(text[at:]):
                at = text.find(value[0], at + 1)
            found += [at] if at >= 0 else []
        return self._before_all(text, min(found))

    def _before_all(self, text: str, cut: int) -> int:
        """Return where to cut, at the place or before it, so that no secret is cut in two."""
        for value in self._secrets.values.values():
            at = text.find(value, max(0, cut - len(value) + 1), cut + len(value) - 1)
            cut = at if 0 <= at < cut else cut
        return min([match.start() for match in _SHAPE.finditer(text) if match.start() < cut < match.end()], default=cut)


@functools.lru_cache(maxsize=8)
def _forms_of(values: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return each value, the longest first, and what is left of it when a program encodes it, with what is shown."""
    found = []
    for name, value in sorted(values, key=lambda one: len(one[1]), reverse=True):
        found.append((value, placeholder(name)))
        found += [(form, placeholder(f"{name} {how}")) for how, form in _encoded(value) if form != value]
    return tuple(dict.fromkeys(found))


def _encoded(value: str) -> Iterator[tuple[str, str]]:
    content = value.encode("utf-8", "surrogateescape")
    for before in range(3):  # where it begins within what was encoded with it
        whole = base64.b64encode(b"\0" * before + content).decode()
        first = (before * 8 + 5) // 6  # characters that what stands before it has a part in
        last = (before + len(content)) * 8 // 6  # and those that what stands behind it has none in
        kept = whole[first:last]
        if len(kept) >= _SHORTEST:
            yield "in base64", kept
            yield "in base64", kept.replace("+", "-").replace("/", "_")
    yield "in hex", content.hex()
    yield "in hex", content.hex().upper()
    addressed = urllib.parse.quote(value, safe="")
    yield "in an address", addressed
    yield "in an address", re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), addressed)
    yield "in an address", urllib.parse.quote(value)
    yield "in an address", urllib.parse.quote_plus(value)
    yield "quoted", json.dumps(value)[1:-1]
    yield "quoted", repr(value)[1:-1]
    yield "quoted", json.dumps(json.dumps(value)[1:-1])[1:-1]
    yield "quoted", html.escape(value)
    yield "quoted", shlex.quote(value)[1:-1]


def placeholder(name: str) -> str:
    return f"[secret {name}]"


def _of_shape(match: re.Match[str]) -> str:
    kind = (match.lastgroup or "").replace("_", "-")
    return placeholder(f"{kind}-{hashlib.sha256(match.group().encode()).hexdigest()[:6]}")


def known(
    folder: Path,
    environ: Mapping[str, str] = os.environ,
    more: Iterable[tuple[str, str]] = (),
    deep: int = _DEEP,
) -> Secrets:
    """Return the secrets of the environment, of the .env files beside the scripts and so many folders below, and
    `more` by name."""
    found = dict(_of(environ))
    import dotenv

    for path in _dotenvs(folder, deep):
        try:
            found.update(_all_of(dotenv.dotenv_values(path, interpolate=False)))
        except (OSError, ValueError):  # one that cannot be read is read by no script either, or holds no text
            continue
    found.update(more)
    return Secrets({name: value for name, value in found.items() if len(value) >= _SHORTEST})


def _dotenvs(folder: Path, deep: int) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        depth = len(Path(base).relative_to(folder).parts)
        folders[:] = [name for name in sorted(folders) if depth < deep and name not in _PASSED_OVER]
        for name in sorted(names):
            path = Path(base, name)
            is_one = name.startswith(".env") or name.endswith(".env")
            if is_one and path.is_file() and not name.endswith((".example", ".sample", ".template", ".dist")):
                yield path


def _of(environ: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return (
        (name, value) for name, value in environ.items() if _NAMES.fullmatch(name) and not _NO_SECRETS.fullmatch(name)
    )


def _all_of(told: Mapping[str, str | None]) -> Iterable[tuple[str, str]]:
    """What a .env file keeps is secret where its name says so, or where it is long and no plain word or address."""
    for name, value in told.items():
        if value and (_NAMES.fullmatch(name) or re.fullmatch(r"[A-Za-z0-9+/_=-]{20,}", value)):
            yield name, value
