"""What many small files say is the same with the index as without it, whatever becomes of either."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luci import kept, paths
from luci.envs import indexed


class Shelf:
    """Files that each say a word, and note of which of them were read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: list[str] = []
        folder.mkdir()

    def write(self, name: str, word: str) -> Path:
        new = self.folder / f".{name}"
        new.write_text(word)
        return new.replace(self.folder / name)

    def names(self) -> list[str]:
        return sorted(name for name in os.listdir(self.folder) if not name.startswith("."))

    def said(self) -> dict[str, str | None]:
        self.read = []
        return indexed.said(str(self.folder), self.names(), self._word)

    def _word(self, path: str) -> str | None:
        self.read.append(os.path.basename(path))
        return Path(path).read_text() or None

    def index(self) -> Path:
        [index] = (paths.cache() / "indexes").iterdir()
        return index


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Shelf:
    monkeypatch.setenv("LUCI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kept, "YOUNG", 0)  # every file here is young, and none changes within a clock tick
    shelf = Shelf(tmp_path / "shelf")
    for name, word in (("a", "one"), ("b", "two"), ("c", "")):
        shelf.write(name, word)
    return shelf


SAID = {"a": "one", "b": "two", "c": None}


def test_a_file_is_read_once(shelf):
    assert (shelf.said(), shelf.read) == (SAID, ["a", "b", "c"])
    assert (shelf.said(), shelf.read) == (SAID, [])


def test_only_what_changed_is_read_again(shelf):
    shelf.said()
    shelf.write("b", "new")
    shelf.write("d", "more")
    (shelf.folder / "c").unlink()
    assert (shelf.said(), shelf.read) == ({"a": "one", "b": "new", "d": "more"}, ["b", "d"])
    assert (shelf.said(), shelf.read) == ({"a": "one", "b": "new", "d": "more"}, [])


def test_another_file_of_the_same_size_and_time_is_read(shelf):
    shelf.said()
    before = os.stat(shelf.folder / "a")
    shelf.write("a", "uno")
    os.utime(shelf.folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert shelf.said()["a"] == "uno"


def test_a_young_file_is_read_each_time(shelf, monkeypatch):
    monkeypatch.setattr(kept, "YOUNG", 3600 * 10**9)
    for _ in range(2):
        assert (shelf.said(), shelf.read) == (SAID, ["a", "b", "c"])


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 20, b"luci 0123\n" + bytes(40)])
def test_a_damaged_index_is_made_again(shelf, content):
    shelf.said()
    shelf.index().write_bytes(content)
    assert (shelf.said(), shelf.read) == (SAID, ["a", "b", "c"])
    assert (shelf.said(), shelf.read) == (SAID, [])


def test_a_cache_that_takes_nothing_costs_nothing_but_time(shelf):
    (paths.cache().parent).mkdir()
    paths.cache().write_text("in the way")
    for _ in range(2):
        assert (shelf.said(), shelf.read) == (SAID, ["a", "b", "c"])


def test_an_index_of_an_earlier_day_is_brought_up_to_date(shelf):
    shelf.said()
    earlier = shelf.index().read_bytes()
    shelf.write("a", "new")
    shelf.said()
    shelf.index().write_bytes(earlier)
    assert (shelf.said(), shelf.read) == ({**SAID, "a": "new"}, ["a"])


def test_a_copied_folder_has_an_index_of_its_own(shelf, tmp_path):
    shelf.said()
    shutil.copytree(shelf.folder, tmp_path / "copy", copy_function=shutil.copy2)
    shelf.folder = tmp_path / "copy"
    assert (shelf.said(), shelf.read) == (SAID, ["a", "b", "c"])


LISTS = """
import os, sys
from luci import kept
from luci.envs import indexed
kept.YOUNG = 0
def read(path):
    return open(path).read() or None
for _ in range(100):
    names = sorted(name for name in os.listdir(sys.argv[1]) if not name.startswith("."))[int(sys.argv[2]):]
    assert all(len(word or "") in (0, 3) for word in indexed.said(sys.argv[1], names, read).values())
"""


def test_several_may_look_while_files_change(shelf):
    told = [sys.executable, "-c", LISTS, str(shelf.folder)]
    looking = [subprocess.Popen([*told, first], stderr=subprocess.PIPE) for first in ("0", "1")]
    number = 0
    while any(one.poll() is None for one in looking):
        shelf.write("ab"[number % 2], f"{number % 1000:03}")
        number += 1
    assert [one.communicate()[1] for one in looking] == [b"", b""]
    assert shelf.said() == {name: (shelf.folder / name).read_text() or None for name in shelf.names()}


CHANGES = st.lists(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["one", "two", "", None]), st.booleans()), max_size=8
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_whatever_changes_the_same_is_said_as_without_an_index(shelf, changes):
    for name, word, look in changes:
        if word is None:
            (shelf.folder / name).unlink(missing_ok=True)
        else:
            shelf.write(name, word)
        if look:
            assert shelf.said() == {name: (shelf.folder / name).read_text() or None for name in shelf.names()}
