"""Who uses an environment, and when it was last used."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from luci.envs import uses


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "uses").mkdir()
    return tmp_path


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.communicate()


def marked(root: Path, pid: int, when: float | None = None) -> Path:
    marker = root / "uses" / str(pid)
    marker.touch()
    if when is not None:
        os.utime(marker, (when, when))
    return marker


def test_this_process_does_not_count_itself(root):
    uses.mark(root)
    assert (os.listdir(root / "uses"), uses.users(root)) == ([str(os.getpid())], [])


def test_a_thread_counts_the_others_of_its_process_until_they_let_go(root):
    marked, go_on = threading.Event(), threading.Event()

    def use() -> None:
        uses.mark(root)
        marked.set()
        assert go_on.wait(60) and uses.users(root) == []  # itself it does not count
        uses.let_go()

    thread = threading.Thread(target=use)
    thread.start()
    assert marked.wait(60) and uses.users(root) == [os.getpid()]
    go_on.set()
    thread.join()
    assert (uses.users(root), os.listdir(root / "uses")) == ([], [])


def test_a_thread_that_ended_uses_nothing(root):
    thread = threading.Thread(target=uses.mark, args=[root])
    thread.start()
    thread.join()
    assert uses.users(root) == []


def test_a_marker_counts_while_its_process_runs(root, process):
    marked(root, process.pid)
    assert uses.users(root) == [process.pid]
    process.communicate()
    assert uses.users(root) == []


def test_a_process_that_ended_and_was_not_waited_for_is_no_user(root):
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    marked(root, child.pid)
    assert uses.users(root) == []
    child.communicate()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="when a process began is read from /proc")
def test_a_later_process_with_the_same_number_is_no_user(root, process):
    marked(root, process.pid, when=time.time() - 3600)
    assert uses.users(root) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="when a process began is read from /proc")
def test_a_clock_that_jumps_hides_no_user(root, process):
    marker = marked(root, process.pid)
    marker.write_bytes(uses.began(process.pid))
    os.utime(marker, (0, 0))
    assert uses.users(root) == [process.pid]
    uses.forget_the_dead(root)
    assert uses.users(root) == [process.pid]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="when a process began is read from /proc")
def test_a_marker_of_an_earlier_process_with_the_same_number_counts_for_nobody_whatever_its_time(root, process):
    marked(root, process.pid).write_bytes(b"1")
    assert uses.users(root) == []
    uses.forget_the_dead(root)
    assert os.listdir(root / "uses") == []


def test_a_process_marks_when_it_began(root):
    uses.mark(root)
    assert (root / "uses" / str(os.getpid())).read_bytes() == uses.began(os.getpid())


def test_a_marker_that_was_put_aside_counts(root, process):
    os.rename(marked(root, process.pid), root / "uses" / f"{process.pid}.dead")
    assert uses.users(root) == [process.pid]
    uses.forget_the_dead(root)
    assert (uses.users(root), os.listdir(root / "uses")) == ([process.pid], [str(process.pid)])


def test_where_the_users_cannot_be_told_that_is_an_error(root, monkeypatch):
    (root / "uses").rmdir()
    (root / "uses").symlink_to("uses")
    with pytest.raises(OSError, match="uses"):
        uses.users(root)


def test_a_marker_can_be_taken_back(root, process):
    marked(root, process.pid)
    uses.unmark(root, process.pid)
    uses.unmark(root, process.pid)
    assert uses.users(root) == []


def test_other_files_are_no_markers(root):
    for name in ("notes", "-1", "1.tmp", "0x10"):
        (root / "uses" / name).touch()
    assert uses.users(root) == []


def test_an_environment_without_the_folder_has_no_users(tmp_path):
    assert (uses.users(tmp_path), uses.last(tmp_path)) == ([], 0.0)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only /proc tells")
def test_a_process_without_a_marker_that_runs_its_python_is_a_user(build):
    env = build("six")
    child = subprocess.Popen([env.python, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout
    child.stdout.readline()
    assert uses.users(env.root) == [child.pid]
    child.communicate()
    assert uses.users(env.root) == []


def test_a_folder_whose_name_begins_alike_is_another(build):
    env = build("six")
    child = subprocess.Popen([env.python, "-c", "print(flush=True); input()"], stdin=-1, stdout=-1)
    assert child.stdout
    child.stdout.readline()
    assert uses.users(env.root.with_name(env.root.name[:-1])) == []
    child.communicate()


def test_the_last_use_is_that_of_the_latest_marker(root):
    os.utime(root / "uses", (0, 0))
    marked(root, 1, when=1_000_000)
    marked(root, 2, when=2_000_000)
    os.utime(root / "uses", (0, 0))
    assert uses.last(root) == 2_000_000


def test_a_use_in_the_future_counts_as_now(root):
    marked(root, 1, when=time.time() + 1e6)
    assert uses.last(root) <= time.time()


def test_markers_of_the_dead_go_and_the_last_use_stays(root, process):
    uses.mark(root)
    living = marked(root, process.pid, when=3_000_000_000)
    marked(root, 2**22 + 1, when=1_000_000)
    os.utime(living)
    before = uses.last(root)
    uses.forget_the_dead(root)
    assert sorted(os.listdir(root / "uses")) == sorted([str(os.getpid()), str(process.pid)])
    assert uses.last(root) == pytest.approx(before)
