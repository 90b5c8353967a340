"""The start-up hook reports a missing module once, from the process that luci started, and is unseen otherwise."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from luci.envs.venvs import HOOK_FILES
from luci.runner.diagnose import Report, read_report

HOOK = Path(__file__).parents[2] / "luci" / "envs" / "hook"
VERSIONS = ["2.7", *(f"3.{minor}" for minor in range(6, 15))]
PATIENCE = 60  # seconds until a script that hangs is given up

# what stands for luci when the hook comes back: it tells how it finds itself
LUCI = """
    import json, os, signal, sys
    told = {"report": os.environ["LUCI_REPORT"], "argv": sys.argv[1:], "cwd": os.getcwd(), "umask": os.umask(0),
        "environ": dict(os.environ), "pid": os.getpid(), "alarm": signal.alarm(0), "stdin": sys.stdin.read(),
        "ignored": [n for n in (1, 2, 10, 13, 15) if signal.getsignal(n) == signal.SIG_IGN],
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))}
    print("LUCI " + json.dumps(told))
"""


def interpreter(version: str) -> str:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path) for path in sorted(root.glob(f"{version}.*/bin/python"))]
    found += filter(None, [shutil.which(f"python{version}")])
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        found.insert(0, sys.executable)
    for path in found:
        told = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True)
        if told.stdout.decode().strip() == version:
            return path
    pytest.skip(f"no Python {version} on this machine")


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str
    report: Report | None
    luci: dict[str, Any] | None  # what LUCI told, where the hook came back


class Place:
    """A folder for a script and a site folder with the hook in it, processed as any site folder is."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python
        self.site = folder / "site"
        self.site.mkdir()
        for name in HOOK_FILES:
            shutil.copy(HOOK / name, self.site)
        (self.site / "_luci_hook.pth").write_text("import _luci_hook\n")
        start = folder / "start"
        start.mkdir()
        (start / "sitecustomize.py").write_text(f"import site; site.addsitedir({str(self.site)!r})\n")
        self.environ = {**os.environ, "PYTHONPATH": str(start), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        for name in ("COLUMNS", "FORCE_COLOR", "PYTHONINSPECT", "LUCI_RUN", "LUCI_REPORT"):
            self.environ.pop(name, None)
        (folder / "luci.py").write_text(textwrap.dedent(LUCI))

    def run(
        self,
        code: str,
        mode: str = "exec",
        *,
        options: tuple[str, ...] = (),
        args: tuple[str, ...] = (),
        resume: list[str] | None = None,
        environ: Mapping[str, str] = {},
        stdin: Path | None = None,
        pid: str = "0",
        before: str = "",
    ) -> Ran:
        """Run a script under the hook; an empty `mode` runs it as plain Python would. `before` is shell."""
        (self.folder / "script.py").write_text(
            "# coding: utf-8\n" + textwrap.dedent(code).lstrip("\n"), encoding="utf-8"
        )
        state = self.folder / "state.json"
        resume = resume or [sys.executable, "-I", str(self.folder / "luci.py"), "naïve", "a\nb", '"', "\udcff", "😀"]
        state.write_text(json.dumps({"key": "x", "resume": resume, "more": ["resume"]}))
        run = {"LUCI_RUN": f"{pid}:{mode}:{state}"} if mode else {}
        command = [self.python, *options, "script.py", *args]
        with (stdin or Path(os.devnull)).open("rb") as file:
            done = subprocess.run(
                ["/bin/sh", "-c", f'{before} exec "$@"', "sh", *command] if before else command,
                env={**self.environ, **environ, **run},
                cwd=self.folder,
                stdin=file,
                capture_output=True,
                timeout=PATIENCE,
            )
        out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
        told = [json.loads(line[5:]) for line in out.splitlines() if line.startswith("LUCI ")]
        assert len(told) <= 1, "it came back more than once"
        plain = "".join(line for line in out.splitlines(keepends=True) if not line.startswith("LUCI "))
        return Ran(done.returncode, plain, err, read_report(Path(f"{state}.report")), told[0] if told else None)


@pytest.fixture(params=VERSIONS)
def every(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for every Python that can be a target."""
    return Place(tmp_path, interpreter(request.param))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, sys.executable)


# What every Python does


def test_a_missing_module_brings_luci_back(every: Place) -> None:
    ran = every.run(
        """
        import sys
        print("begun")
        def deep():
            import wanted_module
        deep()
        """,
        args=("one", "two"),
    )
    assert (ran.code, ran.out, ran.err) == (0, "begun\n", "")
    assert ran.luci and ran.luci["argv"] == ["naïve", "a\nb", '"', ran.luci["argv"][3], "😀"]
    assert ran.luci["report"] == str(every.folder / "state.json.report")
    assert ran.report
    assert (ran.report.kind, ran.report.name) == ("ModuleNotFoundError", "wanted_module")
    assert (ran.report.file, ran.report.line) == (str(every.folder / "script.py"), 5)
    assert ran.report.frames == ((ran.report.file, 6), (ran.report.file, 5))
    assert ran.report.argv == ("script.py", "one", "two")
    assert (ran.report.main, ran.report.printed) == (True, False)
    assert ran.report.seconds < PATIENCE


def test_a_missing_name_is_reported_as_an_import_error(every: Place) -> None:
    ran = every.run("from os import no_such_name")
    assert ran.report and ran.report.kind == "ImportError"
    assert ran.report.message.startswith("cannot import name")


def test_the_words_held_back_are_pythons_own(every: Place) -> None:
    code = """
        try:
            {}["ö"]
        except KeyError:
            import wanted_module  # ö
        """
    plain = every.run(code, "")
    held = every.run(code, "report")
    assert plain.report is None and "wanted_module" in plain.err
    assert (held.code, held.err, held.luci) == (plain.code, "", None)
    assert held.report and held.report.traceback == plain.err


@pytest.mark.parametrize("mode", ["exec", "report"])
def test_every_other_end_is_as_it_was(every: Place, mode: str) -> None:
    for code in (
        "print('fine')",
        "import sys; sys.exit(3)",
        "import sys; sys.exit('a word')",
        "raise SystemExit",
        "def f():\n    return 1 / 0\nf()",
        "raise KeyError('ö')",
        "import os; os._exit(7)",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "raise KeyboardInterrupt",
        "try:\n    import wanted_module\nexcept ImportError:\n    print('without')",
        "def f(): f()\nf()",
    ):
        plain, hooked = every.run(code, ""), every.run(code, mode)
        assert hooked == plain
        assert hooked.report is None


def test_the_script_cannot_tell_that_it_is_there(every: Place) -> None:
    ran = every.run(
        """
        import os, sys
        print(sys.excepthook is sys.__excepthook__)
        print([name for name in os.environ if name.startswith("LUCI_")])
        print(os.getenv("LUCI_RUN"))
        """
    )
    assert ran.out == "True\n[]\nNone\n"


def test_the_scripts_own_excepthook_still_prints(every: Place) -> None:
    ran = every.run(
        """
        import sys
        def mine(kind, value, traceback):
            sys.stderr.write("mine: %s\\n" % kind.__name__)
        sys.excepthook = mine
        import wanted_module
        """
    )
    assert ran.err in ("mine: ModuleNotFoundError\n", "mine: ImportError\n")
    assert ran.luci and ran.report
    assert (ran.report.name, ran.report.printed) == ("wanted_module", True)
    assert "wanted_module" in ran.report.traceback


def test_an_excepthook_that_calls_the_original_holds_back_too(every: Place) -> None:
    ran = every.run(
        """
        import sys
        sys.excepthook = lambda *error: sys.__excepthook__(*error)
        import wanted_module
        """
    )
    assert (ran.err, bool(ran.luci)) == ("", True)
    assert ran.report and not ran.report.printed


def test_a_forked_child_is_let_be(every: Place) -> None:
    ran = every.run(
        """
        import os, sys
        if os.fork() == 0:
            import wanted_module
        status = os.wait()[1]
        print(os.WEXITSTATUS(status))
        """
    )
    assert (ran.code, ran.out, ran.luci, ran.report) == (0, "1\n", None, None)
    assert "wanted_module" in ran.err


def test_a_child_process_is_let_be(every: Place) -> None:
    ran = every.run("import subprocess, sys; print(subprocess.call([sys.executable, '-c', 'import wanted_module']))")
    assert (ran.code, ran.out, ran.luci, ran.report) == (0, "1\n", None, None)
    assert "wanted_module" in ran.err


def test_a_script_that_replaces_itself_is_let_be(every: Place) -> None:
    ran = every.run("import os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import wanted_module'])")
    assert (ran.code, ran.luci, ran.report) == (1, None, None)


def test_all_that_the_script_wrote_is_out_before_luci_is_back(every: Place) -> None:
    ran = every.run(
        """
        import atexit, io, sys
        def later():
            sys.stdout.write("at exit\\n")
            f.write("at exit")
        atexit.register(later)
        f = open("text", "w")
        f.write("half, ")
        class Box(object): pass
        box = Box()
        box.binary = io.open("binary", "wb")
        box.binary.write(b"bytes")
        sys.stdout.write("out\\n")
        import wanted_module
        """
    )
    assert ran.out == "out\nat exit\n"
    assert ran.luci
    assert (every.folder / "text").read_text() == "half, at exit"
    assert (every.folder / "binary").read_bytes() == b"bytes"


def test_a_thread_that_misses_a_module_is_reported(every: Place) -> None:
    ran = every.run(
        """
        import sys, threading
        def work():
            import wanted_module
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print("went on")
        """
    )
    assert ran.out == "went on\n"
    assert "wanted_module" in ran.err  # at once: the main thread may wait for ever
    if every.python in (interpreter_or_none("2.7"), interpreter_or_none("3.6"), interpreter_or_none("3.7")):
        assert ran.report is None  # threading.excepthook is of 3.8
        return
    assert ran.luci and ran.report
    assert (ran.report.name, ran.report.main, ran.report.printed) == ("wanted_module", False, True)
    assert ran.report.traceback == ran.err


def interpreter_or_none(version: str) -> str | None:
    try:
        return interpreter(version)
    except pytest.skip.Exception:
        return None


def test_without_the_variable_nothing_is_done(every: Place) -> None:
    code = "import sys; print(sys.excepthook.__class__.__name__); print(sorted(sys.modules))"
    with_hook = every.run(code, "")
    (every.site / "_luci_hook.pth").unlink()
    without = every.run(code, "")
    assert with_hook.out.startswith("builtin_function_or_method")
    assert set(eval(with_hook.out.splitlines()[1])) - set(eval(without.out.splitlines()[1])) == {"_luci_hook"}


def test_under_the_variable_only_modules_written_in_c_are_imported(every: Place) -> None:
    code = "import sys; print([n for n, m in sys.modules.items() if str(getattr(m, '__file__', '')).endswith('.py')])"
    more = set(eval(every.run(code).out)) - set(eval(every.run(code, "").out))
    assert more <= {"atexit"}  # which is Python in Python 2


# Whom it acts for


def test_another_process_id_is_not_ours(place: Place) -> None:
    ran = place.run("import os; print('LUCI_RUN' in os.environ); import wanted_module", pid="1")
    assert (ran.code, ran.out, ran.luci, ran.report) == (1, "False\n", None, None)
    assert "wanted_module" in ran.err


def test_the_process_id_is_ours_when_luci_became_the_script(place: Place) -> None:
    (place.folder / "script.py").write_text("import wanted_module")
    state = place.folder / "state.json"
    become = """if True:
        import os, sys
        os.environ["LUCI_RUN"] = f"{os.getpid()}:report:{sys.argv[1]}"
        os.execv(sys.argv[2], sys.argv[2:])
    """
    command = [sys.executable, "-I", "-c", become, str(state), sys.executable, "script.py"]
    done = subprocess.run(command, env=place.environ, cwd=place.folder, capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (1, b"")
    report = read_report(Path(f"{state}.report"))
    assert report and report.name == "wanted_module"


@pytest.mark.parametrize("run", ["", "0", "0:exec", "0:exec:", "x:exec:/tmp/x", "0:other:/tmp/x"])
def test_a_variable_that_says_nothing_is_ignored(place: Place, run: str) -> None:
    ran = place.run("import wanted_module", "", environ={"LUCI_RUN": run})
    assert (ran.code, ran.luci) == (1, None)
    assert "wanted_module" in ran.err


@pytest.mark.parametrize("options", [("-i",), ("-E", "-i")])
def test_an_interactive_session_is_let_be(place: Place, options: tuple[str, ...]) -> None:
    ran = place.run("import wanted_module", options=options)
    assert (ran.luci, ran.report) == (None, None)
    assert "wanted_module" in ran.err


def test_a_session_that_turns_interactive_is_let_be(place: Place) -> None:
    ran = place.run("import os; os.environ['PYTHONINSPECT'] = '1'; import wanted_module")
    assert (ran.luci, ran.report) == (None, None)
    assert "wanted_module" in ran.err


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_the_children_of_multiprocessing_are_let_be(place: Place, method: str) -> None:
    ran = place.run(
        f"""
        import multiprocessing
        def work():
            import wanted_module
        if __name__ == "__main__":
            child = multiprocessing.get_context({method!r}).Process(target=work)
            child.start()
            child.join()
            print(child.exitcode)
        """
    )
    assert (ran.code, ran.out, ran.luci, ran.report) == (0, "1\n", None, None)
    assert "wanted_module" in ran.err


def test_a_console_inside_the_script_is_let_be(place: Place) -> None:
    ran = place.run(
        """
        import code, sys
        code.InteractiveInterpreter().runsource("import wanted_module")
        sys.excepthook(*((ImportError, ImportError("shown by hand"), None)))
        sys.exit(4)
        """
    )
    assert (ran.code, ran.luci, ran.report) == (4, None, None)
    assert "wanted_module" in ran.err and "shown by hand" in ran.err


def test_pytest_inside_the_script_is_let_be(place: Place) -> None:
    (place.folder / "test_it.py").write_text("def test_it():\n    import wanted_module\n")
    ran = place.run("import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_it.py']))")
    assert (ran.code, ran.luci, ran.report) == (1, None, None)


# What is reported


def test_causes_are_told(place: Place) -> None:
    ran = place.run(
        """
        try:
            import wanted_module
        except ImportError as error:
            raise ImportError("pip install wanted-dist", name="x", path="/y") from error
        """
    )
    assert ran.report and ran.report.message == "pip install wanted-dist"
    assert (ran.report.kind, ran.report.name, ran.report.path) == ("ImportError", "x", "/y")
    assert [(c.kind, c.name) for c in ran.report.causes] == [("ModuleNotFoundError", "wanted_module")]


def test_a_class_of_the_scripts_own_is_told(place: Place) -> None:
    ran = place.run("class Lacking(ModuleNotFoundError): pass\nraise Lacking('no')")
    assert ran.report and (ran.report.kind, ran.report.type) == ("ModuleNotFoundError", "Lacking")


def test_the_line_is_the_scripts_even_where_a_library_raised(place: Place) -> None:
    (place.folder / "site-packages").mkdir()
    (place.folder / "site-packages" / "library.py").write_text("\n\nimport wanted_module\n")
    ran = place.run("import importlib, sys\nsys.path.append('site-packages')\nimportlib.import_module('library')")
    assert ran.report
    assert (ran.report.file, ran.report.line) == (str(place.folder / "script.py"), 4)
    assert ran.report.raised_file.endswith("library.py") and ran.report.raised_line == 3


def test_the_file_is_right_after_the_script_moved(place: Place) -> None:
    ran = place.run("import os; os.chdir('/'); import wanted_module")
    assert ran.report and ran.report.file == str(place.folder / "script.py")


def test_no_file_beside_the_script_gets_in_the_way(place: Place) -> None:
    for name in ("json", "signal", "atexit", "tempfile", "gc", "time", "threading", "logging"):
        (place.folder / f"{name}.py").write_text("raise SystemError('shadowed')")
    ran = place.run("import wanted_module")
    assert ran.luci and ran.report and ran.report.name == "wanted_module"


def test_an_exception_that_cannot_be_printed_is_reported_or_let_be(place: Place) -> None:
    code = "class Odd(ImportError):\n    def __str__(self): raise ValueError\nraise Odd"
    plain, ran = place.run(code, ""), place.run(code, "report")
    assert ran.code == plain.code == 1
    assert ran.report and ran.report.traceback == plain.err


def test_where_stdin_stood_is_told(place: Place) -> None:
    (place.folder / "in").write_text("one\ntwo\n")
    ran = place.run("input(); import wanted_module", stdin=place.folder / "in")
    assert ran.report and ran.report.stdin_position == 0


def test_the_main_threads_report_wins(place: Place) -> None:
    ran = place.run(
        """
        import threading
        def work(): import wanted_by_thread
        thread = threading.Thread(target=work); thread.start(); thread.join()
        import wanted_by_main
        """
    )
    assert ran.report and (ran.report.name, ran.report.main) == ("wanted_by_main", True)
    assert "wanted_by_thread" in ran.err and "wanted_by_main" not in ran.err


def test_nothing_is_held_back_while_other_threads_go_on(place: Place) -> None:
    ran = place.run(
        """
        import sys, threading
        def work():
            while "main" not in seen: threading.Event().wait(0.01)
        class Seen(str): pass
        seen = []
        write = sys.stderr.write
        class Err:
            def write(self, text):
                seen.extend(["main"] if "wanted" in text else []); return write(text)
            def __getattr__(self, name): return getattr(sys.__stderr__, name)
        sys.stderr = Err()
        threading.Thread(target=work).start()
        import wanted_module
        """
    )
    assert "wanted_module" in ran.err
    assert ran.luci and ran.report and ran.report.printed


def test_a_report_that_cannot_be_written_costs_nothing(place: Place) -> None:
    (place.folder / "state.json.report").mkdir()
    ran = place.run("import wanted_module")
    assert (ran.code, ran.luci) == (1, None)
    assert "wanted_module" in ran.err


# How luci finds itself


def test_luci_is_as_it_was_before_the_script(place: Place) -> None:
    ran = place.run(
        """
        import os, signal
        os.environ["MINE"] = "1"
        os.environ.pop("PATH")
        os.chdir("/")
        os.umask(0o077)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        signal.alarm(3600)
        import wanted_module
        """,
        before="umask 027; trap '' HUP;",
        environ={"KEPT": "é"},
    )
    assert ran.luci
    assert ran.luci["cwd"] == str(place.folder)
    assert ran.luci["umask"] == 0o027
    assert ran.luci["alarm"] == 0
    assert ran.luci["blocked"] == []
    assert ran.luci["ignored"] == [signal.SIGHUP, signal.SIGPIPE]
    assert ran.luci["environ"]["KEPT"] == "é"
    assert "MINE" not in ran.luci["environ"] and "PATH" in ran.luci["environ"]
    assert "LUCI_RUN" not in ran.luci["environ"]


def test_a_folder_that_is_gone_does_not_keep_luci_away(place: Place) -> None:
    ran = place.run("import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); import wanted_module")
    assert ran.luci and ran.luci["cwd"] == str(place.folder)


@pytest.mark.parametrize("resume", [["/nowhere/luci"], [""], ["relative"]])
def test_where_luci_cannot_come_back_the_words_are_shown(place: Place, resume: list[str]) -> None:
    plain = place.run("import wanted_module", "")
    ran = place.run("import wanted_module", resume=resume)
    assert (ran.code, ran.err) == (1, plain.err)


def test_a_daemon_thread_does_not_keep_luci_away(place: Place) -> None:
    ran = place.run(
        """
        import threading
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        import wanted_module
        """
    )
    assert ran.luci and ran.err == ""


# The pip inside an environment


class Shim:
    """An environment whose pip is luci's, and whose luci tells what it was asked."""

    def __init__(self, folder: Path, python: str) -> None:
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
        self.env = folder / "env"
        self.python = self.env / "bin" / "python"
        site = next((self.env / "lib").glob("*/site-packages"))
        shutil.copytree(HOOK / "pip", site / "pip", ignore=shutil.ignore_patterns("__pycache__"))
        there = site / "There_is-1.5.dist-info"
        there.mkdir()
        (there / "METADATA").write_text("Metadata-Version: 2.1\nName: There.is\nVersion: 1.5\nSummary: A thing\n")
        tell = "import os, sys; print(os.environ.get('LUCI_MEMORY'), sys.argv[1:]); sys.exit(5)"
        need = [sys.executable, "-c", tell, "_need"]
        (self.env / "luci-command.json").write_text(json.dumps({"need": need}))
        self.folder = folder

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *args],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "LUCI_MEMORY": "/the/script.py"},
            timeout=PATIENCE,
        )

    def pip(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self.run("-m", "pip", *args)


@pytest.fixture(params=["3.8", f"{sys.version_info[0]}.{sys.version_info[1]}"])
def shim(request: pytest.FixtureRequest, tmp_path: Path) -> Shim:
    return Shim(tmp_path, interpreter(request.param))


def test_pip_install_asks_luci_and_changes_nothing(shim: Shim) -> None:
    before = sorted(path for path in shim.env.rglob("*") if "__pycache__" not in path.parts)
    done = shim.pip("install", "-q", "--upgrade", "-U", "--user", "wanted", "other[x]>=2; python_version > '3'")
    assert done.stdout == "/the/script.py ['_need', 'wanted', \"other[x]>=2; python_version > '3'\"]\n"
    assert done.returncode == 5
    assert before == sorted(path for path in shim.env.rglob("*") if "__pycache__" not in path.parts)


def test_pip_reads_requirements_files(shim: Shim) -> None:
    (shim.folder / "more").mkdir()
    (shim.folder / "more" / "b.txt").write_text("-r ../a.txt\nb==1 \\\n  --hash=sha256:00\n")
    (shim.folder / "a.txt").write_text("# a comment\n\na>=1  # why\n-r more/b.txt\n")
    assert "['_need', 'a>=1', 'b==1', 'c']" in shim.pip("install", "-r", "a.txt", "c").stdout


def test_pip_is_content_with_what_is_there(shim: Shim) -> None:
    done = shim.pip("install", "there-is")
    assert (done.returncode, done.stdout) == (0, "Requirement already satisfied: there-is\n")


@pytest.mark.parametrize(
    "args",
    [
        ("install",),
        ("install", "-e", "."),
        ("install", "."),
        ("install", "./x"),
        ("install", "x.whl"),
        ("install", "git+https://example.org/x"),
        ("install", "--index-url", "https://example.org", "x"),
        ("install", "-r", "nowhere.txt"),
        ("uninstall", "x"),
        ("download", "x"),
        ("list", "--outdated"),
    ],
)
def test_what_only_the_real_pip_can_do_is_refused(shim: Shim, args: tuple[str, ...]) -> None:
    done = shim.pip(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: luci's pip ") and "\nhint: " in done.stderr


def test_pip_tells_what_is_installed(shim: Shim) -> None:
    assert "There.is 1.5" in shim.pip("list").stdout
    assert {"name": "There.is", "version": "1.5"} in json.loads(shim.pip("list", "--format=json").stdout)
    assert "There.is==1.5\n" in shim.pip("freeze").stdout
    assert "Summary: A thing\n" in shim.pip("show", "there.is").stdout
    assert shim.pip("show", "nothing").returncode == 1
    assert "luci" in shim.pip("--version").stdout


@pytest.mark.parametrize("place", ["pip", "pip._internal", "pip._internal.cli.main"])
def test_pip_is_there_for_scripts_that_import_it(shim: Shim, place: str) -> None:
    done = shim.run("-c", f"import sys; from {place} import main; sys.exit(main(['install', 'wanted']))")
    assert done.stdout == "/the/script.py ['_need', 'wanted']\n"
    assert done.returncode == 5


def test_the_shim_works_on_python_2(tmp_path: Path) -> None:
    python = interpreter("2.7")
    tell = [sys.executable, "-c", "import sys; print(sys.argv[1:])"]
    code = f"import sys; sys.prefix = {str(tmp_path)!r}; import pip; sys.exit(pip.main(['install', 'wanted']))"
    (tmp_path / "luci-command.json").write_text(json.dumps({"need": tell}))
    shutil.copytree(HOOK / "pip", tmp_path / "pip")
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, "['wanted']\n")
