"""Which kind of environment a script gets, why, and what of its needs comes from conda channels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable
from typing import TYPE_CHECKING

from luci.config import Settings
from luci.envs import channels, sonames
from luci.envs.interpreters import Interpreter
from luci.envs.matches import match_spec
from luci.envs.sources import Sources
from luci.envs.terms import Terms
from luci.errors import EnvError, LuciError, PlanError
from luci.events import Event, Warned
from luci.runner.choices import Choice, name_of
from luci.runner.declared import Declarations
from luci.runner.imports import Certainty, Import
from luci.values import Value, replace

if TYPE_CHECKING:
    from luci.envs.condas import Listing

NO_CHANNELS = "Name some under [conda] channels in luci's config, or in .condarc."


class Kind(Value):
    """What was chosen. `listing` is what the channels have, None where the environment is a venv."""

    name: str = "venv"
    why: str = "everything has wheels, as far as is known"
    channels: tuple[str, ...] = ()
    listing: Listing | None = None
    declared: tuple[str, ...] = ()  # match specs that an environment.yml names
    pips: tuple[str, ...] = ()  # what it names for the package index
    base: str = ""  # the image of a container, {python} in it the version
    here: tuple[Interpreter, ...] = ()  # the Pythons to choose from, where they are not this machine's


VENV = Kind()


def asked(wanted: str, settings: Settings, declarations: Declarations | None, project: str = "auto") -> tuple[str, str]:
    """Return the kind that somebody asked for, or "auto", and who did. `project` is what the project's file fixes."""
    if wanted and wanted != "auto":
        if declarations and declarations.conda and wanted == "conda":
            return wanted, f"{declarations.conda.file.name} declares it"
        return wanted, "[envs] kind in the config" if wanted == settings.envs.kind else f"--env {wanted}"
    if settings.envs.kind != "auto" and not wanted:
        return settings.envs.kind, "[envs] kind in the config"
    if project != "auto" and not wanted:
        return project, "[tool.luci.envs] in the project's pyproject.toml"
    if declarations and declarations.conda is not None:
        return "conda", f"{declarations.conda.file.name} declares it"
    return "auto", ""


def possible(settings: Settings) -> bool:
    """Whether a conda environment may be chosen where nobody asked for one: only where channels are configured."""
    try:
        return settings.envs.kind == "auto" and bool(channels.configured(settings.conda))
    except LuciError:  # conda's own configuration cannot be read, and nobody asked for conda
        return False


def conda(
    why: str,
    settings: Settings,
    declarations: Declarations | None,
    offline: bool,
    stop: Callable[[], bool],
) -> Generator[Event, None, Kind]:
    """Return the kind conda, with what its channels have. Raises EnvError where there are none, or none answers."""
    said = declarations.conda if declarations else None
    places = channels.configured(settings.conda)
    names = {name for place in places for name in (place, place.rpartition("/")[2])}
    if others := [name for name in (said.channels if said else ()) if name.rstrip("/") not in {*names, "defaults"}]:
        yield Warned(f"Nothing is taken from {', '.join(others)}: only configured channels are used.", hint=NO_CHANNELS)
    if not places:
        raise EnvError(
            "No conda channel is configured.", cause=f"A conda environment is wanted: {why}.", hint=NO_CHANNELS
        )
    from luci.envs import condas

    terms = Terms(offline=offline or settings.index.offline)
    had = yield from condas.listing(Sources(channels=places), terms, stop, settings.index.fresh_seconds)
    return Kind("conda", why, places, had, said.specs if said else (), said.pips if said else ())


def pythons(kind: Kind) -> list[Interpreter]:
    """Return the Pythons of an image, or of the channels: the newest release of each minor version, best first."""
    if kind.here:
        return list(kind.here)
    from luci.envs import condas

    assert kind.listing is not None
    found: dict[str, Interpreter] = {}
    for version in kind.listing.pythons:
        if all(part.isdigit() for part in version.split(".")) and version.count(".") == 2:
            python = condas.interpreter(version)
            found.setdefault(python.short, python)
    if found:
        return list(found.values())
    raise PlanError("The conda channels have no Python.", cause=", ".join(map(channels.shown, kind.channels)))


def provided(kind: Kind, choices: Iterable[Choice], approved: Collection[str]) -> list[Choice]:
    """Return the choices, with those that nothing on the index provides taken from a channel that has a package of that
    name. That is a guess, with no wheel to prove it: it waits for a yes unless the name was `approved`."""
    if kind.listing is None:
        return list(choices)
    names = kind.listing.names
    return [_from_channel(choice, names, approved) if choice.status == "none" else choice for choice in choices]


def _from_channel(choice: Choice, names: dict[str, str], approved: Collection[str]) -> Choice:
    top = choice.module.partition(".")[0]
    name = name_of(top)
    if choice.kind != "unknown" or name not in names:
        return choice
    reason = f"a conda channel has a package {names[name]}"
    found = replace(choice, requirements=(name,), source="channel", reason=reason, status="install", kind="")
    if name in approved:
        return found
    return replace(found, status="ask", doubts=("only its name speaks for it: nothing shows that it holds the module",))


def lacks_libraries(kind: Kind, libraries: Collection[str]) -> bool:
    """Whether there are some, and the channels seem to have a package for none of them."""
    names = kind.listing.names if kind.listing else {}
    return bool(libraries) and not any(sonames.package(library, names)[0] for library in libraries)


def libraries(kind: Kind, wanted: Iterable[str], approved: Collection[str]) -> list[Choice]:
    """Return the packages that should bring these shared libraries; one that only its name speaks for waits for a
    yes."""
    found = []
    for library in wanted if kind.listing else ():
        name, known = sonames.package(library, kind.listing.names if kind.listing else {})
        if not name:
            continue
        seen = (Import(library, 0, "an earlier run", Certainty.DYNAMIC),)
        reason = f"{library} was missing, and conda's {name} brings it"
        choice = Choice(library, (name,), "channel", reason, seen, kind="library")
        doubts = () if known or name_of(name) in approved else ("only its name speaks for it",)
        found.append(replace(choice, status="ask", doubts=doubts) if doubts else choice)
    return found


def divided(kind: Kind, needed: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the requirements that the package index is left with, and the match specs for the channels."""
    if kind.listing is None:
        return list(needed), ()
    spoken_of, for_pip = {name_of(spec) for spec in kind.declared}, set(map(name_of, kind.pips))
    specs, rest = list(kind.declared), []
    for line in needed:
        spec = match_spec(line, kind.listing.names) if name_of(line) not in for_pip else ""
        if not spec:
            rest.append(line)
        elif name_of(spec) not in spoken_of:
            specs.append(spec)
    return rest, tuple(specs)


def movable(kind: Kind, lines: Iterable[str], specs: Collection[str]) -> dict[str, str]:
    """Return {requirement: match spec} of what goes to the channels and could come from the index."""
    if kind.listing is None:
        return {}
    spoken_of = {name_of(spec) for spec in kind.declared}
    said = {line: match_spec(line, kind.listing.names) for line in lines if name_of(line) not in spoken_of}
    return {line: spec for line, spec in said.items() if spec in specs}


def provided_of(kind: Kind, names: Iterable[str]) -> list[str]:
    """Return the match specs of those distributions that the channels have."""
    return [spec for name in names if kind.listing and (spec := match_spec(name, kind.listing.names))]


def beyond(specs: Iterable[str], choices: Iterable[Choice]) -> tuple[str, ...]:
    """Return the names of the match specs that no choice names; of all where each has one."""
    names = [name_of(spec) for spec in specs]
    chosen = {name_of(line) for choice in choices for line in choice.requirements}
    return tuple(name for name in names if name not in chosen) or tuple(names)


def lacking(choices: Iterable[Choice], *, sure: bool) -> list[str]:
    """Return the requirements that no Python here has a wheel of, and, if the index was `sure`, the names of modules
    that it knows nothing for."""
    lines: list[str] = []
    for choice in choices:
        if choice.status == "install" and not choice.wheel:
            lines += choice.requirements
        elif sure and choice.kind == "unknown" and choice.certainty is Certainty.REQUIRED:
            lines.append(name_of(choice.module.partition(".")[0]))
    return lines


def has_all(kind: Kind, lines: Iterable[str]) -> bool:
    return kind.listing is not None and all(match_spec(line, kind.listing.names) for line in lines)
