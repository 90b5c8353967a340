"""`luci env lock`: the exact versions with hashes, beside a script; and what becomes of a lock that went stale."""

from __future__ import annotations

import re
import tomllib

from packaging.pylock import Pylock, is_valid_pylock_path

from tests.cli.conftest import Near


def test_a_script_runs_by_its_lock_and_a_stale_one_is_told_never_passed_over(near: Near) -> None:
    script = near.write("dig.py", "import wombat; print(wombat.dig())")
    path = near.folder / "pylock.dig.toml"
    assert near("run", "dig.py").out == "dig\n"  # so that the next start is a warm one
    missing = near.near("env", "lock", "--check", "dig.py")
    assert missing.code == 1 and "there is no pylock.dig.toml" in missing.out
    done = near.near("env", "lock", "dig.py")
    assert done.code == 0 and "+ wombat 1.2" in done.out, done.err
    lock = Pylock.from_dict(tomllib.loads(path.read_text()))
    assert {str(p.name): str(p.version) for p in lock.packages} == {"quokka": "1.2", "wombat": "1.2"}
    assert all(wheel.hashes["sha256"] for package in lock.packages for wheel in package.wheels or ())
    assert is_valid_pylock_path(path)
    assert near("run", "dig.py").out == "dig\n"
    installed = near.near("env", "show", "dig.py", "--json").json["requirements"]
    assert [line.partition(" --hash=sha256:")[0] for line in installed] == ["quokka==1.2", "wombat==1.2"]
    assert near.near("env", "lock", "--check", "dig.py").code == 0
    assert "is up to date" in near.near("env", "lock", "dig.py").err

    script.write_text("import wombat, bilby; print(wombat.dig())")
    held = path.read_text()
    stale = near("run", "dig.py")
    assert stale.code == 126 and stale.out == ""
    assert "does not hold bilby (dig.py:1)" in stale.err and "luci env lock dig.py" in stale.err
    planned = near.near("plan", "dig.py")
    assert planned.code == 126 and "pylock.dig.toml is stale" in " ".join(planned.out.split())
    checked = near.near("env", "lock", "--check", "--json", "dig.py")
    assert checked.code == 1 and checked.json["stale"] == ["bilby is needed, and it does not hold that"]
    refused = near.near("env", "lock", "dig.py")
    assert refused.code == 126 and "+ bilby 1.2" in refused.err and path.read_text() == held
    terminal = near.terminal("run", "dig.py", columns=200)  # asked, and shown the difference
    terminal.see("Type y for yes")
    assert "+ bilby 1.2" in terminal.seen
    terminal.type("y\n")
    assert terminal.exit_code() == 0 and "dig" in terminal.seen
    renewed = path.read_text()
    assert "bilby" in renewed
    for text in (held, renewed):  # nothing is lost by a yes
        assert near.near("env", "lock", "--undo", "--yes", "dig.py").code == 0 and path.read_text() == text
    nothing = near.near("env", "lock", "--undo", "-o", "other.toml", "dig.py")
    assert nothing.code == 2 and "nothing to take back" in nothing.err

    script.write_text("import wombat; print(wombat.dig())")
    assert near("run", "dig.py").out == "dig\n"  # it holds more than is needed: no harm in a run
    assert near.near("env", "lock", "--check", "--json", "dig.py").json["stale"] == ["bilby is not needed any more"]


def test_versions_stay_until_they_are_upgraded_and_the_block_has_its_say(near: Near) -> None:
    block = '# /// script\n# dependencies = ["quokka{}"]\n# ///\nimport quokka; print(quokka.hop())\n'
    script = near.write("hop.py", block.format("<1.2"))
    path = near.folder / "pylock.hop.toml"
    assert "+ quokka 1.1" in near.near("env", "lock", "hop.py").out
    script.write_text(block.format(""))
    assert near.near("env", "lock", "hop.py", "--yes").code == 0 and 'version = "1.1"' in path.read_text()
    upgraded = near.near("env", "lock", "hop.py", "--upgrade", "--yes", "--json").json
    assert upgraded["changes"] == [{"name": "quokka", "before": "1.1", "after": "1.2"}]
    script.write_text(block.format("<1.1"))
    ran = near("run", "hop.py")  # who edits the block means the block, and hears of it
    assert ran.out == "hop\n" and "pylock.hop.toml is stale, and not used" in ran.err
    uvs = near.write("hop.py.lock", "version = 1\nrevision = 1\n")
    theirs = near.near("env", "lock", "hop.py")
    assert theirs.code == 2 and "uv lock --script" in theirs.err
    uvs.unlink()
    assert near.near("env", "lock", "hop.py", "-o", "other.toml").code == 0 and (near.folder / "other.toml").exists()
    assert near.near("env", "lock", "hop.py", "--check", "--upgrade").code == 2
    assert near.near("env", "lock", "nowhere.py").code == 2


def test_a_module_known_only_at_run_time_is_for_the_next_lock_to_hold(near: Near) -> None:
    near.write("late.py", "import wombat\nprint(__import__('thyla' + 'cine').lick())")
    assert near.near("env", "lock", "late.py").code == 0
    ran = near("run", "late.py")
    assert ran.code == 1 and "pylock.late.toml does not hold thylacine" in ran.err
    assert "+ thylacine 1.2" in near.near("env", "lock", "late.py", "--yes").out
    assert near("run", "late.py").out == "lick\n"


def test_an_environment_is_locked_into_this_folder_and_made_again_of_that(near: Near) -> None:
    assert near.near("env", "create", "nest", "--with", "wombat<1.2").code == 0
    assert near.near("env", "lock", "nest", "--check").code == 1
    assert near.near("env", "lock", "nest").code == 0
    assert near.near("env", "lock", "nest", "--check").code == 0
    again = near.near("env", "import", "pylock.nest.toml", "nest2", "--json").json
    assert again["installed"] == {"quokka": "1.2", "wombat": "1.1"} and again["names"] == ["nest2"]
    assert all(re.search("--hash=sha256:", line) for line in again["requirements"])
    assert near.near("env", "remove", "nest", "nest2", "--yes").code == 0
