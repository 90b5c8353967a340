"""Which Pythons are here: each is run and asked; those that fail are skipped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from luci import paths
from luci.envs import interpreters
from luci.envs.interpreters import Interpreter
from luci.errors import EnvError
from tests.machine import OWN, TELLS


def versions() -> list[str]:
    return [python.version for python in interpreters.find()]


def test_the_python_that_luci_runs_in_is_found_outside_of_its_environment(machine):
    (own,) = interpreters.find()
    assert (own.version, own.final, own.implementation) == (OWN, True, "cpython")
    assert not Path(own.path).is_relative_to(sys.prefix)


def test_the_newest_comes_first(machine):
    for version in ("3.9.18", "3.20.1", "3.10.2"):
        machine(version)
    assert versions() == ["3.20.1", OWN, "3.10.2", "3.9.18"]


def test_plain_final_cpython_comes_before_all_others(machine):
    machine("3.21.0", free_threaded=True)
    machine("3.20.0", name="pypy3", implementation="pypy")
    machine("3.10.0")
    assert versions() == [OWN, "3.10.0", "3.21.0", "3.20.0"]


def test_one_python_under_two_names_is_one(machine):
    path = machine("3.20.1")
    path.with_name("python3").symlink_to(path)
    assert versions() == ["3.20.1", OWN]


@pytest.mark.parametrize(
    "shim",
    [
        "#!/bin/sh\necho 'pyenv: version 3.20 is not installed' >&2; exit 127\n",
        "#!/bin/sh\necho not json\n",
        "#!/bin/sh\nexit 0\n",
        "#!/nowhere/at/all\n",
        "\0\1\2 not a program",
        "#!/bin/sh\nkill -9 $$\n",
        "#!/bin/sh\necho '[1, 2]'\n",
    ],
)
def test_a_shim_that_fails_is_skipped(machine, shim):
    machine("3.20.1", text=shim.replace("{", "{{"))
    assert versions() == [OWN]


def test_a_link_to_nothing_is_skipped(machine, tmp_path):
    machine("3.20.1").with_name("python3.21").symlink_to(tmp_path / "gone")
    assert versions() == ["3.20.1", OWN]


def test_pythons_too_old_for_todays_tools_are_left_out(machine):
    machine("3.5.10", name="python3")
    machine("2.7.18", name="python")
    assert versions() == [OWN]


def test_those_of_pyenv_and_uv_are_found(machine, tmp_path, monkeypatch):
    machine("3.20.1", name="python3", place=tmp_path / "home/.pyenv/versions/3.20.1/bin")
    machine("3.21.1", name="python3", place=tmp_path / "home/.local/share/uv/python/cpython-3.21/bin")
    machine("3.22.1", name="python3", place=tmp_path / "chosen/cpython-3.22/bin")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "chosen"))
    assert versions() == ["3.22.1", "3.21.1", "3.20.1", OWN]


@pytest.mark.parametrize("installs", ["versions", "installs/python"])
def test_what_is_behind_shims_is_asked_and_no_shim(machine, tmp_path, installs, monkeypatch):
    machine("3.20.1", name="python3", place=tmp_path / f"manager/{installs}/3.20.1/bin")
    shim = machine("3.21.1", name="python3", place=tmp_path / "manager/shims")
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    assert versions() == ["3.20.1", OWN]


def test_a_folder_named_shims_with_nothing_behind_it_is_one_like_others(machine, tmp_path, monkeypatch):
    shim = machine("3.21.1", name="python3", place=tmp_path / "alone/shims")
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")
    assert versions() == ["3.21.1", OWN]


def test_each_is_asked_once_and_again_when_it_changes(machine, tmp_path):
    path = machine("3.20.1")
    assert versions() == versions() == ["3.20.1", OWN]
    assert (tmp_path / "asked").read_text() == "asked\n"
    machine("3.20.11")
    os.utime(path, ns=(1, 1))
    assert versions() == ["3.20.11", OWN]


def test_a_shim_is_asked_again_when_pyenv_chooses_another(machine, tmp_path, monkeypatch):
    machine("3.20.1")
    versions()
    monkeypatch.setenv("PYENV_VERSION", "3.21")
    versions()
    assert (tmp_path / "asked").read_text() == "asked\n" * 2


@pytest.mark.parametrize("content", ["{", '["x"]', "", '{"a|b": {"executable": 1}}'])
def test_a_damaged_memory_of_them_does_no_harm(machine, content):
    machine("3.20.1")
    versions()
    (memory,) = paths.cache().glob("interpreters*.json")
    memory.write_text(content)
    assert versions() == ["3.20.1", OWN]


def test_a_python_that_was_killed_before_it_could_answer_is_asked_again(machine, tmp_path):
    machine("3.20.1", text=f'#!/bin/sh\n[ -e "{tmp_path}/calm" ] || kill -9 $$\n' + TELLS.removeprefix("#!/bin/sh\n"))
    assert versions() == [OWN]
    (tmp_path / "calm").touch()
    assert versions() == ["3.20.1", OWN]


def test_a_cache_that_cannot_be_written_does_no_harm(machine, luci_home):
    luci_home.mkdir()
    (luci_home / "cache").write_text("in the way")
    machine("3.20.1")
    assert versions() == ["3.20.1", OWN]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("3.20", "3.20.5"),
        ("3.20.1", "3.20.1"),
        ("3", "3.21.0"),
        (">=3.9,<3.21", "3.20.5"),
        ("<3.10", "3.9.18"),
        ("python3.20", "3.20.5"),
        ("cpython@3.9", "3.9.18"),
        ("pypy", "3.19.0"),
        ("pypy3.19", "3.19.0"),
    ],
)
def test_a_python_is_chosen_by_version_range_or_name(machine, tmp_path, wanted, version):
    machine("3.20.1", place=tmp_path / "home/.pyenv/versions/3.20.1/bin", name="python3")
    for other in ("3.20.5", "3.9.18", "3.21.0"):
        machine(other)
    machine("3.19.0", name="pypy3", implementation="pypy")
    assert interpreters.choose(wanted).version == version


def test_a_python_is_chosen_by_its_path(machine, tmp_path):
    assert interpreters.choose(str(machine("3.20.1", place=tmp_path / "x"))).version == "3.20.1"


def test_a_python_that_is_not_here_is_said_with_those_that_are(machine):
    with pytest.raises(EnvError, match=r"Python 3\.99 is not on this machine") as error:
        interpreters.choose("3.99")
    assert OWN in error.value.cause


@pytest.mark.parametrize("wanted", ["rubbish", "3.x.y", ">=what"])
def test_what_names_no_python_is_said(machine, wanted):
    with pytest.raises(EnvError, match="neither a version nor a path"):
        interpreters.choose(wanted)


def test_a_path_that_is_no_python_is_said(machine, tmp_path):
    (tmp_path / "file").write_text("text")
    for path in (tmp_path / "file", tmp_path / "gone", tmp_path):
        with pytest.raises(EnvError, match="is not a Python that can be run"):
            interpreters.choose(str(path))


def test_a_path_to_a_python_that_is_too_old_is_said(machine):
    with pytest.raises(EnvError, match=r"is Python 2\.7\.18; luci needs 3\.6"):
        interpreters.choose(str(machine("2.7.18")))


def test_the_tags_are_those_of_its_own_version(machine):
    machine("3.20.1")
    tags = {str(tag) for tag in interpreters.choose("3.20").tags}
    assert {"py3-none-any", "cp320-none-any"} <= tags
    assert any(tag.startswith("cp320-cp320-") for tag in tags)
    assert not any(tag.startswith("cp311-cp311") for tag in tags)


def test_the_short_version_is_what_a_key_holds():
    python = Interpreter("/x", "3.12.4", "cpython", "linux-x86_64", "linux", "posix")
    assert (python.short, python.minor) == ("3.12", (3, 12))
