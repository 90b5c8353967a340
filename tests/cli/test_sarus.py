"""Environments for Sarus, which is not to be had here: tests/sarus_stand_in.py has its command line, and is not it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luci.walls.machine import tried
from tests import base_image
from tests.cli.conftest import Done, Luci
from tests.engines import BASE, VERSION
from tests.package_index import PackageIndex

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="the stand-in runs on bubblewrap, which is not here")
PROGRAM = Path(__file__).parents[1] / "sarus_stand_in.py"


@pytest.fixture
def person(lone: Luci, tmp_path: Path) -> Iterator[Luci]:
    """Someone whose `sarus` is the stand-in, with one image loaded."""
    tar = Path(os.environ.get("TESTS_BASE") or tmp_path / "base.tar")
    if not tar.exists():
        base_image.make(tar, Path(sys.base_prefix))
    (tmp_path / "bin").mkdir()
    sarus = tmp_path / "bin" / "sarus"
    sarus.write_text(f'#!/bin/sh\nexec {sys.executable} {PROGRAM} "$@"\n')
    sarus.chmod(0o755)
    environ = {**lone.environ, "PATH": f"{sarus.parent}:{lone.environ['PATH']}", "LUCI_CONTAINERS_BASE": BASE}
    made = Luci(lone.folder, {**environ, "SARUS_STAND_IN": str(tmp_path / "images"), "LUCI_ENVS_KIND": "sarus"})
    assert made.command([sarus, "load", tar, BASE.replace("{python}", VERSION)]).code == 0
    yield made
    made.close()


def test_a_script_runs_in_a_container_of_sarus_with_limits_from_outside(
    person: Luci, index: PackageIndex, near_of: Callable[[Luci], Callable[..., Done]]
) -> None:
    near = near_of(person)
    person.write(
        "app.py",
        """
        import importlib, os, sys
        if sys.argv[1:] == ["much"]: [b"x" * 10**7 for _ in range(99)]
        while sys.argv[1:] == ["full"]: open(f"f{os.urandom(4).hex()}", "wb").write(b"x" * 2**20)
        print(importlib.import_module("quo" + "kka").hop(), sys.prefix, sys.stdin.read(), os.environ["BURROW"])
        open("made.txt", "w")
        try: open("/opt/luci/env/x", "w")
        except OSError as error: print(error.strerror)
        sys.exit(7)
        """,
    )
    person.write("environment.yml", "variables: {BURROW: deep}\n")
    for _ in range(2):
        done = person("run", "--retry", "always", "app.py", input="said", env={"BURROW": "flat"})
        assert done.code == 7, done.err
        assert done.out.splitlines()[-2:] == ["hop /opt/luci/env said deep", "Read-only file system"]
    assert "quokka was missing" not in done.err and (person.folder / "made.txt").exists()

    plan = near("plan", "--json", "app.py").json
    assert (plan["kind"], plan["wall"]["lacks"]) == ("sarus", ["the network is open"])
    refused = near("run", "--no-network", "app.py")
    assert refused.code == 126 and "Sarus cannot close the network" in refused.err
    if "memory" in tried().controllers:
        eaten = person("run", "--memory", "100m", "app.py", "much")
        assert eaten.code == 137 and "It reached its memory limit of 100 MiB" in eaten.err
    full = person("run", "--disk", "20m", "app.py", "full")
    assert full.code == 137 and "It reached its disk limit of 20 MiB" in full.err

    shown = near("env", "show", "app.py", "--json").json
    assert (shown["kind"], shown["installed"]) == ("sarus", {"quokka": "1.2"})
    assert near("env", "verify", "app.py").code == 0
    assert "quokka==1.2" in near("env", "export", "app.py", "--format", "dockerfile").out
    index.add_wheel("quokka", "2.0", {"quokka.py": "def hop():\n    return 'far'\n"})
    [told] = near("env", "update", "app.py", "--yes", "--json").json
    assert told["changes"] == [{"name": "quokka", "before": "1.2", "after": "2.0"}]
    assert "far /opt/luci/env" in person("run", "app.py", input="").out
    shell = near("env", "shell", "app.py")
    assert shell.code == 2 and "An environment of the kind sarus opens no shell." in shell.err
    assert near("env", "remove", "--yes", "app.py").code == 0


def test_without_sarus_or_its_image_that_is_told_and_nothing_runs_here(person: Luci, tmp_path: Path) -> None:
    person.write("app.py", "open('ran', 'w')")
    other = person("run", "app.py", env={"LUCI_CONTAINERS_BASE": "nobody/python:3"})
    assert other.code == 125 and "Sarus has no image nobody/python:3." in other.err and "sarus pull" in other.err
    (tmp_path / "bin" / "sarus").unlink()
    none = person("run", "app.py")
    assert none.code == 125 and "Sarus is not here." in none.err
    assert not (person.folder / "ran").exists()
