"""Conda environments, from a real channel with a real Python in it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luci.config import CondaSettings
from luci.envs import channels, condas
from luci.walls.machine import tried
from tests.cli.conftest import Done, Luci, add_trusted
from tests.conda_channel import OWN, CondaChannel, impossible
from tests.package_index import PackageIndex

HERE = tried()
NearOf = Callable[[Luci], Callable[..., Done]]
pytestmark = pytest.mark.skipif(bool(impossible()), reason=impossible())


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> CondaChannel:
    """Emu and its feathers, which no package index has; a data file; and a numbat, of which the index has no wheel."""
    base = tmp_path_factory.mktemp("conda")
    made = CondaChannel(base / "channel")
    made.add_python(base / "stage")
    made.add("emu", "2.0", {"emu.py": "import feathers\n\ndef run():\n    return feathers.COUNT\n"}, ["feathers"])
    made.add("feathers", "1.0", {"feathers.py": "COUNT = 'many'\n"})
    sets = 'export OUTBACK="$CONDA_PREFIX/share/outback"\nexport TRACKS="/tracks${TRACKS:+:$TRACKS}"\n'
    sets += "export CAMP=${CAMP:-here}\n"
    outback = {"share/outback/map.txt": "here\n", "etc/conda/activate.d/outback.sh": sets}
    outback["etc/conda/env_vars.d/outback.json"] = '{"CREEK": "dry"}'
    made.add("outback", "0.1", outback, python=False)
    made.add("dunnart", "1.0", {"share/dunnart": "small\n"}, python=False)
    made.add_library("wombat", "libwombat.so.1", base / "stage")
    made.add("libbilby", "1.0", {"share/bilby": ""}, python=False)
    made.add("numbat", "3.0", {"numbat.py": "def eat():\n    return 'termites'\n"})
    made.index()
    return made


@pytest.fixture
def person(lone: Luci, channel: CondaChannel) -> Iterator[Luci]:
    """Someone who has a channel in the config, and whose settings are there and not in variables."""
    config = Path(lone.environ["LUCI_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f'[index]\nurl = "{lone.environ["LUCI_INDEX_URL"]}"\n[conda]\nchannels = ["{channel.url}"]\n')
    environ = {name: value for name, value in lone.environ.items() if name != "LUCI_INDEX_URL"}
    yield Luci(lone.folder, {**environ, "PWD": str(lone.folder), "HOME": str(lone.folder)})


def test_a_script_runs_on_the_channels_python_with_what_conda_has_and_the_rest_from_the_index(
    person: Luci, near_of: NearOf
) -> None:
    person.write(
        "app.py", "import emu, quokka, sys\nprint(emu.run(), quokka.hop(), sys.version.split()[0], sys.prefix)"
    )

    refused = person("run", "--env", "conda", "app.py")
    assert refused.code == 126 and "--allow emu" in refused.err  # nothing but its name speaks for it
    done = person("run", "--env", "conda", "--allow", "emu", "app.py")

    assert done.code == 0, done.err
    assert done.out.split() == ["many", "hop", OWN, str(person.env_of("app.py"))]
    shown = near_of(person)("env", "show", "app.py", "--json").json
    assert shown["kind"] == "conda"
    assert shown["installed"] == {"emu": "2.0", "feathers": "1.0", "python": OWN, "quokka": "1.2"}


def test_a_conda_environment_is_handled_as_every_other_and_what_it_cannot_is_refused_in_a_line(
    person: Luci, channel: CondaChannel, index: PackageIndex, near_of: NearOf
) -> None:
    near = near_of(person)
    person.write("app.py", "import emu, quokka, sys\nprint(open(sys.prefix + '/share/outback/map.txt').read())")
    person.write("environment.yml", "dependencies:\n  - outback =0.1\n  - dunnart\n  - pip:\n    - quokka<1.2\n")
    assert person("run", "--yes", "app.py").out == "here\n\n"
    env = person.env_of("app.py")

    (listed,) = near("env", "list", "--json").json
    assert (listed["kind"], listed["state"], listed["installed"]["quokka"]) == ("conda", "ready", "1.1")
    roots = {node["name"]: node["children"] for node in near("env", "tree", "app.py", "--json").json}
    assert sorted(roots) == ["dunnart", "emu", "outback", "python", "quokka"]
    assert [child["name"] for child in roots["emu"]] == ["python", "feathers"]
    assert near("env", "stats", "--json").json["by_kind"] == {"conda": 1}

    person.write("elsewhere/app.py", "import emu, quokka\nprint(emu.run(), quokka.__name__)")
    locked = near("env", "export", "app.py", "-o", str(person.folder / "elsewhere" / "conda-lock.yml"))
    assert locked.code == 0, locked.err
    lock = (person.folder / "elsewhere" / "conda-lock.yml").read_text()
    plan = near("plan", "--json", "elsewhere/app.py").json
    assert plan["kind_reason"] == "conda-lock.yml declares it" and plan["refused"] == [], plan
    assert {spec.split("[")[0] for spec in plan["conda"]} == {"dunnart", "emu", "feathers", "outback", "python"}
    taken = near("env", "import", "elsewhere/conda-lock.yml", "camp", "--json")
    assert taken.code == 0, taken.err
    assert (taken.json["kind"], taken.json["names"]) == ("conda", ["camp"])
    assert taken.json["installed"] == listed["installed"] and near("env", "verify", "camp").code == 0
    refused = near("env", "lock", "camp")
    assert refused.code == 2 and "pylock" in refused.err
    assert near("env", "remove", "camp", "--yes").code == 0
    assert [line.split(" --hash=sha256:")[0] for line in plan["requirements"]] == ["quokka==1.1"]
    done = person("run", "elsewhere/app.py")
    assert (done.code, done.out) == (0, "many quokka\n"), done.err
    digest = re.search(r'emu-2.0-0.tar.bz2", "hash": {.*?"sha256": "(\w+)"', lock)
    assert digest
    person.write("elsewhere/conda-lock.yml", lock.replace(digest[1], "0" * 64))
    assert "nothing that fits together" in person("run", "elsewhere/app.py").err

    exported = near("env", "export", "app.py", "--format", "environment.yml").out
    assert f"  - python={OWN}=0\n" in exported and "  - pip:\n" in exported and '"quokka==1.1"' in exported
    refused = near("env", "export", "app.py", "--format", "pylock")
    assert refused.code == 2 and "An environment of the kind conda is not exported as pylock." in refused.err

    channel.add("dunnart", "1.1", {"share/dunnart": "small\n"}, python=False)
    channel.index()
    index.add_wheel("quokka", "1.1.1", {"quokka.py": ""})
    dry = near("env", "update", "app.py", "--dry-run")
    assert dry.code == 0 and "dunnart  1.0 -> 1.1" in dry.out, dry
    [told] = near("env", "update", "app.py", "--yes", "--json").json
    changed = [{"name": "dunnart", "before": "1.0", "after": "1.1"}]
    assert told["changes"] == [*changed, {"name": "quokka", "before": "1.1", "after": "1.1.1"}]
    newer = near("env", "show", "app.py", "--json").json["installed"]
    assert (newer["dunnart"], newer["quokka"], newer["emu"]) == ("1.1", "1.1.1", "2.0")
    assert near("env", "update", "--undo", "app.py").code == 0
    assert near("env", "show", "app.py", "--json").json["installed"]["dunnart"] == "1.0"

    assert near("env", "verify", "app.py").code == 0
    (env / "share" / "outback" / "map.txt").unlink()
    faulty = near("env", "verify", "app.py")
    assert faulty.code == 1 and "share/outback/map.txt is gone" in faulty.out + faulty.err
    assert near("env", "rebuild", "app.py").code == 0
    assert person.env_of("app.py") != env
    assert near("env", "verify", "app.py").code == 0
    assert person("run", "app.py").out == "here\n\n"

    assert near("env", "remove", "app.py", "--yes").code == 0
    (left,) = near("env", "list", "--json").json
    assert left["about"]["script"].endswith("elsewhere/app.py")


def test_what_a_file_names_for_pip_comes_from_the_index_and_what_cannot_be_read_is_told(
    person: Luci, near_of: NearOf
) -> None:
    near = near_of(person)
    person.write("app.py", "import feathers\n")
    person.write("more.txt", "bilby\n")
    pip = "[feathers<1, -r more.txt, ./nowhere]"  # which the channel has too
    person.write("environment.yml", f"dependencies: [outback, {{pip: {pip}}}]\nvariables: {{BURROW: deep}}\n")
    plan = near("plan", "--json", "app.py")
    assert sorted(plan.json["requirements"]) == ["bilby", "feathers<1"] and plan.json["conda"] == ["outback"]
    assert "./nowhere' is left out: there is no such file or folder" in plan.err
    dry = near("env", "create", "--from", "environment.yml", "--dry-run")
    assert "BURROW will not be set: an environment made by hand sets no variables" in dry.err
    laughs = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 30))
    person.write("environment.yml", f"x0: &x0 [a]\n{laughs}dependencies: [*x29]\n")  # 9 to the power of 29 letters
    endless = near("plan", "app.py").err
    assert "is no package" in endless and len(endless) < 1000
    person.write("environment.yml", f"dependencies: {'[' * 5000}{']' * 5000}\n")
    assert "environment.yml cannot be read: it is nested too deeply" in near("plan", "app.py").err
    person.write("environment.yml", "channels: [a\ndependencies: [b]\n")
    assert "environment.yml cannot be read: line 2: expected" in near("plan", "app.py").err
    assert "line 2: expected" in near("env", "create", "--from", "environment.yml").err
    person.write("environment.yml", "dependencies: [outback]\n")
    none = near_of(Luci(person.folder, {**person.environ, "LUCI_CONDA_CHANNELS": ""}))
    refused = none("env", "create", "--from", "environment.yml")
    assert refused.code == 125 and "A conda environment is wanted: environment.yml declares it." in refused.err


def test_a_missing_module_is_mended_from_the_channel_and_a_warm_run_needs_no_plan(person: Luci, tmp_path: Path) -> None:
    person.write("environment.yml", "dependencies: [outback]\nvariables: {BURROW: deep, LUCI_RUN: x}\n")
    person.write(
        "late.py",
        """
        import importlib, os, sys
        print(importlib.import_module("".join(["em", "u"])).run(), os.environ["CONDA_PREFIX"] == sys.prefix)
        print("VIRTUAL_ENV" in os.environ, os.environ["BURROW"], os.environ["PATH"].startswith(sys.prefix + "/bin:"))
        print(os.environ["OUTBACK"] == sys.prefix + "/share/outback", *map(os.environ.get, ("TRACKS", "CAMP", "CREEK")))
        """,
    )
    first = person("run", "--yes", "late.py")
    assert first.code == 0, first.err
    assert first.out == "many True\nFalse deep True\nTrue /tracks here dry\n"  # as conda's activation would have it
    assert "emu" in first.err and "LUCI_RUN is not set" in first.err

    again = person("run", "late.py")
    assert (again.out, again.err) == (first.out, "")
    mine = {"TRACKS": "/my own", "CAMP": "there", "OUTBACK": "x", "BURROW": "flat"}
    added = "many True\nFalse deep True\nTrue /tracks:/my own there dry\n"
    assert person("run", "late.py", env=mine).out == added
    assert person("run", "--timeout", "60", "late.py", env=mine).out == added
    if not HERE.no_bwrap:
        assert person("run", "--sandbox", "bwrap", "late.py").out == first.out

    for value in ("/a", "/b"):  # what can run code is let in as a package is, and only as it was then
        person.write("environment.yml", f"dependencies: [outback]\nvariables: {{BURROW: deep, PYTHONPATH: {value}}}\n")
        refused = person("run", "late.py")
        assert refused.code == 126 and "--allow PYTHONPATH" in refused.err and f"PYTHONPATH={value}" in refused.err
        assert person("run", "--allow", "PYTHONPATH", "late.py").out == first.out
    assert person("run", "late.py").out == first.out


def test_a_shared_library_that_is_missing_comes_from_a_channel_that_has_it_and_else_its_name_is_told(
    person: Luci,
) -> None:
    person.write("load.py", "import ctypes\nctypes.CDLL('libwombat.so.1')\nprint('loaded')\n")
    refused = person("run", "load.py")
    assert refused.code == 1 and "OSError: libwombat.so.1" in refused.err  # the script's own words and exit code
    assert "wombat was not approved" in refused.err and "--allow wombat" in refused.err
    done = person("run", "--allow", "wombat", "load.py")
    assert (done.code, done.out) == (0, "loaded\n"), done.err
    again = person("run", "load.py")
    assert (again.out, again.err) == ("loaded\n", "")
    shown = person("env", "show", "load.py", "--json").json
    assert (shown["kind"], shown["installed"]["wombat"]) == ("conda", "1.0")

    for name in ("libdingo.so.2", "libbilby.so.1"):  # nobody has it; a package is called so, and has it not
        person.write("other.py", f"import ctypes\nctypes.CDLL('{name}')\n")
        failed = person("run", "--yes", "other.py")
        assert failed.code == 1 and f"The system library {name} is not there" in failed.err, failed.err
        assert failed.err.count("OSError") == 1


def test_conda_is_chosen_by_itself_where_no_wheel_fits_and_the_venv_stays_where_no_channel_answers(
    person: Luci, index: PackageIndex, near_of: NearOf
) -> None:
    near = near_of(person)
    for version in ("3.0", "3.1", "3.2"):
        index.add_wheel("numbat", version, {"numbat.py": ""}, tag="cp39-cp39-win32")
    person.write("dig.py", "import numbat\nprint(numbat.eat())")

    chosen = near("plan", "--json", "dig.py").json
    assert (chosen["kind"], chosen["conda"]) == ("conda", []), chosen
    assert [choice["module"] for choice in chosen["refused"]] == ["numbat"]  # until somebody says yes
    assert chosen["kind_reason"] == "the index has nothing of numbat for a Python here, and a conda channel has it"
    assert person("run", "dig.py").code == 126
    assert person("run", "--yes", "dig.py").out == "termites\n"
    assert person("run", "dig.py").out == "termites\n"

    add_trusted(index, "burrow", {"burrow.py": "import numbat\nfood = numbat.eat()\n"}, ("numbat",))
    person.write("deep.py", "import burrow\nprint(burrow.food)")
    done = person("run", "deep.py")  # that what burrow needs has no wheel shows when it is installed
    assert (done.code, done.out) == (0, "termites\n"), done.err
    assert "trying conda's numbat" in done.err
    kept = near("plan", "--json", "deep.py").json  # as long as that environment is there
    assert kept["kind_reason"] == "no venv could be built, and conda's numbat served the last run"
    again = person("run", "--timeout", "60", "deep.py")
    assert (again.out, again.err) == ("termites\n", "")

    assert [found for found in near("doctor", "--json").json if found["subject"] == "conda" and found["well"]]

    person.write("plain.py", "import quokka")
    gone = {"LUCI_CONDA_CHANNELS": "file:///nowhere/channel"}
    person.write(
        "old.py", "# /// script\n# dependencies = ['feathers==0.9']\n# ///\nimport feathers\nprint(feathers.COUNT)"
    )
    index.add_wheel("feathers", "0.9", {"feathers.py": "COUNT = 'few'\n"})
    older = person("run", "--env", "conda", "old.py")  # the channel has 1.0 alone
    assert older.out == "few\n" and "trying feathers==0.9 from the package index" in older.err
    refused = person("run", "--env", "conda", "plain.py", env=gone)
    assert refused.code == 125 and "No answer from the conda channels: file:///nowhere/channel." in refused.err
    person.write("environment.yml", "dependencies: [quokka]\n")
    stayed = person("run", "plain.py", env=gone)
    assert stayed.code == 0 and "No conda environment: No answer" in stayed.err
    assert near("env", "show", "plain.py", "--json").json["kind"] == "venv"


def test_a_channel_is_what_the_config_says_else_what_conda_is_configured_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    condarc = tmp_path / "condarc"
    condarc.write_text(
        "channel_alias: https://mirror/conda\n"
        "custom_channels:\n  ours: https://me:secret@host/t/token\n"
        "default_channels: [https://mirror/main]\n"
        "channels: [ours, defaults, bio]\n"
    )
    monkeypatch.setenv("CONDARC", str(condarc))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = channels.configured(CondaSettings())
    assert found == ("https://me:secret@host/t/token/ours", "https://mirror/main", "https://mirror/conda/bio")
    assert channels.shown(found[0]) == "https://host/ours"
    assert channels.configured(CondaSettings(channels=("/srv/channel", "x"))) == ("file:///srv/channel", "x")
    condarc.unlink()
    assert channels.configured(CondaSettings()) == ()


def test_the_packages_of_a_conda_that_is_here_are_used_and_nothing_else_of_it(
    channel: CondaChannel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONDARC", "CONDA_PKGS_DIRS", "CONDA_EXE", "MAMBA_EXE", "MAMBA_ROOT_PREFIX", "CONDA_ROOT"):
        monkeypatch.delenv(name, raising=False)
    base = tmp_path / "miniforge3"
    for folder in ("bin", "conda-meta", "pkgs"):
        (base / folder).mkdir(parents=True)
    (base / "bin" / "conda").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(base / "condabin"))
    (base / "condabin").symlink_to("bin")
    assert channels.package_cache() == base / "pkgs"

    before = {path: path.stat().st_mtime_ns for path in base.rglob("*") if path.name != "pkgs"}
    asked = {
        "do": "install",
        "specs": ["outback"],
        "constraints": [],
        "folder": str(tmp_path / "env"),
        "offline": False,
    }
    asked |= {"packages": str(base / "pkgs"), "channels": [channel.url], "cache": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, condas.CHILD], env={**os.environ, "LUCI_CONDA": json.dumps(asked)})
    assert done.returncode == 0
    kept = base / "pkgs" / "outback-0.1-0" / "share" / "outback" / "map.txt"  # as conda itself lays it
    assert kept.samefile(tmp_path / "env" / "share" / "outback" / "map.txt")
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())
    (base / "conda-meta").rmdir()
    assert channels.package_cache() != base / "pkgs"
