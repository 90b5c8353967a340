"""Writing down what is installed, in forms that other tools read."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from packaging.requirements import Requirement

from luci.envs.installer import find_uv
from tests.cli.conftest import Luci
from tests.package_index import PackageIndex

EXACT = {"quokka": "1.2", "wombat": "1.2"}


@pytest.fixture
def ready(luci: Luci) -> Luci:
    luci.write("a.py", "import wombat; print(wombat.dig())")
    done = luci("run", "a.py")
    assert done.code == 0, done.err
    return luci


def pins(lines: list[str]) -> dict[str, str]:
    found = map(Requirement, lines)
    return {need.name: next(iter(need.specifier)).version for need in found}


def installs(luci: Luci, *words: str | Path) -> dict[str, str]:
    """What uv installs into an empty environment when it is given these words."""
    uv = find_uv()
    assert uv
    target = luci.folder / "elsewhere"
    for command in (
        [uv, "venv", "-q", "--python", luci.python_of("a.py"), target],
        [uv, "pip", "install", "-q", *words],
    ):
        environ = {"VIRTUAL_ENV": str(target), "UV_DEFAULT_INDEX": luci.environ["LUCI_INDEX_URL"]}
        done = luci.command(command, env=environ)
        assert done.code == 0, done.err
    listed = luci.command([uv, "pip", "freeze", "--python", target / "bin" / "python"]).out
    return pins(listed.splitlines())


def test_requirements_are_exact_and_install_the_same(ready: Luci) -> None:
    done = ready("env", "export", "a.py", "-o", "requirements.txt")
    assert (done.code, done.out) == (0, ""), done.err
    assert (
        pins([line for line in (ready.folder / "requirements.txt").read_text().splitlines() if line[0] != "#"]) == EXACT
    )
    assert installs(ready, "-r", "requirements.txt") == EXACT
    assert ready("env", "export", "a.py").out == (ready.folder / "requirements.txt").read_text()


def test_a_pylock_is_valid_has_hashes_and_installs_the_same(ready: Luci) -> None:
    assert ready("env", "export", "a.py", "-o", "pylock.toml").code == 0
    lock = Pylock.from_dict(tomllib.loads((ready.folder / "pylock.toml").read_text()))
    assert {str(package.name): str(package.version) for package in lock.packages} == EXACT
    assert all(wheel.hashes["sha256"] for package in lock.packages for wheel in package.wheels or ())
    assert installs(ready, "-r", "pylock.toml") == EXACT


def test_luci_runs_by_the_pylock_that_luci_wrote(ready: Luci) -> None:
    assert ready("env", "export", "a.py", "-o", "a.py.lock").code == 0
    plan = ready("plan", "--json", "a.py").json
    assert pins([line.partition(" --hash")[0] for line in plan["requirements"]]) == EXACT
    assert all("--hash=sha256:" in line for line in plan["requirements"])
    assert ready("run", "a.py").out == "dig\n"


def test_a_pep723_block_is_what_luci_and_uv_read(ready: Luci) -> None:
    block = ready("env", "export", "a.py", "--format", "pep723").out
    script = ready.write("b.py", "")
    script.write_text(block + "import wombat; print(wombat.dig())\n")
    plan = ready("plan", "--json", "b.py").json
    assert pins(plan["requirements"]) == EXACT
    uv = find_uv()
    assert uv
    ran = ready.command(
        [uv, "run", "-q", "--python", ready.python_of("a.py"), "b.py"],
        env={"UV_DEFAULT_INDEX": ready.environ["LUCI_INDEX_URL"]},
    )
    assert ran.out == "dig\n", ran.err


def test_an_environment_yml_names_python_and_what_pip_installs(ready: Luci) -> None:
    lines = ready("env", "export", "a.py", "--format", "environment.yml").out.splitlines()
    version = ready("env", "show", "--json", "a.py").json["python_version"]
    assert lines[0] == "name: a" and f"  - python={version}" in lines
    assert lines[-3:] == ["  - pip:", '      - "quokka==1.2"', '      - "wombat==1.2"']


def test_an_environment_without_packages_is_exported_too(luci: Luci) -> None:
    luci.write("plain.py", "")
    assert luci("run", "plain.py").code == 0
    assert Pylock.from_dict(tomllib.loads(luci("env", "export", "plain.py", "-f", "pylock").out)).packages == []
    assert "dependencies = [" in luci("env", "export", "plain.py", "-f", "pep723").out


def test_a_file_that_says_something_else_is_written_over_only_with_leave(ready: Luci) -> None:
    mine = ready.write("requirements.txt", "mine\n")
    done = ready("env", "export", "a.py", "-o", "requirements.txt")
    assert done.code == 126 and "--yes" in done.err and mine.read_text() == "mine\n"
    assert ready("env", "export", "a.py", "-o", "requirements.txt", "--yes").code == 0
    assert "wombat==1.2" in mine.read_text()
    assert ready("env", "export", "a.py", "-o", "requirements.txt").code == 0


def test_a_direct_reference_stays_one(lone: Luci, index: PackageIndex) -> None:
    url = f"{index.origin}/files/quokka-1.1-py3-none-any.whl"
    lone.write("a.py", f'# /// script\n# dependencies = ["quokka @ {url}"]\n# ///\nimport quokka\n')
    done = lone("run", "a.py")
    assert done.code == 0, done.err
    assert f"quokka @ {url}" in lone("env", "export", "a.py").out
    lock = Pylock.from_dict(tomllib.loads(lone("env", "export", "a.py", "-f", "pylock").out))
    assert [package.archive.url for package in lock.packages if package.archive] == [url]


def test_no_form_says_a_password(lone: Luci, index: PackageIndex) -> None:
    index.credentials = ("me", "s3cr3t")
    secret = {"LUCI_INDEX_URL": index.url_with("me", "s3cr3t")}
    lone.write("a.py", "import wombat")
    done = lone("run", "a.py", env=secret)
    assert done.code == 0, done.err
    for form in ("requirements", "pylock", "pep723", "environment.yml"):
        done = lone("env", "export", "a.py", "-f", form, env=secret)
        assert done.code == 0 and "wombat" in done.out and "s3cr3t" not in done.out + done.err


def test_json_has_the_text(ready: Luci) -> None:
    [told] = ready("env", "export", "a.py", "-f", "requirements", "--json").json
    assert told["format"] == "requirements" and "wombat==1.2" in told["text"]


def test_several_go_into_a_folder_each_with_its_name(ready: Luci) -> None:
    ready.write("b.py", "import quokka")
    assert ready("run", "b.py").code == 0
    out = ready.folder / "out"
    out.mkdir()
    assert ready("env", "export", "a.py", "b.py", "-o", "nowhere.txt").code == 2
    done = ready("env", "export", "a.py", "b.py", "-f", "environment.yml", "-o", "out")
    assert done.code == 0, done.err
    assert len(list(out.glob("*-environment.yml"))) == 2


def test_a_broken_environment_is_not_exported(lone: Luci) -> None:
    lone.write("a.py", "import quokka")
    lone("run", "a.py")
    lone.python_of("a.py").unlink()
    done = lone("env", "export", "a.py")
    assert done.code == 125 and "rebuild" in done.err and not done.out


def test_an_unknown_form_is_refused(ready: Luci) -> None:
    assert ready("env", "export", "a.py", "-f", "poetry").code == 2
