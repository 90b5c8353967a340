"""The settings: defaults, then config.toml, then LUCI_* variables, each checked as it is read."""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from luci import paths
from luci.errors import ConfigError
from luci.values import Value, anew, fields, replace

Retry = Literal["auto", "ask", "never", "always"]
Builds = Literal["never", "known", "always"]
Theme = Literal["dark", "light", "terminal"]
Kind = Literal["auto", "venv", "conda", "docker", "podman", "sarus", "system"]
Figures = Literal["offer", "window"]
Policy = Literal["ask", "auto", "never"]
Provider = Literal["", "openai", "openrouter", "anthropic", "google", "ollama", "lmstudio", "llamacpp", "vllm"]
Sandbox = Literal["off", "auto", "container", "bwrap", "landlock", "limits"]


class RunSettings(Value):
    """[run]"""

    retry: Retry = "auto"  # run again after a missing module was added
    retry_after_seconds: float = 3.0  # auto: longer runs are not repeated unasked
    attempts: int = 8  # runs of one script in one call, at most
    python: str = ""  # as --python
    record: bool = False  # stay the parent and keep a log
    log_days: float = 30  # how long logs are kept
    log_mb: float = 1000  # over it, the oldest logs go


class GateSettings(Value):
    """[gate] What a name that only the index speaks for must show to be installed unasked."""

    age_days: float = 90
    releases: int = 3
    quarantine_days: float = 3  # younger releases of guessed names are not used
    builds: Builds = "known"  # who may build from source: nobody, names that are not guessed, all


class EnvSettings(Value):
    """[envs]"""

    kind: Kind = "auto"  # as --env
    prefer: tuple[Kind, ...] = ()  # auto: kinds that are tried first, as ["docker", "podman"]
    strangers: tuple[Kind, ...] = ("docker", "podman")  # auto: the same for scripts that a stranger wrote
    share: bool = False  # one environment for all projects with the same needs
    orphan_days: float = 14
    unused_days: float = 60
    budget_gb: float = 10
    prune: bool = True  # after a build


class IndexSettings(Value):
    """[index] Empty means: as pip and uv are configured."""

    url: str = ""
    extra_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    timeout_seconds: float = 15
    tries: int = 3
    fresh_seconds: float = 600  # how long a project page is believed
    offline: bool = False


class CondaSettings(Value):
    """[conda]"""

    channels: tuple[str, ...] = ()  # addresses, folders or names; empty: as .condarc says, else none


class ContainerSettings(Value):
    """[containers]"""

    base: str = "python:{python}-slim"  # the image that environments are made from; {python} is as 3.12
    network: str = "none"  # of runs: none, host, bridge, or the name of one


class AppSettings(Value):
    """[app] The terminal app."""

    theme: Theme = "dark"  # terminal: the terminal's own colours
    motion: bool = True  # false: nothing spins, slides or blinks
    plain: bool = False  # true: line by line, as `luci --plain`
    figures: Figures = "offer"  # window: matplotlib opens its own


class WallTable(Value):
    """What runs are held to; what is off, empty, 0 or true says nothing."""

    sandbox: Sandbox = "off"
    timeout: float = 0  # seconds
    memory: str = ""  # as "512m"
    cpus: float = 0  # 0: as many as there are
    pids: int = 0  # 0: no limit
    disk: str = ""  # as "2g": what a run may add to what is writable
    network: bool = True
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()  # that a script sees behind a wall, besides the usual


class StrangerTable(WallTable):
    """[walls.stranger] What holds as well for a script that a model or a stranger wrote."""

    sandbox: Sandbox = "auto"
    memory: str = "4g"
    pids: int = 512
    disk: str = "4g"
    network: bool = False
    folders: tuple[str, ...] = ("~/Downloads",)  # what lies in them is a stranger's


class WallSettings(WallTable):
    """[walls] What every run is held to, unless it is told otherwise; a table beneath it adds to that."""

    stranger: StrangerTable = StrangerTable()
    venv: WallTable = WallTable()
    conda: WallTable = WallTable()
    docker: WallTable = WallTable()
    podman: WallTable = WallTable()
    sarus: WallTable = WallTable()
    system: WallTable = WallTable()


class ModelSettings(Value):
    """[model] Who answers in a conversation. A limit of 0 is none; costs are in US dollars."""

    provider: Provider = ""  # empty: whose key is found
    base_url: str = ""  # of any other server that speaks the chat-completions protocol
    name: str = ""  # of the model; empty: the provider's default
    planner: str = ""  # a model, perhaps a cheaper one, that plans what the other does; empty: it plans itself
    timeout_seconds: float = 120  # of silence
    tries: int = 4
    context_tokens: int = 100_000  # what the model is told at most; older output is shortened
    request_tokens: int = 400_000  # for one request, with all that it leads to
    day_tokens: int = 4_000_000
    request_cost: float = 0
    day_cost: float = 0
    price_in: float = 0  # of a million tokens, for endpoints that do not tell what they took
    price_out: float = 0


class LeaveSettings(Value):
    """[leave] When a person is asked before a model's wish is done."""

    policy: Policy = "ask"  # auto: not for what a wall bounds; never: a model may only read
    allow: tuple[str, ...] = ()  # as "run report.py --year *"
    deny: tuple[str, ...] = ()  # as "write *.toml"; these always win


class Settings(Value):
    run: RunSettings = RunSettings()
    gate: GateSettings = GateSettings()
    envs: EnvSettings = EnvSettings()
    index: IndexSettings = IndexSettings()
    walls: WallSettings = WallSettings()
    conda: CondaSettings = CondaSettings()
    containers: ContainerSettings = ContainerSettings()
    app: AppSettings = AppSettings()
    model: ModelSettings = ModelSettings()
    leave: LeaveSettings = LeaveSettings()
    names: Mapping[str, str] = anew(dict)  # [names] module = "requirement"


def load(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings. Raises ConfigError, naming the file and the key."""
    file = file or paths.config_file()
    try:
        table = _parsed(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        table = {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read.", cause=str(error)) from error
    return _from_environ(_from_table(table, file), environ)


def check(text: str, file: Path) -> None:
    """Raise ConfigError where `text` could not be the config file."""
    try:
        table = _parsed(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} cannot be read.", cause=str(error)) from error
    _from_table(table, file)


def _parsed(text: str) -> dict[str, Any]:
    """Raises ValueError for what is no TOML."""
    import tomllib  # 4 ms, and most people have no config file

    return tomllib.loads(text)


def _from_table(table: dict[str, Any], file: Path) -> Settings:
    settings = Settings()
    for section, values in table.items():
        if section == "names":
            settings = replace(settings, names=_names(values, file))
            continue
        if section not in fields(Settings) or not isinstance(values, dict):
            known = ", ".join(fields(Settings))
            raise ConfigError(f"{file} has an unknown section [{section}].", hint=f"Sections are {known}.")
        current = getattr(settings, section)
        settings = replace(settings, **{section: read(current, values, f"{file}: [{section}]")})
    return settings


def _names(values: object, file: Path) -> Mapping[str, str]:
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise ConfigError(f'{file}: [names] wants lines like  module = "requirement".')
    for module, requirement in values.items():
        if not re.match(r"\s*[A-Za-z0-9]", requirement):
            raise ConfigError(f"{file}: [names] {module} wants a requirement, not {requirement!r}.")
    return dict(values)


def read(current: Any, values: dict[str, Any], where: str) -> Any:
    """Return a section with what a table says of it. Raises ConfigError, which begins with `where`."""
    for key, value in values.items():
        if key not in fields(current):
            raise ConfigError(f"{where} has an unknown key {key}.", hint=f"Keys are {', '.join(fields(current))}.")
        beneath = getattr(current, key)
        if not isinstance(beneath, Value):
            current = replace(current, **{key: _checked(value, _kinds(current)[key], f"{where} {key}")})
        elif isinstance(value, dict):
            current = replace(current, **{key: read(beneath, value, f"{where} {key}")})
        else:
            raise ConfigError(f"{where} {key} wants a table, not {value!r}.")
    return current


def _kinds(section: Value) -> dict[str, Any]:
    """Return what each key of a section must be."""
    return typing.get_type_hints(type(section))


def _checked(value: Any, kind: Any, where: str) -> Any:
    """Return `value` as `kind`, or raise ConfigError. Strings (from LUCI_*) are read as the kind's own form."""
    origin = typing.get_origin(kind)
    if origin is Literal:
        if value in typing.get_args(kind):
            return value
        raise ConfigError(
            f"{where} cannot be {value!r}.", hint=f"One of {', '.join(filter(None, typing.get_args(kind)))}."
        )
    if origin is tuple:
        items = value.split() if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(i, str) for i in items):
            one = typing.get_args(kind)[0]
            return tuple(items if one is str else (_checked(item, one, where) for item in items))
        raise ConfigError(f"{where} wants a list of strings.")
    if kind is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in {"1", "true", "yes", "on", "0", "false", "no", "off", ""}:
            return value.lower() in {"1", "true", "yes", "on"}
        raise ConfigError(f"{where} wants true or false, not {value!r}.")
    if kind in (int, float):
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                number = kind(value)
            except ValueError:
                number = -1
            if number >= 0 and not (isinstance(value, float) and number != value):
                return number
        raise ConfigError(f"{where} wants a number that is not negative, not {value!r}.")
    if kind is str and isinstance(value, str):
        return value
    raise ConfigError(f"{where} cannot be {value!r}.")


def variables() -> list[str]:
    """The names of all LUCI_<SECTION>_<KEY> variables. Tables beneath a section have none."""
    sections = [(name, getattr(Settings(), name)) for name in fields(Settings) if name != "names"]
    return [f"LUCI_{name}_{key}".upper() for name, section in sections for key in _plain(section)]


def keys() -> list[str]:
    """Every setting as `luci config` names it: run.retry, walls.stranger.network. Those of [names] are the person's."""
    sections = [(name, getattr(Settings(), name)) for name in fields(Settings) if name != "names"]
    beneath = [
        (f"{name}.{key}", getattr(section, key))
        for name, section in sections
        for key in fields(section)
        if key not in _plain(section)
    ]
    return [f"{name}.{key}" for name, section in (*sections, *beneath) for key in _plain(section)]


def choices(key: str) -> list[str]:
    """What a setting may be, where that can be listed."""
    *sections, last = key.split(".")
    section: Any = Settings()
    for name in sections:
        section = getattr(section, name, None)
    kind = _kinds(section).get(last) if isinstance(section, Value) else None
    return ["true", "false"] if kind is bool else [str(each) for each in typing.get_args(kind) if each not in ("", ...)]


def _plain(section: Value) -> list[str]:
    return [key for key in fields(section) if not isinstance(getattr(section, key), Value)]


def _from_environ(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """LUCI_<SECTION>_<KEY>, as in LUCI_RUN_RETRY=never."""
    for section in fields(Settings):
        if section == "names":
            continue
        current = getattr(settings, section)
        said = {key: name for key in _plain(current) if (name := f"LUCI_{section}_{key}".upper()) in environ}
        for key, name in said.items():
            current = replace(current, **{key: _checked(environ[name], _kinds(current)[key], name)})
        settings = replace(settings, **{section: current}) if said else settings
    return settings
