"""Looking after luci itself: is everything there, and how is it set."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from typing import Any

from luci import config, paths
from luci.config import Settings
from luci.context import Context
from luci.envs import backends, channels, files, installer, interpreters
from luci.envs.sources import sources
from luci.envs.store import Store, fault
from luci.errors import ConfigError, IndexFailed, LuciError
from luci.events import Event, Working
from luci.runner import kinds
from luci.values import Value, as_dict, fields
from luci.walls import engines
from luci.walls.asked import Limits
from luci.walls.ladder import NEEDED, engine_hint, engine_trouble
from luci.walls.machine import tried


class Finding(Value):
    """One thing that was looked at. `hint` says what to do where it is not well."""

    subject: str
    well: bool
    text: str
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        return as_dict(self)


def doctor(request: None, context: Context) -> Generator[Event, None, list[Finding]]:
    """Return what was found of the Pythons, uv, the index, the disk and the environments."""
    found = []
    yield Working("looking", "at the Pythons")
    pythons = interpreters.find()
    found.append(Finding("pythons", bool(pythons), ", ".join(p.version for p in pythons), "Install a Python 3."))
    uv = installer.find_uv()
    found.append(Finding("uv", uv is not None, uv or "not found; virtualenv and pip serve", "pip install uv"))
    yield Working("asking", "the package index")
    found.append(_index(context.settings))
    found += _walls()
    found.append((yield from _conda(context)))
    found += _containers(context.settings)
    root = paths.envs()
    nearest = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    enough = free > 1_000_000_000
    found.append(Finding("disk", enough, f"{free / 1e9:.1f} GB free at {nearest}", "luci env prune, uv cache clean"))
    envs = Store(root).all()
    broken = [env.name for env in envs if fault(env)]
    told = f"{len(envs)}, {len(broken)} broken" + (f": {', '.join(broken)}" if broken else "")
    found.append(Finding("environments", not broken, told, "luci env rebuild NAME, or luci env prune"))
    rubble = [n for n in files.listing(root) if n.startswith("luci_") and not (root / n / "env.json").exists()]
    found.append(
        Finding("rubble", True, f"{len(rubble)} folders of builds that never ended; the next build sweeps them")
    )
    return found


def _walls() -> Iterator[Finding]:
    """Yield a line for each wall. None is a fault: a run that needs one is refused where it is not there."""
    here = tried()
    files = "files, processes, network"
    walls = (
        ("container", engine_trouble(), "files, processes, network"),
        ("bwrap", here.no_bwrap, f"{here.bwrap}: {files}"),
        ("landlock", here.no_landlock, f"version {here.landlock}: {files}"),
        ("limits", here.no_trees, f"control groups for {', '.join(sorted(here.controllers))}"),
    )
    for name, why_not, told in walls:
        if not why_not:
            yield Finding(f"wall {name}", True, told)
        elif name == "limits" and here.trees:
            yield Finding(f"wall {name}", True, f"{told}; not for all: {why_not}")
        else:
            needed = engine_hint() if name == "container" else NEEDED[name]
            hint = needed.partition("; --sandbox")[0].rstrip(".")
            yield Finding(f"wall {name}", True, f"not here: {why_not} ({hint})")


def _containers(settings: Settings) -> Iterator[Finding]:
    """Yield a line for each kind that is not a folder of this machine; that one is not here is no fault."""
    from luci.runner import boxes

    for kind in backends.BOXED:
        try:
            there = [python for python in boxes.pythons(kind, settings) if python.path]
        except (LuciError, OSError) as error:
            said, hint = (error.message, error.hint) if isinstance(error, LuciError) else (str(error), "")
            yield Finding(kind, True, f"not here: {said}" + (f" ({hint})" if hint else ""))
            continue
        versions = ", ".join(python.version for python in there)
        base = settings.containers.base
        says, lacks = "Sarus", ""
        if kind in backends.IN_ENGINES:
            engine = engines.find(kind)
            says = f"{engine.says}{', rootless' * engine.rootless}"
            lacks = engines.cannot_limit(engine, Limits(1, 1, 1)).removeprefix(engine.says)
        least = f"Python {versions} in {base}" if there else f"{base} is not there yet: the first run pulls it"
        yield Finding(kind, True, f"{says}: {least}{f';{lacks}' * bool(lacks)}")
    yield Finding("system", True, "any Python that --python names: it is only checked")


def _conda(context: Context) -> Generator[Event, None, Finding]:
    """Whether conda environments can be had; that nobody configured channels is no fault."""
    try:
        places = channels.configured(context.settings.conda)
        if not places:
            return Finding("conda", True, f"no channels are configured. {kinds.NO_CHANNELS}")
        kind = yield from kinds.conda("doctor asks", context.settings, None, False, context.stop)
    except LuciError as error:
        return Finding("conda", False, error.message, error.hint)
    assert kind.listing is not None
    if kind.listing.trouble:
        return Finding("conda", False, kind.listing.trouble, "Check the network and the names of the channels.")
    where = ", ".join(map(channels.shown, places))
    return Finding(
        "conda", True, f"{len(kind.listing.names)} packages and {len(kind.listing.pythons)} Pythons in {where}"
    )


def _index(settings: Settings) -> Finding:
    from luci.runner.index import Index

    places = sources(settings.index)
    try:
        there = Index(places, settings.index, paths.cache() / "index").project("pip") is not None
    except IndexFailed as error:
        return Finding("index", False, error.message, "Check the network, and the settings of pip and uv.")
    return Finding("index", there, f"answers (as {places.origin} says)" if there else "has no pip", "Is it an index?")


class ConfigRequest(Value):
    """`key` is as "run.retry" or "names.yaml"; with a `value` it is set, with `unset` it is taken out."""

    key: str = ""
    value: str = ""
    unset: bool = False


def configure(request: ConfigRequest, context: Context) -> Generator[Event, None, dict[str, Any]]:
    """Return the settings in force, after a change where one is asked for; the file's comments stay."""
    yield from ()
    if request.key:
        _change(request)
        settings = config.load()
    else:
        settings = context.settings
    told = {name: getattr(settings, name) for name in fields(Settings)}
    plain = {name: dict(v) if isinstance(v, dict) else as_dict(v) for name, v in told.items()}
    return {"file": str(paths.config_file()), **plain}


def _change(request: ConfigRequest) -> None:
    import tomlkit

    section, _, key = request.key.partition(".")
    if not key:
        raise ConfigError(f"{request.key!r} is not SECTION.KEY.", hint="As in: luci config run.retry never")
    file = paths.config_file()
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    document = tomlkit.parse(before)
    table: Any = document.setdefault(section, tomlkit.table())
    default: Any = getattr(Settings(), section, None)
    beneath, _, below = key.partition(".")
    if below and isinstance(getattr(default, beneath, None), Value):  # as in walls.stranger.network
        table, default, key = table.setdefault(beneath, tomlkit.table()), getattr(default, beneath), below
    if request.unset:
        table.pop(key, None)
    else:
        table[key] = request.value if section == "names" else _typed(default, key, request.value)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = tomlkit.dumps(document)
    config.check(text, file)  # before it is written: a bad value leaves the file as it was
    files.write(file, text.encode())


def _typed(section: object, key: str, value: str) -> object:
    """Return the text a person typed as the setting's own kind."""
    default = getattr(section, key, None)
    if isinstance(default, bool):
        return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(
            value.lower(), value
        )
    if isinstance(default, int | float):
        try:
            return float(value) if "." in value or isinstance(default, float) else int(value)
        except ValueError:
            return value
    return value.split() if isinstance(default, tuple) else value
