"""A script that the kernel ends for want of memory is told so, and only then."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Luci

HOG = "blocks = []\nwhile True:\n    blocks.append(bytearray(b'x' * 5_000_000))\n"


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group of 150 MB, by hand: where that is not allowed, or version 1 is not there, there is no test."""
    group = Path(f"/sys/fs/cgroup/memory/luci-test-{os.getpid()}")
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("150000000")
    except OSError as error:
        pytest.skip(f"no memory control group can be made here: {error}")
    yield group
    group.rmdir()


def in_group(luci: Luci, group: Path, code: str) -> tuple[int, str]:
    """Run luci from a shell that is in the group."""
    luci.write("a.py", code)
    shell = f"echo $$ > {group}/cgroup.procs; exec {sys.executable} -m luci run --timeout 50 a.py"
    did = luci.command(["sh", "-c", shell])
    return did.code, did.err


def test_a_script_that_took_all_memory_is_told_so(luci: Luci, small_group: Path) -> None:
    code, said = in_group(luci, small_group, HOG)
    assert code == 137
    assert "want of memory" in said


def test_a_script_that_was_killed_otherwise_is_not(luci: Luci, small_group: Path) -> None:
    code, said = in_group(luci, small_group, "import os; os.kill(os.getpid(), 9)")
    assert code == 137
    assert "memory" not in said
