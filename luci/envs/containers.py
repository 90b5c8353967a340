"""Environments in a container engine, Docker's or Podman's: an image for each, of a base and one layer of packages.

uv resolves and downloads on this machine, for the image's Python and platform. So the person's index, its passwords and
uv's cache are used as for every other kind, and nothing of them comes into an image; the engine needs no network, and
no code of a package runs before its script does. A copy of the layer stays in the environment's folder, by links into
uv's cache: it is what `tree`, `why`, `verify` and `export` read, and what the image is made from again where it is
gone.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luci.envs import bases, files, venvs
from luci.envs.bases import Base
from luci.envs.layers import PREFIX, RECORD, Layered, fill
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec, label_for
from luci.envs.terms import Terms
from luci.errors import EnvError
from luci.events import Event, Working
from luci.walls import engines
from luci.walls.container import LABEL, Image, bind, sweep
from luci.walls.engines import Engine

if TYPE_CHECKING:
    from luci.envs.backends import Ability


class Containers(Layered):
    """The kinds `docker` and `podman`: see luci.envs.backends."""

    can: frozenset[Ability] = frozenset(("update", "requirements", "pep723", "environment.yml", "dockerfile", "shell"))
    engine: str = ""

    def base(self, spec: EnvSpec, terms: Terms, stop: Callable[[], bool]) -> Generator[Event, None, Base]:
        return (yield from bases.ready(engines.find(self.engine), spec.base, stop, offline=terms.offline))

    def install(
        self, spec: EnvSpec, folder: Path, sources: Sources, terms: Terms, stop: Callable[[], bool]
    ) -> Iterator[Event]:
        engine = engines.find(self.engine)
        sweep(engine)
        _let_orphans_go(engine)
        base = yield from self.base(spec, terms, stop)
        yield from fill(spec, folder, base, sources, terms, stop)
        yield Working("compiling", "what was installed")
        compile_all(engine, base, folder)
        yield from made(engine, base, spec, folder)

    def faults(self, folder: Path) -> list[str]:
        try:
            engine = engines.find(self.engine)
        except EnvError as error:
            return [f"its image cannot be looked at: {error.message}"]
        return [] if is_there(engine, folder) else ["its image is gone"]

    def elsewhere(self, folder: Path) -> tuple[str, int]:
        told = files.read_json(folder / RECORD)
        return str(told.get("name", "")), int(told.get("bytes", 0))


def compile_all(engine: Engine, base: Base, folder: Path) -> None:
    """Compile in the base itself what was installed: in a container that only reads it would be done at each start."""
    python, lib = str(PREFIX / "bin" / "python"), str(PREFIX / "lib")
    command = [python, "-I", "-m", "compileall", "-q", "-j", "0", lib]
    code, said = bases.inside(engine, base.id, command, (bind(str(folder), write=True, target=str(PREFIX)),))
    if code not in (0, 1):  # 1: a file that is for another Python
        raise EnvError("The Python of the image cannot be started.", cause=said)


def made(engine: Engine, base: Base, spec: EnvSpec, folder: Path) -> Iterator[Event]:
    """Make the image of what lies in `folder`, and write down which it is."""
    key = folder.parent.name.rpartition("_")[2]
    label = label_for(folder.parent.name.removeprefix("luci_").rpartition("_")[0])
    yield Working("making", f"the image luci/{label}:{key}-{folder.name}")
    with bases.talking(engine) as client, tempfile.TemporaryFile() as layer:
        with tarfile.open(fileobj=layer, mode="w") as tar:
            tar.add(folder, arcname=str(PREFIX).lstrip("/"), filter=_for_everyone)
        layer.seek(0)
        config = {
            "Image": base.id,
            "Labels": {LABEL: "env", f"{LABEL}.key": key, f"{LABEL}.folder": str(folder)},
            "Env": [f"PATH={PREFIX}/bin:{base.path}", f"VIRTUAL_ENV={PREFIX}"],
            "Entrypoint": [],
            "Cmd": [str(PREFIX / "bin" / "python")],
            "HostConfig": {"NetworkMode": "none"},
        }
        container = client.create_container_from_config(config)["Id"]
        try:
            client.put_archive(container, "/", layer)
            image = client.commit(container, repository=f"luci/{label}", tag=f"{key}-{folder.name}")["Id"]
        finally:
            client.remove_container(container, force=True, v=True)
        size = client.inspect_image(image)["Size"] - client.inspect_image(base.id)["Size"]
    told = {"engine": engine.name, "image": image, "name": f"luci/{label}:{key}-{folder.name}", "bytes": max(0, size)}
    rest = {"base": base.id, "version": base.version, "path": f"{PREFIX}/bin:{base.path}"}
    files.write_json(folder / RECORD, {**told, **rest})


def _for_everyone(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.isdir() or info.mode & 0o100 else 0o444
    return info


# -- the image


def image_of(folder: Path) -> Image:
    told = files.read_json(folder / RECORD)
    return Image(str(told.get("image", "")), str(told.get("path", "")))


def is_there(engine: Engine, folder: Path) -> bool:
    return bool(engine.ask("GET", f"/images/{image_of(folder).id}/json")[0] == 200)


def made_again(engine: Engine, spec: EnvSpec, folder: Path, stop: Callable[[], bool]) -> Iterator[Event]:
    """Make the image of a published environment where the engine has lost it: nothing is resolved or downloaded."""
    sealed = files.mtime(venvs.site_packages(folder))
    base = yield from bases.ready(engine, spec.base, stop)
    (folder / RECORD).unlink(missing_ok=True)
    yield from made(engine, base, spec, folder)
    os.utime(venvs.site_packages(folder), ns=(sealed, sealed))


def let_go(folder: Path) -> None:
    """Remove the image of an environment that is about to be removed; where its engine does not answer, it stays, and
    is removed with the next."""
    told = files.read_json(folder / RECORD)
    if told.get("engine") not in ("docker", "podman"):
        return
    with contextlib.suppress(EnvError, OSError):
        engine = engines.find(str(told["engine"]))
        engine.ask("DELETE", f"/images/{told['image']}?force=1")
        _let_orphans_go(engine)


def _let_orphans_go(engine: Engine) -> None:
    """Remove the images whose environment is gone, or was never done."""
    status, found = engine.ask("GET", f"/images/json?filters=%7B%22label%22:[%22{LABEL}=env%22]%7D")
    for image in found if status == 200 and isinstance(found, list) else ():
        place = (image.get("Labels") or {}).get(f"{LABEL}.folder", "")
        root = os.path.dirname(place)
        if place and os.path.isdir(os.path.dirname(root)) and not os.path.exists(place):
            engine.ask("DELETE", f"/images/{image['Id']}?force=1")
