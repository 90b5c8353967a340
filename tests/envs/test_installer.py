"""One attempt at one spec: what it installs, what it leaves alone, and which kind of failure it was."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luci.envs import installer, venvs
from luci.envs.installer import InstallFailed
from luci.envs.sources import Sources
from luci.envs.terms import Terms
from luci.errors import EnvError, Interrupted

NATIVE = "cp37-cp37m-plan9_mips"


def failure(build, *requirements: str, **told: object) -> InstallFailed:
    with pytest.raises(InstallFailed) as failed:
        build(*requirements, **told)
    return failed.value


def test_distributions_named_like_options_or_paths_do_not_empty_the_cache(build):
    build("six")
    cache = Path(installer.cache_folder())
    kept = {path for path in cache.rglob("*") if path.is_file()}
    for name in ("-q", "--force", "../../x", "-", ""):
        installer.forget([name])
    assert kept <= set(cache.rglob("*"))


@pytest.mark.parametrize(
    "line",
    [
        "six @ {url}six.whl\n--index-url={url}taken/",
        "six @ {url}six.whl\r--index-url={url}taken/",
        "-r requirements.txt",
        "six --index-url={url}taken/",
        "six==1.16 --hash=sha256:00 --index-url={url}taken/",
        "six==1.16 --hash=sha256:00\n--index-url={url}taken/",
        "six===1.16\x1b[31m",
    ],
)
def test_a_line_that_brings_an_option_or_another_line_never_reaches_the_installer(build, index, line):
    for spec in (
        build.spec(line.format(url=index.url)),
        replace(build.spec(), constraints=(line,), requirements=("six",)),
    ):
        with pytest.raises(EnvError, match="is no requirement"):
            build.ready(spec)
    assert index.requests == []


def test_constraints_limit_versions_and_install_nothing(build):
    spec = replace(build.spec("tool"), constraints=("demo<2", "six==1.16"))
    assert build.ready(spec).installed == {"demo": "1.0", "tool": "3.0"}


def test_a_hash_that_is_right_installs(build, index):
    wheel = index.add_wheel("exact", "1.0", {"exact.py": ""})
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert build(f"exact==1.0 --hash=sha256:{digest}").installed == {"exact": "1.0"}


def test_a_hash_that_is_wrong_fails(build):
    failed = failure(build, f"six==1.16 --hash=sha256:{'0' * 64}")
    assert (failed.reason, "hash" in failed.message) == ("hash", True)


def test_no_source_distribution_is_built_unasked(build, index):
    index.add_sdist("raw", "1.0", {"raw.py": ""})
    failed = failure(build, "raw")
    assert (failed.reason, failed.subjects) == ("no-wheel", ("raw",))


def test_a_source_distribution_is_built_with_leave(build, index):
    index.add_sdist("raw", "1.0", {"raw.py": ""})
    assert build("raw", terms=Terms(builds=True)).installed == {"raw": "1.0"}


def test_the_leave_to_build_spares_what_was_guessed(build, index):
    index.add_sdist("raw", "1.0", {"raw.py": ""})
    terms = Terms(builds=True, wheels_only=frozenset({"raw"}))
    assert failure(build, "raw", terms=terms).reason == "no-wheel"


def test_a_build_that_fails_is_said_with_its_own_words(build, index):
    index.add_sdist("raw", "1.0", {"raw.py": ""}, fails=True)
    failed = failure(build, "raw", terms=Terms(builds=True))
    assert (failed.reason, failed.subjects) == ("build", ("raw",))
    assert "no such header" in failed.cause


def test_a_wheel_for_another_platform_does_not_fit(build, index):
    index.add_wheel("native", "1.0", {"native.py": ""}, tag=NATIVE)
    failed = failure(build, "native")
    assert (failed.reason, failed.subjects) == ("no-wheel", ("native",))


def test_a_need_without_a_wheel_is_named_though_nobody_asked_for_it(build, index):
    index.add_wheel("native", "1.0", {"native.py": ""}, tag=NATIVE)
    index.add_wheel("above", "1.0", {"above.py": ""}, requires=["native"])
    failed = failure(build, "above")
    assert (failed.reason, "native" in failed.subjects) == ("no-wheel", True)


def test_bounds_that_contradict_each_other(build):
    failed = failure(build, "tool", "demo<1")
    assert (failed.reason, "demo" in failed.subjects) == ("unsolvable", True)


def test_a_version_that_does_not_exist(build):
    failed = failure(build, "demo>=7")
    assert (failed.reason, failed.subjects) == ("unsolvable", ("demo",))


def test_releases_younger_than_the_quarantine_are_left_alone_for_the_named_only(build, index):
    for name in ("guess", "known"):
        index.add_wheel(name, "1.0", {f"{name}.py": ""}, uploaded="2020-01-01T00:00:00Z")
        index.add_wheel(name, "2.0", {f"{name}.py": ""}, uploaded="2024-01-01T00:00:00Z")
    terms = Terms(not_after=(("guess", datetime(2023, 1, 1, tzinfo=UTC)),))
    assert build("guess", "known", terms=terms).installed == {"guess": "1.0", "known": "2.0"}


def test_offline_installs_what_was_fetched_before(build, index):
    build("six", scope="/one")
    index.fail("/")
    assert build("six", scope="/two", terms=Terms(offline=True)).installed == {"six": "1.16"}


def test_offline_says_what_was_never_fetched(build):
    assert failure(build, "six", terms=Terms(offline=True)).reason == "offline"


def test_refresh_sees_what_is_new(build, index):
    build("six", scope="/one")
    index.add_wheel("six", "1.17", {"six.py": ""})
    assert build("six", scope="/two", terms=Terms(refresh=True)).installed == {"six": "1.17"}


def test_a_distribution_that_nobody_has(build):
    failed = failure(build, "nobody-has-this")
    assert (failed.reason, failed.subjects) == ("not-found", ("nobody-has-this",))
    assert "nobody-has-this" in failed.message


def test_a_failure_speaks_only_of_what_was_asked(build):
    cause = failure(build, "nobody-has-this").cause
    assert "constraints.txt" not in cause


def test_a_project_file_in_the_working_folder_has_no_say(build, tmp_path, monkeypatch):
    (tmp_path / "uv.toml").write_text('constraint-dependencies = ["demo<2"]')
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\nconstraint-dependencies = ["demo<2"]')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UV_NO_CONFIG")
    assert build("demo").installed == {"demo": "2.0"}


@pytest.mark.parametrize("name", ["VIRTUAL_ENV", "UV_PYTHON", "PYTHONHOME", "UV_CONSTRAINT", "UV_EXCLUDE_NEWER"])
def test_variables_of_another_project_have_no_say(build, monkeypatch, name):
    monkeypatch.setenv(name, "/nowhere/at/all")
    assert build("six").installed == {"six": "1.16"}


def test_a_direct_reference_installs(build, index):
    (wheel,) = (served.path for served in index.projects["six"])
    assert build(f"six @ {wheel.as_uri()}").installed == {"six": "1.16"}


def test_credentials_in_an_address_reach_the_index(build, index):
    index.credentials = ("me", "secret")
    assert failure(build, "six").reason == "network"
    build.sources = Sources(url=index.url_with("me", "secret"))
    assert build("six").installed == {"six": "1.16"}


def test_stopping_ends_the_installer(build, tmp_path, python):
    folder = tmp_path / "env"
    venvs.create(folder, python, installer.find_uv())
    with pytest.raises(Interrupted):
        list(installer.install(build.spec("six"), folder, build.sources, Terms(), lambda: True))


WITHOUT_UV = """
import sys, pathlib
sys.modules["uv"], sys.executable = None, "/nowhere/python"
from luci.envs import installer
from luci.envs.sources import Sources
from luci.envs.spec import EnvSpec
assert installer.find_uv() is None
spec = EnvSpec("3", tuple(sys.argv[3:]))
for event in installer.install(spec, pathlib.Path(sys.argv[1]), Sources(url=sys.argv[2]), installer.Terms(), bool):
    pass
"""


def test_where_there_is_no_uv_virtualenv_and_its_pip_do_the_work(build, python, tmp_path, monkeypatch):
    folder = tmp_path / "env"
    venvs.create(folder, python, None)
    monkeypatch.setenv("PATH", "")
    command = [sys.executable, "-c", WITHOUT_UV, str(folder), build.sources.url, "tool"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert venvs.installed(folder) == {"demo": "2.0", "tool": "3.0"}
