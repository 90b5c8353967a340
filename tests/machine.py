"""A machine with Pythons of any version: programs that answer as a Python would, and can do nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

OWN = "{}.{}.{}".format(*sys.version_info[:3])
TELLS = """#!/bin/sh
echo asked >> "{log}"
echo '{{"version": "{version}", "final": true, "implementation": "{implementation}", "platform": "linux-x86_64",
 "os_name": "posix", "sys_platform": "linux", "free_threaded": {threads}, "executable": "{path}"}}'
"""

Add = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path, luci_home: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """A machine that has the Python of these tests, and those that are added: on PATH, or in another place."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PYENV_ROOT", "PYENV_VERSION", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def add(
        version: str,
        name: str = "",
        text: str = TELLS,
        place: Path = folder,
        implementation: str = "cpython",
        free_threaded: bool = False,
    ) -> Path:
        path = place / (name or f"python{version.rpartition('.')[0]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        threads, log = str(free_threaded).lower(), tmp_path / "asked"
        path.write_text(
            text.format(version=version, path=path, implementation=implementation, threads=threads, log=log)
        )
        path.chmod(0o755)
        return path

    return add
