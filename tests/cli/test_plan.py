"""`luci plan`: what would be done, for people and for programs, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Luci
from tests.package_index import PackageIndex


def test_a_plan_for_people_says_who_said_what(luci: Luci) -> None:
    luci.write("a.py", "import os\nimport yaml\nimport quokka\n")
    done = luci("plan", "a.py")
    rows = {line.split()[0]: line for line in done.out.splitlines() if line.strip()}
    assert done.code == 0 and done.err == ""
    assert "a.py:2" in rows["yaml"] and "required" in rows["yaml"] and "pyyaml" in rows["yaml"]
    assert "table" in rows["yaml"] and "index" in rows["quokka"]
    assert "os" not in rows and "Python" in rows and "build" in rows["environment"]


def test_a_plan_says_whether_an_environment_is_there(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    assert "reuse" in luci("plan", "a.py").out


def test_a_plan_installs_nothing_and_runs_nothing(lone: Luci) -> None:
    lone.write("a.py", "import quokka; open('ran', 'w')")
    assert lone("plan", "a.py").code == 0
    assert lone("env", "list", "--json").json == []
    assert not (lone.folder / "ran").exists()


def test_a_script_that_needs_nothing_has_a_plan_too(luci: Luci) -> None:
    luci.write("a.py", "import os")
    done = luci("plan", "a.py")
    assert done.code == 0 and "imports nothing" in done.out
    assert luci("plan", "--names", "a.py").out == ""
    assert luci("plan", "--json", "a.py").json["requirements"] == []


def test_a_plan_as_json(luci: Luci) -> None:
    script = luci.write("a.py", "import sys\n\ndef f():\n    import quokka\n")
    told = luci("plan", "--json", "a.py").json
    assert set(told) >= {"script", "python", "interpreter", "key", "requirements", "scope", "choices", "refused"}
    assert (told["script"], told["requirements"], told["environment"]) == ("a.py", ["quokka"], "reuse")
    assert Path(told["interpreter"]).exists() and len(told["key"]) == 16
    [choice] = told["choices"]
    assert choice["module"] == "quokka" and choice["requirements"] == ["quokka"] and choice["status"] == "install"
    assert (choice["certainty"], choice["file"], choice["line"]) == ("deferred", str(script), 4)
    assert choice["source"] == "index" and choice["reason"]
    assert [skipped["module"] for skipped in told["skipped"]] == ["sys"]


def test_the_plans_key_is_the_key_of_the_environment(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    assert luci("plan", "--json", "a.py").json["key"] == luci("env", "show", "--json", "a.py").json["key"]


def test_the_names_of_a_plan(luci: Luci) -> None:
    luci.write("a.py", "import yaml, quokka, os\ntry:\n    import thylacine\nexcept ImportError:\n    pass\n")
    assert luci("plan", "--names", "a.py").out == "pyyaml\nquokka\n"


def test_names_carry_the_version_where_one_is_needed(luci: Luci) -> None:
    luci.write("a.py", '# /// script\n# dependencies = ["quokka>=1.1", "PyYAML == 6.0"]\n# ///\nimport quokka\n')
    assert luci("plan", "--names", "a.py").out == "pyyaml==6.0\nquokka>=1.1\n"


def test_the_release_that_still_has_a_name_is_chosen(lone: Luci, index: PackageIndex) -> None:
    index.add_wheel("requests", "1.0", {"requests/__init__.py": "", "requests/old.py": ""})
    index.add_wheel("requests", "2.0", {"requests/__init__.py": ""})
    lone.write("a.py", "import requests.old")
    assert lone("plan", "--names", "a.py").out == "requests<=1.0\n"
    assert lone("run", "a.py").code == 0


def test_a_name_that_must_be_approved_gives_126_and_is_marked(luci: Luci) -> None:
    luci.write("a.py", "import dingo")
    done = luci("plan", "a.py")
    assert done.code == 126 and "needs a yes" in done.out
    told = luci("plan", "--json", "a.py")
    assert told.code == 126 and [choice["module"] for choice in told.json["refused"]] == ["dingo"]
    assert told.json["requirements"] == []
    assert luci("plan", "--names", "a.py").code == 126


def test_what_is_allowed_is_planned(luci: Luci) -> None:
    luci.write("a.py", "import dingo")
    done = luci("plan", "--names", "--allow", "dingo", "a.py")
    assert (done.code, done.out) == (0, "dingo\n")


@pytest.mark.parametrize(
    ("module", "words"),
    [("bpy", "Blender"), ("sublime_plugin", "Sublime")],
)
def test_a_module_of_a_host_program_gives_125(luci: Luci, module: str, words: str) -> None:
    luci.write("a.py", f"import {module}\nprint('ran')")
    done = luci("plan", "a.py")
    assert done.code == 125 and words in done.out
    run = luci("run", "a.py")
    assert (run.code, run.out) == (125, "") and words in run.err and "a.py:1" in run.err


def test_an_optional_module_of_a_host_program_is_no_reason_to_fail(luci: Luci) -> None:
    luci.write("a.py", "try:\n    import bpy\nexcept ImportError:\n    print('without')")
    assert luci("run", "a.py").out == "without\n"


def test_a_module_that_nothing_provides_is_said_and_the_script_still_runs(luci: Luci) -> None:
    luci.write("a.py", "print('began', flush=True)\nimport no_such_module_at_all")
    done = luci("run", "a.py")
    assert (done.code, done.out) == (1, "began\n")
    assert "no_such_module_at_all" in done.err and "ModuleNotFoundError" in done.err


def test_with_and_python_count_in_a_plan(luci: Luci) -> None:
    luci.write("a.py", "import os")
    told = luci("plan", "--json", "--with", "quokka<1.2", "--python", "3.11", "a.py").json
    assert told["requirements"] == ["quokka<1.2"] and told["python"].startswith("3.11.")


def test_every_kind_of_script_has_a_plan(luci: Luci) -> None:
    luci.write("tool/__main__.py", "import quokka")
    luci.write("module.py", "import quokka")
    assert luci("plan", "--names", "-", input="import quokka").out == "quokka\n"
    assert luci("plan", "--names", "-c", "import quokka").out == "quokka\n"
    assert luci("plan", "--names", "-m", "module").out == "quokka\n"
    assert luci("plan", "--names", "tool").out == "quokka\n"


def test_what_follows_the_script_does_not_disturb_a_plan(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    assert luci("plan", "--names", "a.py", "--json", "--size", "10").out == "quokka\n"


def test_the_same_plan_has_the_same_key_however_it_is_spelt(luci: Luci) -> None:
    luci.write("a.py", '# /// script\n# dependencies = ["PyYAML >= 6", "quokka"]\n# ///\n')
    luci.write("b.py", '# /// script\n# dependencies = ["quokka", "pyyaml>=6"]\n# ///\n')
    assert luci("plan", "--json", "a.py").json["key"] == luci("plan", "--json", "b.py").json["key"]


def test_no_distribution_is_named_for_a_local_module_or_the_standard_library(luci: Luci) -> None:
    luci.write("yaml.py", "")
    luci.write("a.py", "import yaml, json, xml.etree.ElementTree")
    assert luci("plan", "--names", "a.py").out == ""


def test_control_characters_from_an_index_are_harmless(lone: Luci, index: PackageIndex) -> None:
    index.add_wheel("dingo2", "0.1", {"dingo2.py": ""}, ("quokka; python_version < '\x1b[2J'",))
    lone.write("a.py", "import dingo2")
    assert "\x1b" not in lone("plan", "a.py").out


def test_a_plan_does_not_break_on_an_index_that_answers_500(lone: Luci, index: PackageIndex) -> None:
    index.fail("/")
    lone.write("a.py", "import quokka, yaml")
    done = lone("plan", "a.py")
    assert "Traceback" not in done.err and "pyyaml" in done.out and "problem: " in done.out
    assert done.code in (0, 125)
