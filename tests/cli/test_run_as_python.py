"""The script sees what it would see from its own Python: the same run both ways, compared to the byte."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Luci, Terminal

# how luci comes to the script: it plans and becomes it, it knows the way already, or it stays the parent
LUCI = Path(sys.executable).with_name("luci")  # the command as it was installed
WAYS = ("first", "warm", "watched")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def by_luci(luci: Luci, way: str, *words: str, **options: object) -> Done:
    """Run a script by luci in one of three ways."""
    if way == "warm":
        luci("run", *words, **options)
    return luci("run", *(["--timeout", "50"] if way == "watched" else []), *words, **options)


def by_python(luci: Luci, *words: str, **options: object) -> Done:
    """Run the same with the environment's own Python; nothing of luci takes part."""
    return luci.command([luci.python_of(words[0]), *words], **options)  # type: ignore[arg-type]


def same(luci: Luci, way: str, *words: str, **options: object) -> Done:
    """Run both ways and return what both did."""
    luci_did = by_luci(luci, way, *words, **options)
    python_did = by_python(luci, *words, **options)
    assert luci_did == python_did
    return luci_did


# What it is told


LOOK = """
    import json, os, quokka, sys
    beside = [name for name in ("__doc__", "__spec__", "__package__", "__cached__") if globals().get(name)]
    print(json.dumps({
        "argv": sys.argv, "orig_argv": sys.orig_argv[1:], "file": __file__, "name": __name__, "path": sys.path,
        "cwd": os.getcwd(), "prefix": sys.prefix, "executable": sys.executable, "beside": beside,
        "main": sys.modules["__main__"].__dict__ is globals(), "hooks": [sys.excepthook is sys.__excepthook__],
        "flags": str(sys.flags), "encoding": [sys.stdin.encoding, sys.stdout.encoding, sys.getfilesystemencoding()],
        "errors": [sys.stdin.errors, sys.stdout.errors, sys.stderr.errors], "umask": os.umask(0o22),
        "buffered": sys.stdout.line_buffering, "pid is group": os.getpgrp() == os.getpid(),
    }, indent=1))
"""


def test_its_names_its_words_and_its_path(luci: Luci, way: str) -> None:
    luci.write("a.py", LOOK.replace('"pid is group": os.getpgrp() == os.getpid(),', ""))
    assert same(luci, way, "a.py", "x", "--help", "", "ü", "a b").code == 0


def test_the_same_from_another_folder(luci: Luci, way: str) -> None:
    luci.write("deep/down/a.py", LOOK.replace('"pid is group": os.getpgrp() == os.getpid(),', ""))
    assert same(luci, way, "deep/down/../down/a.py").code == 0


def test_words_that_are_no_text_arrive_unchanged(luci: Luci, way: str) -> None:
    luci.write("a.py", "import os, sys; sys.stdout.buffer.write(os.fsencode(sys.argv[1]))")
    word = os.fsdecode(b"caf\xe9 \xff")
    assert same(luci, way, "a.py", word).stdout == b"caf\xe9 \xff"


def test_a_folder_is_the_first_of_its_path(luci: Luci, way: str) -> None:
    luci.write("tool/__main__.py", "import sys; print(__file__, __name__, sys.argv, sys.path, __spec__ is None)")
    assert same(luci, way, "tool", "x").code == 0


def test_a_module_sees_its_package(luci: Luci) -> None:
    luci.write("tool/__init__.py", "")
    luci.write("tool/__main__.py", "import sys, quokka; print(__package__, __spec__.name, sys.argv, sys.path)")
    luci.write("needs.py", "import quokka")
    luci("run", "needs.py")
    did = luci("run", "-m", "tool", "x")
    assert did == luci.command([luci.python_of("needs.py"), "-m", "tool", "x"])
    assert did.code == 0


def test_code_and_standard_input_see_what_they_would(luci: Luci) -> None:
    code = "import sys, quokka; print(sys.argv, sys.path, __name__, globals().get('__file__'))"
    luci.write("needs.py", "import quokka")
    luci("run", "needs.py")
    python = luci.python_of("needs.py")
    assert luci("run", "-c", code, "x") == luci.command([python, "-c", code, "x"])
    assert luci("run", "-", "x", input=code) == luci.command([python, "-", "x"], input=code)


def test_a_traceback_shows_the_lines_it_would(luci: Luci, way: str) -> None:
    luci.write("a.py", "import quokka\n\ndef f():\n    raise ValueError('wrong')\n\nf()\n")
    did = same(luci, way, "a.py")
    assert did.code == 1 and did.err.startswith("Traceback") and "wrong" in did.err


def test_a_module_that_nobody_has_fails_as_it_would(luci: Luci, way: str) -> None:
    luci.write("a.py", "import quokka\nprint('began')\nraise ModuleNotFoundError(\"No module named 'x'\")\n")
    did = by_luci(luci, way, "a.py")
    own = by_python(luci, "a.py")
    assert (did.code, did.out) == (own.code, own.out) == (1, "began\n")
    assert own.err in did.err


# Nothing of the host's Python


def test_pythonpath_is_left_out(luci: Luci, way: str) -> None:
    luci.write("host/stray.py", "")
    luci.write("a.py", "import importlib.util as u, os; print(u.find_spec('stray'), os.environ.get('PYTHONPATH'))")
    assert by_luci(luci, way, "a.py", env={"PYTHONPATH": str(luci.folder / "host")}).out == "None None\n"


def test_pythonpath_is_seen_where_it_was_asked_for(luci: Luci) -> None:
    luci.write("host/stray.py", "")
    luci.write("a.py", "import importlib.util as u; print(u.find_spec('stray') is not None)")
    environ = {"PYTHONPATH": str(luci.folder / "host")}
    assert luci("run", "--keep-pythonpath", "a.py", env=environ).out == "True\n"


def test_the_users_site_is_left_out(luci: Luci, way: str) -> None:
    base = luci.folder / "userbase"
    luci.write("a.py", "import importlib.util as u, site, sys; print(u.find_spec('stray'), site.ENABLE_USER_SITE)")
    for minor in range(8, 16):
        luci.write(f"userbase/lib/python3.{minor}/site-packages/stray.py", "")
    assert by_luci(luci, way, "a.py", env={"PYTHONUSERBASE": str(base)}).out == "None False\n"


def test_lucis_own_packages_are_not_seen(luci: Luci, way: str) -> None:
    luci.write("a.py", "import importlib.util as u; print([u.find_spec(n) for n in ('luci', 'rich', 'filelock')])")
    assert by_luci(luci, way, "a.py").out == "[None, None, None]\n"


def test_pythonhome_and_another_environment_do_no_harm(luci: Luci, way: str) -> None:
    luci.write("a.py", "import quokka, os; print(quokka.hop(), 'PYTHONHOME' in os.environ)")
    environ = {"VIRTUAL_ENV": "/nowhere", "CONDA_PREFIX": "/nowhere", "UV_PYTHON": "3.8"}
    assert by_luci(luci, way, "a.py", env=environ).out == "hop False\n"


def test_the_other_variables_are_as_they_were(luci: Luci, way: str) -> None:
    ours = "('LUCI_MEMORY', 'LUCI_COMMANDS', 'LUCI_TREE', 'VIRTUAL_ENV', 'PATH')"
    luci.write("a.py", f"import os; print({{k: v for k, v in sorted(os.environ.items()) if k not in {ours}}})")
    assert same(luci, way, "a.py", env={"COLOUR": "blue", "EMPTY": ""}).code == 0


def test_other_variables_of_python_are_heard(luci: Luci, way: str) -> None:
    luci.write("a.py", "import sys; print(sys.flags.utf8_mode, sys.flags.dont_write_bytecode, hash('a'))")
    environ = {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "7"}
    assert same(luci, way, "a.py", env=environ).out.startswith("1 1 ")


def test_commands_of_the_environment_are_found_first(luci: Luci, way: str) -> None:
    luci.write("a.py", "import quokka, shutil, sys; print(shutil.which('python') == sys.executable)")
    assert by_luci(luci, way, "a.py").out == "True\n"


def test_its_children_use_the_same_packages(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        "import quokka, subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import quokka; print(quokka.hop())'])",
    )
    assert by_luci(luci, way, "a.py").out == "hop\n"


def test_multiprocessing_works(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        """
        import multiprocessing, quokka

        def double(n):
            return 2 * n

        if __name__ == "__main__":
            for method in multiprocessing.get_all_start_methods():
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(pool.map(double, range(3)))
        """,
    )
    did = by_luci(luci, way, "a.py")
    assert did.code == 0 and set(did.out.splitlines()) == {"[0, 2, 4]"}, did.err


# Its streams


def test_bytes_go_through_standard_input_and_output_unchanged(luci: Luci, way: str) -> None:
    luci.write("a.py", "import sys, quokka; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])")
    data = bytes(range(256)) * 4000
    assert same(luci, way, "a.py", input=data).stdout == data[::-1]


def test_what_goes_to_stderr_stays_there(luci: Luci, way: str) -> None:
    luci.write("a.py", "import sys; sys.stderr.buffer.write(b'\\xff\\0'); sys.stdout.buffer.write(b'\\xfe')")
    did = same(luci, way, "a.py")
    assert (did.stdout, did.stderr) == (b"\xfe", b"\xff\0")


def test_standard_input_that_is_closed_stays_closed(luci: Luci, way: str) -> None:
    luci.write("a.py", "import sys; print(sys.stdin)")
    luci("run", "a.py")
    options = "--timeout 50 " if way == "watched" else ""
    shell = f"{sys.executable} -m luci run {options}a.py <&-"
    assert luci.command(["sh", "-c", shell]).out == luci.command(["sh", "-c", f"{luci.python_of('a.py')} a.py <&-"]).out


def test_what_a_script_leaves_unread_is_there_for_the_next(luci: Luci, way: str) -> None:
    luci.write("a.py", "import os; print(os.read(0, 3))")
    luci("run", "a.py")
    luci.write("text", "abcdef")
    options = "--timeout 50 " if way == "watched" else ""
    shell = f"(exec <text; {sys.executable} -m luci run {options}a.py; cat)"
    assert luci.command(["sh", "-c", shell]).out == "b'abc'\ndef"


def test_what_is_written_before_a_hard_end_is_what_it_would_be(luci: Luci, way: str) -> None:
    luci.write("a.py", "import os; os.write(1, b'one'); print('lost'); os._exit(9)")
    did = same(luci, way, "a.py")
    assert (did.code, did.stdout) == (9, b"one")


def test_a_reader_that_leaves_is_noticed_by_the_script(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        """
        import os, sys
        try:
            while True:
                print("y" * 1000)
        except BrokenPipeError:
            os.write(2, b"noticed")
            os._exit(3)
        """,
    )
    options = "--timeout 50 " if way == "watched" else ""
    run = f"{sys.executable} -m luci run {options}a.py"
    if way == "warm":
        luci.command(["sh", "-c", f"{run} | head -c 1"])
    assert luci.command(["sh", "-c", f"({run}; echo $? >&2) | head -c 1"]).err == "noticed3\n"


def test_open_files_of_the_shell_reach_it(luci: Luci) -> None:
    luci.write("a.py", "import os; os.write(7, b'seven')")
    luci("run", "--dry-run", "a.py")
    assert luci.command(["sh", "-c", f"{sys.executable} -m luci run a.py 7>&1"]).out == "seven"


# How it ends


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit(256 + 5)", 5),
        ("sys.exit(-1)", 255),
        ("sys.exit('words')", 1),
        ("raise KeyError('x')", 1),
        ("raise SystemExit(126)", 126),
        ("os._exit(17)", 17),
        ("sys.exit(124)", 124),
    ],
)
def test_its_exit_code_is_lucis(luci: Luci, way: str, end: str, code: int) -> None:
    luci.write("a.py", f"import os, sys, quokka\nprint('ran', flush=True)\n{end}\n")
    assert same(luci, way, "a.py").code == code


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGSEGV", "SIGINT", "SIGPIPE"])
def test_a_signal_that_kills_it_is_what_the_shell_sees(luci: Luci, way: str, name: str) -> None:
    number = getattr(signal, name)
    if_it_can = "" if name == "SIGKILL" else f"signal.signal({number}, signal.SIG_DFL); "
    luci.write("a.py", f"import os, signal; {if_it_can}os.kill(os.getpid(), {number})")
    luci("run", "--dry-run", "a.py")
    options = "--timeout 50 " if way == "watched" else ""
    if way == "warm":
        luci("run", "a.py")
    shell = luci.command(["bash", "-c", f"{sys.executable} -m luci run {options}a.py; echo $?"])
    assert shell.out == f"{128 + number}\n"


def test_a_signal_to_luci_reaches_the_script(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print("ready", flush=True)
        while True:
            time.sleep(0.05)
        """,
    )
    luci("run", "--dry-run", "a.py")
    process = luci.start("run", *(["--timeout", "50"] if way == "watched" else []), "a.py")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 7


def test_ignored_signals_stay_ignored(luci: Luci, way: str) -> None:
    luci.write("a.py", "import signal; print([n for n in range(1, 32) if signal.getsignal(n) == signal.SIG_IGN])")
    luci("run", "a.py")
    options = "--timeout 50 " if way == "watched" else ""
    trap = "trap '' HUP USR1; exec"
    luci_did = luci.command(["bash", "-c", f"{trap} {sys.executable} -m luci run {options}a.py"])
    assert luci_did.out == luci.command(["bash", "-c", f"{trap} {luci.python_of('a.py')} a.py"]).out


def test_what_it_registered_for_its_end_is_done(luci: Luci, way: str) -> None:
    luci.write("a.py", "import atexit, sys, quokka; atexit.register(print, 'goodbye'); sys.exit(4)")
    did = same(luci, way, "a.py")
    assert (did.code, did.out) == (4, "goodbye\n")


def test_a_process_that_it_leaves_behind_goes_on(luci: Luci, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    luci.write(
        "a.py",
        f"""
        import subprocess, sys
        code = "open({str(fifo)!r}, 'w').write('still here')"
        subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=-3, stderr=-3)
        """,
    )
    assert luci("run", "a.py").code == 0
    assert fifo.read_text() == "still here"


# On a terminal


def on_terminal(luci: Luci, way: str, *words: str) -> Terminal:
    if way == "warm":
        luci("run", *words)
    return luci.terminal("run", *(["--timeout", "50"] if way == "watched" else []), *words)


def test_a_terminal_is_a_terminal(luci: Luci, way: str) -> None:
    luci.write("a.py", "import os, quokka; print([os.isatty(n) for n in (0, 1, 2)], os.tcgetpgrp(0) == os.getpgrp())")
    terminal = on_terminal(luci, way, "a.py")
    assert terminal.exit_code() == 0
    assert terminal.seen.endswith("[True, True, True] True\n")


def test_a_recorded_script_has_a_terminal_too(luci: Luci) -> None:
    luci.write("a.py", "import os, quokka; print([os.isatty(n) for n in (0, 1, 2)], input('name? '))")
    terminal = luci.terminal("run", "--record", "a.py")
    terminal.see("name? ")
    terminal.type("Ada\n")
    assert terminal.exit_code() == 0
    assert "[True, True, True] Ada" in terminal.seen
    assert "Ada" in luci("runs", "log").out


def test_it_can_ask(luci: Luci, way: str) -> None:
    luci.write("a.py", "import quokka; print('Hello', input('name? '))")
    terminal = on_terminal(luci, "first" if way == "warm" else way, "a.py")
    terminal.see("name? ")
    terminal.type("Ada\n")
    assert terminal.exit_code() == 0 and terminal.seen.endswith("Hello Ada\n")


def test_ctrl_c_ends_it_as_it_would(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        """
        import time, quokka
        try:
            print("ready", flush=True)
            while True:
                time.sleep(0.05)
        finally:
            print("tidied")
        """,
    )
    terminal = on_terminal(luci, "first" if way == "warm" else way, "a.py")
    terminal.see("ready")
    terminal.type("\x03")
    code = terminal.exit_code()
    assert code in (130, -signal.SIGINT)
    assert "tidied" in terminal.seen and "KeyboardInterrupt" in terminal.seen
    assert "luci/" not in terminal.seen


def test_ctrl_c_that_it_catches_is_its_own(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGINT, lambda *_: sys.exit(5))
        print("ready", flush=True)
        while True:
            time.sleep(0.05)
        """,
    )
    terminal = on_terminal(luci, "first" if way == "warm" else way, "a.py")
    terminal.see("ready")
    terminal.type("\x03")
    assert terminal.exit_code() == 5


def test_standard_input_on_a_terminal_can_be_the_script(luci: Luci) -> None:
    terminal = luci.terminal("run", "-")
    terminal.type("import quokka\nprint(quokka.hop())\n\x04")
    assert terminal.exit_code() == 0
    assert terminal.seen.endswith("hop\n")


# The machinery shows nowhere


def test_the_hook_stays_asleep_where_luci_did_not_start_the_process(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    did = luci.command([luci.python_of("a.py"), "-c", "import no_such_module"])
    assert did.code == 1 and "luci" not in did.err.replace(str(luci.folder), "")


def test_no_variable_brings_luci_back_in_a_child(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        "import os, subprocess; print('LUCI_RUN' in os.environ); subprocess.run('env | grep -c LUCI_RUN=', shell=True)",
    )
    assert by_luci(luci, way, "a.py").out in ("False\n0\n", "0\nFalse\n")


def test_modules_that_the_hook_does_not_need_are_not_loaded(luci: Luci, way: str) -> None:
    luci.write("a.py", "import sys; print(sorted(set(sys.modules)))")
    mine = set(eval(by_luci(luci, way, "a.py").out))
    own = set(eval(by_python(luci, "a.py").out))
    assert mine - own <= {"atexit", "_signal", "time"}


SHADOWS = ("atexit", "gc", "json", "os", "requests", "rich", "signal", "threading", "time", "types", "typing")


def shadowed(luci: Luci) -> None:
    """Put files beside the script that stand before what luci and its hook might import."""
    for name in SHADOWS:
        luci.write(f"{name}.py", "raise SystemError('the wrong one')")


def test_files_beside_the_script_are_not_the_hooks(luci: Luci, way: str) -> None:
    shadowed(luci)
    luci.write("a.py", "print('ran')\nimport no_such_thing")
    did = luci.command([LUCI, "run", *(["--timeout", "50"] if way == "watched" else []), "a.py"])
    assert (did.code, did.out) == (1, "ran\n") and "SystemError" not in did.err


def test_files_in_this_folder_are_not_lucis_when_it_comes_back(luci: Luci) -> None:
    shadowed(luci)
    luci.write("a.py", "__import__('quo' + 'kka'); print('ran')")
    did = luci.command([LUCI, "run", "a.py"])
    assert (did.code, did.out) == (0, "ran\n"), did.err


def test_files_in_this_folder_are_not_lucis_when_it_is_started_as_a_module(luci: Luci) -> None:
    for name in ("argparse", "json", "packaging", "random", "requests", "rich", "tempfile"):
        luci.write(f"{name}.py", "raise SystemError('the wrong one')")
    luci.write("a.py", "print('ran')")
    did = luci("run", "a.py")
    assert (did.code, did.out) == (0, "ran\n"), did.err


def test_a_deep_recursion_and_much_output_pass(luci: Luci, way: str) -> None:
    luci.write("a.py", "import quokka\nfor n in range(100_000): print(n)\ndef f(): f()\nf()\n")
    did = by_luci(luci, way, "a.py")
    assert did.code == 1 and did.out.count("\n") == 100_000 and "RecursionError" in did.err


def test_python_that_asks_for_its_own_source_finds_it(luci: Luci, way: str) -> None:
    luci.write("a.py", "import inspect, sys\ndef f():\n    return 42\nprint(inspect.getsource(f), end='')")
    assert same(luci, way, "a.py").out == "def f():\n    return 42\n"


def test_pickles_and_dataclasses_know_their_module(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        """
        import dataclasses, pickle
        @dataclasses.dataclass
        class Point:
            x: int
        print(pickle.loads(pickle.dumps(Point(1))), Point.__module__)
        """,
    )
    assert same(luci, way, "a.py").out == "Point(x=1) __main__\n"


def test_asyncio_runs(luci: Luci, way: str) -> None:
    luci.write(
        "a.py",
        "import asyncio, quokka\nasync def f():\n    await asyncio.sleep(0)\n    print('done')\nasyncio.run(f())",
    )
    assert same(luci, way, "a.py").out == "done\n"


def test_the_process_is_the_one_that_was_started(luci: Luci) -> None:
    luci.write("a.py", "import os; print(os.getpid())")
    process = luci.start("run", "a.py")
    told, _ = process.communicate(timeout=60)
    assert int(told) == process.pid
