"""What files say to conda: locks and explicit lists to the build, pixi's tables, and which of them counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from luci.runner import declared
from luci.runner.declared import conda_locks
from luci.runner.declared.conda_locks import platform
from luci.runner.declared.values import CondaChoice, Declarations
from luci.runner.declared.variables import runs_code

SHA, MD5 = "ab" * 32, "cd" * 16
HERE = platform()
ELSEWHERE = "osx-64" if HERE != "osx-64" else "win-64"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "setup.py").touch()
    return tmp_path


def said(project: Path) -> Declarations:
    found = declared.project(project)
    assert found is not None
    return found


def choice(project: Path) -> CondaChoice:
    found = said(project).conda
    assert found is not None, said(project).problems
    return found


def locked(name: str, version: str, *, where: str = HERE, manager: str = "conda", **more: object) -> dict[str, object]:
    url = (
        f"https://host/forge/{where}/{name}-{version}-h1_0.conda" if manager == "conda" else f"https://host/{name}.whl"
    )
    told = {"name": name, "version": version, "manager": manager, "platform": where, "url": url}
    return {**told, "hash": {"md5": MD5, "sha256": SHA}, "category": "main", **more}


def write_lock(project: Path, *packages: dict[str, object]) -> None:
    (project / "conda-lock.yml").write_text(json.dumps({"version": 1, "package": packages}))


def test_variables_are_read_of_every_file_for_conda_and_what_luci_itself_sets_is_not(project: Path) -> None:
    told = "variables: {LEVEL: 3, NAME: far away, LUCI_RUN: x, LIST: [1], 'a b': c, LD_PRELOAD: /x.so}\n"
    (project / "environment.yml").write_text("dependencies: [numpy]\n" + told)
    assert choice(project).variables == (("LD_PRELOAD", "/x.so"), ("LEVEL", "3"), ("NAME", "far away"))
    problems = "\n".join(said(project).problems)
    assert all(f"{name} is not set" in problems for name in ("LUCI_RUN", "LIST")) and "'a b' is no name" in problems
    write_lock(project, locked("python", "3.11.4"), locked("numpy", "1.26.4"))
    assert ("LEVEL", "3") in choice(project).variables  # the lock says nothing of them
    (project / "conda-lock.yml").unlink()
    (project / "pixi.toml").write_text(
        "[dependencies]\nnumpy = '*'\n[activation]\nscripts = ['evil.sh']\nenv = {A = '1', B = '$HOME/b'}\n"
        "[target.unix.activation.env]\nA = '2'\n"
    )
    assert choice(project).variables == (("A", "2"),)
    problems = "\n".join(said(project).problems)
    assert "activation scripts are not run" in problems and "B is not set: a shell" in problems


def test_what_can_load_or_run_code_is_known_by_its_name() -> None:
    for name in ("PATH", "PYTHONPATH", "PYTHONSTARTUP", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "GIT_SSH_COMMAND"):
        assert runs_code(name), name
    for name in ("HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "SSL_CERT_FILE", "HOME", "NODE_OPTIONS", "MPLBACKEND"):
        assert runs_code(name), name
    for name in ("OMP_NUM_THREADS", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "DATABASE_URL", "PATHS", "MY_HOME"):
        assert not runs_code(name), name


def test_a_conda_lock_fixes_every_package_of_this_platform_to_its_build_and_digest(project: Path) -> None:
    write_lock(
        project,
        locked("python", "3.11.4"),
        locked("numpy", "1.26.4"),
        locked("pandas", "2.0", where=ELSEWHERE),
        locked("pytest", "8.0", category="dev"),
        locked("rich", "13.0", manager="pip"),
    )
    found = choice(project)
    assert found.specs == (
        f'python[version="==3.11.4",build="h1_0",sha256="{SHA}"]',
        f'numpy[version="==1.26.4",build="h1_0",sha256="{SHA}"]',
    )
    assert found.pips == (f"rich==13.0 --hash=sha256:{SHA}",)
    assert found.channels == ("https://host/forge",)
    assert said(project).requires_python == "==3.11.*"
    assert [line.line for line in said(project).requirements] == ["numpy==1.26.4", "rich==13.0"]


def test_a_lock_without_what_its_file_names_gives_way_to_the_file(project: Path) -> None:
    write_lock(project, locked("numpy", "1.26.4"))
    (project / "environment.yml").write_text("dependencies: [numpy >=1.20]\n")
    assert choice(project).file.name == "conda-lock.yml"
    (project / "environment.yml").write_text("dependencies: [numpy >=1.20, pandas]\n")
    assert choice(project).file.name == "environment.yml"
    assert any("pandas is not in it" in problem for problem in said(project).problems)
    names = {file.name for file in said(project).files}
    assert names == {"conda-lock.yml", "environment.yml"}  # a change of either is another plan


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("package: 3", f"no packages for {HERE}"),
        (": :\n  - {", "cannot be read"),
        (json.dumps({"package": [locked("a", "1", where=ELSEWHERE)]}), f"no packages for {HERE}"),
        (json.dumps({"package": [locked("a\n", "1")]}), "no package"),
        (json.dumps({"package": [locked('a"]b["', "1")]}), "no package"),
    ],
)
def test_a_lock_that_cannot_serve_is_told_and_nothing_is_taken_from_it(project: Path, text: str, told: str) -> None:
    (project / "conda-lock.yml").write_text(text)
    assert said(project).conda is None
    assert any("conda-lock.yml is not used" in problem and told in problem for problem in said(project).problems)


def test_an_explicit_list_is_read_with_digests_of_either_length(project: Path) -> None:
    (project / conda_locks.lists()[-1]).write_text(
        "# made by conda\n@EXPLICIT\n"
        f"https://host/forge/{HERE}/python-3.12.1-h1_0.conda#{MD5}\n"
        f"https://host/t/token/forge/noarch/tz-data-2024a-h_2.tar.bz2#sha256:{SHA}\n"
    )
    assert choice(project).specs == (
        f'python[version="==3.12.1",build="h1_0",md5="{MD5}"]',
        f'tz-data[version="==2024a",build="h_2",sha256="{SHA}"]',
    )
    (project / conda_locks.lists()[-1]).write_text(f"@EXPLICIT\nhttps://host/forge/{ELSEWHERE}/a-1-0.conda\n")
    assert any(f"it is for {ELSEWHERE}" in problem for problem in said(project).problems)


PIXI = f"""
[workspace]
channels = ["forge", {{ channel = "bio", priority = 1 }}]
[dependencies]
python = "3.11.*"
gdal = {{ version = ">=3.8,<4", build = "py311*" }}
proj = "*"
[target.{HERE}.dependencies]
libonly = "1.2"
[target.{ELSEWHERE}.dependencies]
other = "*"
[pypi-dependencies]
rich = ">=13"
requests = {{ version = "2.31.*", extras = ["socks"] }}
mine = {{ path = "lib", editable = true }}
tool = {{ git = "https://host/tool.git", tag = "v1" }}
"""


def test_a_pixi_toml_gives_conda_and_the_index_each_their_own(project: Path) -> None:
    (project / "pixi.toml").write_text(PIXI)
    found = choice(project)
    assert found.specs == (
        'python[version="3.11.*"]',
        'gdal[version=">=3.8,<4",build="py311*"]',
        "proj",
        'libonly[version="1.2"]',
    )
    assert found.channels == ("forge", "bio")
    assert found.pips == (
        "rich>=13",
        "requests[socks]==2.31.*",
        f"mine @ {(project / 'lib').as_uri()}",
        "tool @ git+https://host/tool.git@v1",
    )
    assert said(project).requires_python == "==3.11.*"


def test_pixi_in_a_pyproject_wants_conda_only_where_conda_has_something_to_bring(project: Path) -> None:
    text = (
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["rich"]\n[tool.pixi.workspace]\nchannels = ["forge"]\n'
    )
    (project / "pyproject.toml").write_text(f'{text}[tool.pixi.pypi-dependencies]\nattrs = ">=23"\n')
    assert said(project).conda is None
    assert {line.line for line in said(project).requirements} == {"rich", "attrs>=23"}
    (project / "pyproject.toml").write_text(f'{text}[tool.pixi.dependencies]\ngdal = "*"\n')
    assert choice(project).specs == ("gdal",)
    (project / "pyproject.toml").write_text(f"{text}[tool.pixi.dependencies]\n'g\"al' = '*'\n")
    assert any("is no package" in problem for problem in said(project).problems)


def test_a_pixi_lock_fixes_what_its_default_environment_has_here(project: Path) -> None:
    pytest.importorskip("rattler")
    conda, wheel = f"https://host/forge/{HERE}/zlib-1.3.1-h1_2.conda", "https://host/rich-13.0.0-py3-none-any.whl"
    (project / "pixi.toml").write_text('[workspace]\nchannels = []\n[dependencies]\nzlib = "*"\n')
    (project / "pixi.lock").write_text(
        f"""
version: 6
environments:
  default:
    channels: [{{url: "https://host/forge/"}}]
    packages:
      {HERE}:
      - conda: {conda}
      - pypi: {wheel}
packages:
- conda: {conda}
  sha256: {SHA}
  md5: {MD5}
- pypi: {wheel}
  name: rich
  version: 13.0.0
  sha256: {SHA}
"""
    )
    found = choice(project)
    assert found.file.name == "pixi.lock", said(project).problems
    assert found.specs == (f'zlib[version="==1.3.1",build="h1_2",sha256="{SHA}"]',)
    assert found.pips == (f"rich==13.0.0 --hash=sha256:{SHA}",)
    (project / "pixi.lock").write_text("version: 99\n")
    assert choice(project).specs == ("zlib",)
    assert any("pixi.lock is not used" in problem for problem in said(project).problems)


def test_an_environment_yml_with_a_release_of_python_leaves_it_to_the_solver(project: Path) -> None:
    (project / "environment.yml").write_text("dependencies: [python=3.11.4, numpy]\n")
    assert said(project).requires_python == "==3.11.*"
    assert choice(project).specs == ("python=3.11.4", "numpy")
