"""Bringing environments up to date, and taking that back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Luci
from tests.package_index import PackageIndex

FIELD = "def hop():\n    return 'hop'\n"


@pytest.fixture
def ready(lone: Luci) -> Luci:
    """A script that needs wombat, which needs quokka, with its environment."""
    lone.write("a.py", "import wombat; from importlib.metadata import version; print(version('quokka'))")
    done = lone("run", "a.py")
    assert done.code == 0, done.err
    return lone


@pytest.fixture
def newer(ready: Luci, index: PackageIndex) -> Luci:
    """The same, and a newer quokka on the index; one of dingo too, which nobody needs."""
    index.add_wheel("quokka", "2.0", {"quokka.py": FIELD})
    index.add_wheel("dingo", "9.0", {"dingo.py": ""})
    return ready


def versions(luci: Luci) -> dict[str, str]:
    return luci("env", "show", "--json", "a.py").json["installed"]


def test_the_difference_is_shown_and_a_dry_run_changes_nothing(newer: Luci) -> None:
    before = newer("env", "path", "a.py").out
    done = newer("env", "update", "a.py", "--dry-run")
    assert done.code == 0, done.err
    assert "quokka  1.2 -> 2.0" in done.out and "wombat" not in done.out.partition("\n")[2]
    assert newer("env", "path", "a.py").out == before and versions(newer)["quokka"] == "1.2"


def test_an_update_is_a_new_generation_of_the_same_key(newer: Luci) -> None:
    before = newer("env", "show", "--json", "a.py").json
    [told] = newer("env", "update", "a.py", "--yes", "--json").json
    assert told["changes"] == [{"name": "quokka", "before": "1.2", "after": "2.0"}]
    after = newer("env", "show", "--json", "a.py").json
    assert after["key"] == before["key"] and after["path"] == told["path"] != before["path"]
    assert after["installed"] == {"quokka": "2.0", "wombat": "1.2"}
    again = newer("run", "a.py")
    assert (again.code, again.out, again.err) == (0, "2.0\n", "")
    assert newer("env", "verify", "a.py").code == 0


def test_what_is_shown_is_what_is_installed_though_something_newer_comes_meanwhile(
    newer: Luci, index: PackageIndex
) -> None:
    terminal = newer.terminal("env", "update", "a.py")
    terminal.see("Type y for yes")
    assert "quokka 1.2 -> 2.0" in terminal.seen
    index.add_wheel("quokka", "3.0", {"quokka.py": FIELD})
    terminal.type("y\n")
    assert terminal.exit_code() == 0
    assert versions(newer)["quokka"] == "2.0"


def test_an_update_asks_and_with_nobody_to_ask_refuses(newer: Luci) -> None:
    done = newer("env", "update", "a.py")
    assert done.code == 126 and "--yes" in done.err
    assert versions(newer)["quokka"] == "1.2"


def test_what_is_up_to_date_is_left_as_it_is(ready: Luci) -> None:
    before = ready("env", "path", "a.py").out
    done = ready("env", "update", "a.py")
    assert done.code == 0 and "up to date" in done.out
    assert ready("env", "path", "a.py").out == before


def test_bounds_hold(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", '# /// script\n# dependencies = ["quokka<2"]\n# ///\nimport quokka\n')
    assert lone("run", "a.py").code == 0
    index.add_wheel("quokka", "1.9", {"quokka.py": FIELD})
    index.add_wheel("quokka", "2.0", {"quokka.py": FIELD})
    assert lone("env", "update", "a.py", "--yes").code == 0
    assert versions(lone) == {"quokka": "1.9"}


def test_a_young_release_of_a_guessed_name_is_left_alone(ready: Luci, index: PackageIndex) -> None:
    from datetime import UTC, datetime

    index.add_wheel("wombat", "5.0", {"wombat.py": ""}, uploaded=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert ready("env", "update", "a.py", "--yes").code == 0
    assert versions(ready)["wombat"] == "1.2"


def test_undo_takes_the_former_generation_back_and_undo_again_the_newer(newer: Luci) -> None:
    before = newer("env", "path", "a.py").out.strip()
    newer("env", "update", "a.py", "--yes")
    [told] = newer("env", "update", "--undo", "a.py", "--json").json
    assert told["changes"] == [{"name": "quokka", "before": "2.0", "after": "1.2"}]
    assert newer("env", "path", "a.py").out.strip() == before == told["path"]
    assert newer("run", "a.py").out == "1.2\n" and newer("env", "verify", "a.py").code == 0
    newer("env", "update", "--undo", "a.py")
    assert versions(newer)["quokka"] == "2.0"


def test_the_former_generation_outlives_pruning_and_goes_with_the_next_rebuild(newer: Luci) -> None:
    before = Path(newer("env", "path", "a.py").out.strip())
    newer("env", "update", "a.py", "--yes")
    newer.write("b.py", "import thylacine")
    assert newer("run", "b.py").code == 0 and newer("env", "prune", "--yes").code == 0
    assert before.exists()
    assert newer("env", "rebuild", "a.py").code == 0
    assert not before.exists()
    done = newer("env", "update", "--undo", "a.py")
    assert done.code == 125 and "No former generation" in done.err


def test_a_script_that_runs_meanwhile_keeps_its_ground(newer: Luci) -> None:
    newer.write("a.py", "import importlib, wombat, quokka\nprint('on', flush=True)\ninput()\nimportlib.reload(quokka)")
    process = newer.start("run", "a.py")
    assert process.stdout is not None and process.stdout.readline() == b"on\n"
    for _ in range(2):
        assert newer("env", "update", "--all", "--yes").code == 0
    _, err = process.communicate(b"\n", timeout=60)
    assert process.returncode == 0, err


def test_an_update_that_fails_leaves_everything_as_it_was(newer: Luci, index: PackageIndex) -> None:
    before = newer("env", "show", "--json", "a.py").json
    index.fail("/files/quokka-2.0-py3-none-any.whl", 500)
    done = newer("env", "update", "a.py", "--yes", env={"UV_HTTP_RETRIES": "0"})
    assert done.code == 125 and done.err
    after = newer("env", "show", "--json", "a.py").json
    assert (after["path"], after["installed"]) == (before["path"], before["installed"])
    assert len(os.listdir(Path(before["path"]).parent)) == 3  # record, uses, one generation


def test_packages_from_another_index_are_not_taken_for_an_update(newer: Luci, tmp_path: Path) -> None:
    with PackageIndex(tmp_path / "other") as other:
        other.add_wheel("wombat", "7.0", {"wombat.py": ""})
        done = newer("env", "update", "a.py", "--yes", env={"LUCI_INDEX_URL": other.url})
    assert done.code == 125 and "another index" in done.err
    assert versions(newer)["wombat"] == "1.2"


def test_updates_of_all_need_the_word_all(ready: Luci) -> None:
    assert ready("env", "update").code == 2
    assert ready("env", "update", "--all").code == 0


def test_the_updated_environment_works_by_hand(newer: Luci) -> None:
    newer("env", "update", "a.py", "--yes")
    told = subprocess.run(
        [newer.python_of("a.py"), "-c", "import importlib.metadata as m; print(m.version('quokka'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "2.0\n"
