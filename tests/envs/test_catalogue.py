"""The lists of environments are made of the catalogue, and say what the records and the disk say."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from luci import kept, paths
from luci.actions import rows
from luci.envs import catalogue, records
from luci.runner import memory
from luci.runner.memory import Memory
from luci.runner.script import read_script


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(kept, "YOUNG", 0)  # every record here is young, and none changes within a clock tick


@pytest.fixture
def script(tmp_path):
    """Write a script that uses an environment."""

    def write(name: str, key: str) -> Path:
        path = tmp_path / name
        path.write_text("")
        memory.save(read_script(str(path)), Memory(script=str(path), key=key))
        return path

    return write


def forget() -> None:
    shutil.rmtree(paths.cache() / "indexes", ignore_errors=True)


def listed(store) -> list[dict]:
    """What is listed with the index as it is, which is what is listed without one, and what the records say."""
    told, brief, envs = rows.all_of_them(), rows.all_of_them(brief=True), store.all()
    forget()
    assert rows.all_of_them() == told
    forget()
    assert store.all() == envs == [records.read(env.root) for env in envs]
    assert [{name: row[name] for name in short} for row, short in zip(told, brief, strict=True)] == brief
    return told


def states(store) -> dict[str, str]:
    return {row["label"]: row["state"] for row in listed(store)}


def test_an_index_that_is_there_says_the_same(store, build, script):
    env = build("six", label="a.py")
    path = script("a.py", env.key)
    for _ in range(2):
        [row] = rows.all_of_them()
        assert (row["name"], row["installed"], row["packages"]) == (env.name, {"six": "1.16"}, 1)
        assert (row["scripts"], row["script"], row["state"]) == ([str(path)], str(path), "ready")
    assert row == {**env.as_dict(), **row} and store.all() == [env]
    assert listed(store) == [row]


def test_what_happens_behind_the_indexs_back_is_listed(store, build, script, tmp_path):
    first = build("six", label="a.py", script=str(tmp_path / "a.py"))
    second = build("demo", label="b.py", script=str(tmp_path / "gone.py"))
    path = script("a.py", first.key)
    assert states(store) == {"a": "ready", "b": "orphaned"}

    third = build("tool", label="c.py", script=str(path))
    assert states(store) == {"a": "ready", "b": "orphaned", "c": "stale"}

    build.rebuild(first)
    assert {row["label"]: row["path"] for row in listed(store)}["a"].endswith("g2")

    third.python.unlink()
    store.remove(second)
    assert states(store) == {"a": "ready", "c": "broken"}

    script("a.py", third.key)
    assert states(store) == {"a": "stale", "c": "broken"}

    used = first.root / "uses" / str(os.getpid())
    os.utime(used, (1e9, 1e9))
    os.utime(used.parent, (1e9, 1e9))
    assert {row["label"]: row["last_used"] for row in listed(store)}["a"] == 1e9

    (first.root / "env.json").write_text('{"format": 99}')
    assert states(store) == {"c": "broken"}
    (third.root / "env.json").write_text("garbage")
    assert states(store) == {}


def test_a_package_that_was_taken_out_shows(store, build, script):
    env = build("six", label="a.py")
    script("a.py", env.key)
    assert states(store) == {"a": "ready"}
    shutil.rmtree(env.path / "lib")
    assert states(store) == {"a": "broken"}


def test_what_is_nested_too_deeply_to_be_kept_is_listed_without_it(store, build):
    env = build("six", label="a.py")
    deep: list[object] = []
    for _ in range(3000):
        deep = [deep]
    object.__setattr__(env, "about", {"extra": deep})
    assert catalogue.env_of(catalogue.entry(env)).about == {}


def test_a_disk_that_takes_no_index_hides_nothing(store, build):
    env = build("six", label="a.py")
    forget()
    (paths.cache() / "indexes").write_text("in the way")
    assert [row["name"] for row in rows.all_of_them()] == [env.name] and store.all() == [env]
