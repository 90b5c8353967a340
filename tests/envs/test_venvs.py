"""Empty environments: made by uv or virtualenv, with luci's hook and pip, and nothing of the host in them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from luci.envs import installer, venvs
from luci.errors import EnvError
from luci.runner.warm import activated


def said(folder: Path, code: str, environ: dict[str, str] | None = None) -> str:
    environ = activated(str(folder), dict(environ or os.environ))
    done = subprocess.run(
        [venvs.python_of(folder), "-c", code], capture_output=True, text=True, check=True, env=environ
    )
    return done.stdout.strip()


@pytest.fixture(params=["uv", "virtualenv"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, python) -> Path:
    """An empty environment, made by each maker."""
    place = tmp_path / "envs" / "with space é"
    venvs.create(place, python, installer.find_uv() if request.param == "uv" else None)
    return place


def test_an_environment_is_empty_and_its_own(folder):
    assert venvs.installed(folder) == {}
    assert said(folder, "import sys; print(sys.prefix != sys.base_prefix, sys.prefix)") == f"True {folder}"


def test_the_hook_starts_with_the_environment(folder):
    assert said(folder, "import sys; print('_luci_hook' in sys.modules)") == "True"


def test_running_changes_nothing_in_the_folder_of_packages(folder):
    site = venvs.site_packages(folder)
    (site / "top.py").write_text("x = 1\n")
    before = site.stat().st_mtime_ns
    assert said(folder, "import top; print(top.x)") == "1"
    assert site.stat().st_mtime_ns == before


def test_pip_is_lucis_own(folder):
    venvs.add_pip(folder)
    assert "site-packages/pip/__init__.py" in said(folder, "import pip; print(pip.__file__)")
    assert not list(venvs.site_packages(folder).glob("pip-*"))
    assert venvs.installed(folder) == {}


def test_a_real_pip_that_was_asked_for_stays(folder):
    site = venvs.site_packages(folder)
    (site / "pip-25.0.dist-info").mkdir()
    venvs.add_pip(folder)
    assert not (site / "pip").exists()


def test_what_is_installed_is_read_from_the_names_of_the_folders(folder):
    site = venvs.site_packages(folder)
    for name in ("Ruamel.Yaml-0.18.dist-info", "my_pkg-1.0.post1.dist-info", "old.egg-info", "x.py"):
        (site / name).mkdir()
    assert venvs.installed(folder) == {"my-pkg": "1.0.post1", "ruamel-yaml": "0.18"}


def test_packages_and_settings_of_the_host_stay_out(folder, tmp_path):
    (tmp_path / "hosts.py").touch()
    base = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere", "KEPT": "yes"}
    code = "import importlib.util, os; print(importlib.util.find_spec('hosts'), os.environ['KEPT'])"
    assert said(folder, code, base) == "None yes"
    assert said(folder, "import site; print(site.ENABLE_USER_SITE)", base) == "False"


def test_commands_of_the_environment_come_first(folder):
    code = "import os, shutil; print(shutil.which('python'), os.environ['VIRTUAL_ENV'])"
    assert said(folder, code) == f"{venvs.python_of(folder)} {folder}"


def test_uv_that_fails_is_followed_by_virtualenv(tmp_path, python):
    broken = tmp_path / "uv"
    broken.write_text("#!/bin/sh\necho no luck >&2; exit 2\n")
    broken.chmod(0o755)
    venvs.create(tmp_path / "env", python, str(broken))
    assert said(tmp_path / "env", "print('here')") == "here"


def test_a_python_that_is_none_leaves_no_half_of_an_environment(tmp_path, python):
    with pytest.raises(EnvError, match="No environment could be made") as error:
        venvs.create(tmp_path / "env", replace(python, path="/nowhere/python3"), installer.find_uv())
    assert error.value.cause
    assert not (tmp_path / "env").exists()


def test_a_folder_that_is_no_environment_is_said(tmp_path):
    with pytest.raises(EnvError, match="is not an environment"):
        venvs.site_packages(tmp_path)
