"""What a lock of the store promises."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest

from luci.envs.locks import Lock

HOLDS = """
import sys
from pathlib import Path
from luci.envs.locks import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_has_one_holder_and_is_free_when_that_is_killed(tmp_path):
    place = tmp_path / "key"
    child = [sys.executable, "-c", HOLDS, str(place)]
    with subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        assert not Lock(place).take(wait=False)
        holder.kill()
        with Lock(place):
            assert not Lock(place).take(wait=False)
        assert Lock(place).take(wait=False)


def test_luci_and_filelock_see_the_locks_of_each_other(tmp_path):
    place = tmp_path / "key"
    with filelock.FileLock(place):
        assert not Lock(place).take(wait=False)
    with Lock(place), pytest.raises(filelock.Timeout):
        filelock.FileLock(place).acquire(timeout=0)
    filelock.FileLock(place).acquire(timeout=0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who waits for a lock")
def test_who_waited_for_a_file_that_was_removed_holds_the_one_that_took_its_place(tmp_path):
    place = tmp_path / "key"
    first, second = Lock(place), Lock(place)
    assert first.take()
    waiting = threading.Thread(target=second.take)
    waiting.start()
    file = f":{place.stat().st_ino} "
    while not any("->" in line and file in line for line in Path("/proc/locks").read_text().splitlines()):
        time.sleep(0.001)
    place.unlink()
    first.release()
    waiting.join()
    assert place.exists()
    assert not Lock(place).take(wait=False)
