"""Old code: releases that still have what it uses, packages and a Python of their time, names that only look known."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from packaging.tags import platform_tags

from luci.config import IndexSettings
from luci.envs import interpreters
from luci.envs.sources import Sources
from luci.runner.index import Index, Use
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.releases import Newest, newest
from tests.machine import OWN
from tests.package_index import PackageIndex

LONG_AGO, DROPPED, LATER = "2018-01-01T00:00:00Z", "2019-05-03T12:00:00Z", "2021-01-01T00:00:00Z"
OLD_NAME = "from requests import old\n"


def wheel_for(version: str) -> str:
    digits = "".join(version.split(".")[:2])
    return f"cp{digits}-cp{digits}-{next(iter(platform_tags()))}"


def drop_old_name(index: PackageIndex, project: str = "requests", day: str = DROPPED) -> None:
    """Publish a project whose second release has no `old` any more."""
    index.add_wheel(project, "1.0", {f"{project}.py": "old = 1\n"}, uploaded=LONG_AGO)
    index.add_wheel(project, "2.0", {f"{project}.py": ""}, uploaded=day)


def block(*lines: str) -> str:
    return "\n".join(["# /// script", *(f"# {line}" for line in lines), "# ///", ""])


def kinds(plan: Plan) -> dict[str, tuple[str, str, str]]:
    return {c.module: (c.source, c.status, c.kind) for c in plan.choices}


# -- one search over all wheels


@pytest.fixture
def search(machine, index, tmp_path):
    """The newest release of numpy that has `old`, for a Python."""
    asked = Index(
        Sources(url=index.url), IndexSettings(timeout_seconds=5, tries=1, fresh_seconds=999), tmp_path / "kept"
    )

    def newest_for(version: str = "", sure: bool = False) -> Newest:
        python = interpreters.choose(version or sys.executable)
        return newest(asked, asked.project("numpy"), (Use("numpy", ("old",)),), python, sure=sure)

    return newest_for


def versions(found: Newest) -> tuple[str, str]:
    return str(found.release and found.release.version), str(found.latest and found.latest.version)


def test_the_newest_release_that_has_a_name_is_found_with_the_latest_and_the_day_it_ended(search, index):
    drop_old_name(index, "numpy")
    found = search()
    assert (versions(found), found.elsewhere, found.as_of) == (("1.0", "2.0"), False, "2019-05-02")


def test_a_release_with_wheels_for_another_python_only_is_elsewhere(search, machine, index):
    machine("3.9.1")
    index.add_wheel("numpy", "1.0", {"numpy.py": "old = 1\n"}, tag=wheel_for("3.9.1"))
    index.add_wheel("numpy", "2.0", {"numpy.py": ""}, tag=wheel_for(OWN), uploaded=DROPPED)
    here, there = search(), search("3.9")
    assert (versions(here), here.elsewhere) == (("None", "2.0"), True)
    assert (versions(there), there.elsewhere) == (("1.0", "1.0"), False)


def test_below_the_newest_release_that_has_it_one_with_a_wheel_for_this_python_is_taken(search, index):
    index.add_wheel("numpy", "1.0", {"numpy.py": "old = 1\n"}, uploaded=LONG_AGO)
    index.add_wheel("numpy", "1.1", {"numpy.py": "old = 1\n"}, tag=wheel_for("3.9.1"), uploaded=LONG_AGO)
    index.add_wheel("numpy", "2.0", {"numpy.py": ""}, uploaded=DROPPED)
    found = search()
    assert (versions(found), found.elsewhere) == (("1.0", "2.0"), False)


def test_wheels_for_other_pythons_only_are_elsewhere_whatever_they_hold(search, index):
    index.add_wheel("numpy", "1.0", {"numpy.py": ""}, tag=wheel_for("3.9.1"))
    assert search() == Newest(elsewhere=True)


def test_a_project_without_wheels_is_nowhere_else(search, index):
    index.add_sdist("numpy", "1.0", {"numpy.py": "old = 1\n"})
    assert search() == Newest()


def test_a_wheel_that_might_have_a_name_counts_unless_it_must_be_sure(search, index):
    index.add_wheel("numpy", "1.0", {"numpy.py": "from somewhere import *\n"})
    assert versions(search()) == ("1.0", "1.0")
    assert versions(search(sure=True)) == ("None", "1.0")


def test_the_search_for_one_python_serves_the_next(search, machine, index):
    machine("3.9.1")
    for major in range(1, 20):
        for version in ("3.9.1", OWN):
            text = "old = 1\n" if major < 3 else ""
            index.add_wheel("numpy", f"{major}.0", {"numpy.py": text}, tag=wheel_for(version))
    assert versions(search()) == ("2.0", "19.0")
    looked_into = set(index.requests)
    assert versions(search("3.9")) == ("2.0", "19.0")
    new = {path for path in set(index.requests) - looked_into if path.endswith(".whl")}
    assert len(new) <= 2, new  # its own latest, and the one that was found


def test_the_plan_takes_the_python_for_which_the_release_is_there(person, machine, index):
    for version in ("3.8.1", "3.9.1"):
        machine(version)
    index.add_wheel("numpy", "1.0", {"numpy.py": "old = 1\n"}, tag=wheel_for("3.9.1"))
    index.add_wheel("numpy", "2.0", {"numpy.py": "new = 1\n"}, tag=wheel_for(OWN), uploaded=DROPPED)
    assert person.plan("from numpy import old\n").interpreter.version == "3.9.1"
    assert person.plan("from numpy import new\n").interpreter.version == OWN


# -- the day


def test_what_is_held_back_is_taken_as_of_the_day_before_the_next_release(person, index):
    drop_old_name(index)
    plan = person.plan(OLD_NAME)
    assert (plan.names(), plan.spec.as_of) == (["requests<=1.0"], "2019-05-02")
    assert plan.as_dict()["as_of"] == "2019-05-02"


def test_what_is_not_held_back_has_no_day(person, index):
    drop_old_name(index)
    assert person.plan("import requests\n").spec.as_of == ""


def test_of_two_that_are_held_back_the_later_day_counts(person, index):
    drop_old_name(index)
    drop_old_name(index, "numpy", day=LATER)
    assert person.plan(OLD_NAME + "from numpy import old\n").spec.as_of == "2020-12-31"


def test_a_pre_release_is_not_the_next_release(person, index):
    drop_old_name(index)
    index.add_wheel("requests", "2.0rc1", {"requests.py": ""}, uploaded="2018-09-09T00:00:00Z")
    assert person.plan(OLD_NAME).spec.as_of == "2019-05-02"


def test_the_day_is_part_of_the_key(person, index):
    drop_old_name(index)
    spec = person.plan(OLD_NAME).spec
    assert spec.key != replace(spec, as_of="").key != replace(spec, as_of="2019-05-04").key


def test_an_index_without_upload_times_leads_to_no_day(person, index):
    drop_old_name(index)
    index.upload_times = False
    plan = person.plan(OLD_NAME)
    assert (plan.names(), plan.spec.as_of) == (["requests<=1.0"], "")


def test_a_day_that_an_earlier_run_learned_counts_too(person):
    assert person.plan("import requests\n", Memory(as_of="2019-01-01")).spec.as_of == "2019-01-01"


def test_a_block_says_the_day(person):
    said = block('dependencies = ["six"]', "[tool.uv]", 'exclude-newer = "2019-01-01T00:00:00Z"')
    plan = person.plan(said, Memory(as_of="2022-02-02"))
    assert plan.spec.as_of == "2019-01-01T00:00:00Z"
    assert plan.spec.key != person.plan(block('dependencies = ["six"]')).spec.key


def test_what_a_person_asks_for_instead_has_no_day(person, index):
    drop_old_name(index)
    plan = person.plan(OLD_NAME, requirements=("requests>=2",))
    assert (plan.names(), plan.spec.as_of) == (["requests>=2"], "")


def test_a_guess_that_is_held_back_is_taken_as_of_a_day_too(person, index):
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel("wallaby", version, {"wallaby.py": "old = 1\n"}, uploaded=LONG_AGO)
    index.add_wheel("wallaby", "2.0", {"wallaby.py": ""}, uploaded=DROPPED)
    plan = person.plan("from wallaby import old\n")
    assert (plan.names(), plan.spec.as_of) == (["wallaby<=1.2"], "2019-05-02")


# -- the Python of that time


def test_the_newest_python_that_was_there_on_the_day_is_preferred(person, machine, index):
    for version in ("3.6.1", "3.7.1", "3.8.1"):  # of December 2016, June 2018, October 2019
        machine(version)
    drop_old_name(index)
    assert person.plan(OLD_NAME).interpreter.version == "3.7.1"
    assert person.plan("import requests\n").interpreter.version == OWN


def test_the_day_of_a_block_leads_to_a_python_of_the_time_too(person, machine):
    machine("3.7.1")
    said = block('dependencies = ["six"]', "[tool.uv]", 'exclude-newer = "2019-01-01T00:00:00Z"')
    assert person.plan(said).interpreter.version == "3.7.1"


def test_a_span_is_no_day(person, machine):
    machine("3.7.1")
    said = block('dependencies = ["six"]', "[tool.uv]", 'exclude-newer = "3 days"')
    plan = person.plan(said)
    assert (plan.spec.as_of, plan.interpreter.version) == ("3 days", OWN)


def test_where_no_python_here_is_that_old_the_newest_serves(person, machine, index):
    machine("3.8.1")
    drop_old_name(index)
    assert person.plan(OLD_NAME).interpreter.version == OWN


def test_a_python_of_the_time_must_read_the_script(person, machine, index):
    machine("3.7.1")
    drop_old_name(index)
    assert person.plan(OLD_NAME + "match old:\n    case _: pass\n").interpreter.version == OWN


def test_a_python_of_the_time_must_have_wheels(person, machine, index):
    machine("3.7.1")
    drop_old_name(index)
    index.add_wheel("numpy", "1.0", {"numpy.py": "new = 1\n"}, tag=wheel_for(OWN))
    assert person.plan(OLD_NAME + "from numpy import new\n").interpreter.version == OWN


def test_a_person_chooses_before_the_time_does(person, machine, index):
    machine("3.7.1")
    machine("3.20.1")
    drop_old_name(index)
    assert person.plan(OLD_NAME, python="3.20").interpreter.version == "3.20.1"


# -- limits that a run taught


def test_a_limit_for_what_the_script_does_not_import_is_a_constraint(person):
    plan = person.plan("import six\n", Memory(limits={"requests": "<=1.0", "six": "<=1.16"}))
    assert (plan.spec.requirements, plan.spec.constraints) == (("six<=1.16",), ("requests<=1.0",))


# -- families, and names that only a host program makes known


def established(index: PackageIndex, name: str, *files: str) -> None:
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel(name, version, dict.fromkeys(files, ""))


def test_a_computed_name_that_the_table_does_not_list_goes_through_the_gate(person, index):
    established(index, "backports-wallaby", "backports/wallaby.py")
    index.add_wheel("backports-koala", "1.0", {"backports/koala.py": ""})
    plan = person.plan("import backports.wallaby\nimport backports.koala\n")
    assert kinds(plan) == {"backports.wallaby": ("index", "install", ""), "backports.koala": ("index", "ask", "")}
    assert plan.names() == ["backports-wallaby"]


def test_a_computed_name_must_hold_what_it_was_computed_from(person, index):
    established(index, "backports-wallaby", "wallaby.py")
    assert kinds(person.plan("import backports.wallaby\n")) == {"backports.wallaby": ("index", "none", "unknown")}


def test_two_distributions_of_one_import_each_prove_their_own_submodule(person, index):
    established(index, "google-cloud-koala", "google/cloud/koala/__init__.py")
    established(index, "google-cloud-wallaby", "google/cloud/wallaby.py")
    plan = person.plan("from google.cloud import koala, wallaby\n")
    assert plan.names() == ["google-cloud-koala", "google-cloud-wallaby"]
    assert {c.source for c in plan.choices} == {"index"}


def test_of_two_known_distributions_of_one_import_each_is_held_back_alone(person, index):
    index.add_wheel("google-cloud-api-gateway", "1.0", {"google/cloud/apigateway/__init__.py": ""}, uploaded=LONG_AGO)
    index.add_wheel("google-cloud-api-gateway", "2.0", {"google/cloud/other.py": ""}, uploaded=DROPPED)
    for version in ("1.0", "2.0"):
        index.add_wheel("google-cloud-os-login", version, {"google/cloud/oslogin/__init__.py": ""})
    plan = person.plan("from google.cloud import apigateway, oslogin\n")
    assert plan.names() == ["google-cloud-api-gateway<=1.0", "google-cloud-os-login"]


@pytest.mark.parametrize(
    ("source", "is_host"),
    [("import freestyle\n", False), ("import bpy\nimport freestyle\n", True), ("import freestyle, aud\n", True)],
    ids=["alone", "beside a module of the host", "two everyday names"],
)
def test_an_everyday_name_is_the_hosts_only_beside_another_of_its_modules(person, index, source, is_host):
    established(index, "freestyle", "freestyle.py")
    expected = ("table", "none", "host") if is_host else ("index", "install", "")
    assert kinds(person.plan(source))["freestyle"] == expected


def test_everyday_names_of_two_hosts_are_not_of_one(person, index):
    established(index, "freestyle", "freestyle.py")
    established(index, "sdcard", "sdcard.py")
    assert person.plan("import freestyle, sdcard\n").names() == ["freestyle", "sdcard"]
