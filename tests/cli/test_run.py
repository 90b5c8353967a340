"""`luci run`: what can be a script, and what the options do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Luci, events_in
from tests.package_index import PackageIndex

USES_QUOKKA = "import sys, quokka; print(quokka.hop(), sys.argv)"


# A script is a path, standard input, a line of code, a module, a folder


@pytest.mark.each_python
def test_a_path(luci: Luci) -> None:
    luci.write("a.py", USES_QUOKKA)
    assert luci("run", "a.py", "x").out == "hop ['a.py', 'x']\n"


def test_a_path_in_another_folder_is_run_from_here(luci: Luci) -> None:
    luci.write("deep/a.py", "import os, sys, quokka; print(os.path.basename(os.getcwd()), sys.argv)")
    assert luci("run", "deep/a.py").out == f"{luci.folder.name} ['deep/a.py']\n"


@pytest.mark.each_python
def test_standard_input(luci: Luci) -> None:
    assert luci("run", "-", "x", input=USES_QUOKKA).out == "hop ['-', 'x']\n"


def test_standard_input_from_a_file(luci: Luci) -> None:
    with luci.write("a.py", USES_QUOKKA).open("rb") as source:
        assert luci("run", "-", stdin=source.fileno()).out == "hop ['-']\n"


def test_a_line_of_code(luci: Luci) -> None:
    assert luci("run", "-c", USES_QUOKKA, "x", "-c").out == "hop ['-c', 'x', '-c']\n"


@pytest.mark.each_python
def test_a_module_of_this_folder(luci: Luci) -> None:
    path = luci.write("tool.py", USES_QUOKKA)
    assert luci("run", "-m", "tool", "x").out == f"hop ['{path}', 'x']\n"


def test_a_package_of_this_folder(luci: Luci) -> None:
    luci.write("tool/__init__.py", "")
    path = luci.write("tool/__main__.py", USES_QUOKKA)
    assert luci("run", "-m", "tool").out == f"hop ['{path}']\n"


def test_a_module_of_a_distribution(luci: Luci) -> None:
    done = luci("run", "-m", "bilby", "x")
    assert (done.code, done.out) == (0, ""), done.err


def test_a_module_of_the_standard_library(luci: Luci) -> None:
    done = luci("run", "-m", "json.tool", input="[1]")
    assert done.out == "[\n    1\n]\n", done.err


@pytest.mark.each_python
def test_a_folder(luci: Luci) -> None:
    luci.write("tool/__main__.py", "import sys, quokka, beside; print(quokka.hop(), beside.x, sys.argv)")
    luci.write("tool/beside.py", "x = 1")
    assert luci("run", "tool", "x").out == "hop 1 ['tool', 'x']\n"


def test_a_script_that_begins_with_a_dash_stands_behind_two(luci: Luci) -> None:
    luci.write("-a.py", USES_QUOKKA)
    done = luci("run", "--", "-a.py", "x")
    assert done.out == "hop ['./-a.py', 'x']\n", done.err


def test_a_script_whose_name_has_spaces_and_accents(luci: Luci) -> None:
    luci.write("Büro plan 2.py", USES_QUOKKA)
    assert luci("run", "Büro plan 2.py").out == "hop ['Büro plan 2.py']\n"


def test_a_script_without_a_suffix(luci: Luci) -> None:
    luci.write("tool", USES_QUOKKA)
    assert luci("run", "./tool").out == "hop ['./tool']\n"


def test_a_link_to_a_script_finds_what_is_beside_the_script(luci: Luci) -> None:
    luci.write("real/a.py", "import quokka, beside; print(beside.x)")
    luci.write("real/beside.py", "x = 1")
    (luci.folder / "link.py").symlink_to("real/a.py")
    assert luci("run", "link.py").out == "1\n"


def test_as_the_first_line_of_an_executable_script(luci: Luci) -> None:
    script = luci.write("tool", "#!/usr/bin/env -S luci run\n" + USES_QUOKKA)
    script.chmod(0o755)
    path = f"{Path(sys.executable).parent}{os.pathsep}{luci.environ['PATH']}"
    assert luci.command([script, "--help"], env={"PATH": path}).out == f"hop ['{script}', '--help']\n"


def test_the_first_line_may_hold_options(luci: Luci) -> None:
    script = luci.write(
        "tool",
        "#!/usr/bin/env -S luci run --with quokka\nimport importlib as i; print(i.import_module('quo' + 'kka').hop())",
    )
    script.chmod(0o755)
    path = f"{Path(sys.executable).parent}{os.pathsep}{luci.environ['PATH']}"
    done = luci.command([script], env={"PATH": path})
    assert (done.out, done.err) == ("hop\n", "")


# Options


def test_what_follows_the_script_is_the_scripts(luci: Luci) -> None:
    luci.write("a.py", "import sys; print(sys.argv[1:])")
    words = ["--help", "--with", "x", "-c", "-", "--", "--version", ""]
    assert luci("run", "a.py", *words).out == f"{words}\n"


@pytest.mark.parametrize("warm", [False, True])
def test_options_of_python_pass_through(luci: Luci, warm: bool) -> None:
    luci.write("a.py", "import sys, quokka; print(sys.flags.optimize, sys.flags.utf8_mode, sys.warnoptions, __debug__)")
    words = ["--python-arg=-O", "--python-arg=-Xutf8", "--python-arg=-W", "--python-arg=error"]
    if warm:
        luci("run", "a.py")
    assert luci("run", *words, "a.py").out == "1 1 ['error'] False\n"


@pytest.mark.each_python
def test_options_of_python_may_stand_apart(luci: Luci) -> None:
    luci.write("a.py", "import sys; print(sys.flags.optimize)")
    assert luci("run", "--python-arg", "-O", "a.py").out == "1\n"


def test_python_u_writes_at_once(luci: Luci) -> None:
    luci.write("a.py", "import sys; print(sys.stdout.write_through)")
    assert luci("run", "--python-arg=-u", "a.py").out == "True\n"


def test_an_env_file_sets_variables(luci: Luci) -> None:
    luci.write("a.py", "import os; print(os.environ['COLOUR'], os.environ['SHELL_SET'])")
    luci.write(".env", "COLOUR='dark blue' # of the sea\nexport SHELL_SET=from-the-file\n")
    done = luci("run", "--env-file", ".env", "a.py", env={"SHELL_SET": "from-the-shell"})
    assert done.out == "dark blue from-the-shell\n"


def test_an_env_file_that_is_not_there_is_a_usage_error(luci: Luci) -> None:
    luci.write("a.py", "print('ran')")
    done = luci("run", "--env-file", "nowhere.env", "a.py")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: --env-file nowhere.env")


def test_with_adds_a_requirement_for_one_run(luci: Luci) -> None:
    luci.write("a.py", "import importlib.util as u; print(u.find_spec('quokka') is not None)")
    assert luci("run", "--with", "quokka==1.1", "a.py").out == "True\n"
    assert luci("run", "a.py").out == "False\n"


def test_with_chooses_the_version(luci: Luci) -> None:
    luci.write("a.py", "import quokka; from importlib.metadata import version; print(version('quokka'))")
    assert luci("run", "--with", "quokka<1.2", "a.py").out == "1.1\n"


def test_with_something_that_is_no_requirement_is_one_clear_error(luci: Luci) -> None:
    luci.write("a.py", "print('ran')")
    done = luci("run", "--with", "???", "a.py")
    assert done.code in (2, 125) and done.out == ""
    assert "???" in done.err and "Traceback" not in done.err


def test_python_chooses_the_interpreter(luci: Luci) -> None:
    luci.write("a.py", "import sys; print('%d.%d' % sys.version_info[:2])")
    own = "{}.{}".format(*sys.version_info[:2])
    assert luci("run", "--python", own, "a.py").out == f"{own}\n"


def test_a_python_that_is_not_here_is_said_with_those_that_are(luci: Luci) -> None:
    luci.write("a.py", "print('ran')")
    done = luci("run", "--python", "3.99", "a.py")
    assert (done.code, done.out) == (125, "")
    assert "3.99" in done.err and "{}.{}".format(*sys.version_info[:2]) in done.err


@pytest.mark.each_python
def test_events_are_written_one_json_object_a_line(luci: Luci) -> None:
    luci.write("a.py", "import importlib as i; print(i.import_module('thyla' + 'cine').lick())")
    done = luci("run", "--events", "log.jsonl", "a.py")
    names = [event["event"] for event in events_in(luci.folder / "log.jsonl")]
    assert done.out == "lick\n"
    assert names.index("planned") < names.index("missing") < names.index("retrying")


def test_events_do_not_hold_the_variables_of_the_script(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "--events", "log.jsonl", "a.py", env={"TOKEN": "a-secret-of-mine"})
    assert "a-secret-of-mine" not in (luci.folder / "log.jsonl").read_text()


def test_events_to_a_file_that_cannot_be_written_is_one_clear_error(luci: Luci) -> None:
    luci.write("a.py", "print('ran')")
    done = luci("run", "--events", "nowhere/log.jsonl", "a.py")
    assert done.code == 2 and "nowhere/log.jsonl" in done.err and "Traceback" not in done.err


def test_dry_run_says_what_would_happen_and_does_nothing(lone: Luci) -> None:
    lone.write("a.py", "import quokka; open('ran', 'w')")
    done = lone("run", "--dry-run", "a.py")
    assert done.code == 0 and "quokka" in done.out and "build" in done.out
    assert not (lone.folder / "ran").exists()
    assert lone("env", "list", "--json").json == []


def test_fresh_builds_again_with_what_is_newest_now(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import yaml; from importlib.metadata import version; print(version('pyyaml'))")
    assert lone("run", "a.py").out == "6.0\n"
    index.add_wheel("PyYAML", "6.1", {"yaml/__init__.py": ""})
    assert lone("run", "a.py").out == "6.0\n"
    assert lone("run", "--fresh", "a.py").out == "6.1\n"
    assert lone("run", "a.py").out == "6.1\n"
    assert len(lone("env", "list", "--json").json) == 1


def test_fresh_learns_of_a_release_of_a_guessed_name(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import quokka; from importlib.metadata import version; print(version('quokka'))")
    assert lone("run", "a.py").out == "1.2\n"
    index.add_wheel("quokka", "1.3", {"quokka.py": ""})
    assert lone("run", "--fresh", "a.py").out == "1.3\n"


def test_offline_runs_what_is_there(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import quokka; print('ran')")
    lone("run", "a.py")
    index.requests.clear()
    done = lone("run", "--offline", "a.py")
    assert (done.code, done.out, index.requests) == (0, "ran\n", [])


def test_offline_says_that_the_network_is_off_where_something_was_never_fetched(
    lone: Luci, index: PackageIndex
) -> None:
    lone.write("a.py", "import yaml; print('ran')")
    done = lone("run", "--offline", "a.py")
    assert (done.code, done.out, index.requests) == (125, "", [])
    assert "--offline" in done.err and "Traceback" not in done.err


def test_offline_says_so_for_a_name_that_only_the_index_knows(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import quokka; print('ran')")
    done = lone("run", "--offline", "a.py")
    assert (done.code, done.out, index.requests) == (125, "", [])
    assert "offline" in done.err and "Traceback" not in done.err


@pytest.mark.each_python
def test_quiet_says_nothing_while_it_builds_and_mends(lone: Luci) -> None:
    lone.write("a.py", "import yaml, importlib as i; print(i.import_module('thyla' + 'cine').lick())")
    done = lone("run", "--quiet", "a.py")
    assert (done.code, done.out, done.err) == (0, "lick\n", "")


def test_a_build_is_said_in_one_line(lone: Luci) -> None:
    lone.write("a.py", "import wombat")
    lines = lone("run", "a.py").err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("luci: built an environment with 2 packages in ")


@pytest.mark.each_python
def test_verbose_says_what_is_done_and_why(lone: Luci) -> None:
    lone.write("a.py", "import quokka")
    told = lone("run", "--verbose", "a.py").err
    assert "planning" in told and "installing" in told and "quokka" in told
    assert "environment " in lone("run", "--verbose", "a.py").err


@pytest.mark.each_python
def test_a_warm_run_says_nothing(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    done = luci("run", "a.py")
    assert (done.code, done.stdout, done.stderr) == (0, b"", b"")


def test_a_warm_run_asks_the_index_nothing(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import quokka")
    lone("run", "a.py")
    index.requests.clear()
    assert lone("run", "a.py").code == 0
    assert index.requests == []


def test_nothing_is_drawn_on_a_terminal_by_a_warm_run(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    terminal = luci.terminal("run", "a.py")
    assert (terminal.exit_code(), terminal.raw) == (0, b"")


# When things change, the next run knows


def test_a_new_import_is_installed_by_the_next_run(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    luci("run", "a.py")
    luci.write("a.py", "import quokka, thylacine; print(thylacine.lick())")
    assert luci("run", "a.py").out == "lick\n"


@pytest.mark.each_python
def test_a_new_import_of_a_local_module_is_installed_by_the_next_run(luci: Luci) -> None:
    luci.write("a.py", "import beside")
    luci.write("beside.py", "")
    luci("run", "a.py")
    luci.write("beside.py", "import thylacine; print(thylacine.lick())")
    assert luci("run", "a.py").out == "lick\n"


def test_a_local_module_that_comes_to_be_takes_the_place_of_a_distribution(luci: Luci) -> None:
    luci.write("a.py", "import quokka; print(quokka.hop())")
    assert luci("run", "a.py").out == "hop\n"
    luci.write("quokka.py", "def hop(): return 'my own'")
    assert luci("run", "a.py").out == "my own\n"
    assert luci("plan", "--names", "a.py").out == ""


def test_a_requirements_file_that_comes_to_be_is_heard(luci: Luci) -> None:
    luci.write("a.py", "import quokka; from importlib.metadata import version; print(version('quokka'))")
    assert luci("run", "a.py").out == "1.2\n"
    luci.write("requirements.txt", "quokka<1.1")
    assert luci("run", "a.py").out == "1.0\n"


@pytest.mark.parametrize(
    "name",
    [
        "requirements-dev.txt",
        "requirements/base.txt",
    ],
)
def test_a_requirements_file_of_another_name_is_heard_by_old_scripts_as_by_new_ones(luci: Luci, name: str) -> None:
    source = "import quokka; from importlib.metadata import version; print(version('quokka'))"
    luci.write("old.py", source)
    luci("run", "old.py")
    luci.write(name, "quokka<1.1")
    luci.write("new.py", source)
    assert luci("run", "old.py").out == luci("run", "new.py").out


def test_a_block_that_is_added_is_heard(luci: Luci) -> None:
    source = "import quokka; from importlib.metadata import version; print(version('quokka'))\n"
    luci.write("a.py", source)
    luci("run", "a.py")
    luci.write("a.py", '# /// script\n# dependencies = ["quokka==1.1"]\n# ///\n' + source)
    assert luci("run", "a.py").out == "1.1\n"


def test_a_name_in_the_config_file_is_heard(lone: Luci) -> None:
    lone.write("a.py", "import quokka; from importlib.metadata import version; print(version('quokka'))")
    assert lone("run", "a.py").out == "1.2\n"
    config = Path(lone.environ["LUCI_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('[names]\nquokka = "quokka==1.1"\n')
    assert lone("run", "a.py").out == "1.1\n"


def test_an_environment_that_was_removed_is_built_again(lone: Luci) -> None:
    lone.write("a.py", "import quokka; print('ran')")
    lone("run", "a.py")
    assert lone("env", "remove", "--yes", "a.py").code == 0
    done = lone("run", "a.py")
    assert done.out == "ran\n" and "built" in done.err


def test_a_package_deleted_by_hand_is_noticed_and_told(lone: Luci) -> None:
    lone.write("a.py", "import quokka; print('ran')")
    lone("run", "a.py")
    (lone.site_of("a.py") / "quokka.py").unlink()
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "ran\n")
    assert "broken" in done.err and "again" in done.err


@pytest.mark.each_python
def test_two_scripts_of_a_project_with_the_same_needs_share_an_environment(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci.write("b.py", "import quokka, os")
    luci("run", "a.py"), luci("run", "b.py")
    assert luci.env_of("a.py") == luci.env_of("b.py")


def test_two_projects_do_not_share_unless_told_to(lone: Luci) -> None:
    lone.write("one/a.py", "import quokka")
    lone.write("two/a.py", "import quokka")
    lone("run", "one/a.py"), lone("run", "two/a.py")
    assert lone.env_of("one/a.py") != lone.env_of("two/a.py")
    for each in ("one/a.py", "two/a.py"):
        lone("run", each, env={"LUCI_ENVS_SHARE": "true"})
    assert lone.env_of("one/a.py") == lone.env_of("two/a.py")


@pytest.mark.each_python
def test_luci_runs_within_luci(luci: Luci) -> None:
    luci.write("inner.py", "import thylacine; print(thylacine.lick(), flush=True)")
    luci.write(
        "outer.py",
        f"""
        import quokka, subprocess
        subprocess.run([{sys.executable!r}, "-m", "luci", "run", "inner.py"], check=True)
        print(quokka.hop())
        """,
    )
    assert luci("run", "outer.py").out == "lick\nhop\n"


# What goes wrong with the index leaves nothing half-made


@pytest.mark.each_python
def test_a_wrong_hash_installs_nothing(lone: Luci, index: PackageIndex) -> None:
    index.add_wheel("six", "1.16", {"six.py": ""}, wrong_hash=True)
    lone.write("a.py", "import six; print('ran')")
    done = lone("run", "a.py")
    assert (done.code, done.out) == (125, "")
    assert "hash" in done.err and "Traceback" not in done.err
    assert lone("env", "list", "--json").json == []


def test_an_index_that_answers_500_is_said_and_the_earlier_environment_serves(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import yaml; print('ran')")
    assert lone("run", "a.py").out == "ran\n"
    index.fail("/")
    hasty = {"LUCI_INDEX_TRIES": "1"}
    lone.write("a.py", "import yaml; print('ran again')")
    assert lone("run", "a.py", env=hasty).out == "ran again\n"
    lone.write("b.py", "import six; print('ran')")
    done = lone("run", "b.py", env=hasty)
    assert (done.code, done.out) == (125, "") and "Traceback" not in done.err
    assert "error: " in done.err and "hint: " in done.err


def test_a_home_that_cannot_be_written_is_one_clear_error(lone: Luci, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "data").write_text("a file where a folder must be")
    lone.write("a.py", "import quokka; print('ran')")
    done = lone("run", "a.py", env={"LUCI_HOME": str(tmp_path / "home")})
    assert (done.code, done.out) == (125, "")
    assert "error: " in done.err and "LUCI_HOME" in done.err and "Traceback" not in done.err
