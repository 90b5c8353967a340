"""The launcher becomes a script that nothing has changed for, without luci; whatever else is so, it starts luci.

A copy of the launcher that has no Python beside it shows which of the two it did: it can only become the script.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import luci
from luci import config
from luci.runner.prepare import _UNDECIDING, _deciding_variables
from tests.cli.conftest import Done, Luci, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="records for the launcher are written on Linux")
LAUNCHER = Path(luci.__file__).parent / "launcher.sh"
SHELLS = [shell for shell in ("dash", "bash", "busybox", "ksh") if shutil.which(shell)]
NOT_BECOME = "not beside it"


@pytest.fixture
def person(lone: Luci) -> Luci:
    """Someone whose index is set in the config file: the launcher leaves variables that decide to Python."""
    home = Path(lone.environ["LUCI_HOME"])
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(f'[index]\nurl = "{lone.environ["LUCI_INDEX_URL"]}"\n')
    environ = {name: value for name, value in lone.environ.items() if name != "LUCI_INDEX_URL"}
    return Luci(lone.folder, {**environ, "PWD": str(lone.folder)})


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Path(shutil.copy(LAUNCHER, folder / "luci"))


def learn(person: Luci, *words: str, **options: object) -> Done:
    """Run a script as luci does when it must think, twice where chance sent the first one on."""
    done = person("run", *words, **options)
    assert done.code == 0, done.err
    return done


def launch(person: Luci, launcher: Path, *words: str | Path, shell: str = "sh", **options: object) -> Done:
    """Use the launcher; where its number is one of those that tidy up, use it again."""
    command = [shell, *(["sh"] if shell == "busybox" else []), launcher, "run", *words]
    while True:
        started = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=options.get("cwd", person.folder),  # type: ignore[call-overload]
            env={**person.environ, **options.get("env", {})},  # type: ignore[dict-item]
        )
        out, err = started.communicate(timeout=person.patience)
        if started.pid % 64:
            return Done(started.returncode, out, err)


def became(done: Done) -> bool:
    assert NOT_BECOME in done.err or done.code != 125, done.err
    return NOT_BECOME not in done.err


MEANWHILE = """
import os, subprocess, sys
from pathlib import Path
from luci import config
from luci.actions.door import perform
from luci.context import Context, never
from luci.events import Reused, Started
from luci.runner.request import RunRequest

luci, what = sys.argv[1:]
settings = config.load()
for event in perform("run", RunRequest("a.py"), Context(settings, lambda question: False, never)):
    if isinstance(event, Reused):
        record = Path(event.path).parent / "env.json"
        if what == "rebuilt":
            subprocess.run([luci, "env", "rebuild", "a.py"], check=True)
        else:
            record.rename(record.with_name(".removed.json"))
    if isinstance(event, Started) and what == "set aside":
        record.with_name(".removed.json").rename(record)
        print(record)
"""


@pytest.mark.parametrize("what", ["rebuilt", "set aside"])
def test_no_record_is_written_for_an_environment_that_others_change_at_that_moment(
    person: Luci, alone: Path, what: str
) -> None:
    """A generation that is not the published one may be swept under a run; a record that is set aside, as a remover
    does before it looks for users, would be taken for one that must not be there."""
    person.write("a.py", "import quokka\nprint(quokka.hop())\n")
    learn(person, "a.py")
    person.write("a.py", "import quokka\nprint(quokka.hop(), 2)\n")  # so that the next run writes another record
    luci_here = Path(sys.executable).with_name("luci")
    done = subprocess.run(
        [sys.executable, "-c", MEANWHILE, luci_here, what],
        cwd=person.folder,
        env=person.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not became(launch(person, alone, "a.py"))
    for record in map(Path, done.stdout.splitlines()):  # and not while it is being removed
        aside = record.rename(record.with_name(".removed.json"))
        assert not became(launch(person, alone, "a.py"))
        aside.rename(record)
    for _ in range(2):
        assert learn(person, "a.py").out == "hop 2\n"
    assert became(launch(person, alone, "a.py"))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_known_script_starts_without_luci(person: Luci, alone: Path, shell: str) -> None:
    person.write("a.py", "import quokka, sys\nprint(quokka.hop(), sys.argv[1:])\n")
    learn(person, "a.py")
    done = launch(person, alone, "a.py", "one", "-x", "", "two  three", "run", shell=shell)
    assert (done.code, done.err) == (0, "")
    assert done.out == "hop ['one', '-x', '', 'two  three', 'run']\n"


def test_what_nobody_ran_yet_is_for_luci(person: Luci, alone: Path) -> None:
    person.write("a.py", "")
    assert not became(launch(person, alone, "a.py"))


@pytest.mark.parametrize(
    "name",
    [
        "with space.py",
        'it\'s "quoted" $HOME `id`.py',
        "two\nlines.py",
        "größe-日本.py",
        "*.py",
        "\\n.py",
        "a\x1b[31m.py",
        "run",
    ],
)
def test_any_name_is_found_again(person: Luci, alone: Path, name: str) -> None:
    script = person.write(f"a folder\nof 'two' lines/{name}", "print('here')")
    for word in (name, str(script)):
        learn(person, word, cwd=script.parent, env={"PWD": str(script.parent)})
        for shell in SHELLS:
            done = launch(person, alone, word, shell=shell, cwd=script.parent, env={"PWD": str(script.parent)})
            assert (done.code, done.out, done.err) == (0, "here\n", ""), shell


def test_a_name_that_is_no_text_is_found_again(person: Luci, alone: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (person.folder / name).write_text("print('here')")
    learn(person, name)
    assert launch(person, alone, name).out == "here\n"


@pytest.mark.parametrize("word", ["./a.py", "{folder}/a.py", "sub/../a.py", ".//a.py", "../{name}/a.py"])
def test_a_path_spelt_otherwise_is_the_same_script(person: Luci, word: str) -> None:
    (person.folder / "sub").mkdir()
    person.write("a.py", "print('here')")
    word = word.format(folder=person.folder, name=person.folder.name)
    for _ in range(2):
        assert learn(person, word).out == "here\n"


def test_from_another_folder_the_same_word_is_another_script(person: Luci, alone: Path) -> None:
    person.write("one/a.py", "print('one')")
    person.write("two/a.py", "print('two')")
    for folder in ("one", "two"):
        place = person.folder / folder
        learn(person, "a.py", cwd=place, env={"PWD": str(place)})
        assert launch(person, alone, "a.py", cwd=place, env={"PWD": str(place)}).out == f"{folder}\n"


def test_a_working_folder_that_lies_about_itself_is_not_believed(person: Luci, alone: Path) -> None:
    person.write("one/a.py", "print('one')")
    person.write("two/a.py", "print('two')")
    learn(person, "a.py", cwd=person.folder / "one", env={"PWD": str(person.folder / "two")})
    done = launch(person, alone, "a.py", cwd=person.folder / "two", env={"PWD": str(person.folder / "one")})
    assert done.out in ("", "two\n")


# What has changed is for luci


def edit(folder: Path) -> None:
    (folder / "a.py").write_text("import quokka  # changed\n")


def replace_by_an_older(folder: Path) -> None:
    (folder / "b.py").write_text("import quokka  # another\n")
    os.utime(folder / "b.py", ns=(1_111_111_111_111_111_111,) * 2)
    os.replace(folder / "b.py", folder / "a.py")


def replace_by_a_younger(folder: Path) -> None:
    (folder / "b.py").write_text("import quokka  # another\n")
    os.utime(folder / "b.py", ns=(time.time_ns() + 10**12,) * 2)
    os.replace(folder / "b.py", folder / "a.py")


def edit_the_local_module(folder: Path) -> None:
    (folder / "beside.py").write_text("import wombat\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "the script was edited": edit,
    "the script was replaced by an older file": replace_by_an_older,
    "the script was replaced by one from the future": replace_by_a_younger,
    "the script is gone": lambda folder: (folder / "a.py").unlink(),
    "a local module was edited": edit_the_local_module,
    "a local module is gone": lambda folder: (folder / "beside.py").unlink(),
    "a local module came": lambda folder: (folder / "quokka.py").write_text(""),
    "a local package came": lambda folder: (folder / "quokka").mkdir(),
    "the requirements were changed": lambda folder: (folder / "requirements.txt").write_text("quokka==1.1\n"),
    "the requirements are gone": lambda folder: (folder / "requirements.txt").unlink(),
    "more requirements came": lambda folder: (folder / "requirements-dev.txt").write_text("wombat\n"),
    "requirements were renamed": lambda folder: (folder / "requirements.txt").rename(folder / "requirements-x.txt"),
    "a project file came": lambda folder: (folder / "pyproject.toml").write_text("[project]\nname='x'\nversion='1'\n"),
    "a lock came": lambda folder: (folder / "a.py.lock").write_text(""),
}


@pytest.fixture
def known(person: Luci, alone: Path) -> Luci:
    """Someone with a script that the launcher knows, a module beside it, and requirements."""
    person.write("beside.py", "import quokka")
    person.write("requirements.txt", "quokka==1.0\n")
    person.write("a.py", "import quokka, beside\n")
    learn(person, "a.py")
    assert became(launch(person, alone, "a.py"))
    return person


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(known: Luci, alone: Path, change: str) -> None:
    CHANGES[change](known.folder)
    assert not [shell for shell in SHELLS if became(launch(known, alone, "a.py", shell=shell))]


def test_what_the_next_run_does_not_depend_on_changes_nothing(known: Luci, alone: Path) -> None:
    known.write("notes.txt", "hello")
    known.write("other.py", "import wombat")
    assert known("run", "--with", "wombat", "a.py").code == 0  # for once
    assert became(launch(known, alone, "a.py"))


def test_a_symlink_that_leads_elsewhere_is_seen(person: Luci, alone: Path) -> None:
    old, new = person.write("old.py", "print('old')"), person.write("new.py", "print('new')")
    os.utime(old, ns=(1_111_111_111_111_111_111,) * 2)
    link = person.folder / "a.py"
    link.symlink_to(new)
    learn(person, "a.py")
    assert launch(person, alone, "a.py").out == "new\n"
    link.unlink()
    link.symlink_to(old)
    assert not became(launch(person, alone, "a.py"))


@pytest.mark.parametrize("what", ["rebuild", "remove"])
def test_what_was_done_to_the_environment_is_seen(known: Luci, alone: Path, what: str) -> None:
    assert known("env", what, "a.py", *(["--yes"] if what == "remove" else [])).code == 0
    assert not became(launch(known, alone, "a.py"))


def test_a_setting_that_changed_is_seen(known: Luci, alone: Path) -> None:
    assert known("config", "gate.releases", "2").code == 0
    assert not became(launch(known, alone, "a.py"))


def test_a_variable_that_decides_is_for_luci(known: Luci, alone: Path) -> None:
    assert not [name for name in _deciding_variables() if became(launch(known, alone, "a.py", env={name: "1"}))]


def test_what_was_learned_under_a_variable_is_not_known_without_it(person: Luci, alone: Path) -> None:
    person.write("a.py", "import quokka")
    learn(person, "a.py", env={"LUCI_GATE_RELEASES": "1"})
    assert not became(launch(person, alone, "a.py"))


def test_a_home_that_moved_is_seen(known: Luci, alone: Path, tmp_path: Path) -> None:
    home = Path(known.environ["LUCI_HOME"])
    home.rename(tmp_path / "elsewhere")
    assert not became(launch(known, alone, "a.py", env={"LUCI_HOME": str(tmp_path / "elsewhere")}))
    done = known("run", "a.py", env={"LUCI_HOME": str(tmp_path / "elsewhere")})
    assert done.code == 0, done.err


def test_the_record_is_in_the_folder_that_the_platform_names(person: Luci, alone: Path, tmp_path: Path) -> None:
    person.write("a.py", "print('here')")
    environ = {name: value for name, value in person.environ.items() if name not in ("LUCI_HOME", "XDG_STATE_HOME")}
    someone = Luci(person.folder, {**environ, "HOME": str(tmp_path / "home")})
    for more in ({}, {"XDG_STATE_HOME": str(tmp_path / "xdg")}):
        learn(someone, "a.py", env=more)
        assert launch(someone, alone, "a.py", env=more).out == "here\n"


def test_a_script_whose_time_is_a_whole_second_is_for_python(person: Luci, alone: Path) -> None:
    script = person.write("a.py", "print('here')")
    os.utime(script, (1_700_000_000, 1_700_000_000))
    learn(person, "a.py")
    assert not became(launch(person, alone, "a.py"))
    assert learn(person, "a.py").out == "here\n"


def test_a_script_that_is_saved_during_its_first_run_is_read_again(person: Luci, alone: Path) -> None:
    script = person.write("a.py", "import quokka\n")
    busy = person.start("run", "--verbose", "a.py")
    assert busy.stderr is not None
    while b"quokka" not in busy.stderr.readline():  # the plan; then the environment is built
        pass
    script.write_text("import quokka; print('new')\n")
    assert busy.wait(person.patience) == 0
    assert not became(launch(person, alone, "a.py"))
    assert learn(person, "a.py").out == "new\n"


def test_an_environment_whose_python_cannot_be_started_goes_to_luci(known: Luci, alone: Path) -> None:
    python = known.python_of("a.py")
    python.unlink()
    python.write_text("#!/no/such/interpreter\n")
    python.chmod(0o755)
    done = launch(known, alone, "a.py")
    assert done.code == 125 and NOT_BECOME in done.err


@pytest.mark.parametrize("garbage", [b"", b"luci-1", b"\0\xff" * 500, b"luci-1 g1 k c 1 1 1 any\n/\n/\n\nend\n"])
def test_a_record_that_is_garbage_is_for_luci(known: Luci, alone: Path, garbage: bytes) -> None:
    (record,) = Path(known.environ["LUCI_HOME"]).glob("state/warm/*/**/a.py@")
    whole = record.read_bytes()
    record.write_bytes(garbage)
    assert not became(launch(known, alone, "a.py"))
    for length in range(0, len(whole) - 1, 7):
        record.write_bytes(whole[:length])
        assert not became(launch(known, alone, "a.py")), whole[:length]
    learn(known, "a.py")


def test_checks_that_are_gone_prove_nothing(known: Luci, alone: Path) -> None:
    (checks,) = Path(known.environ["LUCI_HOME"]).glob("state/warm/checks/*")
    for name in sorted(os.listdir(checks)):
        if re.fullmatch(r"\d+(\.t)?|early|late", name):
            (checks / name).rename(checks / "away")
            assert not became(launch(known, alone, "a.py")), name
            (checks / "away").rename(checks / name)
    assert became(launch(known, alone, "a.py"))


# What the script sees


def test_the_script_keeps_its_variables(person: Luci, alone: Path) -> None:
    person.write(
        "a.py", "import os; print(sorted(n for n in os.environ if n.startswith(('luci', 'LUCI_'))), os.environ['key'])"
    )
    learn(person, "a.py", env={"key": "mine"})
    done = launch(person, alone, "a.py", env={"key": "mine", "PYTHONPATH": "/nowhere"})
    assert done.out == "['LUCI_COMMANDS', 'LUCI_HOME', 'LUCI_MEMORY'] mine\n"


def test_the_launcher_becomes_the_script(person: Luci, alone: Path) -> None:
    """The process is the script's own, so a signal ends it as it ends any Python, and nothing of luci takes memory."""
    person.write("a.py", "import os, signal, sys\nprint(os.getpid(), flush=True)\nsignal.pause()")
    person.write("b.py", "import quokka")
    learn(person, "b.py")
    trained = person.start("run", "a.py")
    wait_for(lambda: trained.stdout and trained.stdout.readline())
    trained.send_signal(signal.SIGKILL)
    while True:
        process = subprocess.Popen(
            ["sh", alone, "run", "a.py"], cwd=person.folder, env=person.environ, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        told = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.wait(person.patience)
        if process.pid % 64:
            break
    assert (int(told), process.returncode) == (process.pid, -signal.SIGTERM)


def test_a_missing_module_brings_luci_back_from_the_launcher(person: Luci) -> None:
    """The script imports by a name that no source tells, and the environment it knows has no such module."""
    launcher = Path(sys.executable).with_name("luci")
    if LAUNCHER.read_bytes() != launcher.read_bytes():
        pytest.skip("another version of the command luci is installed beside this Python")
    person.write("a.py", "import importlib, sys\nprint(sys.argv[1:], importlib.import_module(sys.argv[1]).__name__)")
    learn(person, "a.py", "quokka")
    done = launch(person, launcher, "a.py", "wombat", "two  words", "")
    assert (done.code, done.out) == (0, "['wombat', 'two  words', ''] wombat\n")
    assert "wombat" in done.err


def test_a_need_that_the_script_gave_to_pip_is_planned(person: Luci, alone: Path) -> None:
    person.write("a.py", "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'quokka'])")
    learn(person, "a.py")
    assert not became(launch(person, alone, "a.py"))
    learn(person, "a.py")
    assert (person.site_of("a.py") / "quokka.py").exists()


def test_runs_by_the_launcher_are_recorded(known: Luci, alone: Path) -> None:
    launch(known, alone, "a.py", "the arguments")
    run = known("runs", "list", "--json").json[0]
    assert (run["args"], run["requirements"], run["exit_code"]) == (["the arguments"], ["quokka==1.0"], None)
    assert run["script"] == str(known.folder / "a.py")
    assert len(known("runs", "list", "--json").json) == len(known("runs", "list", "--json").json)


def test_records_of_scripts_that_are_gone_are_swept(known: Luci) -> None:
    folder = Path(known.environ["LUCI_HOME"]) / "state" / "warm"
    (known.folder / "a.py").rename(known.folder / "b.py")
    old = time.time() - 1000
    for checks in (folder / "checks").iterdir():
        os.utime(checks, (old, old))
    (folder / "0.0.1" / "somewhere").mkdir(parents=True)
    known.write("c.py", "import thylacine")
    learn(known, "c.py")
    assert {path.name for path in folder.rglob("*@")} == {"c.py@"}
    assert len(list((folder / "checks").iterdir())) == 1
    assert not (folder / "0.0.1").exists()


# The launcher itself


def test_the_launcher_and_luci_agree() -> None:
    text = LAUNCHER.read_text()
    assert f"\nluci_version={luci.__version__}\n" in text
    assert sorted(re.findall(r"\$\{([A-Z_]+)\}", text)) == sorted({"LUCI_CONFIG", *_deciding_variables()})
    assert {name for name in config.variables() if not name.startswith(_UNDECIDING)} <= set(_deciding_variables())
    assert os.access(LAUNCHER, os.X_OK)


def test_a_launcher_reached_by_symlinks_finds_the_python_beside_it(person: Luci, tmp_path: Path) -> None:
    real = tmp_path / "some env" / "bin"
    real.mkdir(parents=True)
    shutil.copy(LAUNCHER, real / "luci")
    (real / "python3").write_text('#!/bin/sh\necho "started: $*"\n')
    (real / "python3").chmod(0o755)
    (tmp_path / "one").symlink_to("some env/bin/luci")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    done = person.command([tmp_path / "two", "plan", "a b"])
    assert done.out.startswith("started: -P -E -c ") and done.out.endswith(" plan a b\n")


@pytest.mark.network
def test_every_way_of_installing_gives_the_command(person: Luci, tmp_path: Path) -> None:
    """By pip into an environment, and by uv as a tool, where the command is a symlink."""
    root = Path(luci.__file__).parent.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("luci was not started from its source")
    environ = {**os.environ, "UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "tool bin")}

    def uv(*words: str | Path) -> None:
        subprocess.run([sys.executable, "-m", "uv", *words], check=True, env=environ, capture_output=True)

    uv("build", "--wheel", "--out-dir", tmp_path / "dist", root)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    uv("venv", "--python", sys.executable, tmp_path / "by pip")
    uv("pip", "install", "--python", tmp_path / "by pip", wheel)
    uv("tool", "install", "--python", sys.executable, wheel)
    person.write("a.py", "print('here')")
    for command in (tmp_path / "by pip" / "bin" / "luci", tmp_path / "tool bin" / "luci"):
        for _ in range(2):
            done = person.command([command, "run", "a.py"])
            assert (done.code, done.out) == (0, "here\n"), done.err
