"""A package that is declared to come from one index comes from there, whatever another index has of that name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Luci
from tests.package_index import PackageIndex

TELL = "import quokka, thylacine; print(quokka.hop(), thylacine.lick())\n"


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[PackageIndex]:
    """Another index: an older quokka of its own, another thylacine, and a package that is nowhere else."""
    with PackageIndex(tmp_path / "theirs") as other:
        other.add_wheel("quokka", "0.9", {"quokka.py": "def hop():\n    return 'their hop'\n"})
        other.add_wheel("thylacine", "9.0", {"thylacine.py": "def lick():\n    return 'their lick'\n"})
        other.add_wheel("private", "1.0", {"private.py": ""}, ["quokka"])
        yield other


def uv_table(theirs: PackageIndex, explicit: bool, *names: str, marker: str = "") -> str:
    sources = "".join(f'{name} = {{ index = "theirs"{marker} }}\n' for name in names)
    index = f'[[tool.uv.index]]\nname = "theirs"\nurl = "{theirs.url}"\nexplicit = {str(explicit).lower()}\n'
    return f"[tool.uv.sources]\n{sources}{index}"


def block(dependencies: list[str], more: str = "") -> str:
    lines = [f"dependencies = {dependencies}", *more.splitlines()]
    return "\n".join(["# /// script", *(f"# {line}" for line in lines), "# ///", ""])


def versions(done: Done, luci: Luci, script: str) -> dict[str, str]:
    assert (done.code, "warning" in done.err) == (0, False), done.err
    return dict(luci("env", "show", "--json", script).json["installed"])


def test_a_block_keeps_one_package_to_its_index(lone: Luci, theirs: PackageIndex) -> None:
    lone.write("a.py", block(["quokka", "thylacine"], uv_table(theirs, True, "quokka")) + TELL)
    done = lone("run", "a.py")
    assert done.out == "their hop lick\n"
    assert versions(done, lone, "a.py") == {"quokka": "0.9", "thylacine": "1.2"}
    warm = lone("run", "a.py")
    assert (warm.out, warm.err) == ("their hop lick\n", "")


def test_an_index_that_is_not_explicit_serves_the_others_too(lone: Luci, theirs: PackageIndex) -> None:
    lone.write("a.py", block(["quokka", "thylacine"], uv_table(theirs, False, "quokka")) + TELL)
    assert lone("run", "a.py").out == "their hop their lick\n"


def test_a_project_keeps_one_package_to_its_index(lone: Luci, theirs: PackageIndex) -> None:
    project = '[project]\nname = "p"\nversion = "1"\ndependencies = ["quokka>=0.5", "thylacine"]\n'
    lone.write("pyproject.toml", project + uv_table(theirs, True, "quokka"))
    lone.write("a.py", TELL)
    done = lone("run", "a.py")
    assert done.out == "their hop lick\n"
    assert versions(done, lone, "a.py") == {"quokka": "0.9", "thylacine": "1.2"}


def test_the_index_of_a_package_is_in_the_key(lone: Luci, theirs: PackageIndex) -> None:
    (lone.folder / ".git").mkdir()
    lone.write("a.py", block(["quokka"], uv_table(theirs, True, "quokka")) + "import quokka\n")
    lone.write("b.py", block(["quokka"]) + "import quokka\n")
    lone.write("c.py", block(["quokka"], uv_table(theirs, True, "thylacine")) + "import quokka\n")
    key = {script: lone("plan", "--json", f"{script}.py").json["key"] for script in "abc"}
    assert key["a"] != key["b"] == key["c"]


def test_a_package_that_is_nowhere_else_is_found_and_brings_others_from_the_usual_index(
    lone: Luci, theirs: PackageIndex
) -> None:
    lone.write("a.py", block(["private"], uv_table(theirs, True, "private")) + "import private, quokka\n")
    assert versions(lone("run", "a.py"), lone, "a.py") == {"private": "1.0", "quokka": "1.2"}


def test_a_version_that_the_index_has_not_is_not_taken_from_another(lone: Luci, theirs: PackageIndex) -> None:
    lone.write("a.py", block(["quokka>=1"], uv_table(theirs, True, "quokka")) + "import quokka\n")
    done = lone("run", "a.py")
    assert done.code == 125 and "quokka" in done.err and "luci-needs" not in done.err


@pytest.mark.parametrize(("platform", "hop"), [("linux", "their hop"), ("win32", "hop")])
def test_a_source_holds_where_its_marker_does(lone: Luci, theirs: PackageIndex, platform: str, hop: str) -> None:
    table = uv_table(theirs, True, "quokka", marker=f""", marker = "sys_platform == '{platform}'\"""")
    lone.write("a.py", block(["quokka"], table) + "import quokka; print(quokka.hop())\n")
    assert lone("run", "a.py").out == f"{hop}\n"


def test_a_rebuilt_environment_is_kept_to_the_same_index(lone: Luci, theirs: PackageIndex) -> None:
    lone.write("a.py", block(["quokka"], uv_table(theirs, True, "quokka")) + "import quokka; print(quokka.hop())\n")
    lone("run", "a.py")
    assert lone("env", "rebuild", "a.py").code == 0
    assert lone("run", "a.py").out == "their hop\n"


def test_credentials_of_an_index_are_used_and_shown_nowhere(lone: Luci, theirs: PackageIndex) -> None:
    theirs.credentials = ("me", "secret")
    table = uv_table(theirs, True, "quokka").replace(theirs.url, theirs.url_with("me", "secret"))
    lone.write("a.py", block(["quokka"], table) + "import quokka; print(quokka.hop())\n")
    done = lone("run", "--verbose", "a.py")
    assert done.out == "their hop\n", done.err
    record = (lone.env_of("a.py").parent / "env.json").read_text()
    assert "secret" not in done.err + record
