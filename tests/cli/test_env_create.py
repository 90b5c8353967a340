"""`luci env create`: an environment for no script, under a name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from luci.errors import UsageError
from luci.runner.by_hand import check_name
from tests.cli.conftest import Luci, Near


def test_what_is_created_has_a_name_by_which_every_verb_knows_it(near: Near) -> None:
    (near.folder / "den").mkdir()  # a folder that is called so stands in nobody's way
    done = near.near("env", "create", "den", "--with", "wombat", "--json")
    assert done.code == 0 and "den: Python" in done.err and "1 package: wombat" in done.err, done.err
    told = done.json
    assert (told["made"], told["names"], told["installed"]) == ("built", ["den"], {"quokka": "1.2", "wombat": "1.2"})
    assert (told["state"], told["scope"], told["left_out"]) == ("ready", "", [])
    assert near.near("env", "path", "den").out.strip() == told["path"]
    ran = near("env", "shell", "den", "--", "python", "-c", "import wombat; print(wombat.dig())")
    assert ran.out == "dig\n", ran.err
    assert near.near("env", "tree", "den").out.startswith("wombat 1.2")
    assert "wombat==1.2" in near.near("env", "export", "den").out
    again = near.near("env", "create", "den", "--with", "Wombat")
    assert again.code == 0 and again.out.startswith("reused den") and "It is there already." in again.err
    taken = near.near("env", "create", "den", "--with", "bilby")
    assert taken.code == 2 and f"den is another environment: Python {told['python_version']}, wombat." in taken.err
    assert near.near("env", "create", "burrow", "--with", "wombat").out.startswith("reused burrow, den")
    assert near.near("env", "rebuild", "burrow", "--json").json[0]["names"] == ["burrow", "den"]
    assert "nothing is newer" in near.near("env", "update", "den", "--dry-run").out
    assert "called burrow, den; wombat; frees" in asked_before_removing(near, "den")
    assert near.near("env", "remove", "den", "--yes").code == 0
    assert "There is no environment 'burrow'" in near.near("env", "show", "burrow").err


def asked_before_removing(luci: Luci, name: str) -> str:
    terminal = luci.terminal("env", "remove", name, columns=300)
    terminal.see("Type y for yes")
    terminal.type("n\n")
    assert terminal.exit_code() == 126
    return terminal.seen


def test_a_name_that_is_not_known_passes_the_gate_and_nothing_is_half_made(near: Near) -> None:
    before = near.near("env", "list", "--json").json
    near.write("needs.txt", "dingo\nwombat\n")
    for words in (("--with", "dingo"), ("-r", "needs.txt")):
        refused = near.near("env", "create", "pack", *words)
        assert refused.code == 126 and "dingo: it has 1 release" in refused.err and "--allow dingo" in refused.err
    missing = near.near("env", "create", "pack", "--with", "no-such-thing-at-all")
    assert missing.code == 126 and "the index does not know it" in missing.err
    only = near.near("env", "create", "pack", "--with", "dingo", "--dry-run", "--json")
    assert (only.code, only.json["made"]) == (126, "build") and "dingo" in only.json["refused"][0]
    assert near.near("env", "create", "a/b").code == 2
    assert near.near("env", "create", "-r", "nowhere.txt").code == 2
    assert len(near.near("env", "list", "--json").json) == len(before)
    allowed = near.near("env", "create", "pack", "--with", "dingo", "--allow", "dingo")
    assert allowed.code == 0, allowed.err
    assert near.near("env", "remove", "pack", "--yes").code == 0


@pytest.mark.parametrize("name", ["-x", "a b", "it.py", "../a", "", "x" * 33, "0123456789abcdef"])
def test_a_name_can_be_taken_for_nothing_else(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


def test_what_was_made_by_hand_is_kept_until_it_is_unused_for_long(near: Near, lone: Luci) -> None:
    own = replace(near, folder=lone.folder, environ=lone.environ).near
    kept = own("env", "create", "keeper", "--with", "quokka", "--json").json
    lone.write("a.py", "import quokka")
    assert lone("run", "a.py", env={"LUCI_ENVS_SHARE": "true"}).code == 0  # the same needs, and the same environment
    (lone.folder / "a.py").unlink()
    [row] = own("env", "list", "--json").json
    assert (row["key"], row["state"], row["names"]) == (kept["key"], "ready", ["keeper"])
    long_ago = time.time() - 90 * 86_400
    uses = os.path.join(os.path.dirname(kept["path"]), "uses")
    for name in os.listdir(uses):
        os.unlink(os.path.join(uses, name))
    os.utime(uses, (long_ago, long_ago))
    config = os.path.join(kept["path"], "pyvenv.cfg")
    written = os.stat(config).st_mtime
    assert own("env", "prune", "--dry-run", "--json", "--budget-gb", "0").json == []  # some Python read it lately
    os.utime(config, (long_ago, written))
    assert [row["reason"] for row in own("env", "prune", "--dry-run", "--json").json] == ["unused for 90 days"]
    own("env", "path", "keeper")
    assert own("env", "prune", "--dry-run", "--json").json == []
    os.unlink(os.path.join(kept["path"], "bin", "python"))
    assert own("env", "prune", "--dry-run", "--json").json == []  # no run would build it again
    assert own("env", "rebuild", "keeper").code == 0


def test_a_shell_completes_verbs_files_and_names(near: Near) -> None:
    near.write("poetry.lock", "")
    for line, wanted in (
        ("luci env cre", "create"),
        ("luci env import poe", "poetry.lock"),
        ("luci env lock fir", "first"),
    ):
        told = near.folder / "told"
        environ = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
        subprocess.run(
            [sys.executable, "-m", "luci"],
            env={**near.environ, **environ, "_ARGCOMPLETE_STDOUT_FILENAME": str(told)},
            cwd=near.folder,
            capture_output=True,
            check=True,
        )
        assert wanted in told.read_text()
