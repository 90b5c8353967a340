"""Reading a lock beside a script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import uv

from luci.errors import PlanError
from luci.runner.declared import Declarations, Declared, beside, inline, outdated
from tests.package_index import PackageIndex

UV_LOCK = """
version = 1
revision = 5
requires-python = ">=3.11"

[manifest]
requirements = [
    { name = "click", extras = ["x"], marker = "sys_platform == 'win32'" },
    { name = "local", editable = "local" },
    { name = "remote", git = "https://git.example/remote?rev=main" },
]

[[package]]
name = "click"
version = "8.3"
source = { registry = "https://packages.example/simple" }
dependencies = [{ name = "colorama" }]
sdist = { url = "https://files.example/click-8.3.tar.gz", hash = "sha256:00" }
wheels = [{ url = "https://files.example/click-8.3-py3-none-any.whl", hash = "sha256:11" }]

[[package]]
name = "colorama"
version = "0.4"
source = { registry = "https://packages.example/simple" }
resolution-markers = ["python_full_version < '3.12'", "os_name == 'nt'"]

[[package]]
name = "colorama"
version = "0.5"
source = { registry = "https://packages.example/simple" }
resolution-markers = ["python_full_version >= '3.12'"]

[[package]]
name = "local"
version = "1"
source = { editable = "local" }

[[package]]
name = "remote"
version = "1"
source = { git = "https://git.example/remote?rev=main&subdirectory=py#0123" }

[[package]]
name = "workspace"
version = "1"
source = { virtual = "." }
"""

PYLOCK = """
lock-version = "1.0"
created-by = "test"
requires-python = ">=3.10"
extras = ["plot"]

[[packages]]
name = "six"
version = "1.17"
marker = "sys_platform != 'win32'"
sdist = { url = "https://files.example/six-1.17.tar.gz", hashes = { sha256 = "00" } }
wheels = [{ url = "https://files.example/six-1.17-py3-none-any.whl", hashes = { sha256 = "11" } }]

[[packages]]
name = "plotter"
version = "2"
marker = "'plot' in extras"
sdist = { url = "https://files.example/plotter-2.tar.gz", hashes = { sha256 = "22" } }

[[packages]]
name = "remote"
vcs = { type = "git", url = "https://git.example/remote", commit-id = "0123" }

[[packages]]
name = "local"
directory = { path = "local" }

[[packages]]
name = "file"
archive = { url = "https://files.example/file.zip", hashes = { sha256 = "33" } }
"""


def test_a_lock_of_uv_pins_the_scripts_needs_and_limits_the_rest(tmp_path: Path) -> None:
    lock = tmp_path / "tool.py.lock"
    lock.write_text(UV_LOCK)
    local = (tmp_path / "local").as_uri()
    origin = "tool.py.lock"
    forks = 'python_full_version < "3.12" or os_name == "nt"'
    assert beside(tmp_path / "tool.py") == Declarations(
        (
            Declared('click[x]==8.3; sys_platform == "win32"', "click", origin, ("sha256:11", "sha256:00")),
            Declared(f"local @ {local}", "local", origin),
            Declared("remote @ git+https://git.example/remote@0123#subdirectory=py", "remote", origin),
            Declared(f"colorama==0.4; {forks}", "colorama", origin, constraint=True),
            Declared('colorama==0.5; python_full_version >= "3.12"', "colorama", origin, constraint=True),
        ),
        complete=True,
        requires_python=">=3.11",
        locked=lock,
        files=(lock,),
    )


def test_what_uv_locked_is_what_an_installer_makes_of_it(tmp_path: Path, index: PackageIndex, luci_home: Path) -> None:
    index.add_wheel("lamp", "1.0", {"lamp.py": ""}, ["wire", "sand; sys_platform == 'nowhere'"])
    index.add_wheel("wire", "1.0", {"wire.py": ""})
    index.add_wheel("sand", "1.0", {"sand.py": ""})
    script = tmp_path / "tool.py"
    script.write_text('# /// script\n# requires-python = ">=3.10"\n# dependencies = ["lamp"]\n# ///\n')
    run_uv("lock", "--script", str(script), "--index-url", index.url)
    lock = beside(script)
    assert lock is not None

    index.add_wheel("lamp", "2.0", {"lamp.py": ""})
    index.add_wheel("wire", "2.0", {"wire.py": ""})
    for name, limits in (("requirements", False), ("constraints", True)):
        held = (declared for declared in lock.requirements if declared.constraint is limits)
        lines = (" ".join([d.line, *(f"--hash={digest}" for digest in d.hashes)]) for d in held)
        (tmp_path / name).write_text("\n".join(lines))
    files = ["-r", str(tmp_path / "requirements"), "-c", str(tmp_path / "constraints")]
    into = ["--target", str(tmp_path / "lib"), "--python", sys.executable]
    run_uv("pip", "install", "--require-hashes", *files, *into, "--index-url", index.url)
    installed = sorted(path.stem for path in (tmp_path / "lib").glob("*.dist-info"))
    assert installed == ["lamp-1.0", "wire-1.0"]


def run_uv(*arguments: str) -> None:
    subprocess.run([uv.find_uv_bin(), *arguments], check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("name", ["tool.py.lock", "pylock.tool.toml", "tool.pylock.toml"])
def test_a_pylock_beside_a_script_is_all_it_needs(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(PYLOCK)
    lock = beside(tmp_path / "tool.py")
    assert lock is not None
    assert lock.complete
    assert lock.locked == tmp_path / name
    assert lock.requires_python == ">=3.10"
    assert lock.requirements == (
        Declared('six==1.17; sys_platform != "win32"', "six", name, ("sha256:11", "sha256:00")),
        Declared("plotter==2", "plotter", name, ("sha256:22",), constraint=True),
        Declared("remote @ git+https://git.example/remote@0123", "remote", name),
        Declared(f"local @ {(tmp_path / 'local').as_uri()}", "local", name),
        Declared("file @ https://files.example/file.zip", "file", name),
    )


def test_without_a_lock_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(PYLOCK)  # the project's, not the script's
    (tmp_path / "tool.py.lock").touch()  # some program's lock
    assert beside(tmp_path / "tool.py") is None


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("1234 [", "Expected"),
        ("version = 2", "neither a pylock nor a lock that uv wrote"),
        ('lock-version = "9.0"', "Missing required value"),
        ('version = 1\n[manifest]\nrequirements = [{ name = "six" }]', "it has no version of six"),
        ('version = 1\n[[package]]\nname = "six"\nversion = [1]', "version wants a string"),
        ('version = 1\n[[package]]\nname = "a b"\nversion = "1"', "Expected"),
    ],
)
def test_a_lock_that_cannot_be_read_stops_the_script(tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "tool.py.lock").write_text(text)
    with pytest.raises(PlanError, match=r"tool\.py\.lock") as error:
        beside(tmp_path / "tool.py")
    assert cause in error.value.cause
    assert error.value.hint


@pytest.mark.parametrize(
    ("dependencies", "first"),
    [
        ('"click>=8", "local", "remote @ git+https://git.example/remote"', ""),
        ('"click>=9"', "click>=9"),
        ('"click", "rich"', "rich"),
        ('"click @ https://files.example/click.zip"', "click @ https://files.example/click.zip"),
    ],
)
def test_a_lock_is_outdated_when_the_block_asks_for_more(tmp_path: Path, dependencies: str, first: str) -> None:
    (tmp_path / "tool.py.lock").write_text(UV_LOCK)
    lock = beside(tmp_path / "tool.py")
    block = inline(f"# /// script\n# dependencies = [{dependencies}]\n# ///")
    assert lock is not None
    assert block is not None
    assert outdated(lock, block).partition(" ;")[0] == first
