"""What luci keeps in its cache is read whole or not at all, and only by the luci that wrote it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import luci
from luci import kept

VALUE = {"a": (1, "two", None, True, 2.5), "é\udc80": ["x", frozenset({"y"})], "bytes": b"\0\1"}


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "file")


def test_what_was_saved_is_loaded(place):
    kept.save(place, VALUE)
    assert kept.load(place) == VALUE
    assert os.listdir(os.path.dirname(place)) == ["file"]


def test_nobody_else_reads_it(place):
    kept.save(place, VALUE)
    assert os.stat(place).st_mode & 0o077 == 0


def test_nothing_is_loaded_from_where_nothing_is(place, tmp_path):
    assert kept.load(place) is None
    assert kept.load(str(tmp_path)) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_was_damaged_is_nothing(place, data):
    kept.save(place, VALUE)
    content = bytearray(Path(place).read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    Path(place).write_bytes(content)
    assert kept.load(place) is None


@pytest.mark.parametrize("content", [b"", b"{}", bytes(range(256)) * 20, b"luci 0123\n" + bytes(40)])
def test_what_another_wrote_is_nothing(place, content):
    kept.save(place, VALUE)
    Path(place).write_bytes(content)
    assert kept.load(place) is None


def test_a_place_that_takes_nothing_stops_nothing(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    kept.save(str(tmp_path / "cache" / "file"), VALUE)
    assert kept.load(str(tmp_path / "cache" / "file")) is None


WRITES = """
import sys
from luci import kept
for n in range(150):
    kept.save(sys.argv[1], [sys.argv[2]] * 2000)
"""


def test_of_several_who_write_at_once_one_is_read_whole(place):
    writers = [subprocess.Popen([sys.executable, "-c", WRITES, place, name]) for name in ("one", "two")]
    seen = []
    while any(writer.poll() is None for writer in writers):
        seen.append(kept.load(place))
    assert [writer.returncode for writer in writers] == [0, 0]
    assert all(value in (None, ["one"] * 2000, ["two"] * 2000) for value in seen)
    assert kept.load(place) in (["one"] * 2000, ["two"] * 2000)
    assert os.listdir(os.path.dirname(place)) == ["file"]


def test_the_files_used_last_stay(tmp_path):
    for number in range(5):
        kept.save(str(tmp_path / str(number)), number)
        os.utime(tmp_path / str(number), (number, number))
    kept.drop_oldest(str(tmp_path), 2)
    assert sorted(os.listdir(tmp_path)) == ["3", "4"]


def test_what_is_used_counts_as_new(tmp_path):
    for name in ("used", "unused"):
        kept.save(str(tmp_path / name), name)
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / "unused", (2, 2))
    assert kept.load(str(tmp_path / "used")) == "used"
    kept.drop_oldest(str(tmp_path), 1)
    assert os.listdir(tmp_path) == ["used"]


@pytest.mark.parametrize("changed", ["runner/reader.py", "runner/package_names.toml", "runner/declared/block.py"])
def test_a_change_of_luci_itself_makes_what_was_kept_worthless(tmp_path, changed):
    shutil.copytree(Path(luci.__file__).parent, tmp_path / "luci", ignore=shutil.ignore_patterns("__pycache__"))

    def fingerprint() -> str:
        code = "from luci import kept; print(kept.fingerprint())"
        return subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True).stdout

    before = fingerprint()
    assert before and before == fingerprint()
    with open(tmp_path / "luci" / changed, "a") as file:
        file.write("\n")
    assert fingerprint() != before


def test_a_file_is_told_from_its_other_states(tmp_path):
    path = tmp_path / "a.py"
    assert kept.stamp(str(path)) == ()
    path.write_text("one")
    first = kept.stamp(str(path))
    os.utime(path, ns=(first[0], first[0] - 10**9))
    path.write_text("two")
    os.utime(path, ns=(first[0], first[0]))  # the same size, file and time of change
    assert kept.stamp(str(path)) != first


def test_a_file_is_settled_when_its_last_change_is_long_ago(tmp_path):
    (tmp_path / "a.py").write_text("")
    stamp = kept.stamp(str(tmp_path / "a.py"))
    assert not kept.settled(stamp, time.time_ns())
    assert kept.settled(stamp, time.time_ns() + 10**10)
    assert not kept.settled((), time.time_ns())


def test_only_regular_files_have_content(tmp_path):
    (tmp_path / "a").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    assert kept.content(str(tmp_path / "a")) == b"x"
    assert kept.content(str(tmp_path / "pipe")) is None
    assert kept.content(str(tmp_path)) is None
    assert kept.digest_of(str(tmp_path / "none")) == ""
