"""Scripts of another time: packages as of a day, Pythons that still have a name, limits on what others bring along."""

from __future__ import annotations

import pytest

from luci import paths
from luci.envs import interpreters
from luci.envs.interpreters import Interpreter
from luci.envs.store import Env, Store
from luci.envs.trees import owners
from tests.cli.conftest import Luci
from tests.package_index import PackageIndex

LONG_AGO, DROPPED, LATER = "2018-01-01T00:00:00Z", "2019-05-03T12:00:00Z", "2021-01-01T00:00:00Z"
VERSIONS = "from importlib.metadata import version\nprint(version('requests'), version('urllib3'))\n"
OLD_NAME = "from requests import old\nprint(old)\n"
PYTHON = "import sys\nprint(*sys.version_info[:2])\n"


@pytest.fixture
def pythons(lone: Luci) -> list[Interpreter]:
    """The Pythons that a run may take, the newest first."""
    return [p for p in interpreters.find() if p.final and not p.free_threaded and p.implementation == "cpython"]


def environment(lone: Luci) -> Env:
    """The environment of a.py."""
    return Store(paths.envs()).find(lone("env", "show", "--json", "a.py").json["key"])


def before(minor: tuple[int, int], pythons: list[Interpreter]) -> Interpreter:
    """The newest Python before a version."""
    older = [p for p in pythons if p.minor < minor]
    if not older:
        pytest.skip(f"there is no Python before {minor[0]}.{minor[1]} here")
    return older[0]


def drop_old_name(index: PackageIndex, requires: tuple[str, ...] = ()) -> None:
    """Publish requests, whose second release has no `old` any more."""
    index.add_wheel("requests", "1.0", {"requests.py": "old = 'old'\n"}, requires, uploaded=LONG_AGO)
    index.add_wheel("requests", "2.0", {"requests.py": ""}, requires, uploaded=DROPPED)


def two_releases(index: PackageIndex, name: str, later: str) -> None:
    index.add_wheel(name, "1.0", {f"{name}.py": ""}, uploaded=LONG_AGO)
    index.add_wheel(name, "2.0", {f"{name}.py": ""}, uploaded=later)


# Packages as of a day


def test_what_an_old_release_brings_along_is_of_its_time(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    drop_old_name(index, requires=("urllib3",))
    two_releases(index, "urllib3", later=LATER)
    lone.write("a.py", "from requests import old\n" + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "1.0 1.0\n"), done.err


def test_without_upload_times_it_is_of_today(lone: Luci, index: PackageIndex, pythons: list[Interpreter]) -> None:
    index.upload_times = False
    drop_old_name(index, requires=("urllib3",))
    two_releases(index, "urllib3", later=LATER)
    lone.write("a.py", "from requests import old\n" + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "1.0 2.0\n"), done.err


def test_where_nothing_of_that_time_fits_todays_packages_do(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    drop_old_name(index, requires=("urllib3>=2",))
    two_releases(index, "urllib3", later=LATER)
    lone.write("a.py", "from requests import old\n" + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "1.0 2.0\n"), done.err
    assert "trying packages newer than 2019-05-02" in done.err


def test_a_script_that_mixes_the_times_gets_todays_packages(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    drop_old_name(index, requires=("urllib3",))
    two_releases(index, "urllib3", later=LATER)
    index.add_wheel("six", "1.0", {"six.py": ""}, uploaded=LATER)
    lone.write("a.py", "from requests import old\nimport six\n" + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "1.0 2.0\n"), done.err


def test_a_release_is_not_loosened_to_one_that_lacks_the_name(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    index.add_wheel("requests", "1.0", {"requests.py": "old = 'old'\n"}, ("urllib3>=2",), uploaded=LONG_AGO)
    index.add_wheel("requests", "2.0", {"requests.py": ""}, ("urllib3",), uploaded=DROPPED)
    two_releases(index, "urllib3", later=LATER)
    lone.write("a.py", "from requests import old\n" + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "1.0 2.0\n"), done.err
    assert "without the bound" not in done.err


def test_a_python_of_the_time_is_run(lone: Luci, index: PackageIndex, pythons: list[Interpreter]) -> None:
    drop_old_name(index)
    of_the_time = before((3, 8), pythons)  # 3.8 is of October 2019
    lone.write("a.py", OLD_NAME + PYTHON)
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "old\n{} {}\n".format(*of_the_time.minor)), done.err


def test_exclude_newer_of_a_block_reaches_the_installer(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    two_releases(index, "requests", later=DROPPED)
    two_releases(index, "urllib3", later=LATER)
    said = (
        '# /// script\n# dependencies = ["requests", "urllib3"]\n# [tool.uv]\n# exclude-newer = "2020-02-02"\n# ///\n'
    )
    lone.write("a.py", said + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "2.0 1.0\n"), done.err


# Pythons that still have a name


def test_a_name_that_left_the_standard_library_leads_to_a_python_that_has_it(
    lone: Luci, pythons: list[Interpreter]
) -> None:
    older = before((3, 10), pythons)
    lone.write("a.py", "from collections import Mapping\n" + PYTHON)
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "{} {}\n".format(*older.minor)), done.err
    assert older is pythons[0] or f"Python {older.version} has it" in done.err
    assert "luci:" not in lone("run", "a.py").err  # though that Python may warn of it


def test_a_name_that_no_python_here_has_is_the_scripts_own_failure(lone: Luci) -> None:
    lone.write("a.py", "from collections import Wombats\n")
    done = lone("run", "a.py")
    assert done.code == 1
    assert "cannot import name 'Wombats'" in done.err and "No Python here has it" in done.err


def test_a_python_that_a_person_chose_stays(lone: Luci, pythons: list[Interpreter]) -> None:
    if pythons[0].minor < (3, 10):
        pytest.skip("every Python here has it")
    lone.write("a.py", "from collections import Mapping\n")
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert done.code == 1 and "--python chooses another one" in done.err


def test_a_python_that_the_project_rules_out_is_not_taken(lone: Luci, pythons: list[Interpreter]) -> None:
    if pythons[0].minor < (3, 10):
        pytest.skip("every Python here has it")
    lone.write("pyproject.toml", "[project]\nname = 'p'\nversion = '1'\nrequires-python = '>=3.10'\n")
    lone.write("a.py", "from collections import Mapping\n")
    for done in (lone("run", "a.py"), lone("run", "a.py")):
        assert done.code == 1 and "cannot import name 'Mapping'" in done.err


CARRIED = """\
import sys, types

__path__ = []

class Finder:
    def find_module(self, name, path=None):
        return self if name == __name__ + '.moves' else None

    def load_module(self, name):
        return sys.modules.setdefault(name, types.ModuleType(name))

sys.meta_path.append(Finder())
"""


@pytest.mark.parametrize("source", ["import requests\n", "__import__('reque' + 'sts')\nimport requests\n"])
def test_a_carried_six_leads_to_a_python_that_imports_in_the_old_way(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter], source: str
) -> None:
    older = before((3, 12), pythons)
    files = {"requests/__init__.py": "import requests.carried.six.moves", "requests/carried/__init__.py": ""}
    index.add_wheel("requests", "1.0", {**files, "requests/carried/six.py": CARRIED})
    lone.write("a.py", source + PYTHON)
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "{} {}\n".format(*older.minor)), done.err


AUDIO = {"requests.py": "try:\n    import audioop\nexcept ImportError:\n    import pyaudioop as audioop\n"}


def test_of_modules_that_a_library_tries_in_turn_the_first_is_mended(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    older = before((3, 13), pythons)
    index.add_wheel("requests", "1.0", AUDIO)
    lone.write("a.py", "import requests\n" + PYTHON)
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "{} {}\n".format(*older.minor)), done.err


def test_where_the_python_was_chosen_a_backport_comes(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    if pythons[0].minor < (3, 13):
        pytest.skip("every Python here has audioop")
    index.add_wheel("requests", "1.0", AUDIO)
    index.add_wheel("audioop-lts", "1.0", {"audioop.py": "told = 'backport'\n"})
    lone.write("a.py", "import requests\nprint(requests.audioop.told)")
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "backport\n"), done.err
    assert "audioop left Python's standard library after 3.12" in done.err


def test_where_the_project_rules_out_older_pythons_a_backport_comes(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter]
) -> None:
    if pythons[0].minor < (3, 13):
        pytest.skip("every Python here has audioop")
    index.add_wheel("requests", "1.0", AUDIO)
    index.add_wheel("audioop-lts", "1.0", {"audioop.py": "told = 'backport'\n"})
    lone.write("pyproject.toml", "[project]\nname = 'p'\nversion = '1'\nrequires-python = '>=3.13'\n")
    lone.write("a.py", "import requests\nprint(requests.audioop.told)")
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "backport\n"), done.err


# Limits on what others bring along


@pytest.mark.parametrize("published", [LONG_AGO, LATER], ids=["of the time", "of a later time"])
def test_an_older_release_of_what_is_brought_along_becomes_a_limit(
    lone: Luci, index: PackageIndex, pythons: list[Interpreter], published: str
) -> None:
    """Where the library that wants the old name is younger than the day the name went, today's packages serve it."""
    index.add_wheel("requests", "1.0", {"requests.py": "from urllib3 import old\n"}, ("urllib3",), uploaded=published)
    index.add_wheel("urllib3", "1.0", {"urllib3.py": "old = 1\n"}, uploaded=LONG_AGO)
    index.add_wheel("urllib3", "2.0", {"urllib3.py": ""}, uploaded=DROPPED)
    lone.write("a.py", "import requests\n" + VERSIONS)
    done = lone("run", "--python", pythons[0].short, "a.py")
    assert (done.code, done.out) == (0, "1.0 1.0\n"), done.err
    assert "urllib3.old is not in urllib3 2.0" in done.err
    assert environment(lone).spec.requirements == ("requests",)
    assert environment(lone).spec.constraints == ("urllib3<=1.0",)


# Whose module it is


def test_the_owner_of_a_module_is_the_distribution_whose_record_holds_it(lone: Luci, index: PackageIndex) -> None:
    index.add_wheel("requests", "1.0", {"other/__init__.py": "", "other/deep/inner.py": "", "requests.py": ""})
    lone.write("a.py", "import requests, bilby, yaml")
    assert lone("run", "a.py").code == 0
    env = environment(lone)
    found = {m: owners(env, m) for m in ("other", "other.deep.inner", "bilby_extra", "yaml")}
    assert found == {
        "other": ["requests"],
        "other.deep.inner": ["requests"],
        "bilby_extra": ["bilby"],
        "yaml": ["pyyaml"],
    }
    assert [owners(env, module) for module in ("oth", "other.deep", "other.inner", "json")] == [[], [], [], []]
