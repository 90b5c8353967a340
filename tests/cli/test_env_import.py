"""`luci env import`: a lock, a list or a virtual environment from elsewhere; what is not taken over is named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from luci.envs.installer import find_uv
from luci.runner.declared import elsewhere
from tests.cli.conftest import Near, Shared


def digest(shared: Shared, name: str) -> str:
    [wheel] = shared.index.folder.rglob(name)
    return "sha256:" + hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_a_virtual_environment_becomes_one_of_lucis_and_what_is_edited_is_named(near: Near) -> None:
    uv, place = find_uv(), near.folder / "old"
    assert uv
    project = near.write("mine/pyproject.toml", '[project]\nname = "mine"\nversion = "1"\n').parent
    for command in (
        [uv, "venv", "-q", "--no-project", place],
        [uv, "pip", "install", "-q", "--python", place, "wombat==1.1", "quokka==1.0"],
    ):
        done = near.command(command, env={"UV_DEFAULT_INDEX": near.environ["LUCI_INDEX_URL"]})
        assert done.code == 0, done.err
    [site] = place.glob("lib/*/site-packages")
    (site / "mine-1.dist-info").mkdir()
    (site / "mine-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    origin = json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}})
    (site / "mine-1.dist-info" / "direct_url.json").write_text(origin)

    refused = near.near("env", "import", "old")
    assert (
        refused.code == 126
        and "old was not made." in refused.err
        and "mine 1 is left out: it is installed editable" in refused.err
    )
    told = near.near("env", "import", "old", "moved", "--yes", "--json").json
    assert told["installed"] == {"quokka": "1.0", "wombat": "1.1"} and len(told["left_out"]) == 1
    config = (place / "pyvenv.cfg").read_text()
    assert f"version_info = {'.'.join(told['python_version'].split('.')[:2])}" in config
    assert near.near("env", "remove", "moved", "--yes").code == 0
    assert "no virtual environment" in near.near("env", "import", "mine").err


def test_the_locks_of_other_tools_are_held_to_their_hashes(near: Near, shared: Shared) -> None:
    hashes = {name: digest(shared, f"{name}-1.1-*.whl") for name in ("wombat", "quokka")}
    entries = {
        name: {"version": "==1.1", "hashes": [told], "markers": "python_version >= '3'"}
        for name, told in hashes.items()
    }
    entries["cassowary"] = {"version": "==1", "markers": "sys_platform == 'nowhere'"}
    entries["own"] = {"path": ".", "editable": True}
    pipfile = {"_meta": {}, "default": entries, "develop": {"bilby": {"version": "==1.2"}}}
    near.write("Pipfile.lock", json.dumps(pipfile))
    done = near.near("env", "import", "Pipfile.lock", "farm", "--yes", "--allow", "cassowary", "--json")
    assert done.code == 0, done.err
    assert done.json["installed"] == {"quokka": "1.1", "wombat": "1.1"}
    for line in ("cassowary is left out", "own is left out", "bilby is left out: it is for development"):
        assert line in done.err
    near.near("env", "remove", "farm", "--yes")
    entries["wombat"]["hashes"] = ["sha256:" + "0" * 64]
    near.write("Pipfile.lock", json.dumps(pipfile))
    wrong = near.near("env", "import", "Pipfile.lock", "farm", "--yes")
    assert wrong.code == 125 and "hash" in wrong.err
    assert near.near("env", "show", "farm").code == 125


POETRY = """
[[package]]
name = "wombat"
version = "1.1"
optional = false
groups = ["main"]
markers = "python_version >= \\"3\\""
files = [{file = "w.whl", hash = "sha256:aa"}]
[[package]]
name = "bilby"
version = "1.2"
groups = ["dev"]
[[package]]
name = "near"
version = "0"
groups = ["main"]
source = {type = "directory", url = "../near"}
[metadata]
lock-version = "2.1"
python-versions = "^3.9"
"""
UV = """
version = 1
requires-python = ">=3.9"
[[package]]
name = "mine"
version = "0"
source = { editable = "." }
dependencies = [{ name = "wombat", marker = "os_name == 'posix'" }]
[package.dev-dependencies]
dev = [{ name = "bilby" }]
[[package]]
name = "wombat"
version = "1.1"
source = { registry = "x" }
dependencies = [{ name = "quokka" }]
wheels = [{ url = "w.whl", hash = "sha256:aa" }]
[[package]]
name = "quokka"
version = "1.0"
source = { registry = "x" }
"""


@pytest.mark.parametrize(
    ("name", "text", "lines", "limits", "left", "noted"),
    [
        ("poetry.lock", POETRY, ['wombat==1.1; python_version >= "3"'], [], ["near"], ["bilby 1.2"]),
        ("uv.lock", UV, ['wombat==1.1; os_name == "posix"'], ["quokka==1.0"], [], ["mine", "bilby"]),
        (
            "requirements.txt",
            "wombat==1.1\n-e .\n-i http://x/\n",
            ["wombat==1.1"],
            [],
            ["file or a folder"],
            ["http://x/"],
        ),
        ("pyproject.toml", '[project]\nname = "p"\ndependencies = ["wombat"]', ["wombat"], [], [], []),
    ],
)
def test_each_form_gives_what_it_asks_for_and_names_the_rest(
    tmp_path: Path, name: str, text: str, lines: list[str], limits: list[str], left: list[str], noted: list[str]
) -> None:
    (tmp_path / name).write_text(text)
    taken = elsewhere.read(tmp_path / name)
    said = taken.declarations
    assert said.complete and [each.line for each in said.requirements if not each.constraint] == lines
    assert [each.line for each in said.requirements if each.constraint] == limits
    for told, words in ((taken.left, left), (taken.notes, noted)):
        assert len(told) == len(words) and all(word in line for word, line in zip(words, told, strict=True))
    assert all(told.endswith(".") for told in (*taken.left, *taken.notes))
    assert (said.locked is not None) is name.endswith(".lock")


@pytest.mark.parametrize(
    ("name", "content"), [("a.py", "x"), ("poetry.lock", "[["), ("x.toml", "a = 1"), ("Pipfile.lock", "[]")]
)
def test_what_is_neither_a_lock_nor_a_list_is_refused_in_one_line(near: Near, name: str, content: str) -> None:
    near.write(name, content)
    done = near.near("env", "import", name)
    assert done.code == 2 and f"{name} cannot be taken over" in done.err and "Traceback" not in done.err
