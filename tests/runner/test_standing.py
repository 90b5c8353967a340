"""A plan that is told again is the plan that would be made now, whatever changed; if nothing did, it is told again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luci import kept, paths
from luci.actions import plans
from luci.envs.store import Store
from luci.errors import LuciError
from luci.runner import cascade, memory, standing
from luci.runner.memory import Memory
from luci.runner.request import RunRequest
from luci.runner.script import read_script
from luci.runner.wants import Wants
from tests.machine import Add
from tests.package_index import PackageIndex
from tests.runner.conftest import Person

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere plans are made each time")

COMPUTED = ("plans", "choices", "sources", "names")
SOURCE = """\
import sys
sys.path.insert(0, "lib")
import helper, deep
from shop import till
import yaml, quokka
import requests.old
try:
    import dingo
except ImportError:
    dingo = None
"""


@pytest.fixture
def desk(person: Person, index: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> Person:
    """Someone with a script that has modules of its own, and needs what the table, and what only the index, knows."""
    monkeypatch.setattr(kept, "YOUNG", 0)  # every file here is young, and none changes within a clock tick
    monkeypatch.setenv("LUCI_INDEX_FRESH_SECONDS", "600")
    for version in ("1.0", "1.1", "1.2"):
        index.add_wheel("quokka", version, {"quokka.py": ""})
    index.add_wheel("requests", "1.0", {"requests/__init__.py": "", "requests/old.py": ""})
    index.add_wheel("requests", "2.0", {"requests/__init__.py": ""})
    person.write("helper.py", "import six\n")
    person.write("lib/deep.py", "import attr\n")
    person.write("shop/__init__.py", "")
    person.write("shop/till.py", "from . import nothing\n")
    person.write("notes.txt", "nothing to do with it\n")
    person.write("a.py", SOURCE)
    return person


@pytest.fixture
def variables(desk: Person) -> Iterator[None]:
    """Whatever a test sets is unset after it."""
    saved = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(saved)


def made(desk: Person, given: str = "a.py", **wants: Any) -> dict[str, Any]:
    """The plan as the action makes it, which also keeps it."""
    plan, what = desk.end(plans.plan(RunRequest(given, wants=Wants(**wants)), desk.context))
    return {**plan.as_dict(), "environment": what}


def anew(desk: Person, given: str = "a.py", **wants: Any) -> dict[str, Any] | str:
    """The plan as it is made where nothing was kept, or the error; what was kept stays as it is."""
    aside = paths.cache() / "aside"
    aside.mkdir(parents=True)
    for name in COMPUTED:
        if (paths.cache() / name).exists():
            os.rename(paths.cache() / name, aside / name)
    try:
        return made(desk, given, **wants)
    except LuciError as error:
        return error.message
    finally:
        for name in COMPUTED:
            place = paths.cache() / name
            shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
            if (aside / name).exists():
                os.rename(aside / name, place)
        aside.rmdir()


def told(given: str = "a.py", *, offline: bool = False) -> dict[str, Any] | None:
    return standing.told(given, offline=offline)


def build(desk: Person, given: str = "a.py") -> Path:
    """Make the environment of a script's plan."""
    script = read_script(given)
    plan = desk.plan(script)
    return desk.end(cascade.ready(plan, Store(paths.envs()), desk.context)).root


def test_it_is_told_again_while_nothing_changes(desk):
    assert told() is None
    first = made(desk)
    assert told() == first == anew(desk)
    assert {choice["module"] for choice in first["choices"]} >= {"six", "attr", "yaml", "quokka", "requests"}


def test_each_question_has_its_own_answer(desk, monkeypatch):
    desk.write("b.py", "import click\n")
    first, second, third = made(desk), made(desk, "b.py"), made(desk, "./a.py")
    assert (told(), told("b.py"), told("./a.py")) == (first, second, third)
    assert told(offline=True) is None
    offline = made(desk, offline=True)
    assert told(offline=True) == offline == anew(desk, offline=True)
    monkeypatch.chdir(desk.folder / "shop")
    assert told() is None and told("../a.py") is None


@pytest.mark.parametrize("wants", [{"requirements": ("rich",)}, {"python": "3"}, {"allow": frozenset({"x"})}])
def test_a_question_with_more_in_it_is_not_answered(desk, wants):
    made(desk, **wants)
    assert told() is None


Change = Callable[[Person], object]


def write(name: str, text: str) -> Change:
    return lambda desk: desk.write(name, text)


def remove(name: str) -> Change:
    return lambda desk: (desk.folder / name).unlink()


def link(name: str, target: str) -> Change:
    def change(desk: Person) -> None:
        (desk.folder / name).unlink(missing_ok=True)
        (desk.folder / name).symlink_to(target)

    return change


def variable(name: str, value: str) -> Change:
    return lambda desk: os.environ.__setitem__(name, value)


def as_told_by(name: str) -> Change:
    """Let another variable than luci's own name the index."""
    return lambda desk: os.environ.__setitem__(name, os.environ.pop("LUCI_INDEX_URL"))


def configure(text: str) -> Change:
    def change(desk: Person) -> None:
        paths.config_file().parent.mkdir(parents=True, exist_ok=True)
        paths.config_file().write_text(text)

    return change


def taught(**lessons: Any) -> Change:
    def change(desk: Person) -> None:
        script = read_script("a.py")
        memory.save(script, replace(memory.load(script), **lessons))

    return change


def nothing(desk: Person) -> None:
    pass


UV_LOCK = 'version = 1\nrequires-python = ">=3.8"\n[manifest]\nrequirements = [{ name = "six" }]\n'
UV_LOCK += '[[package]]\nname = "six"\nversion = "1.16.0"\nsource = { registry = "https://example.invalid/" }\n'
PYPROJECT = '[project]\nname = "x"\nversion = "1"\ndependencies = ["six==1.0"]\n'

MATTERS: dict[str, tuple[Change, Change]] = {
    "the script": (nothing, write("a.py", SOURCE + "import click\n")),
    "the script, only moved": (nothing, write("a.py", "\n" + SOURCE)),
    "one of its modules": (nothing, write("shop/till.py", "import toml\n")),
    "a module of the same length": (nothing, write("helper.py", "import lxm\n")),
    "a module in a folder it adds": (nothing, write("lib/deep.py", "import toml\n")),
    "a module that comes in the place of an installed one": (nothing, write("yaml.py", "")),
    "a package that does": (nothing, write("quokka/__init__.py", "")),
    "an extension that does": (nothing, write("yaml.cpython-39.so", "")),
    "a module that comes in a folder it adds": (nothing, write("lib/yaml.py", "")),
    "a module that a relative import missed": (nothing, write("shop/nothing.py", "import toml\n")),
    "a module that goes": (nothing, remove("helper.py")),
    "a folder that goes": (nothing, lambda desk: shutil.rmtree(desk.folder / "shop")),
    "a module that becomes a package": (remove("helper.py"), write("helper/__init__.py", "import toml\n")),
    "a link that leads elsewhere": (
        lambda desk: (write("one.py", "import six\n")(desk), link("helper.py", "one.py")(desk)),
        lambda desk: (write("two.py", "import toml\n")(desk), link("helper.py", "two.py")(desk)),
    ),
    "a requirements.txt that comes": (nothing, write("requirements.txt", "six==1.0\n")),
    "a second list that comes": (write("requirements.txt", "attrs\n"), write("requirements-dev.txt", "six==1.0\n")),
    "a list that changes": (write("requirements.txt", "six\n"), write("requirements.txt", "six==1.0\n")),
    "a list that a list includes": (
        lambda desk: (desk.write("requirements.txt", "-r more.in\n"), desk.write("more.in", "six\n")),
        write("more.in", "six==1.0\n"),
    ),
    "a list that goes": (write("requirements.txt", "six==1.0\n"), remove("requirements.txt")),
    "a pyproject.toml that comes": (nothing, write("pyproject.toml", PYPROJECT)),
    "a pyproject.toml that changes": (
        write("pyproject.toml", PYPROJECT),
        write("pyproject.toml", PYPROJECT.replace("==1.0", "==2.0")),
    ),
    "a lock that comes": (nothing, write("a.py.lock", UV_LOCK)),
    "a lock that changes": (write("a.py.lock", UV_LOCK), write("a.py.lock", UV_LOCK.replace("1.16.0", "1.15.0"))),
    "a variable that a list names": (
        lambda desk: (desk.write("requirements.txt", "six==${SIX_VERSION}\n"), variable("SIX_VERSION", "1.0")(desk)),
        variable("SIX_VERSION", "2.0"),
    ),
    "a name in the config file": (nothing, configure('[names]\nyaml = "my-yaml"\n')),
    "a name in the config file that changes": (
        configure('[names]\nyaml = "my-yaml"\n'),
        configure('[names]\nyaml = "myyaml2"\n'),
    ),
    "a variable of luci's": (nothing, variable("LUCI_ENVS_SHARE", "1")),
    "a variable of uv's": (as_told_by("UV_DEFAULT_INDEX"), variable("UV_INDEX", "file:///nowhere")),
    "a variable of pip's": (as_told_by("PIP_INDEX_URL"), variable("PIP_EXTRA_INDEX_URL", "file:///nowhere")),
    "a lesson of an earlier run": (nothing, taught(modules=("toml",))),
    "a lesson that is forgotten": (taught(limits={"six": "<=1.0"}), taught(limits={})),
    "a lesson about Pythons": (taught(python=">=3"), taught(python="<3.0")),
    "an approval": (
        lambda desk: desk.write("a.py", SOURCE + "import emu\n"),
        taught(names={"emu": "emu-of-mine"}),
    ),
}


@pytest.mark.parametrize("name", MATTERS)
def test_what_changes_the_plan_is_seen(desk, name, variables):
    before, change = MATTERS[name]
    before(desk)
    first = made(desk)
    assert told() == first
    change(desk)
    now = anew(desk)
    assert now != first
    assert told() in (None, now)


HARMLESS: dict[str, Change] = {
    "files that are touched": lambda desk: [os.utime(path) for path in desk.folder.rglob("*.py")],
    "a file that is written again": write("helper.py", "import six\n"),
    "a file that is replaced by its equal": lambda desk: (
        shutil.copy(desk.folder / "helper.py", desk.folder / "copy"),
        os.replace(desk.folder / "copy", desk.folder / "helper.py"),
    ),
    "a file of no interest": write("output.csv", "1,2\n"),
    "what Python leaves behind": write("__pycache__/helper.pyc", ""),
    "a variable of no interest": variable("COLOUR_OF_THE_DAY", "red"),
    "a run that luci is part of": variable("LUCI_RUN", "1:exec:x"),
    "where the script ran last": taught(key="0123456789abcdef"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_changes_nothing_leaves_it_standing(desk, name, variables):
    first = made(desk)
    HARMLESS[name](desk)
    assert told() == first == anew(desk)
    assert told() == first


def test_a_script_behind_a_link_is_the_one_that_it_leads_to_now(desk):
    desk.write("one/real.py", "import helper\n")
    desk.write("two/real.py", "import helper\n")
    desk.write("two/helper.py", "import toml\n")
    link("b.py", "one/real.py")(desk)
    first = made(desk, "b.py")
    assert told("b.py") == first
    link("b.py", "two/real.py")(desk)
    assert told("b.py") in (None, anew(desk, "b.py")) and anew(desk, "b.py") != first


def test_a_python_that_comes_or_goes_is_seen(desk, machine: Add):
    desk.write("a.py", "import distutils\nimport six\n")
    first = made(desk)
    assert told() == first
    python = machine("3.9.18")
    if first["python"] >= "3.12":
        assert anew(desk) != first
    assert told() in (None, anew(desk))
    second = made(desk)
    assert told() == second
    python.unlink()
    assert told() in (None, first) and anew(desk) == first


def test_a_project_that_begins_nearer_is_seen(desk):
    desk.write("sub/b.py", "import six\n")
    first = made(desk, "sub/b.py")
    assert told("sub/b.py") == first
    desk.write("sub/setup.py", "")
    assert told("sub/b.py") in (None, anew(desk, "sub/b.py")) and anew(desk, "sub/b.py") != first


def test_a_configuration_of_pip_that_comes_is_seen(desk, variables, tmp_path, monkeypatch):
    as_told_by("PIP_INDEX_URL")(desk)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    first = made(desk)
    assert told() == first
    (tmp_path / "pip.conf").write_text("[global]\nextra-index-url = file:///nowhere\n")
    assert told() in (None, anew(desk)) and anew(desk) != first


def test_it_stands_no_longer_than_the_pages_of_the_index(desk, monkeypatch):
    first = made(desk)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 590)
    assert told() == first
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 590)
    assert told() is None


def test_it_stands_as_long_as_it_likes_where_the_index_was_not_asked(desk, monkeypatch):
    desk.write("b.py", "import yaml\n")
    first = made(desk, "b.py")
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 10**9)
    assert told("b.py") == first


def test_it_is_not_told_to_a_clock_that_was_set_back(desk, monkeypatch):
    made(desk)
    monkeypatch.setattr(time, "time", lambda now=time.time: now() - 60)
    assert told() is None


def test_a_page_of_the_index_that_changes_or_goes_is_seen(desk):
    made(desk)
    [page] = (paths.cache() / "index" / "pages").rglob("quokka.json")
    page.unlink()
    assert told() is None


@pytest.mark.parametrize("fault", [500, 404, "half"])
def test_what_rests_on_an_answer_that_failed_is_made_each_time(desk, index, fault):
    index.fail("/simple/quokka/", fault)
    made(desk)
    index.recover()
    for page in (paths.cache() / "index" / "pages").rglob("quokka.json"):
        page.unlink()
    assert told() in (None, anew(desk))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "six @ file:///nowhere/six.whl\n"),
        ("requirements.txt", "./missing-folder\nsix\n"),
        ("requirements.txt", "-r missing.txt\n"),
        ("pyproject.toml", "[project\n"),
    ],
)
def test_what_must_be_said_or_looked_at_each_time_is_not_kept(desk, name, text):
    desk.write(name, text)
    made(desk)
    assert told() is None


def test_a_file_that_changes_while_the_plan_is_made_is_seen(desk):
    steps = plans.plan(RunRequest("a.py"), desk.context)
    next(steps)  # what is declared was read
    desk.write("requirements.txt", "six==1.0\n")
    desk.end(steps)
    assert told() in (None, anew(desk))


def test_files_that_changed_just_now_are_compared_by_their_content(desk, monkeypatch):
    monkeypatch.setattr(kept, "YOUNG", 3600 * 10**9)
    first = made(desk)
    assert told() == first
    desk.write("helper.py", "import lxm\n")
    assert told() is None


@pytest.mark.parametrize("content", [b"", b"{}", bytes(range(256)) * 50])
def test_what_was_kept_and_is_damaged_is_made_anew(desk, content):
    first = made(desk)
    for name in COMPUTED:
        place = paths.cache() / name
        for file in place.iterdir() if place.is_dir() else [place]:
            file.write_bytes(content)
    assert told() is None
    assert made(desk) == first == told()


ASKS = """
import sys
from luci import config
from luci.actions import plans
from luci.context import Context
from luci.runner.request import RunRequest
for _ in range(5):
    for step in plans.plan(RunRequest("a.py"), Context(config.load())):
        pass
"""


def test_two_who_keep_it_at_once_do_not_mind_each_other(desk):
    first = made(desk)
    askers = [subprocess.Popen([sys.executable, "-c", ASKS]) for _ in range(2)]
    while any(asker.poll() is None for asker in askers):
        assert told() in (None, first)
    assert [asker.returncode for asker in askers] == [0, 0]
    assert told() in (None, first) and made(desk) == first == told()


# -- the environment


def test_it_says_what_would_happen_to_the_environment(desk):
    desk.write("a.py", "import os\n")
    assert made(desk)["environment"] == "build" and told() == anew(desk)
    root = build(desk)
    assert told() is None or told() == anew(desk)
    assert made(desk)["environment"] == "reuse" and told() == anew(desk)
    site = next(root.glob("g1/lib/*/site-packages"))
    (site / "new.py").write_text("")
    assert told() is None and made(desk)["environment"] == "rebuild"
    shutil.rmtree(root)
    assert told() is None or told() == anew(desk)
    assert made(desk)["environment"] == "build" and told() == anew(desk)


@pytest.mark.parametrize("fault", ["python", "configuration", "record", "unreadable record"])
def test_an_environment_that_broke_is_seen(desk, fault):
    desk.write("a.py", "import os\n")
    root = build(desk)
    assert made(desk)["environment"] == "reuse" and told() is not None
    if fault == "python":
        (root / "g1" / "bin" / "python").unlink()
    elif fault == "configuration":
        (root / "g1" / "pyvenv.cfg").write_text("home = /nowhere\n")
    elif fault == "record":
        (root / "env.json").unlink()
    else:
        (root / "env.json").write_text("{}")
    assert told() in (None, anew(desk))


def test_a_record_that_is_being_written_is_no_environment_yet(desk):
    desk.write("a.py", "import os\n")
    first = made(desk)
    (paths.envs() / f"luci_a_{first['key']}" / "g1").mkdir(parents=True)
    assert told() == first == anew(desk)


def test_memory_says_no_more_than_it_taught(desk):
    memory.save(read_script("a.py"), Memory(modules=("toml",)))
    first = made(desk)
    assert told() == first
    memory.place(read_script("a.py")).write_text('{"format": 99}')
    assert told() in (None, anew(desk)) and anew(desk) != first


# -- the script was edited


@pytest.mark.parametrize("edited", [SOURCE + "\nprint(yaml)\n# done\n", SOURCE.replace("None", "False")])
def test_an_edit_that_changes_no_import_changes_no_plan(desk, edited):
    first = made(desk)
    desk.write("a.py", edited)
    assert told() == first == anew(desk)
    assert told() == first
    desk.write("a.py", edited + "import toml\n")
    assert told() is None and anew(desk) != first


FUNCTION = "WORD = 'hello'\n\n\ndef greet():\n    return WORD\n\n\nimport requests.old"


@pytest.mark.parametrize("edited", ["# a word\n" + SOURCE, SOURCE.replace("import requests.old", FUNCTION)])
def test_an_edit_that_only_moves_imports_moves_lines_in_the_plan(desk, edited):
    first = made(desk)
    desk.write("a.py", edited)
    assert told() == anew(desk) != first
    desk.write("a.py", "\n" + edited)
    assert told() == anew(desk)
    desk.write("a.py", SOURCE)
    assert told() == first


SAYS_MORE = {
    "what stood in one line in two": SOURCE.replace("import helper, deep", "import helper\nimport deep"),
    "another order": SOURCE.replace("import yaml, quokka", "import quokka, yaml"),
    "an import": SOURCE + "import toml\n",
    "a line above": "# a word\n" + SOURCE,
    "a declaration": SOURCE + "# /// script\n# dependencies = ['six']\n# ///\n",
    "a release": SOURCE + "print(quokka.hop)\n",
    "a newer grammar": SOURCE + "match yaml:\n    case 1: pass\n",
    "no Python": SOURCE + "print 1\n",
    "a NUL byte": SOURCE + "\0",
    "an encoding": "# coding: utf-7\n" + SOURCE[:-1] + "+AAo- import toml",
    "an unknown encoding": "# coding: none-such\n" + SOURCE,
    "nothing": "",
}


@pytest.mark.parametrize("edited", SAYS_MORE.values(), ids=list(SAYS_MORE))
def test_any_other_edit_makes_the_plan_anew(desk, edited):
    made(desk)
    desk.write("a.py", edited)
    assert told() in (None, anew(desk))


def test_what_declares_is_never_taken_for_the_same(desk):
    block = "# /// script\n# dependencies = ['six']\n# ///\n"
    desk.write("a.py", SOURCE + block)
    first = made(desk)
    assert told() == first
    desk.write("a.py", SOURCE + block.replace("six", "attrs"))
    assert told() is None and anew(desk) != first
    desk.write("a.py", SOURCE)
    assert told() is None


# -- anything at all

EDITS: list[Change] = [
    *(change for _, change in MATTERS.values()),
    *HARMLESS.values(),
    write("a.py", SOURCE),
    write("a.py", SOURCE + "print()\n"),
    write("a.py", SOURCE + "import toml\n"),
    write("helper.py", "import six\n"),
    configure(""),
]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(0, len(EDITS) - 1), min_size=1, max_size=6))
def test_whatever_changes_and_however_often_it_agrees_with_a_plan_made_anew(desk, variables, numbers):
    for number in numbers:
        try:
            EDITS[number](desk)
        except OSError:
            continue  # it was gone, or in the way, already
        now = anew(desk)
        assert told() in (None, now)
        if isinstance(now, dict):
            assert made(desk) == now
            assert told() in (None, now)
