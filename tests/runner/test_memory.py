"""What earlier runs of a script taught, kept in one small file a script."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from luci import paths
from luci.envs import files
from luci.envs import store as stores
from luci.envs.spec import EnvSpec
from luci.runner import memory, owners, warm
from luci.runner.memory import Memory
from luci.runner.script import Script, read_script

FULL = Memory(
    script="/x/a.py",
    modules=("yaml",),
    names={"x": "some-x"},
    requirements=("rich",),
    limits={"six": "<=1.0"},
    approved=("novel",),
    python="<3.10",
    warm={"key": "0123", "proven": True},
)


@pytest.fixture
def script(person) -> Script:
    return person.script("import six\n")


def test_nothing_is_known_of_a_script_that_never_ran(script):
    assert memory.load(script) == Memory(script=str(script.path))


def test_what_was_saved_is_loaded(script):
    memory.save(script, FULL)
    assert memory.load(script) == FULL


def test_what_a_script_taught_outlives_a_change_of_its_text(script, person):
    memory.save(script, FULL)
    assert memory.load(person.script("import yaml\n")) == FULL


def test_scripts_do_not_share_what_they_taught(script, person):
    memory.save(script, FULL)
    assert memory.load(person.script("import six\n", "b.py")).modules == ()


def test_code_without_a_file_is_known_by_its_text_and_its_folder(person, tmp_path, monkeypatch):
    memory.save(read_script("import six", "code"), FULL)
    assert memory.load(read_script("import six", "code")) == FULL
    assert memory.load(read_script("import yaml", "code")) == Memory()
    monkeypatch.chdir(tmp_path)
    assert memory.load(read_script("import six", "code")) == Memory()


def test_a_folder_with_undecodable_bytes_is_no_obstacle(person, monkeypatch):
    place = os.fsencode(person.folder) + b"/\xff"
    os.mkdir(place)
    monkeypatch.chdir(os.fsdecode(place))
    code = read_script("import six", "code")
    memory.save(code, FULL)
    assert memory.load(code) == FULL


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"format": 99, "modules": ["yaml"]}', '{"modules": ["yaml"]}']
)
def test_a_memory_that_is_damaged_or_of_another_format_is_none(script, content):
    memory.save(script, FULL)
    memory.place(script).write_text(content)
    assert memory.load(script) == Memory(script=str(script.path))


def test_fields_of_another_shape_are_left_out_and_the_rest_counts(script):
    memory.save(script, FULL)
    told = files.read_sealed(memory.place(script))
    files.write_sealed(memory.place(script), {**told, "modules": "yaml", "limits": [], "python": None, "new": 1})
    assert memory.load(script) == replace(FULL, modules=(), limits={}, python="")


def test_a_disk_that_takes_no_memory_stops_nothing(script):
    paths.state().parent.mkdir(parents=True, exist_ok=True)
    paths.state().write_text("in the way")
    memory.save(script, FULL)
    assert memory.load(script) == Memory(script=str(script.path))
    assert owners.scripts_by_key() == {}


def test_the_scripts_of_each_environment_are_known(person):
    for name, key in (("a.py", "01"), ("b.py", "01"), ("c.py", "02"), ("d.py", "")):
        made = person.script("", name)
        memory.save(made, Memory(script=str(made.path), key=key))
    found = owners.scripts_by_key()
    assert {key: sorted(map(os.path.basename, users)) for key, users in found.items()} == {
        "01": ["a.py", "b.py"],
        "02": ["c.py"],
    }


# -- the warm part


@pytest.fixture
def env(tmp_path: Path) -> stores.Env:
    spec = EnvSpec("3.12", ("six",))
    root = tmp_path / f"luci_a_{spec.key}"
    return stores.Env(root, spec, "a", 3, "/usr/bin/python3.12", "3.12.4", {"six": "1.16"}, 0.0, 0, {})


@pytest.fixture
def record(env, tmp_path, monkeypatch) -> dict[str, object]:
    """The warm part of a script that read `read`, where `absent` was not there, with a variable set."""
    (tmp_path / "read").write_text("one")
    monkeypatch.setenv("DECIDES", "yes")
    return memory.warm(env, [str(tmp_path / "read")], {str(tmp_path / "absent")}, [str(tmp_path)], {"DECIDES": "yes"})


def test_the_warm_part_names_the_environment(record, env):
    assert (record["env"], record["generation"], record["key"]) == (str(env.root), 3, env.key)
    assert (record["requirements"], record["python"]) == (["six"], "3.12.4")
    assert json.loads(json.dumps(record)) == record


def test_while_nothing_changed_it_is_true(record):
    assert warm.still_true(record)


def rewrite(folder: Path) -> None:
    (folder / "read").write_text("two and more")


def replace_it(folder: Path) -> None:
    before = (folder / "read").stat()
    (folder / "other").write_text("two")
    os.utime(folder / "other", ns=(before.st_mtime_ns, before.st_mtime_ns))
    os.replace(folder / "other", folder / "read")


def delete(folder: Path) -> None:
    (folder / "read").unlink()


def create(folder: Path) -> None:
    (folder / "absent").mkdir()


def link_to_nothing(folder: Path) -> None:
    (folder / "absent").symlink_to(folder / "nothing")


@pytest.mark.parametrize("change", [rewrite, replace_it, delete, create, link_to_nothing])
def test_a_file_that_changed_came_or_went_makes_it_untrue(record, tmp_path, change):
    change(tmp_path)
    assert not warm.still_true(record)


def test_a_variable_that_changed_makes_it_untrue(record, monkeypatch):
    monkeypatch.delenv("DECIDES")
    assert not warm.still_true(record)


def test_another_version_of_luci_makes_it_untrue(record):
    assert not warm.still_true({**record, "version": "0.0.0"})


def test_a_requirements_file_that_comes_to_be_ends_it(record, tmp_path):
    (tmp_path / "requirements-dev.txt").write_text("six\n")
    assert not warm.still_true(record)
