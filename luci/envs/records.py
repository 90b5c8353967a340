"""The record of an environment: written whole and last, and read with distrust, for disks and people alter files."""

from __future__ import annotations

import errno
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from luci.envs import files, uses, venvs
from luci.envs.spec import FORMAT, EnvSpec
from luci.values import Value, as_dict, fields

NAME = "env.json"


class Env(Value):
    """One environment on disk. `root` holds the record, `path` the generation in use."""

    root: Path
    spec: EnvSpec
    label: str
    generation: int
    interpreter: str
    version: str
    installed: dict[str, str]
    created: float  # seconds since the epoch
    sealed: int  # mtime of site-packages when it was published, ns
    about: dict[str, Any]  # what the plan said of it: who asked for what, and what was left out
    place: str = ""  # the root when it was built: its commands name that path; empty where that was not noted

    @property
    def key(self) -> str:
        return self.root.name.rpartition("_")[2]

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def by_hand(self) -> bool:
        """Whether a person made it, for no script: it is kept although no script uses it."""
        return bool(self.about.get("by_hand"))

    @property
    def names(self) -> tuple[str, ...]:
        """What the person calls it who made it by hand."""
        return tuple(self.about.get("names", ()))

    @property
    def path(self) -> Path:
        return self.root / f"g{self.generation}"

    @property
    def python(self) -> Path:
        return venvs.python_of(self.path)

    def as_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "name": self.name,
            "label": self.label,
            "names": list(self.names),
            "path": str(self.path),
            "python": str(self.python),
            "python_version": self.version,
            "kind": self.spec.kind,
            "requirements": list(self.spec.requirements),
            "scope": self.spec.scope,
            "installed": self.installed,
            "created": self.created,
            "last_used": uses.last(self.root),
            "about": self.about,
        }


def publish(env: Env) -> None:
    """Make the environment exist."""
    record = {
        "format": FORMAT,
        "key": env.spec.key,
        "label": env.label,
        "spec": as_dict(env.spec),
        "generation": env.generation,
        "interpreter": env.interpreter,
        "version": env.version,
        "installed": env.installed,
        "created": env.created,
        "sealed": env.sealed,
        "about": env.about,
        "place": env.place,
    }
    if (env.root / NAME).is_dir():
        files.discard(env.root / NAME)
    files.write_json(env.root / NAME, record)


def read(root: Path) -> Env | None:
    """Return the environment that a folder holds, or None: not published, without sense, or of an unknown format."""
    env = _meant(root, files.read_json(root / NAME))
    return env if env and root.name.endswith(f"_{env.spec.key}") else None


def is_foreign(root: Path) -> bool:
    """Whether a folder has a record of a format that is not known here: another version's, to be left alone."""
    return bool(files.read_json(root / NAME).get("format", FORMAT) != FORMAT)


def is_one(root: Path) -> bool:
    """Whether a folder has a record that makes sense to some luci: this one, another version, or under another name.

    Raises OSError where that cannot be told.
    """
    try:
        with open(root / NAME, "rb"):
            pass
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return False
    except OSError as error:
        if error.errno == errno.ELOOP:  # links in a circle
            return False
        raise
    record = files.read_json(root / NAME)
    return is_foreign(root) or _meant(root, record) is not None


def _meant(root: Path, record: dict[str, Any]) -> Env | None:
    if record.get("format") != FORMAT:
        return None
    try:
        return Env(
            root=root,
            spec=_spec(record["spec"]),
            label=_text(record["label"]),
            generation=int(record["generation"]),
            interpreter=_text(record["interpreter"]),
            version=_text(record["version"]),
            installed={_text(name): _text(version) for name, version in record["installed"].items()},
            created=_finite(record["created"]),
            sealed=int(record["sealed"]),
            about=_about(record["about"]),
            place=_text(record.get("place", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _spec(told: dict[str, Any]) -> EnvSpec:
    known = set(fields(EnvSpec))
    values = {name: tuple(map(_text, v)) if isinstance(v, list) else _text(v) for name, v in told.items()}
    return EnvSpec(**{name: value for name, value in values.items() if name in known})  # type: ignore[arg-type]


def _about(told: dict[str, Any]) -> dict[str, Any]:
    """What the plan said of it, as far as it has the right form: nothing depends on it but explanations."""
    return {name: value for name, value in told.items() if _FORMS.get(name, _anything)(value)}


def _anything(value: Any) -> bool:
    return True


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _choices(value: Any) -> bool:
    """Whether it is a list of choices as luci.runner.plan tells them."""
    forms = {"module": str, "source": str, "reason": str, "file": str, "line": int}
    return isinstance(value, list) and all(
        isinstance(choice, dict)
        and all(isinstance(choice.get(name), form) for name, form in forms.items())
        and _texts(choice.get("requirements"))
        for choice in value
    )


def _whole(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _is_former(value: Any) -> bool:
    """Whether it is what luci.envs.generations keeps of the generation before."""
    forms: dict[str, Any] = {"generation": int, "sealed": int, "bytes": int, "interpreter": str, "version": str}
    forms |= {"created": (int, float), "until": (int, float), "installed": dict}
    return (
        isinstance(value, dict)
        and all(isinstance(value.get(name), form) for name, form in forms.items())
        and math.isfinite(value["created"])
        and math.isfinite(value["until"])
        and all(isinstance(version, str) for version in value["installed"].values())
    )


_FORMS: dict[str, Callable[[Any], bool]] = {
    "script": lambda value: isinstance(value, str),
    "choices": _choices,
    "builds": lambda value: isinstance(value, bool),
    "guessed": _texts,
    "dated": _texts,
    "bytes": _whole,
    "by_hand": lambda value: isinstance(value, bool),
    "names": _texts,
    "asked": _texts,
    "former": _is_former,
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number
