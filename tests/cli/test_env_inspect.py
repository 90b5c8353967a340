"""What is told of environments: their state, and everything about one."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.conftest import Luci, wait_for
from tests.package_index import PackageIndex


def states(luci: Luci) -> dict[str, str]:
    return {env["label"]: env["state"] for env in luci("env", "list", "--json").json}


def test_inspect_tells_the_tree_the_runs_and_the_record(luci: Luci) -> None:
    luci.write("a.py", "import wombat")
    assert luci("run", "a.py").code == 0
    told = luci("env", "inspect", "--json", "a.py").json
    [root] = told["tree"]
    assert (root["name"], [child["name"] for child in root["children"]]) == ("wombat", ["quokka"])
    assert str(luci.folder / "a.py") in [run["script"] for run in told["runs"]]
    assert told["record"]["key"] == told["key"] and told["generations"] == [1]
    assert 0 < told["freed_by_removing"] <= told["bytes"]
    assert "env.json" in luci("env", "inspect", "a.py").out


def test_an_environment_whose_script_uses_another_now_is_stale(lone: Luci) -> None:
    script = lone.write("a.py", "import quokka")
    assert lone("run", "a.py").code == 0
    first = lone("env", "show", "--json", "a.py").json["key"]
    script.write_text("import quokka, thylacine")
    assert lone("run", "a.py").code == 0
    by_key = {env["key"]: env["state"] for env in lone("env", "list", "--json").json}
    assert len(by_key) == 2 and by_key.pop(first) == "stale" and list(by_key.values()) == ["ready"]


def test_what_is_being_built_is_listed_as_such(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import yaml")
    index.fail("/files/", "hang")
    process = lone.start("run", "a.py")
    try:
        wait_for(lambda: any(path.startswith("/files/") for path in index.requests))
        assert states(lone) == {"a": "building"}
        assert "building" in lone("env", "list").out
    finally:
        index.recover()
        process.communicate(timeout=60)
    assert states(lone) == {"a": "ready"}


def test_prune_takes_only_what_is_named(lone: Luci) -> None:
    for name in ("a", "b"):
        lone.write(f"{name}.py", f"import {'quokka' if name == 'a' else 'thylacine'}")
        assert lone("run", f"{name}.py").code == 0
        (lone.folder / f"{name}.py").unlink()
    assert len(lone("env", "prune", "--dry-run", "--json").json) == 2
    assert [row["name"][:6] for row in lone("env", "prune", "a", "--yes", "--json").json] == ["luci_a"]
    assert list(states(lone)) == ["b"]


def test_a_shell_completes_the_names_of_environments(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    line = "luci env export fir"
    told = subprocess.run(
        [sys.executable, "-m", "luci"],
        env={**luci.environ, "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": "19"}
        | {"_ARGCOMPLETE_STDOUT_FILENAME": str(luci.folder / "told")},
        cwd=luci.folder,
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "first" in (luci.folder / "told").read_text()
