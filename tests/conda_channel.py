"""A conda channel made on the spot: a Python that runs, copied from the one of these tests, and what is added to it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OWN = ".".join(map(str, sys.version_info[:3]))
SHORT = "{}.{}".format(*sys.version_info[:2])
BASE = Path(sys.base_prefix)
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__",
    "site-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "config-*",
)


def impossible() -> str:
    """Return why no channel can be made here; empty where one can."""
    if sys.platform != "linux":
        return "the channel's Python is made on Linux"
    if shutil.which("patchelf") is None:
        return "patchelf is not installed"
    try:
        import rattler  # noqa: F401
    except ImportError:
        return "py-rattler is not installed"
    return "" if (BASE / "bin" / f"python{SHORT}").exists() else f"there is no Python {SHORT} at {BASE} to copy"


class CondaChannel:
    """A folder that conda's tools take packages from, at `url`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = folder.as_uri()
        self.platform = "linux-aarch64" if os.uname().machine == "aarch64" else "linux-64"
        (folder / self.platform).mkdir(parents=True)
        (folder / "noarch").mkdir()
        self.listed: dict[str, dict[str, Any]] = {self.platform: {}, "noarch": {}}

    def add_python(self, stage: Path) -> None:
        """Pack the interpreter of these tests so that it finds its own library wherever it is installed."""
        shutil.copytree(
            BASE / "lib" / f"python{SHORT}", stage / "lib" / f"python{SHORT}", ignore=LEFT_OUT, symlinks=True
        )
        for library in (BASE / "lib").glob("libpython*.so*"):
            shutil.copy2(library, stage / "lib", follow_symlinks=False)
        (stage / "bin").mkdir()
        binary = Path(shutil.copy2(BASE / "bin" / f"python{SHORT}", stage / "bin"))
        for name in ("python", "python3"):
            (stage / "bin" / name).symlink_to(binary.name)
        modules = [*(stage / "lib" / f"python{SHORT}" / "lib-dynload").glob("*.so")]
        libraries = [path for path in (stage / "lib").glob("*.so*") if not path.is_symlink()]
        if shutil.which("strip"):  # debuggers' symbols are most of what there is to pack
            subprocess.run(["strip", "--strip-unneeded", *libraries, *modules], check=True)
        for where, files in (("$ORIGIN/../lib", [binary]), ("$ORIGIN/../..", modules), ("$ORIGIN", libraries)):
            subprocess.run(["patchelf", "--force-rpath", "--set-rpath", where, *files], check=True)  # as conda does
        contents = {
            p.relative_to(stage).as_posix(): p for p in sorted(stage.rglob("*")) if p.is_symlink() or p.is_file()
        }
        self._pack(self.platform, "python", OWN, contents)

    def add(
        self, name: str, version: str, contents: Mapping[str, str], depends: Sequence[str] = (), *, python: bool = True
    ) -> None:
        """Publish a package for every platform; of a Python package the paths are those in site-packages."""
        if not python:
            self._pack("noarch", name, version, {path: text.encode() for path, text in contents.items()}, depends)
            return
        about = f"{name}-{version}.dist-info"
        inside = {**contents, f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
        packed = {f"site-packages/{path}": text.encode() for path, text in inside.items()}
        self._pack("noarch", name, version, packed, ["python >=3.8", *depends], noarch="python")

    def add_library(self, name: str, library: str, stage: Path) -> None:
        """Publish a package with a shared library in it: one of Python's own modules under another name."""
        module = next((stage / "lib" / f"python{SHORT}" / "lib-dynload").glob("_opcode*.so"))
        self._pack(self.platform, name, "1.0", {f"lib/{library}": module})

    def index(self) -> None:
        """Say what is in it, as conda reads it."""
        for subdir in (self.platform, "noarch"):
            told = {"info": {"subdir": subdir}, "packages": self.listed[subdir], "packages.conda": {}, "removed": []}
            (self.folder / subdir / "repodata.json").write_text(json.dumps({**told, "repodata_version": 1}))

    def _pack(
        self,
        subdir: str,
        name: str,
        version: str,
        contents: Mapping[str, bytes | Path],
        depends: Sequence[str] = (),
        noarch: str = "generic",
    ) -> None:
        about: dict[str, Any] = {"name": name, "version": version, "build": "0", "build_number": 0}
        about |= {"depends": list(depends), "subdir": subdir, "timestamp": 1_700_000_000_000}
        info: dict[str, Any] = {}
        if subdir == "noarch":
            about |= {"noarch": noarch}
        if noarch == "python":
            info["link.json"] = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        listed = [_described(path, content) for path, content in contents.items()]
        info |= {"index.json": about, "paths.json": {"paths": listed, "paths_version": 1}}
        place = self.folder / subdir / f"{name}-{version}-0.tar.bz2"
        with tarfile.open(place, "w:bz2", compresslevel=1) as archive:
            for path, content in contents.items():
                if isinstance(content, Path):
                    archive.add(content, path, recursive=False)
                else:
                    _write(archive, path, content)
            _write(archive, "info/files", "".join(f"{path}\n" for path in contents).encode())
            for file, told in info.items():
                _write(archive, f"info/{file}", json.dumps(told).encode())
        data = place.read_bytes()
        sums = {"md5": hashlib.md5(data).hexdigest(), "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        self.listed[subdir][place.name] = {**about, **sums}


def _described(path: str, content: bytes | Path) -> dict[str, Any]:
    linked = isinstance(content, Path) and content.is_symlink()
    data = b"" if linked else content.read_bytes() if isinstance(content, Path) else content
    digest = hashlib.sha256(data).hexdigest()
    kind = "softlink" if linked else "hardlink"
    return {"_path": path, "path_type": kind, "sha256": digest, "size_in_bytes": len(data)}


def _write(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(content))
