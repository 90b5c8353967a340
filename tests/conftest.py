"""What every test may ask for: a package index on loopback, and a home of luci's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.package_index import PackageIndex

# the same examples in each run of the suite; bench/torture.py looks for others
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    with PackageIndex(tmp_path / "index") as served:
        yield served


@pytest.fixture
def luci_home(tmp_path: Path, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty LUCI_HOME whose only source of packages is `index`; the machine's pip and uv settings are unseen."""
    hide_machine_configuration(monkeypatch)
    home = tmp_path / "luci-home"
    monkeypatch.setenv("LUCI_HOME", str(home))
    monkeypatch.setenv("LUCI_INDEX_URL", index.url)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return home


def hide_machine_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("PIP_", "UV_", "LUCI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
