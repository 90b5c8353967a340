"""The plan: what installs and who says so, on which Python, and the environment that follows."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from packaging.tags import platform_tags

from luci import paths
from luci.envs import installer, interpreters
from luci.envs.spec import EnvSpec
from luci.envs.store import Store
from luci.errors import EnvError, PlanError, ScriptError
from luci.events import Warned
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from tests.machine import OWN
from tests.runner.conftest import Person

OLD = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def packages(index):
    """`six`, `pyyaml`, and `guessed`, of which no table knows."""
    index.add_wheel("six", "1.16", {"six.py": "PY3 = True\n"})
    index.add_wheel("pyyaml", "6.0", {"yaml/__init__.py": "def safe_load(s): ...\n"})
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel("guessed", version, {"guessed.py": ""}, uploaded=OLD)


def block(*lines: str) -> str:
    return "\n".join(["# /// script", *(f"# {line}" for line in lines), "# ///", ""])


# -- what installs


def test_a_script_gets_what_it_imports(person):
    plan = person.plan("import yaml, json, six\n")
    assert (plan.names(), plan.asked, plan.problems) == (["pyyaml", "six"], (), ())


def test_the_standard_library_and_local_modules_are_never_installed(person, index):
    for name in ("json", "beside", "folder"):
        index.add_wheel(name, "1.0", {f"{name}.py": ""})
    person.write("beside.py", "import six")
    person.write("folder/__init__.py", "")
    plan = person.plan("import json, beside, folder\n")
    assert plan.names() == ["six"]


def test_what_a_project_declares_counts_for_what_is_imported_only(person):
    person.write("requirements.txt", "six==1.16\ndjango>=4\n")
    plan = person.plan("import six, yaml\n")
    assert plan.names() == ["pyyaml", "six==1.16"]
    assert {c.module: c.source for c in plan.choices} == {"six": "declared", "yaml": "table"}
    assert "requirements.txt" in next(c.reason for c in plan.choices if c.module == "six")


def test_extras_and_markers_of_a_project_are_kept(person):
    person.write("pyproject.toml", "[project]\nname = 'p'\ndependencies = ['six[fast]>=1; python_version > \"3\"']\n")
    assert person.plan("import six\n").names() == ['six[fast]>=1; python_version > "3"']


def test_constraints_of_a_project_limit_and_install_nothing(person):
    person.write("requirements.txt", "-c limits.txt\n")
    person.write("limits.txt", "six<2\n")
    spec = person.plan("import six\n").spec
    assert (spec.requirements, spec.constraints) == (("six",), ("six<2",))


def test_a_block_is_alone_and_complete(person, index):
    person.write("requirements.txt", "six==9\n")
    plan = person.plan(block('dependencies = ["six>=1", "docopt"]') + "import six, yaml, guessed\n")
    assert plan.names() == ["docopt", "six>=1"]
    assert index.requests == []


def test_an_empty_block_means_that_nothing_is_needed(person):
    assert person.plan(block("dependencies = []") + "import six\n").names() == []


def test_a_block_chooses_its_index(person):
    places = block('dependencies = ["six"]', "[[tool.uv.index]]", 'url = "http://127.0.0.1:9/simple"', "default = true")
    assert person.plan(places).sources.index_url == "http://127.0.0.1:9/simple"
    assert person.plan(places).spec.key != person.plan(block('dependencies = ["six"]')).spec.key


LOCK = """
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "six"
version = "1.16"
[[packages.wheels]]
url = "http://127.0.0.1:9/six-1.16-py3-none-any.whl"
hashes = { sha256 = "00ff" }
"""


def test_a_lock_beside_the_script_is_all_it_needs(person):
    person.write("a.py.lock", LOCK)
    plan = person.plan("import six, yaml\n")
    assert [line.partition(" ")[0] for line in plan.names()] == ["six==1.16"]
    assert "--hash=sha256:00ff" in plan.spec.requirements[0]
    assert plan.declarations
    assert plan.declarations.locked


def test_what_a_person_adds_is_added(person):
    plan = person.plan("import six\n", requirements=("rich>=13",))
    assert plan.names() == ["rich>=13", "six"]


def test_what_a_person_adds_takes_the_place_of_the_same_name(person):
    person.write("requirements.txt", "six==1.16\n")
    assert person.plan("import six\n", requirements=("Six<1",)).names() == ["six<1"]


def test_a_person_adds_to_a_block_too(person):
    plan = person.plan(block('dependencies = ["six"]'), requirements=("rich",))
    assert plan.names() == ["rich", "six"]


def test_names_in_the_config_come_before_the_table(person, luci_home):
    (luci_home / "config").mkdir(parents=True)
    (luci_home / "config/config.toml").write_text('[names]\nyaml = "ruamel.yaml"\n')
    assert person.plan("import yaml\n").names() == ["ruamel-yaml"]


def test_what_earlier_runs_taught_is_kept(person):
    known = Memory(modules=("yaml",), names={"x": "some-x>=1"}, requirements=("rich",), limits={"six": "<=1.0"})
    plan = person.plan("import six, x\n", known)
    assert plan.names() == ["pyyaml", "rich", "six<=1.0", "some-x>=1"]
    assert {c.source for c in plan.choices} == {"table", "learned"}


def test_what_earlier_runs_taught_of_a_version_does_not_touch_what_was_declared(person):
    person.write("requirements.txt", "six>=1\n")
    assert person.plan("import six\n", Memory(limits={"six": "<=0.9"})).names() == ["six>=1"]


# -- what waits for a yes


def test_what_the_gate_holds_back_is_not_in_the_environment(person, index):
    index.add_wheel("novel", "1.0", {"novel.py": ""})
    plan = person.plan("import six, novel\n")
    assert (plan.names(), [c.module for c in plan.asked]) == (["six"], ["novel"])


@pytest.mark.parametrize("how", ["asked on the command line", "an earlier yes"])
def test_what_was_allowed_is(person, index, how):
    index.add_wheel("novel", "1.0", {"novel.py": ""})
    script = person.script("import novel\n")
    allowed = (
        person.plan(script, allow=frozenset({"novel"}))
        if how == "asked on the command line"
        else person.plan(script, Memory(approved=("novel",)))
    )
    assert (allowed.names(), allowed.asked) == (["novel"], ())


def test_guessed_names_come_as_wheels_and_not_of_the_last_three_days(person):
    terms = person.plan("import six, guessed\n").terms
    assert (terms.builds, terms.wheels_only) == (False, frozenset({"guessed"}))
    ((name, instant),) = terms.not_after
    assert name == "guessed"
    assert timedelta(days=3) <= datetime.now(UTC) - instant <= timedelta(days=3, hours=1)


def test_the_rules_of_the_gate_are_no_part_of_the_key(person, monkeypatch):
    key = person.plan("import six, guessed\n").spec.key
    for name, value in (("QUARANTINE_DAYS", "9"), ("AGE_DAYS", "1"), ("RELEASES", "1"), ("BUILDS", "always")):
        monkeypatch.setenv(f"LUCI_GATE_{name}", value)
    assert person.plan("import six, guessed\n").spec.key == key


def test_a_young_release_of_a_guessed_name_is_left_alone_to_the_end(person, index):
    young = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in ("guessed", "six"):
        index.add_wheel(name, "9.0", {f"{name}.py": ""}, uploaded=young)
    env = built(person, person.plan("import six, guessed\n"))
    assert env.installed == {"guessed": "1.2", "six": "9.0"}


def test_an_index_that_fails_is_told(person, index):
    index.fail("/", 500)
    plan = person.plan("import guessed\n")
    assert [c.kind for c in plan.choices] == ["unknown"]
    assert "500" in " ".join(plan.problems)


def test_a_declaration_that_cannot_be_read_is_said_and_the_rest_counts(person):
    person.write("requirements.txt", "six==1.16\nnot a requirement at all !!\n")
    assert person.plan("import six\n").names() == ["six==1.16"]
    assert any(isinstance(event, Warned) for event in person.said)


# -- which Python


def built(person: Person, plan: Plan, version: str = ""):
    """Build the plan's environment, its Python called `version`: real ones of every version are not at hand."""
    real = interpreters.choose(sys.executable)
    python = replace(real, version=version or real.version)
    steps = Store(paths.envs()).ready(
        plan.spec,
        python,
        lambda folder: installer.install(plan.spec, folder, plan.sources, plan.terms, lambda: False),
        label="a.py",
        about=plan.about(),
    )
    return person.end(steps)


def test_the_newest_python_is_taken(person, machine):
    machine("3.9.1")
    assert person.plan("import six\n").interpreter.version == OWN
    machine("3.20.1")
    assert person.plan("import six\n").interpreter.version == "3.20.1"


def test_free_threaded_and_other_pythons_are_taken_only_where_there_is_no_plain_one(person, machine):
    machine("3.20.1", free_threaded=True)
    machine("3.21.1", name="pypy3", implementation="pypy")
    assert person.plan("import six\n").interpreter.version == OWN
    assert person.plan("import six\n", python="pypy").interpreter.version == "3.21.1"


@pytest.mark.parametrize(("wanted", "version"), [("3.9", "3.9.1"), (">=3.20,<3.21", "3.20.1"), ("<3.10", "3.9.1")])
def test_a_person_chooses_the_python(person, machine, monkeypatch, wanted, version):
    for other in ("3.9.1", "3.20.1", "3.21.1"):
        machine(other)
    assert person.plan("import six\n", python=wanted).interpreter.version == version
    monkeypatch.setenv("LUCI_RUN_PYTHON", wanted)
    assert person.plan("import six\n").interpreter.version == version


def test_a_python_that_is_not_here_is_said(person, machine):
    with pytest.raises(EnvError, match=r"Python 3\.77 is not on this machine"):
        person.plan("", python="3.77")
    with pytest.raises(PlanError, match=r"No Python here satisfies >=3\.77"):
        person.plan("", python=">=3.77")


@pytest.mark.parametrize("place", ["block", "project"])
def test_requires_python_rules_pythons_out(person, machine, place):
    for version in ("3.9.1", "3.20.1"):
        machine(version)
    wanted = 'requires-python = "<3.10"'
    if place == "project":
        person.write("pyproject.toml", f"[project]\nname = 'p'\nversion = '1'\n{wanted}\n")
    plan = person.plan(block(wanted, "dependencies = []") if place == "block" else "import six\n")
    assert (plan.interpreter.version, [p.version for p in plan.pythons]) == ("3.9.1", ["3.9.1"])


def test_requires_python_that_nothing_here_satisfies_is_said(person, machine):
    with pytest.raises(PlanError, match=r"No Python here satisfies >=3\.77") as error:
        person.plan(block('requires-python = ">=3.77"'))
    assert OWN in error.value.cause


def test_what_a_failure_taught_of_the_python_holds_until_a_person_chooses(person, machine):
    for version in ("3.9.1", "3.20.1"):
        machine(version)
    known = Memory(python="<3.10")
    assert person.plan("import six\n", known).interpreter.version == "3.9.1"
    assert person.plan("import six\n", known, python="3.20").interpreter.version == "3.20.1"


def test_a_module_that_later_pythons_dropped_leads_to_an_older_one(person, machine):
    for version in ("3.9.1", "3.20.1"):
        machine(version)
    plan = person.plan("import cgi\n")
    assert plan.interpreter.minor <= (3, 12)
    assert plan.names() == []


def test_a_module_that_every_python_here_dropped_has_a_backport(person, machine):
    machine("3.20.1")
    plan = person.plan("import cgi\n", python="3.20")
    (choice,) = plan.choices
    assert (plan.names(), choice.source) == (["legacy-cgi"], "table")
    assert "left the standard library" in choice.reason


def test_a_module_that_is_gone_without_a_backport_is_said(person, machine):
    machine("3.20.1")
    plan = person.plan("import symbol\n", python="3.20")
    assert [c.kind for c in plan.hopeless] == ["removed"]


def test_grammar_rules_pythons_out(person, machine):
    machine("3.8.1")
    with pytest.raises(ScriptError, match=r"needs Python 3\.10 or later"):
        person.plan("match 1:\n    case _: pass\n", python="3.8")


def wheel_for(version: str) -> str:
    digits = "".join(version.split(".")[:2])
    return f"cp{digits}-cp{digits}-{next(iter(platform_tags()))}"


def test_the_newest_python_for_which_there_are_wheels_is_taken(person, machine, index):
    for version in ("3.9.1", "3.20.1"):
        machine(version)
    index.add_wheel("numpy", "2.0", {"numpy.py": "array = 1\n"}, tag=wheel_for(OWN))
    plan = person.plan("from numpy import array\n")
    assert plan.interpreter.version == OWN


def test_where_no_python_has_all_wheels_the_newest_is_taken(person, machine, index):
    machine("3.20.1")
    index.add_wheel("numpy", "2.0", {"numpy.py": "array = 1\n"}, tag=wheel_for("3.19.1"))
    assert person.plan("from numpy import array\n").interpreter.version == "3.20.1"


def test_a_healthy_environment_that_is_there_comes_before_a_newer_python(person, machine):
    for version in ("3.9.1", "3.20.1"):
        machine(version)
    old = person.plan("import six\n", python="3.9")
    env = built(person, old, "3.9.1")
    assert person.plan("import six\n").spec.key == env.key
    assert person.plan("import six, yaml\n").interpreter.version == "3.20.1"
    env.python.unlink()
    assert person.plan("import six\n").interpreter.version == "3.20.1"


def test_a_python_that_a_person_chose_comes_before_an_environment_that_is_there(person, machine):
    for version in ("3.9.1", "3.20.1"):
        machine(version)
    built(person, person.plan("import six\n", python="3.9"), "3.9.1")
    assert person.plan("import six\n", python="3.20").interpreter.version == "3.20.1"


# -- the key, and how the plan is told


def test_the_same_needs_however_spelt_have_one_key(person):
    one = person.plan("import six\nimport yaml\n").spec
    other = person.plan("from yaml import safe_load\nimport six as s, sys\n").spec
    assert one == other


def test_two_scripts_of_a_project_share_and_two_projects_do_not(person, tmp_path):
    one = person.plan(person.script("import six\n", "a.py")).spec
    deeper = person.plan(person.script("import six\n", "tools/b.py")).spec
    (tmp_path / "other/.git").mkdir(parents=True)
    other = Person(tmp_path / "other").plan("import six\n").spec
    assert (one.key == deeper.key, one.key == other.key) == (True, False)
    assert one.scope == str(person.folder)


def test_all_projects_share_if_so_set(person, tmp_path, monkeypatch):
    monkeypatch.setenv("LUCI_ENVS_SHARE", "true")
    (tmp_path / "other/.git").mkdir(parents=True)
    one, other = person.plan("import six\n"), Person(tmp_path / "other").plan("import six\n")
    assert (one.spec, one.spec.scope) == (other.spec, "")


def test_another_index_is_another_environment(person, monkeypatch):
    key = person.plan("import yaml\n").spec.key
    monkeypatch.setenv("LUCI_INDEX_URL", "http://127.0.0.1:9/simple")
    assert person.plan("import yaml\n").spec.key != key


def test_the_plan_tells_everything_as_json(person, index):
    index.add_wheel("novel", "1.0", {"novel.py": ""})
    told = json.loads(json.dumps(person.plan("import six\nimport novel\n").as_dict()))
    assert (told["requirements"], told["python"], len(told["key"])) == (["six"], told["python"], 16)
    six, novel = told["choices"]
    assert (six["module"], six["line"], six["certainty"], six["source"]) == ("six", 1, "required", "table")
    assert told["refused"] == [novel]
    assert novel["doubts"]


def test_the_plan_names_one_distribution_a_line_without_hashes(person):
    person.write("a.py.lock", LOCK)
    assert person.plan("import six\n").names() == ["six==1.16"]


def test_what_the_environment_keeps_of_the_plan_says_who_asked(person):
    about = person.plan("import six\nimport bpy\n").about()
    assert about["script"] == str(person.folder / "a.py")
    assert [c["module"] for c in about["choices"]] == ["six"]


def test_the_spec_is_what_it_says(person, index):
    plan = person.plan("import six\n")
    assert plan.spec == EnvSpec(
        plan.interpreter.short,
        ("six",),
        scope=str(person.folder),
        platform=plan.interpreter.platform,
        index=f"index {index.url}",
    )
