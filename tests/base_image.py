"""A base image for tests, made of a Python of this machine and what it needs to start: no registry is asked.

python -m tests.base_image OUT.tar
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

COMMANDS = ("sh", "cat", "ls", "env", "sleep", "id")
UNNEEDED = ("test", "tests", "site-packages", "idlelib", "tkinter", "turtledemo", "ensurepip", "__pycache__")
# what wheels may lean on without naming it (PEP 600)
EXPECTED = (
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libz.so.1",
    "libpthread.so.0",
    "libdl.so.2",
    "librt.so.1",
    "libutil.so.1",
)
ETC = {"passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n"}


def make(out: Path, prefix: Path) -> None:
    """Write a root file system with the Python at `prefix` at its own place, and a `python3` on PATH."""
    version = next(prefix.glob("lib/python3.*/os.py")).parent
    python = (prefix / "bin" / version.name).resolve()
    commands = [path for folder in ("/usr/bin", "/bin") for name in COMMANDS if (path := Path(folder, name)).exists()]
    with tarfile.open(out, "w") as tar:
        for name in ("tmp", "proc", "sys", "dev", "root", "opt"):
            _add(tar, name, tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755)
        for name, text in ETC.items():
            _file(tar, f"etc/{name}", text.encode())
        for name in ("bin", "lib", "lib64"):
            _add(tar, f"usr/{name}", tarfile.DIRTYPE, 0o755)
            _add(tar, name, tarfile.SYMTYPE, 0o777, f"usr/{name}")
        for name in ("python3", version.name):
            _add(tar, f"usr/bin/{name}", tarfile.SYMTYPE, 0o777, str(python))
        for path in {path.name: path for path in commands}.values():
            tar.add(path.resolve(), f"usr/bin/{path.name}", filter=_for_all)
        tar.add(python, str(python)[1:], filter=_for_all)
        tar.add(version, str(version)[1:], filter=_needed)
        programs = [python, *commands, *(version / "lib-dynload").glob("*.so")]
        for place, library in sorted(_libraries(programs).items()):
            tar.add(library.resolve(), place, filter=_for_all)
        there = set(tar.getnames())
        for name in sorted({str(folder) for each in there for folder in Path(each).parents} - there - {"."}):
            _add(tar, name, tarfile.DIRTYPE, 0o755)  # else an engine makes it, and not always for all


def _libraries(programs: Iterable[Path]) -> dict[str, Path]:
    """Return {place in the image: file} of all shared libraries that the programs name, and those wheels expect."""
    done = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False)
    found = {Path(path) for path in re.findall(r"(/[^\s)]+\.so[^\s)]*) \(", done.stdout)}
    folders = {path.resolve().parent for path in found}
    found |= {folder / name for folder in folders for name in EXPECTED if (folder / name).exists()}
    return dict(_placed(found))


def _placed(libraries: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for library in libraries:
        place = os.path.normpath(library)
        place = f"/usr{place}" if place.startswith(("/lib/", "/lib64/")) else place
        yield place[1:], library


def _needed(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(info.name).parts
    return None if set(parts) & set(UNNEEDED) or parts[-1].startswith("config-") else _for_all(info)


def _for_all(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.mode |= 0o555 if info.isdir() or info.mode & 0o100 else 0o444
    return info


def _add(tar: tarfile.TarFile, name: str, kind: bytes, mode: int, target: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, target
    tar.addfile(info)


def _file(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    tar.addfile(info, io.BytesIO(content))


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.base_prefix))
