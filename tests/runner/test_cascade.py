"""When a plan cannot be built: tier by tier, each said, each with its own key, and nothing weaker without leave."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from packaging.tags import platform_tags

from luci import paths
from luci.envs import interpreters
from luci.envs.installer import InstallFailed
from luci.envs.store import Env, Store
from luci.errors import Refused
from luci.events import Told, Warned
from luci.runner import cascade, plan, table
from luci.runner.memory import Memory
from luci.runner.plan import Plan
from luci.runner.wants import Wants
from tests.runner.conftest import Person

OLD = "2020-01-01T00:00:00Z"
OTHERS: Mapping[str, tuple[str, ...]] = {"numpy": ("numpy-binary", "numpy-headless")}
MACHINE = dict(os.environ)
Build = Callable[..., tuple[Plan, Env]]


@pytest.fixture
def build(person: Person) -> Build:
    """Build a plan as a run would, with a table that knows two other distributions of numpy."""

    def built(made: Plan, *, relax: bool = False, fresh: bool = False) -> tuple[Plan, Env]:
        steps = cascade.build(
            made,
            Store(paths.envs()),
            replace(table.table(), alternatives=OTHERS),
            person.context,
            relax=relax,
            fresh=fresh,
            again=lambda old, python: person_again(person, made, python),
        )
        plan_built, env, _ = person.end(steps)
        return plan_built, env

    return built


def person_again(person: Person, made: Plan, python: str) -> Plan:
    return Person(person.folder).end(plan.make(made.script, Wants(python=python), person.context, made.memory))


def failure(build: Build, made: Plan, **how: bool) -> InstallFailed:
    with pytest.raises(InstallFailed) as failed:
        build(made, **how)
    assert Store(paths.envs()).all() == []
    return failed.value


def guessed(index, *versions: str, sdist: bool = False) -> None:
    for version in versions or ("1.0", "1.1", "1.2"):
        add = index.add_sdist if sdist else index.add_wheel
        add("guessed", version, {"guessed.py": ""}, uploaded=OLD)


# -- 1: as planned


def test_what_can_be_built_is_built_and_nothing_is_told(person, build, index):
    index.add_wheel("six", "1.16", {"six.py": ""})
    made = person.plan("import six\n")
    final, env = build(made)
    assert (final, env.installed, person.asked) == (made, {"six": "1.16"}, [])
    assert [e for e in person.said if isinstance(e, Told | Warned)] == []


# -- 2: without a bound


def test_a_bound_that_was_learned_is_dropped_and_said_loudly(person, build, index):
    index.add_wheel("six", "1.16", {"six.py": ""})
    made = person.plan("import six\n", Memory(limits={"six": "<=0.1"}))
    final, env = build(made)
    assert (env.installed, person.asked, final.spec.key == made.spec.key) == ({"six": "1.16"}, [], False)
    assert [e.text for e in person.said if isinstance(e, Warned)] == ["trying without the bound of six<=0.1"]


def declared_in_a_file(person: Person, line: str) -> Plan:
    person.write("requirements.txt", f"{line}\n")
    return person.plan("import six\n")


def declared_in_a_block(person: Person, line: str) -> Plan:
    return person.plan(f"# /// script\n# dependencies = ['{line}']\n# ///\nimport six\n")


def asked_for(person: Person, line: str) -> Plan:
    return person.plan("import six\n", requirements=(line,))


def named_in_the_config(person: Person, line: str) -> Plan:
    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text(f'[names]\nsix = "{line}"\n')
    return person.plan("import six\n")


DECLARED = [declared_in_a_file, declared_in_a_block, asked_for, named_in_the_config]


@pytest.mark.parametrize("declare", DECLARED)
def test_a_bound_that_a_person_set_needs_leave(person, build, index, declare):
    index.add_wheel("six", "1.16", {"six.py": ""})
    failed = failure(build, declare(person, "six<1"))
    (question,) = [q for q in person.asked if q.kind == "relax"]
    assert (question.flag, "six<1" in question.details[0]) == ("--relax", True)
    assert "trying without the bound of six<1: not approved" in failed.cause


@pytest.mark.parametrize("declare", DECLARED)
@pytest.mark.parametrize("relax", [True, False])
def test_with_leave_it_is_dropped(person, build, index, declare, relax):
    index.add_wheel("six", "1.16", {"six.py": ""})
    person.yes = not relax
    final, env = build(declare(person, "six<1"), relax=relax)
    assert (env.installed, final.spec.requirements, len(person.asked)) == ({"six": "1.16"}, ("six",), int(not relax))


def test_bounds_are_dropped_one_at_a_time(person, build, index):
    for name in ("six", "requests"):
        index.add_wheel(name, "1.0", {f"{name}.py": ""})
    person.write("requirements.txt", "six>=1\nrequests<1\n")
    final, _ = build(person.plan("import six, requests\n"), relax=True)
    assert final.spec.requirements == ("requests", "six>=1")


def test_extras_and_markers_outlive_the_bound(person, build, index):
    index.add_wheel("six", "1.16", {"six.py": ""})
    person.write("requirements.txt", "six[fast]<1; python_version > '3'\n")
    final, _ = build(person.plan("import six\n"), relax=True)
    assert final.spec.requirements == ('six[fast]; python_version > "3"',)


# -- what never relaxes


def test_a_hash_never_relaxes(person, build, index):
    wheel = index.add_wheel("numpy", "1.0", {"numpy.py": ""})
    index.add_wheel("numpy-binary", "1.0", {"numpy.py": ""})
    person.yes = True
    for line in (
        f"numpy==1.0 --hash=sha256:{'0' * 64}",
        f"numpy==7.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}",
    ):
        person.write("requirements.txt", f"{line}\n")
        failure(build, person.plan("import numpy\n"), relax=True)
        assert person.asked == []
        assert not [text for text in person.told() if "bound" in text or "place" in text]


LOCK = """
lock-version = "1.0"
created-by = "a test"
[[packages]]
name = "numpy"
version = "7.0"
[[packages.wheels]]
url = "http://127.0.0.1:9/numpy-7.0-py3-none-any.whl"
hashes = { sha256 = "00ff" }
"""


def test_a_lock_never_relaxes(person, build, index):
    index.add_wheel("numpy", "1.0", {"numpy.py": ""})
    index.add_wheel("numpy-binary", "1.0", {"numpy.py": ""})
    person.write("a.py.lock", LOCK)
    person.yes = True
    made = person.plan("import numpy\n")
    assert made.spec.requirements[0].startswith("numpy==7.0 ")
    failure(build, made, relax=True)
    assert person.asked == []
    assert not [text for text in person.told() if "bound" in text or "place" in text]


def test_an_address_is_not_exchanged_for_another_distribution(person, build, index):
    index.add_wheel("numpy-binary", "1.0", {"numpy.py": ""})
    made = person.plan("import numpy\n", requirements=(f"numpy @ {index.origin}/files/numpy-1.0-py3-none-any.whl",))
    assert failure(build, made, relax=True).reason == "network"


# -- 3: another distribution of the same module


def test_another_distribution_of_the_module_is_tried_in_order(person, build, index):
    index.add_wheel("numpy-headless", "1.0", {"numpy.py": ""})
    made = person.plan("import numpy\n")
    final, env = build(made)
    assert (env.installed, final.spec.requirements) == ({"numpy-headless": "1.0"}, ("numpy-headless",))
    assert "trying numpy-binary in the place of numpy" in person.told()
    assert "trying numpy-headless in the place of numpy" in person.told()


def test_a_build_that_fails_leads_to_the_binary_one(person, build, index, monkeypatch):
    monkeypatch.setenv("LUCI_GATE_BUILDS", "known")
    index.add_sdist("numpy", "1.0", {"numpy.py": ""}, fails=True)
    index.add_wheel("numpy-binary", "1.0", {"numpy.py": ""})
    assert build(person.plan("import numpy\n"))[1].installed == {"numpy-binary": "1.0"}


# -- 4: another Python, or from source


def test_another_python_that_has_wheels_is_tried(person, index, build, monkeypatch):
    monkeypatch.setenv("PATH", MACHINE["PATH"])
    monkeypatch.setenv("HOME", MACHINE["HOME"])
    first, *others = interpreters.find()
    if not (others := [p for p in others if p.implementation == "cpython" and p.minor != first.minor]):
        pytest.skip("there is only one Python here")
    digits = "cp{}{}".format(*others[0].minor)
    index.add_wheel("numpy", "1.0", {"numpy.py": ""}, tag=f"{digits}-{digits}-{next(iter(platform_tags()))}")
    made = person.plan("import numpy\n")
    assert made.interpreter.minor == first.minor
    final, env = build(made)
    assert (env.installed, final.interpreter.minor) == ({"numpy": "1.0"}, others[0].minor)
    assert f"trying Python {others[0].version}" in person.told()
    assert env.key != made.spec.key


def test_building_from_source_is_said_loudly(person, build, index):
    index.add_sdist("six", "1.16", {"six.py": ""})
    final, env = build(person.plan("import six\n"))
    assert (env.installed, person.asked, final.terms.builds) == ({"six": "1.16"}, [], True)
    assert "building six from source" in [e.text for e in person.said if isinstance(e, Warned)]


def test_no_one_builds_where_the_settings_say_never(person, build, index, monkeypatch):
    monkeypatch.setenv("LUCI_GATE_BUILDS", "never")
    index.add_sdist("six", "1.16", {"six.py": ""})
    assert failure(build, person.plan("import six\n")).reason == "no-wheel"


def sdist_only(person: Person, index) -> Plan:
    guessed(index, sdist=True)
    made = person.plan("import guessed\n", allow=frozenset({"guessed"}))
    assert made.spec.requirements == ("guessed",)
    return made


def test_a_guessed_name_is_built_from_source_only_with_a_yes(person, build, index):
    made = sdist_only(person, index)
    failed = failure(build, made)
    (question,) = person.asked
    assert (question.kind, question.flag) == ("build", "--yes")
    assert "runs its code" in question.text
    assert "guessed was guessed from an import" in question.details
    assert "building guessed from source: not approved" in failed.cause
    person.yes = True
    assert build(made)[1].installed == {"guessed": "1.2"}


def test_a_guessed_name_is_built_unasked_where_the_settings_say_always(person, build, index, monkeypatch):
    monkeypatch.setenv("LUCI_GATE_BUILDS", "always")
    assert build(sdist_only(person, index))[1].installed == {"guessed": "1.2"}
    assert person.asked == []


def test_a_known_name_is_built_unasked_beside_a_guessed_one_that_stays_a_wheel(person, build, index):
    guessed(index)
    index.add_sdist("guessed", "9.0", {"guessed.py": ""}, uploaded=OLD)
    index.add_sdist("six", "1.16", {"six.py": ""})
    _, env = build(person.plan("import six, guessed\n"))
    assert (env.installed, person.asked) == ({"guessed": "1.2", "six": "1.16"}, [])


def test_what_a_guessed_name_needs_is_not_built_unasked_either(person, build, index):
    index.add_sdist("needed", "1.0", {"needed.py": ""})
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel("guessed", version, {"guessed.py": ""}, requires=["needed"], uploaded=OLD)
    made = person.plan("import guessed\n")
    failure(build, made)
    assert [q.kind for q in person.asked] == ["build"]


# -- 5: without what is optional

OPTIONAL = "import six\ntry:\n    import numpy\nexcept ImportError:\n    numpy = None\n"


def test_what_is_optional_and_cannot_be_had_is_left_out_loudly(person, build, index):
    index.add_wheel("six", "1.16", {"six.py": ""})
    made = person.plan(OPTIONAL)
    final, env = build(made)
    assert (env.installed, made.spec.key == env.key, final.spec.key) == ({"six": "1.16"}, False, env.key)
    assert "going on without the optional numpy" in [e.text for e in person.said if isinstance(e, Warned)]
    assert person.plan(OPTIONAL).spec == made.spec  # the next run tries the full plan again


def test_what_is_required_is_never_left_out(person, build):
    assert failure(build, person.plan("import six\n")).reason == "not-found"


# -- how it ends


def test_all_that_was_tried_is_listed_in_the_end(person, build, index):
    index.add_sdist("numpy", "1.0", {"numpy.py": ""}, fails=True)
    person.write("requirements.txt", "numpy<2\n")
    cause = failure(build, person.plan("import numpy\n")).cause
    listed = [line for line in cause.partition("Tried:\n")[2].splitlines() if line[:1].isdigit()]
    assert [line.partition(":")[0] for line in listed[:5]] == [
        "1. wheels, as planned",
        "2. trying without the bound of numpy<2",
        "3. trying numpy-binary in the place of numpy",
        "4. trying numpy-headless in the place of numpy",
        "5. building numpy from source",
    ]
    assert "no such header" in cause


@pytest.mark.parametrize("trouble", [500, 503])
def test_a_network_that_fails_is_not_tried_with_other_plans(person, build, index, trouble):
    made = person.plan(OPTIONAL)
    index.fail("/", trouble)
    assert failure(build, made).reason == "network"
    assert person.told() == []


def test_a_damaged_download_is_not_tried_with_other_plans(person, build, index):
    index.add_wheel("numpy", "1.0", {"numpy.py": ""}, wrong_hash=True)
    index.add_wheel("numpy-binary", "1.0", {"numpy.py": ""})
    assert failure(build, person.plan("import numpy\n")).reason == "hash"
    assert person.told() == []


# -- approving what the gate holds back


def test_what_the_gate_holds_back_is_asked_with_all_that_is_known(person, index):
    index.add_wheel("novel", "1.0", {"novel.py": ""})
    person.yes = True
    assert cascade.approve(person.plan("import novel\n"), person.context) == {"novel"}
    (question,) = person.asked
    assert (question.text, question.flag) == ("Install novel?", "--allow novel")
    seen, reason, *doubts = question.details
    assert seen == f"novel is imported at {person.folder}/a.py:1"
    assert "holds novel" in reason
    assert doubts == ["it has 1 release (fewer than 3)"]


def test_with_nobody_to_ask_it_is_refused_and_the_flag_is_said(person, index):
    index.add_wheel("novel", "1.0", {"novel.py": ""})
    with pytest.raises(Refused, match="novel was not approved") as refused:
        cascade.approve(person.plan("import novel\n"), person.context)
    assert (refused.value.exit_code, "--allow novel" in refused.value.hint) == (126, True)
    assert "fewer than 3" in refused.value.cause
