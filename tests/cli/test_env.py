"""`luci env`: the environments, looked at, checked, mended and removed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Luci, wait_for
from tests.package_index import PackageIndex


@pytest.fixture
def ready(lone: Luci) -> Luci:
    """One environment: wombat, and the quokka it needs."""
    lone.write("a.py", "import wombat; print(wombat.dig())")
    done = lone("run", "a.py")
    assert done.code == 0, done.err
    return lone


def test_list(luci: Luci) -> None:
    script = luci.write("a.py", "import wombat, bilby")
    luci("run", "a.py")
    [env] = [env for env in luci("env", "list", "--json").json if str(script) in env["scripts"]]
    assert env["name"].startswith("luci_") and env["name"].endswith(env["key"]) and env["state"] == "ready"
    assert env["requirements"] == ["bilby", "wombat"] and env["kind"] == "venv"
    assert env["installed"] == {"bilby": "1.2", "quokka": "1.2", "wombat": "1.2"}
    assert Path(env["python"]).exists() and env["last_used"] >= env["created"]
    assert env["key"][:8] in luci("env", "list").out


def test_an_empty_list(lone: Luci) -> None:
    assert lone("env", "list", "--json").json == []
    assert "No environments" in lone("env", "list").out


def test_show_and_path_by_script_key_and_name(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    shown = luci("env", "show", "--json", "a.py").json
    for selector in (shown["key"], shown["key"][:8], shown["name"], str(luci.folder / "a.py")):
        assert luci("env", "show", "--json", selector).json["key"] == shown["key"]
        assert luci("env", "path", selector).out.strip() == shown["path"]
    assert shown["fault"] == "" and shown["in_use_by"] == []
    told = luci("env", "show", "a.py").out
    assert shown["path"] in told and "quokka 1.2" in told
    assert luci("env", "path", "--json", "a.py").json == shown["path"]


def test_the_path_of_a_script_that_never_ran_is_one_clear_error(luci: Luci) -> None:
    luci.write("new.py", "import quokka, bilby, thylacine")
    done = luci("env", "path", "new.py")
    assert (done.code, done.out) == (125, "") and "luci run new.py" in done.err


def test_tree(luci: Luci) -> None:
    luci.write("a.py", "import wombat")
    luci("run", "a.py")
    [root] = luci("env", "tree", "--json", "a.py").json
    assert (root["name"], root["version"]) == ("wombat", "1.2")
    assert [child["name"] for child in root["children"]] == ["quokka"]
    assert "wombat 1.2" in luci("env", "tree", "a.py").out


def test_why(luci: Luci) -> None:
    luci.write("a.py", "import wombat")
    luci("run", "a.py")
    told = luci("env", "why", "--json", "a.py", "Quokka").json
    assert told["chains"] == [["wombat 1.2", "quokka 1.2"]]
    assert [choice["module"] for choice in told["choices"]] == ["wombat"]
    assert "quokka 1.2 <- wombat 1.2" in luci("env", "why", "a.py", "quokka").out
    done = luci("env", "why", "a.py", "bilby")
    assert done.code == 125 and "bilby is not in" in done.err


def test_verify_finds_nothing_wrong_with_what_is_whole(ready: Luci) -> None:
    done = ready("env", "verify", "--json")
    assert done.code == 0 and list(done.json.values()) == [[]]
    assert "whole" in ready("env", "verify", "a.py").out


def altered(site: Path) -> None:
    (site / "quokka.py").unlink()
    (site / "quokka.py").write_text("def hop(): return 'altered'\n")


def deleted(site: Path) -> None:
    (site / "quokka.py").unlink()


def half_recorded(site: Path) -> None:
    record = next(site.glob("quokka-*.dist-info")) / "RECORD"
    text = record.read_bytes()
    record.unlink()
    record.write_bytes(text[:20] + b"\xff")


def unrecorded(site: Path) -> None:
    (next(site.glob("quokka-*.dist-info")) / "RECORD").unlink()


@pytest.mark.parametrize("harm", [altered, deleted, half_recorded, unrecorded])
def test_verify_finds_what_was_changed_and_rebuild_mends_it(ready: Luci, harm: Callable[[Path], None]) -> None:
    harm(ready.site_of("a.py"))
    done = ready("env", "verify", "--json", "a.py")
    assert done.code == 1 and "quokka" in str(done.json)
    assert ready("env", "verify").code == 1
    assert ready("env", "rebuild", "a.py").code == 0
    assert ready("env", "verify").code == 0
    assert ready("run", "a.py").out == "dig\n"


def test_a_file_altered_in_place_is_not_linked_again_by_a_rebuild(ready: Luci) -> None:
    module = next(ready.site_of("a.py").glob("quokka*.py"))
    with open(module, "ab") as file:  # no new file: uv's cache holds the same one
        file.write(b"# altered\n")
    assert ready("env", "rebuild", "a.py").code == 0
    assert ready("env", "verify", "a.py").code == 0


def test_rebuild_keeps_the_key_and_leaves_nothing_behind(ready: Luci) -> None:
    before = ready("env", "show", "--json", "a.py").json
    done = ready("env", "rebuild", "--json", "a.py")
    assert done.code == 0, done.err
    [after] = done.json
    assert after["key"] == before["key"] and after["path"] != before["path"]
    assert not Path(before["path"]).exists()
    assert ready("env", "path", "a.py").out.strip() == after["path"]
    again = ready("run", "a.py")
    assert (again.out, again.err) == ("dig\n", "")


def test_an_interpreter_that_is_gone_is_noticed_and_the_environment_is_built_again(ready: Luci) -> None:
    python = ready.python_of("a.py")
    python.unlink()
    assert ready("env", "verify").code == 1
    assert ready("env", "list", "--json").json[0]["state"] == "broken"
    done = ready("run", "a.py")
    assert done.out == "dig\n" and "broken" in done.err and "again" in done.err


def test_remove_asks_and_with_nobody_to_ask_refuses(ready: Luci) -> None:
    done = ready("env", "remove", "a.py")
    assert done.code == 126 and "--yes" in done.err
    assert ready("run", "a.py").out == "dig\n"


def test_remove(ready: Luci) -> None:
    path = Path(ready("env", "path", "a.py").out.strip())
    assert "would remove" in ready("env", "remove", "--dry-run", "a.py").out and path.exists()
    done = ready("env", "remove", "--yes", "--json", "a.py")
    assert done.code == 0 and len(done.json) == 1
    assert not path.parent.exists()
    assert ready("env", "list", "--json").json == []


def test_remove_all(ready: Luci) -> None:
    ready.write("b.py", "import quokka")
    ready("run", "b.py")
    assert len(ready("env", "remove", "--all", "--yes", "--json").json) == 2
    assert ready("env", "list", "--json").json == []


def test_a_person_is_asked_before_anything_is_removed(ready: Luci) -> None:
    terminal = ready.terminal("env", "remove", "a.py")
    terminal.see("Type y for yes")
    assert "wombat" in terminal.seen
    terminal.type("y\n")
    assert terminal.exit_code() == 0
    assert ready("env", "list", "--json").json == []


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_what_is_in_use_is_never_removed(ready: Luci, way: tuple[str, ...]) -> None:
    ready.write("a.py", "import wombat; print('ready', flush=True); input()")
    process = ready.start("run", *way, "a.py")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    done = ready("env", "remove", "--yes", "a.py")
    assert done.code == 125 and "in use" in done.err
    assert ready("env", "prune", "--yes", "--unused-days", "0", "--json").json == []
    process.communicate(b"\n", timeout=60)
    assert process.returncode == 0
    assert ready("env", "remove", "--yes", "a.py").code == 0


def test_a_rebuild_while_a_script_runs_does_not_pull_the_ground_from_under_it(ready: Luci) -> None:
    ready.write(
        "a.py",
        """
        import importlib, wombat
        print("ready", flush=True)
        input()
        print(importlib.reload(wombat).dig())
        """,
    )
    process = ready.start("run", "a.py")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    assert ready("env", "rebuild", "a.py").code == 0
    told, err = process.communicate(b"\n", timeout=60)
    assert (process.returncode, told) == (0, b"dig\n"), err


def test_prune_takes_what_has_no_script_any_more(ready: Luci) -> None:
    assert ready("env", "prune", "--dry-run", "--json").json == []
    (ready.folder / "a.py").unlink()
    [row] = ready("env", "prune", "--dry-run", "--json").json
    assert "script" in row["reason"] or "orphan" in row["reason"]
    assert ready("env", "prune").code == 126
    assert len(ready("env", "list", "--json").json) == 1
    assert len(ready("env", "prune", "--yes", "--json").json) == 1
    assert ready("env", "list", "--json").json == []


def test_prune_takes_what_is_broken(ready: Luci) -> None:
    shutil.rmtree(ready.env_of("a.py") / "bin")
    [row] = ready("env", "prune", "--yes", "--json").json
    assert "gone" in row["reason"] or "broken" in row["reason"]


def test_prune_takes_what_was_not_used_for_long(ready: Luci) -> None:
    assert ready("env", "prune", "--dry-run", "--unused-days", "1", "--json").json == []
    root = ready.env_of("a.py").parent
    long_ago = root.stat().st_mtime - 90 * 86400
    for place in (root, root / "env.json", root / "uses", *(root / "uses").iterdir()):
        os.utime(place, (long_ago, long_ago))
    [row] = ready("env", "prune", "--dry-run", "--json").json
    assert "unused" in row["reason"] or "used" in row["reason"]


def test_prune_keeps_to_a_budget(ready: Luci) -> None:
    rows = ready("env", "prune", "--budget-gb", "0", "--dry-run", "--json").json
    assert len(rows) == 1 and rows[0]["freed"] >= 0


def test_stats(ready: Luci) -> None:
    told = ready("env", "stats", "--json").json
    assert told["environments"] == 1 and told["by_kind"] == {"venv": 1} and told["by_state"] == {"ready": 1}
    assert told["bytes"] > 0 and told["freed_by_removing_all"] > 0
    assert told["wheel_cache"] == ready.environ["UV_CACHE_DIR"] and told["wheel_cache_bytes"] > 0
    assert "environments" in ready("env", "stats").out


def test_what_was_begun_and_never_finished_is_swept(ready: Luci) -> None:
    rubble = ready.env_of("a.py").parent.parent / "luci_half_0123456789abcdef" / "g1" / "bin"
    rubble.mkdir(parents=True)
    assert len(ready("env", "list", "--json").json) == 1
    assert ready("env", "prune", "--yes").code == 0
    assert not rubble.exists()


def test_the_environment_of_a_killed_build_is_built_by_the_next_run(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import yaml; print('ran')")
    index.fail("/files/", "hang")
    process = lone.start("run", "a.py")
    wait_for(lambda: any(path.startswith("/files/") for path in index.requests))
    process.kill()
    process.wait()
    index.recover()
    assert lone("run", "a.py").out == "ran\n"
    assert len(lone("env", "list", "--json").json) == 1


def test_two_runs_at_once_build_one_environment(lone: Luci) -> None:
    lone.write("a.py", "import wombat; print(wombat.dig())")
    both = [lone.start("run", "a.py") for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in both] == [b"dig\n"] * 3
    assert len(lone("env", "list", "--json").json) == 1


def test_an_environment_can_be_used_by_hand(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    told = subprocess.run(
        [luci.python_of("a.py"), "-c", "import quokka; print(quokka.hop())"], capture_output=True, text=True, check=True
    )
    assert told.stdout == "hop\n"
