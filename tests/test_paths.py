"""luci's folders are where the platform says, told without the library that knows it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from luci import paths

VARIABLES = {"cache": "XDG_CACHE_HOME", "config": "XDG_CONFIG_HOME", "data": "XDG_DATA_HOME", "state": "XDG_STATE_HOME"}


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch):
    for name in ("LUCI_HOME", *VARIABLES.values()):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kind", VARIABLES)
@pytest.mark.parametrize("chosen", ["", "/chosen", "/chosen/./with//detours/", "relative", "~/chosen", "/büro x\n"])
@pytest.mark.parametrize("home", ["/home/me", "/home/me/", "/", "relative", ""])
def test_a_folder_is_where_the_platform_says(monkeypatch, kind, chosen, home):
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv(VARIABLES[kind], chosen)
    assert paths.text(kind) == str(Path(getattr(platformdirs, f"user_{kind}_dir")("luci", appauthor=False)))


@pytest.mark.parametrize("home", ["/moved", "moved", "./moved//here/", "~/moved", "../moved", "."])
def test_one_variable_moves_every_folder(monkeypatch, tmp_path, home):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LUCI_HOME", home)
    for kind in VARIABLES:
        assert paths.text(kind) == str(Path(home).expanduser().absolute() / kind)


@pytest.mark.skipif(sys.platform == "win32", reason="a working folder cannot be removed there")
def test_a_working_folder_that_is_gone_hides_no_absolute_folder(monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("LUCI_HOME", str(tmp_path))
    os.rmdir(gone)
    assert paths.text("state") == str(tmp_path / "state")
