"""A failure is read for someone who can act on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from luci.runner.diagnose import Cause, Diagnosis, Report, diagnose, read_report


class Place:
    """A script's folder and an environment beside it, both real."""

    def __init__(self, folder: Path) -> None:
        self.scripts, self.env = folder / "scripts", folder / "env"
        self.site = self.env / "lib" / "python3.12" / "site-packages"
        self.scripts.mkdir()
        self.site.mkdir(parents=True)

    def installed(self, name: str) -> Path:
        (self.site / name).mkdir()
        (self.site / name / "__init__.py").touch()
        return self.site / name / "__init__.py"

    def own(self, name: str) -> Path:
        (self.scripts / name).parent.mkdir(exist_ok=True)
        (self.scripts / name).touch()
        return self.scripts / name

    def read(self, report: Report | None = None, **facts: Any) -> Diagnosis:
        usual = {"exit_code": 1, "signal": 0, "timed_out": False}
        return diagnose(report, **{**usual, **facts}, script_folder=self.scripts, env_prefix=self.env)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def missing(name: str, message: str = "", **more: Any) -> Report:
    return Report("ModuleNotFoundError", name, message or f"No module named {name!r}", python=(3, 12, 1), **more)


def no_name(name: str, module: str, path: str = "", half: str = "") -> Report:
    message = f"cannot import name {name!r} from {half}{module!r} ({path or 'unknown location'})"
    return Report("ImportError", module, message, path=path, python=(3, 12, 1))


def brief(diagnosis: Diagnosis) -> tuple[str, str]:
    return diagnosis.kind, diagnosis.subject


# From a report


def test_a_missing_module_is_named(place: Place) -> None:
    assert brief(place.read(missing("wanted.part"))) == ("missing-module", "wanted.part")


def test_a_submodule_of_something_installed_is_another_matter(place: Place) -> None:
    place.installed("langchain")
    assert brief(place.read(missing("langchain.chains"))) == ("missing-submodule", "langchain.chains")


def test_a_name_of_something_installed_is_another_matter(place: Place) -> None:
    path = place.installed("icalendar")
    found = place.read(no_name("LocalTimezone", "icalendar", str(path)))
    assert brief(found) == ("missing-name", "icalendar.LocalTimezone")


def test_a_compiled_module_counts_as_installed(place: Place) -> None:
    (place.site / "fast.cpython-312-x86_64-linux-gnu.so").touch()
    assert brief(place.read(no_name("parse", "fast"))) == ("missing-name", "fast.parse")


def test_an_own_file_that_hides_an_installed_module_is_to_be_renamed(place: Place) -> None:
    place.installed("yaml")
    own = place.own("yaml.py")
    found = place.read(missing("yaml.loader", "No module named 'yaml.loader'; 'yaml' is not a package"))
    assert brief(found) == ("shadowed", "yaml")
    assert "rename" in found.advice and str(own) in found.advice


@pytest.mark.parametrize("half", ["", "partially initialized module "])
def test_an_own_file_that_hides_the_standard_library_is_to_be_renamed(place: Place, half: str) -> None:
    own = place.own("random.py")
    assert brief(place.read(no_name("randint", "random", str(own), half))) == ("shadowed", "random")


def test_an_own_file_of_the_same_name_does_not_hide_what_came_from_elsewhere(place: Place) -> None:
    path = place.installed("yaml")
    place.own("yaml.py")
    assert brief(place.read(no_name("Loaderr", "yaml", str(path)))) == ("missing-name", "yaml.Loaderr")


def test_a_circle_of_own_modules_is_no_missing_package(place: Place) -> None:
    own = place.own("mine.py")
    found = place.read(no_name("x", "mine", str(own), "partially initialized module "))
    assert brief(found) == ("other", "mine")
    assert "circle" in found.advice


def test_a_part_that_an_own_package_lacks_is_not_looked_for_elsewhere(place: Place) -> None:
    place.own("utils/__init__.py")
    assert brief(place.read(missing("utils.texts"))) == ("other", "utils.texts")


def test_a_module_that_python_dropped_leads_to_an_older_python(place: Place) -> None:
    found = place.read(missing("distutils.core"))
    assert brief(found) == ("removed-module", "distutils.core")
    assert "3.12" in found.advice


def test_a_name_that_python_dropped_leads_to_an_older_python(place: Place) -> None:
    report = no_name("Mapping", "collections", "/usr/lib/python3.12/collections/__init__.py")
    assert brief(place.read(report)) == ("removed-module", "collections.Mapping")


def test_a_part_that_python_dropped_is_never_looked_for_in_an_index(place: Place) -> None:
    assert brief(place.read(missing("xml.etree.cElementTree"))) == ("removed-module", "xml.etree.cElementTree")


def test_a_module_that_python_has_got_since_leads_to_a_newer_python(place: Place) -> None:
    found = place.read(Report("ModuleNotFoundError", "tomllib", "No module named 'tomllib'", python=(3, 10, 0)))
    assert brief(found) == ("other", "tomllib")
    assert "3.11" in found.advice


def test_a_module_of_another_system_is_not_looked_for(place: Place) -> None:
    assert brief(place.read(missing("winreg"))) == ("other", "winreg")


@pytest.mark.parametrize("name", ["_tkinter", "_sqlite3", "_ctypes", "_lzma", "_bz2"])
def test_a_python_built_without_a_part_is_told_so(place: Place, name: str) -> None:
    found = place.read(missing(name))
    assert brief(found) == ("other", name)
    assert "built without" in found.advice


def test_a_module_of_a_host_program_is_told_so(place: Place) -> None:
    found = place.read(missing("bpy"))
    assert brief(found) == ("host-module", "bpy")
    assert "Blender" in found.advice


def test_a_module_of_python_2_is_told_so(place: Place) -> None:
    assert brief(place.read(missing("urllib2"))) == ("removed-module", "urllib2")


@pytest.mark.parametrize(
    ("library", "packages"),
    [("libGL.so.1", ("libgl1", "mesa-libGL")), ("libsndfile.so.1", ("libsndfile1", "libsndfile"))],
)
def test_a_system_library_is_named_with_its_package(place: Place, library: str, packages: tuple[str, str]) -> None:
    message = f"{library}: cannot open shared object file: No such file or directory"
    found = place.read(Report("ImportError", message=message))
    assert brief(found) == ("shared-library", library)
    assert all(package in found.advice for package in packages)


def test_a_system_library_that_nobody_knows_is_named_all_the_same(place: Place) -> None:
    report = Report("ImportError", message="libodd-1.2.so.3: cannot open shared object file: No such file or directory")
    assert brief(place.read(report)) == ("shared-library", "libodd-1.2.so.3")


@pytest.mark.parametrize(
    ("message", "requirement"),
    [
        ("Missing optional dependency 'openpyxl'.  Use pip or conda to install openpyxl.", "openpyxl"),
        ("Please run `pip install foo[bar]` first", "foo[bar]"),
        ("try: pip install 'foo>=1.2,<2'.", "foo>=1.2,<2"),
        ("python -m pip install -U foo-bar.", "foo-bar"),
        ('Install it with "pip3 install --upgrade foo==1.0".', "foo==1.0"),
        ("pip install git+https://example.org/x", ""),
        ("pip install --index-url https://example.org x", ""),
        ("pip install foo@https://example.org/x.whl", ""),
        ("pip install ./here", ""),
        ("please pip install the package", ""),
        ("no advice at all", ""),
    ],
)
def test_what_a_text_says_to_install_is_taken_by_name_only(place: Place, message: str, requirement: str) -> None:
    found = place.read(Report("ImportError", message=message))
    assert found.requirement == requirement
    assert found.kind == ("missing-module" if requirement else "other")


def test_the_module_behind_an_advice_is_its_subject(place: Place) -> None:
    cause = Cause("ModuleNotFoundError", "openpyxl", "No module named 'openpyxl'")
    found = place.read(Report("ImportError", message="Use pip or conda to install openpyxl.", causes=(cause,)))
    assert found == Diagnosis("missing-module", "openpyxl", found.advice, "openpyxl")


def test_a_distribution_that_is_asked_for_by_name_is_a_requirement(place: Place) -> None:
    message = "No package metadata was found for some-dist"
    report = Report("ModuleNotFoundError", "some-dist", message, "PackageNotFoundError")
    assert place.read(report) == Diagnosis("missing-module", "some-dist", place.read(report).advice, "some-dist")


# Without a report


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("ModuleNotFoundError: No module named 'wanted.part'\n", ("missing-module", "wanted.part")),
        ("ImportError: No module named wanted\n", ("missing-module", "wanted")),
        ("ImportError: libGL.so.1: cannot open shared object file: No such file\n", ("shared-library", "libGL.so.1")),
        ("OSError: libGL.so.1: cannot open shared object file: No such file\n", ("shared-library", "libGL.so.1")),
        ("ModuleNotFoundError: No module named 'a'\n\nDuring handling:\n\nValueError: b\n", ("other", "")),
        ("KeyError: 'x'\n", ("other", "")),
        ("", ("other", "")),
    ],
)
def test_stderr_is_read_where_there_is_no_report(place: Place, tail: str, expected: tuple[str, str]) -> None:
    assert brief(place.read(stderr_tail="Traceback (most recent call last):\n" + tail)) == expected


def test_what_a_script_that_ended_well_wrote_means_nothing(place: Place) -> None:
    assert place.read(exit_code=0, stderr_tail="ModuleNotFoundError: No module named 'x'").kind == "other"


@pytest.mark.parametrize("half", ["", "partially initialized "])
def test_a_missing_attribute_of_a_shadowed_module_is_told(place: Place, half: str) -> None:
    place.own("random.py")
    tail = f"AttributeError: {half}module 'random' has no attribute 'randint' (most likely due to a circular import)"
    assert brief(place.read(stderr_tail=tail)) == ("shadowed", "random")


def test_an_import_error_on_stderr_knows_its_file(place: Place) -> None:
    path = place.installed("yaml")
    tail = f"ImportError: cannot import name 'Loaderr' from 'yaml' ({path})"
    assert brief(place.read(stderr_tail=tail)) == ("missing-name", "yaml.Loaderr")


def test_memory_is_blamed_only_where_that_is_proven(place: Place) -> None:
    assert brief(place.read(exit_code=137, signal=9)) == ("other", "SIGKILL")
    assert place.read(exit_code=137, signal=9, oom_killed=True).kind == "out-of-memory"


def test_a_time_out_is_told(place: Place) -> None:
    found = place.read(exit_code=124, signal=15, timed_out=True)
    assert found.kind == "timeout"
    assert "--timeout" in found.advice


# Reports


def test_half_a_report_is_none(tmp_path: Path) -> None:
    report = tmp_path / "report"
    assert read_report(report) is None
    for content in ("", "{", "[]", "{}", '{"kind": "ImportError"}', "\xff"):
        report.write_text(content, encoding="latin-1")
        assert read_report(report) is None


def test_a_report_is_read_as_written(tmp_path: Path) -> None:
    told = {
        "kind": "ImportError",
        "name": None,
        "message": "ö",
        "frames": [["/a.py", 1]],
        "causes": [{"kind": "ModuleNotFoundError", "name": None, "message": "m"}],
        "argv": ["a.py"],
        "python": [3, 9, 1],
        "printed": False,
        "stdin_position": None,
        "something": "later",
    }
    (tmp_path / "report").write_text(json.dumps(told))
    assert read_report(tmp_path / "report") == Report(
        "ImportError",
        message="ö",
        frames=(("/a.py", 1),),
        causes=(Cause("ModuleNotFoundError", "", "m"),),
        argv=("a.py",),
        python=(3, 9, 1),
        printed=False,
    )
