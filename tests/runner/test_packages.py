"""Which distribution provides an import: the chain, the right version, and the gate for names that were guessed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luci.config import GateSettings, IndexSettings
from luci.envs import interpreters
from luci.envs.interpreters import Interpreter
from luci.envs.sources import Sources
from luci.runner import packages
from luci.runner.choices import Choice, Knowledge, guessed, name_of
from luci.runner.declared import Declarations, Declared
from luci.runner.guesses import candidates, doubts_about
from luci.runner.imports import Certainty, Import
from luci.runner.index import Index
from luci.runner.releases import has_wheels
from luci.runner.table import Removed, Table, normal, one_edit_apart
from tests.package_index import PackageIndex

GOOGLE = ["google-cloud-storage", "google-cloud-bigquery", "google-cloud-vision"]
TABLE = Table(
    names={"yaml": ("pyyaml",), "PIL": ("pillow",), "OpenSSL": ("pyopenssl",), "two": ("one-half", "other-half")},
    same=frozenset(["requests", "six", "numpy", "flask-restful", "ruamel-yaml", *GOOGLE]),
    families={"google.cloud": "google-cloud-{}", "ruamel": "ruamel.{}"},
    variants={"cv2": {"default": "opencv-python-headless", "opencv-python": ["imshow"], "opencv-contrib": ["aruco"]}},
    alternatives={"psycopg2": ("psycopg2-binary",)},
    extras={"requests.socks": "requests[socks]"},
    host={"bpy": "Blender"},
    host_context={},
    nothing={"pkg_that_never_was": "It was never released."},
    python2={"urllib2": "urllib.request"},
    removed={"cgi": Removed((3, 12), "legacy-cgi")},
    generic=frozenset({"utils"}),
    taken={"guess-taken": "a dummy", "sklearn": "a dummy"},
)
OLD = "2020-01-01T00:00:00Z"


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def python(luci_home: Path) -> Interpreter:
    return interpreters.choose(sys.executable)


@pytest.fixture
def known(index: PackageIndex, tmp_path: Path) -> Knowledge:
    settings = IndexSettings(timeout_seconds=5, tries=1, fresh_seconds=0)
    asked = Index(Sources(url=index.url), settings, tmp_path / "index-cache")
    return Knowledge(None, {}, {}, TABLE, asked, GateSettings())


def seen(source: str, certainty: Certainty = Certainty.REQUIRED) -> list[Import]:
    """The imports of a few lines, all equally certain."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, "a.py", certainty) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            found.append(Import(node.module or "", node.lineno, "a.py", certainty, names))
    return found


@pytest.fixture
def choose(python: Interpreter) -> Callable[..., list[Choice]]:
    def answer(source: str, known: Knowledge, certainty: Certainty = Certainty.REQUIRED) -> list[Choice]:
        return list(packages.choose(seen(source, certainty), known, python))

    return answer


def said(choices: list[Choice]) -> list[tuple[str, str]]:
    return [(c.source, " ".join(c.requirements)) for c in choices]


def declaring(*lines: str, complete: bool = False, origin: str = "requirements.txt") -> Declarations:
    declared = tuple(Declared(line, name_of(line), origin) for line in lines)
    return Declarations(declared, complete=complete)


def established(index: PackageIndex, name: str, files: dict[str, str], versions: str = "1.0 1.1 1.2", **told) -> None:
    """A distribution that the gate has no doubts about."""
    for version in versions.split():
        index.add_wheel(name, version, files, **{"uploaded": OLD, **told})


# -- the chain, in its order


def test_each_source_comes_before_the_next(known, choose, index):
    established(index, "yaml", {"yaml.py": ""})
    steps = [
        ("index", "yaml", replace(known, table=replace(TABLE, names={}))),
        ("table", "pyyaml", known),
        ("learned", "learned-yaml", replace(known, learned={"yaml": "learned-yaml"})),
        ("config", "my-yaml>=2", replace(known, learned={"yaml": "x"}, config={"yaml": "my-yaml>=2"})),
        (
            "declared",
            "pyyaml==6.0",
            replace(known, config={"yaml": "my-yaml"}, declared=declaring("pyyaml==6.0")),
        ),
    ]
    for source, requirement, knowing in steps:
        assert said(choose("import yaml", knowing)) == [(source, requirement)]


@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        ("import yaml", "pyyaml"),
        ("import yaml.nodes", "pyyaml"),
        ("from PIL import Image", "pillow"),
        ("import six", "six"),
        ("import flask_restful", "flask-restful"),
        ("from google.cloud import storage", "google-cloud-storage"),
        ("import google.cloud.vision_v1", "google-cloud-vision"),
        ("from ruamel import yaml", "ruamel-yaml"),
        ("import cv2", "opencv-python-headless"),
        ("from cv2 import imshow", "opencv-python"),
        ("import cv2.aruco", "opencv-contrib"),
        ("import requests.socks", "requests[socks]"),
        ("import two", "one-half other-half"),
    ],
)
def test_the_table_answers(known, choose, index, source, requirement):
    assert said(choose(source, known)) == [("table", requirement)]


def test_two_modules_of_a_family_are_two_distributions(known, choose):
    choices = choose("from google.cloud import storage, bigquery", known)
    assert [c.requirements for c in choices] == [("google-cloud-storage",), ("google-cloud-bigquery",)]


def test_imports_of_one_distribution_are_one_choice_with_all_of_them(known, choose):
    (choice,) = choose("import six\nimport six.moves\nfrom six import PY3", known)
    assert [i.line for i in choice.imports] == [1, 2, 3]


def test_choices_come_in_the_order_of_the_source(known, choose, index):
    established(index, "guessed", {"guessed.py": ""})
    assert [c.module for c in choose("import yaml\nimport guessed\nimport six", known)] == ["yaml", "guessed", "six"]


@pytest.mark.parametrize(
    ("module", "kind", "word"),
    [
        ("bpy", "host", "Blender"),
        ("pkg_that_never_was", "nothing", "never released"),
        ("urllib2", "python2", "urllib.request"),
        ("utils", "generic", "no utils.py is beside the script"),
    ],
)
def test_what_no_distribution_provides_is_said_with_its_reason(known, choose, index, module, kind, word):
    established(index, module, {f"{module}.py": ""})
    (choice,) = choose(f"import {module}", known)
    assert (choice.requirements, choice.status, choice.kind) == ((), "none", kind)
    assert word in choice.reason
    assert index.requests == []


def test_every_choice_says_who_gave_it_and_why(known, choose, index):
    established(index, "guessed", {"guessed.py": ""})
    reasons = {c.module: c.reason for c in choose("import yaml\nimport six\nimport guessed", known)}
    assert reasons == {
        "yaml": "yaml is in pyyaml",
        "six": "well known",
        "guessed": "guessed 1.2 holds guessed; 3 releases since 2020",
    }


def test_a_declared_line_is_taken_as_it_stands_hashes_and_marker_too(known, choose):
    declared = Declarations((Declared("six==1.16 ; python_version > '3'", "six", "lock", hashes=("sha256:00",)),))
    (choice,) = choose("import six", replace(known, declared=declared))
    assert choice.requirements == ("six==1.16 ; python_version > '3' --hash=sha256:00",)
    assert (choice.source, choice.reason) == ("declared", "lock")


def test_a_constraint_alone_installs_nothing(known, choose):
    declared = Declarations((Declared("six<2", "six", "constraints.txt", constraint=True),))
    assert said(choose("import six", replace(known, declared=declared))) == [("table", "six")]


def test_of_what_a_project_declares_only_what_is_imported_is_used(known, choose):
    knowing = replace(known, declared=declaring("six>=1", "django>=4"))
    assert said(choose("import six", knowing)) == [("declared", "six>=1")]


@pytest.mark.parametrize("name", ["my-mod", "python-my-mod", "pymy-mod", "my-mod-python", "py-my-mod"])
def test_a_declared_name_that_the_import_suggests_is_found_without_the_table(known, choose, name):
    assert said(choose("import my_mod", replace(known, declared=declaring(f"{name}<3")))) == [("declared", f"{name}<3")]


def test_what_is_declared_completely_is_alone(known, choose, index):
    established(index, "guessed", {"guessed.py": ""})
    knowing = replace(known, declared=declaring("six", complete=True), config={"yaml": "mine"})
    choices = choose("import six\nimport yaml\nimport guessed", knowing)
    assert [(c.requirements, c.status) for c in choices] == [(("six",), "install"), ((), "skip"), ((), "skip")]
    assert index.requests == []


# -- fallback pairs, and what is optional


def pair(*modules: str) -> list[Import]:
    return [Import(m, n, "a.py", Certainty.REQUIRED, alternatives=modules) for n, m in enumerate(modules)]


def test_of_two_of_which_one_is_enough_the_sure_one_is_taken(known, python, index):
    established(index, "guessed", {"guessed.py": ""})
    assert said(list(packages.choose(pair("guessed", "six"), known, python))) == [("table", "six")]


def test_of_two_that_are_sure_the_first_is_taken(known, python):
    assert said(list(packages.choose(pair("yaml", "six"), known, python))) == [("table", "pyyaml")]


def test_of_two_that_are_not_sure_the_first_is_guessed(known, python, index):
    established(index, "guessed", {"guessed.py": ""})
    assert said(list(packages.choose(pair("guessed", "other"), known, python))) == [("index", "guessed")]


def test_a_sure_optional_import_installs(known, choose):
    (choice,) = choose("import six", known, Certainty.OPTIONAL)
    assert (choice.status, choice.certainty) == ("install", Certainty.OPTIONAL)


@pytest.mark.parametrize("module", ["guessed", "bpy", "utils", "nobody_has_this"])
def test_an_optional_import_never_asks_and_never_fails(known, choose, index, module):
    index.add_wheel("guessed", "1.0", {"guessed.py": ""}, uploaded=ago(1))
    (choice,) = choose(f"import {module}", known, Certainty.OPTIONAL)
    assert (choice.requirements, choice.status) == ((), "skip")
    assert index.requests == []


# -- evidence from the index


def test_candidates_are_made_from_the_name():
    assert candidates("foo_bar") == [
        "foo-bar",
        "python-foo-bar",
        "pyfoo-bar",
        "foo-bar-python",
        "py-foo-bar",
    ]
    assert candidates("a.b.c.d")[:3] == ["a-b-c", "a-b", "a"]


@pytest.mark.parametrize("name", ["guessed", "python-guessed", "pyguessed", "guessed-python", "py-guessed"])
def test_a_candidate_whose_wheel_holds_the_module_is_accepted(known, choose, index, name):
    established(index, name, {"guessed/__init__.py": ""})
    (choice,) = choose("import guessed", known)
    assert (choice.source, choice.requirements, choice.status, choice.doubts) == ("index", (name,), "install", ())


def test_dotted_names_are_tried_joined(known, choose, index):
    established(index, "space-part", {"space/part/__init__.py": ""})
    assert said(choose("import space.part", known)) == [("index", "space-part")]


def test_a_candidate_whose_wheel_does_not_hold_the_module_is_not(known, choose, index):
    established(index, "guessed", {"something_else.py": ""})
    (choice,) = choose("import guessed", known)
    assert (choice.requirements, choice.status, choice.kind) == ((), "none", "unknown")
    assert "no distribution on the index was found that holds guessed" in choice.reason


def test_the_name_that_a_wheel_declares_counts(known, choose, index):
    established(index, "guessed", {"x.py": ""}, import_names=["guessed"])
    established(index, "other", {"other.py": ""}, import_names=["another"])
    assert [c.status for c in choose("import guessed\nimport other", known)] == ["install", "none"]


def test_the_one_that_holds_the_submodules_that_are_used_is_preferred(known, choose, index):
    established(index, "guessed", {"guessed/__init__.py": ""})
    established(index, "pyguessed", {"guessed/__init__.py": "", "guessed/deep.py": ""}, uploaded="2022-01-01T00:00:00Z")
    assert said(choose("import guessed.deep", known)) == [("index", "pyguessed")]


def test_of_equal_ones_the_older_is_preferred(known, choose, index):
    established(index, "guessed", {"guessed.py": ""}, uploaded="2022-01-01T00:00:00Z")
    established(index, "pyguessed", {"guessed.py": ""}, uploaded="2015-01-01T00:00:00Z")
    assert said(choose("import guessed", known)) == [("index", "pyguessed")]


def test_of_equally_old_ones_the_more_released_is_preferred(known, choose, index):
    established(index, "guessed", {"guessed.py": ""})
    established(index, "pyguessed", {"guessed.py": ""}, versions="1 2 3 4 5")
    assert said(choose("import guessed", known)) == [("index", "pyguessed")]


def test_the_name_that_a_family_suggests_must_be_proven(known, choose, index):
    established(index, "google-cloud-novelty", {"google/cloud/novelty/__init__.py": ""})
    established(index, "google-cloud-empty", {"elsewhere.py": ""})
    assert said(choose("from google.cloud import novelty", known)) == [("index", "google-cloud-novelty")]
    (choice,) = choose("from google.cloud import empty", known)
    assert (choice.requirements, choice.status) == ((), "none")


def test_a_name_that_is_taken_is_never_proposed(known, choose, index):
    established(index, "guess-taken", {"guess_taken.py": ""})
    (choice,) = choose("import guess_taken", known)
    assert (choice.requirements, choice.status) == ((), "none")


def test_without_an_index_nothing_is_guessed(known, choose):
    (choice,) = choose("import guessed", replace(known, index=None))
    assert (choice.status, choice.kind, choice.reason) == ("none", "unknown", "the index was not asked")


def test_an_index_that_fails_is_told_and_known_names_are_not_touched(known, choose, index):
    index.fail("/", 500)
    guessed, six = choose("import guessed\nfrom six import PY3", known)
    assert (guessed.status, guessed.kind, six.requirements) == ("none", "unknown", ("six",))
    assert known.troubles


# -- the gate


def gated(choose, known: Knowledge, module: str = "guessed") -> Choice:
    (choice,) = choose(f"import {module}", known)
    return choice


def test_a_name_younger_than_ninety_days_asks(known, choose, index):
    established(index, "guessed", {"guessed.py": ""}, uploaded=ago(89))
    choice = gated(choose, known)
    assert (choice.status, choice.doubts) == ("ask", ("it is 89 days old (less than 90)",))


def test_a_name_that_has_existed_for_ninety_days_installs(known, choose, index):
    index.add_wheel("guessed", "1.0", {"guessed.py": ""}, uploaded=ago(91))
    established(index, "guessed", {"guessed.py": ""}, versions="1.1 1.2", uploaded=ago(10))
    assert gated(choose, known).status == "install"


def test_fewer_than_three_releases_ask(known, choose, index):
    established(index, "guessed", {"guessed.py": ""}, versions="1.0 1.1")
    choice = gated(choose, known)
    assert (choice.status, choice.doubts) == ("ask", ("it has 2 releases (fewer than 3)",))


@pytest.mark.parametrize("name", ["reqests", "requestss", "erquests", "requezts", "numpyy", "pyyam1"])
def test_a_name_one_edit_from_one_in_the_table_asks(known, choose, index, name):
    established(index, name, {f"{name}.py": ""})
    choice = gated(choose, known, name)
    assert choice.status == "ask"
    assert choice.doubts[0].startswith("its name is one letter from ")


def test_a_name_of_the_table_is_not_taken_for_a_slip_of_its_neighbour(known, choose, index):
    established(index, "pyguessed", {"guessed.py": ""})
    table = replace(TABLE, same=TABLE.same | {"pyguessed", "pyguesses"})
    assert gated(choose, replace(known, table=table)).doubts == ()


def test_without_upload_times_guessed_names_ask_and_declared_ones_install(known, choose, index):
    index.upload_times = False
    established(index, "guessed", {"guessed.py": ""})
    choice = gated(choose, known)
    assert (choice.status, choice.doubts) == ("ask", ("the index does not say when it was uploaded",))
    declared = gated(choose, replace(known, declared=declaring("guessed")))
    assert (declared.status, declared.source) == ("install", "declared")


def test_a_source_distribution_proves_nothing_and_asks(known, choose, index):
    for version in ("1", "2", "3"):
        index.add_sdist("guessed", version, {"guessed.py": ""})
    choice = gated(choose, known)
    assert (choice.status, choice.requirements) == ("ask", ("guessed",))
    assert "building it runs its code" in choice.doubts[0]


def test_a_release_younger_than_three_days_is_not_used(known, choose, index):
    established(index, "guessed", {"guessed.py": ""})
    index.add_wheel("guessed", "2.0", {"guessed.py": ""}, uploaded=ago(2))
    choice = gated(choose, known)
    assert (choice.status, choice.requirements, choice.dated) == ("install", ("guessed",), True)
    assert "guessed 1.2 holds" in choice.reason


def test_a_young_release_that_alone_has_what_is_used_asks(known, choose, index):
    established(index, "guessed", {"guessed/__init__.py": ""})
    index.add_wheel("guessed", "2.0", {"guessed/__init__.py": "", "guessed/new.py": ""}, uploaded=ago(2))
    choice = gated(choose, known, "guessed.new")
    assert (choice.status, choice.dated) == ("ask", False)
    assert "younger than 3 days" in choice.doubts[-1]


def test_what_was_approved_installs_whatever_its_doubts(known, choose, index):
    index.add_wheel("guessed", "1.0", {"guessed.py": ""}, uploaded=ago(1))
    choice = gated(choose, replace(known, approved=frozenset({"guessed"})))
    assert choice.status == "install"
    assert choice.doubts


@pytest.mark.parametrize(
    "gate", [GateSettings(age_days=10, releases=2, quarantine_days=0.5), GateSettings(age_days=0, releases=0)]
)
def test_the_rules_are_settings(known, choose, index, gate):
    established(index, "guessed", {"guessed.py": ""}, versions="1.0 1.1", uploaded=ago(20))
    assert gated(choose, replace(known, gate=gate)).status == "install"


def test_names_from_sure_sources_install_however_young(known, choose, index):
    index.add_wheel("six", "1.0", {"six.py": ""}, uploaded=ago(0))
    index.add_wheel("mine", "1.0", {"mine.py": ""}, uploaded=ago(0))
    knowing = replace(known, config={"mine": "mine"})
    assert [c.status for c in choose("import six\nimport mine", knowing)] == ["install", "install"]


def test_guessed_names_are_told_from_the_others(known, choose, index):
    established(index, "guessed", {"guessed.py": ""})
    assert guessed(choose("import six\nimport guessed", known)) == {"guessed"}


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("six", ""),
        ("guessed", ""),
        ("nobody", "the index does not know it"),
        ("sklearn", "a dummy"),
        ("young", "it is 1 days old (less than 90)"),
        ("unborn", "it was uploaded on 2999-01-01, later than this machine's clock says it is"),
    ],
)
def test_a_name_that_a_script_asks_for_passes_the_same_gate(known, index, name, doubt):
    established(index, "guessed", {"guessed.py": ""})
    established(index, "young", {"young.py": ""}, uploaded=ago(1))
    established(index, "unborn", {"unborn.py": ""}, uploaded="2999-01-01T00:00:00Z")
    assert doubts_about(name, known)[:1] == ((doubt,) if doubt else ())


# -- the right version


def majors(index: PackageIndex, name: str, **files: dict[str, str]) -> None:
    for version, contents in files.items():
        index.add_wheel(name, version.lstrip("v").replace("_", "."), contents)


@pytest.fixture
def six_that_dropped_things(index: PackageIndex) -> None:
    before = {"six/__init__.py": "", "six/old.py": "def C(): ...\n"}
    majors(
        index,
        "six",
        v1_0=before,
        v1_9=before,
        v2_0={**before, "six/old.py": "other = 1\n"},
        v3_0={"six/__init__.py": ""},
    )


@pytest.mark.usefixtures("six_that_dropped_things")
@pytest.mark.parametrize(
    ("source", "requirement"),
    [
        ("import six", "six"),
        ("import six.old", "six<=2.0"),
        ("from six.old import C", "six<=1.9"),
        ("from six import old", "six<=2.0"),
        ("from six.old import other", "six<=2.0"),
        ("from six.never import x", "six"),
    ],
)
def test_the_newest_release_that_has_what_is_imported_is_chosen(known, choose, source, requirement):
    (choice,) = choose(source, known)
    assert (choice.requirements, choice.status) == ((requirement,), "install")


@pytest.mark.usefixtures("six_that_dropped_things")
def test_the_reason_says_what_the_newest_release_lacks(known, choose):
    (choice,) = choose("from six.old import C", known)
    assert choice.reason.endswith("the newest release that has C (3.0 has not)")


@pytest.mark.usefixtures("six_that_dropped_things")
def test_a_release_that_somebody_chose_is_not_changed(known, choose):
    declared = replace(known, declared=declaring("six>=3"))
    assert said(choose("from six.old import C", declared)) == [("declared", "six>=3")]
    configured = replace(known, config={"six": "six>=3"})
    assert said(choose("from six.old import C", configured)) == [("config", "six>=3")]


@pytest.mark.usefixtures("six_that_dropped_things")
def test_what_is_optional_holds_no_release_back(known, choose):
    assert said(choose("from six.old import C", known, Certainty.OPTIONAL)) == [("table", "six")]


def test_a_guessed_name_is_held_back_too(known, choose, index):
    before = {"guessed/__init__.py": "", "guessed/old.py": ""}
    majors(index, "guessed", v1_0=before, v1_1=before, v2_0={"guessed/__init__.py": ""})
    assert said(choose("import guessed.old", known)) == [("index", "guessed<=1.1")]


def test_names_from_a_submodule_that_is_there_do_not_ask_for_the_index_twice(known, choose, index):
    index.add_wheel("six", "1.0", {"six.py": "PY3 = 1\n"})
    choose("from six import PY3", known)
    assert index.requests.count("/simple/six/") == 1


def test_a_distribution_without_a_wheel_for_this_python_is_marked(known, choose, index):
    index.add_wheel("six", "1.0", {"six.py": ""}, tag="cp27-cp27m-linux_x86_64")
    (choice,) = choose("from six import PY3", known)
    assert (choice.status, choice.wheel) == ("install", False)


def test_a_release_for_other_pythons_is_passed_over(known, choose, index):
    old = {"six/__init__.py": "", "six/old.py": ""}
    index.add_wheel("six", "1.0", old)
    index.add_wheel("six", "2.0", {"six/__init__.py": ""}, requires_python=">=3.99")
    (choice,) = choose("import six.old", known)
    assert choice.requirements == ("six",)  # the newest that this Python can take has it


@pytest.mark.parametrize(("tag", "there"), [("py3-none-any", True), ("cp27-cp27m-linux_x86_64", False)])
def test_whether_there_are_wheels_can_be_asked(known, python, index, tag, there):
    index.add_wheel("six", "1.0", {"six.py": ""}, tag=tag)
    assert has_wheels(["six", "nobody"], known, python) is there


# -- names


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,3}", fullmatch=True))
def test_candidates_are_canonical_and_each_is_there_once(module):
    found = candidates(module)
    assert len(found) == len(set(found))
    assert all(name == normal(name) for name in found)


@given(st.sampled_from(["requests", "numpy"]), st.integers(0, 8), st.sampled_from("abc-"))
def test_every_insertion_is_one_edit(name, at, letter):
    slipped = name[:at] + letter + name[at:]
    assert one_edit_apart(slipped, {name}) == name
    assert one_edit_apart(name, {name}) == ""
