"""Read what fixes conda packages to the build: conda-lock.yml, explicit lists (`@EXPLICIT`), pixi.lock.

Each package becomes a match spec with its version, its build and its digest, so that a channel which has another file
under that name is found out; and only configured channels are asked, whatever addresses a lock names.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from luci.runner.declared.values import (
    CondaChoice,
    Declarations,
    Declared,
    match_spec,
    read_text,
    reference,
)
from luci.values import Value

LOCKS = ("conda-lock.yml", "pixi.lock", "conda-lock.yaml")
_EXPLICIT = ("explicit.txt", "spec-file.txt", "conda-{}.lock")


class Pin(Value):
    """One package at its version: of conda with its `build`, else of the package index."""

    name: str
    version: str
    build: str = ""
    digest: str = ""  # "sha256:…" or "md5:…"
    channel: str = ""
    url: str = ""  # of what no index has
    conda: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether it says what a package can be called, and nothing else to whom it is handed on."""
        words = (self.name, self.version, *filter(None, (self.build,)))
        digest = re.fullmatch(r"((sha256|md5):[0-9a-fA-F]+)?", self.digest)
        return bool(digest) and all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]*", word) for word in words)

    @property
    def spec(self) -> str:
        kind, _, value = self.digest.partition(":")
        told = {"version": f"=={self.version}", "build": self.build, kind: value}
        return match_spec(self.name, told)


def platform() -> str:
    """Return conda's name of this platform."""
    machine = os.uname().machine if hasattr(os, "uname") else "x86_64"
    system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, sys.platform)
    special = {("osx", "arm64"): "arm64", ("linux", "x86_64"): "64", ("osx", "x86_64"): "64", ("win", "x86_64"): "64"}
    return f"{system}-{special.get((system, machine), machine)}"


def lists() -> tuple[str, ...]:
    """Return the names that an explicit list for this platform may have."""
    return tuple(name.format(platform()) for name in _EXPLICIT)


def read(path: Path) -> Declarations:
    """Return what a lock fixes. Raises ValueError, LuciError where it cannot be read or is not for this platform."""
    text = read_text(path)
    if path.name in lists() or is_explicit(text):
        pins = _explicit(text)
    else:
        pins = _pixi(path) if path.name == "pixi.lock" else _conda_lock(text, path)
    found = list(dict.fromkeys(pins))
    if bad := next((pin for pin in found if not pin.is_plain), None):
        raise ValueError(f"{bad.name!r} is no package")
    if not any(pin.conda for pin in found):
        raise ValueError(f"it has no packages for {platform()}")
    return _declared(found, path)


def _declared(pins: list[Pin], path: Path) -> Declarations:
    lines = [Declared(_line(pin), _canonical(pin.name), path.name, _hashes(pin)) for pin in pins]
    pips = [" ".join([_line(pin), *(f"--hash={each}" for each in _hashes(pin))]) for pin in pins if not pin.conda]
    python = next((pin.version for pin in pins if pin.conda and pin.name == "python"), "")
    channels = tuple(dict.fromkeys(pin.channel for pin in pins if pin.channel))
    choice = CondaChoice(path, channels, tuple(pin.spec for pin in pins if pin.conda), tuple(pips))
    minor = ".".join(python.split(".")[:2])
    wanted = [line for line, pin in zip(lines, pins, strict=True) if pin.name != "python"]
    return Declarations(tuple(wanted), requires_python=f"=={minor}.*" if minor else "", files=(path,), conda=choice)


def _hashes(pin: Pin) -> tuple[str, ...]:
    return (pin.digest,) if not pin.conda and not pin.url and pin.digest.startswith("sha256:") else ()


def _line(pin: Pin) -> str:
    """Return the pin as a requirement, without its version where conda alone counts so."""
    from packaging.version import InvalidVersion, Version

    if pin.url:
        return reference(pin.name, pin.url)
    try:
        return f"{_canonical(pin.name)}=={Version(pin.version)}"
    except InvalidVersion:
        return _canonical(pin.name)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _conda_lock(text: str, path: Path) -> Iterator[Pin]:
    """The unified format of conda-lock, version 1."""
    from luci.envs.channels import read_yaml

    for entry in _listed(read_yaml(text, path.name).get("package")):
        if entry.get("platform") != platform() or entry.get("category", "main") != "main":
            continue
        name, version, url = (str(entry.get(key, "")) for key in ("name", "version", "url"))
        said = entry.get("hash")
        hashes = said if isinstance(said, dict) else {}
        digest = next((f"{kind}:{hashes[kind]}" for kind in ("sha256", "md5") if hashes.get(kind)), "")
        if entry.get("manager") == "conda":
            named = _of_file(url, digest)
            yield Pin(name, version, named.build if named else "", digest, named.channel if named else "")
        elif entry.get("manager") == "pip":
            yield Pin(name, version, digest=digest, url=url if "+" in url.partition("://")[0] else "", conda=False)


def is_explicit(text: str) -> bool:
    return any(line.strip() == "@EXPLICIT" for line in text.splitlines())


def _explicit(text: str) -> Iterator[Pin]:
    """A list of addresses, as `conda list --explicit` writes it: `URL#MD5`, or `URL#sha256:…`."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if "@EXPLICIT" not in lines:
        raise ValueError("there is no line @EXPLICIT in it")
    for line in lines[lines.index("@EXPLICIT") + 1 :]:
        address, _, digest = line.partition("#")
        pin = _of_file(address, digest if not digest or ":" in digest else f"{_kind_of(digest)}:{digest}")
        if pin is None:
            raise ValueError(f"{line!r} is no package")
        yield pin


def _kind_of(digest: str) -> str:
    return "sha256" if len(digest) == 64 else "md5"


def _of_file(url: str, digest: str) -> Pin | None:
    """Return the package that a file of a channel is, from its address: CHANNEL/PLATFORM/NAME-VERSION-BUILD.conda.

    >>> pin = _of_file("https://host/forge/linux-64/a-b-1.0-h1_0.tar.bz2", "md5:00")
    >>> pin.name, pin.version, pin.build, pin.channel
    ('a-b', '1.0', 'h1_0', 'https://host/forge')
    """
    match = re.fullmatch(r"(.*)/([^/]+)/([^/]+)-([^/-]+)-([^/-]+)\.(?:conda|tar\.bz2)", url)
    if match is None:
        return None
    if match[2] not in (platform(), "noarch"):
        raise ValueError(f"it is for {match[2]}, and this is {platform()}")
    return Pin(match[3], match[4], match[5], digest, match[1])


def _pixi(path: Path) -> Iterator[Pin]:
    """What pixi locked for the environment `default`, in whichever of its formats py-rattler knows."""
    try:
        from rattler import LockFile  # 60 ms
        from rattler.lock import CondaLockedPackage, PypiLockedPackage
    except ImportError:
        raise ValueError("reading it needs py-rattler: install luci[conda]") from None
    try:
        environment = LockFile.from_path(path).default_environment()
        packages = environment.packages_by_platform() if environment else {}
        here = [each for place, found in packages.items() for each in found if str(place) == platform()]
    except Exception as error:  # noqa: BLE001 py-rattler has forty kinds
        raise ValueError(str(error)) from None
    for package in here:
        hashes = package.hashes
        digest = f"sha256:{hashes.sha256.hex()}" if hashes and hashes.sha256 else ""
        location = str(package.location)
        if isinstance(package, CondaLockedPackage) and (pin := _of_file(location, digest)):
            yield pin
        elif isinstance(package, PypiLockedPackage):
            yield Pin(package.name, str(package.version), digest=digest, conda=False)


def _listed(value: Any) -> Iterable[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
