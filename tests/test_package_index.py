"""The tests' own index speaks to the real uv."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import uv

from tests.package_index import PackageIndex


def install(index: PackageIndex, target: Path, *packages: str) -> subprocess.CompletedProcess[str]:
    argv = [uv.find_uv_bin(), "pip", "install", "--python", sys.executable, "--target", target, "--default-index"]
    return subprocess.run([*argv, index.url, *packages], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("html_only", [False, True])
def test_uv_installs_a_wheel_and_what_it_needs(index, luci_home, tmp_path, html_only):
    index.html_only = html_only
    index.add_wheel("Plain.Name", "1.0", {"plain/__init__.py": "X = 1\n"}, requires=["needed>=2"])
    index.add_wheel("needed", "2.1", {"needed.py": "Y = 2\n"}, import_names=["needed"])
    done = install(index, tmp_path / "site", "plain-name")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "plain" / "__init__.py").read_text() == "X = 1\n"
    assert (tmp_path / "site" / "needed.py").exists()


def test_uv_builds_an_sdist_without_a_network(index, luci_home, tmp_path):
    index.add_sdist("built", "1.0", {"built.py": "Z = 3\n"})
    done = install(index, tmp_path / "site", "built")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "built.py").exists()


def test_an_sdist_that_fails_fails_in_the_build(index, luci_home, tmp_path):
    index.add_sdist("unbuildable", "1.0", {"unbuildable.py": ""}, fails=True)
    done = install(index, tmp_path / "site", "unbuildable")
    assert done.returncode != 0
    assert "no such header" in done.stderr


def test_a_wrong_hash_and_a_cut_wheel_are_refused(index, luci_home, tmp_path):
    index.add_wheel("lying", "1.0", {"lying.py": ""}, wrong_hash=True)
    index.add_wheel("cut", "1.0", {"cut.py": "x = 1\n" * 1000}, broken=True)
    assert "Hash mismatch" in install(index, tmp_path / "site", "lying").stderr
    assert install(index, tmp_path / "site", "cut").returncode != 0


def test_younger_uploads_can_be_excluded(index, luci_home, tmp_path):
    index.add_wheel("aged", "1.0", {"aged.py": "V = 1"}, uploaded="2020-01-01T00:00:00Z")
    index.add_wheel("aged", "2.0", {"aged.py": "V = 2"}, uploaded="2024-01-01T00:00:00Z")
    done = install(index, tmp_path / "site", "aged", "--exclude-newer", "2022-01-01T00:00:00Z")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "aged.py").read_text() == "V = 1"
