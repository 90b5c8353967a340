"""When a run fails for want of a module: what luci learns, adds and runs again, and what it leaves alone."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Luci, is_alive, wait_for
from tests.package_index import PackageIndex

HIDDEN = "q = __import__('quo' + 'kka')\n"  # no import statement that the source shows


def ran_again(done: Done) -> bool:
    return "running again" in done.err.lower()


def environments(luci: Luci) -> list[dict[str, object]]:
    return list(luci("env", "list", "--json").json)


# Learned, added, run again


@pytest.mark.parametrize("way", [(), ("--timeout", "50"), ("--record",)], ids=["become", "watched", "recorded"])
def test_a_module_known_only_at_run_time_is_added_and_the_script_runs_again(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", "print('began')\n" + HIDDEN + "print(q.hop())")
    done = luci("run", *way, "a.py")
    assert (done.code, done.out) == (0, "began\nbegan\nhop\n")
    assert "luci: quokka was missing" in done.err and "attempt 2" in done.err and "Traceback" not in done.err
    done = luci("run", *way, "a.py")  # which knows
    assert done.out == "began\nhop\n" and "missing" not in done.err
    if way:
        return
    assert not done.err and luci("plan", "--names", "a.py").out == "quokka\n"
    luci.write("a.py", "print('new')\n" + HIDDEN)  # what was learned outlives a change
    done = luci("run", "a.py")
    assert (done.out, done.err) == ("new\n", "")


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_several_are_added_one_after_the_other(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", "for name in ('quo' 'kka', 'thyla' 'cine', 'bil' 'by'): __import__(name)\nprint('ran')")
    done = luci("run", *way, "a.py")
    assert (done.code, done.out) == (0, "ran\n")
    assert re.findall(r"luci: (\w+) was missing", done.err) == ["quokka", "thylacine", "bilby"]
    assert "attempt 4" in done.err


def test_attempts_are_bounded(luci: Luci) -> None:
    luci.write("a.py", "print('began')\nfor name in ('quo' 'kka', 'thyla' 'cine', 'bil' 'by'): __import__(name)")
    done = luci("run", "a.py", env={"LUCI_RUN_ATTEMPTS": "2"})
    assert (done.code, done.out) == (1, "began\n" * 2)
    assert "No module named 'thylacine'" in done.err


def test_each_module_is_mended_once(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "print('began')\nraise ModuleNotFoundError(\"No module named 'quokka'\", name='quokka')")
    done = lone("run", "a.py")
    assert (done.code, done.out) == (1, "began\nbegan\n")
    assert "quokka" in done.err and done.err.lower().count("running again") == 1


@pytest.mark.parametrize("kind", ["-", "-c", "-m", "folder"])
def test_every_kind_of_script_is_mended(luci: Luci, kind: str) -> None:
    source = HIDDEN + "print(q.hop(), end='')"
    luci.write("tool/__main__.py", source)
    luci.write("module.py", source)
    words, fed = {"-": (["-"], source), "-c": (["-c", source], None), "-m": (["-m", "module"], None)}.get(
        kind, (["tool"], None)
    )
    done = luci("run", *words, input=fed)
    assert (done.code, done.out) == (0, "hop"), done.err


def test_standard_input_that_is_the_script_is_mended_from_a_file_too(luci: Luci) -> None:
    with luci.write("a.py", HIDDEN + "print(q.hop())").open("rb") as source:
        assert luci("run", "-", stdin=source.fileno()).out == "hop\n"


def test_a_local_module_that_wants_something_is_mended(luci: Luci) -> None:
    luci.write("a.py", "import importlib; print(importlib.import_module('be' + 'side').q.hop())")
    luci.write("beside.py", HIDDEN)
    assert luci("run", "a.py").out == "hop\n"


def test_a_module_that_a_package_forgot_to_require_is_added(lone: Luci, index: PackageIndex) -> None:
    index.add_wheel("six", "1.0", {"six.py": "import quokka\n"})
    lone.write("a.py", "import six; print('ran')")
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "ran\n"), done.err


def test_a_file_that_was_deleted_is_no_reason_for_an_older_release(lone: Luci, index: PackageIndex) -> None:
    for version in ("1.0", "2.0"):
        index.add_wheel("six", version, {"six/__init__.py": "", "six/deep/__init__.py": "", "six/deep/down.py": ""})
    lone.write("a.py", "import six.deep.down; from importlib.metadata import version; print(version('six'))")
    assert lone("run", "a.py").out == "2.0\n"
    shutil.rmtree(lone.site_of("a.py") / "six" / "deep" / "__pycache__")
    (lone.site_of("a.py") / "six" / "deep" / "down.py").unlink()
    assert lone("run", "a.py").out == "2.0\n"


def test_a_name_that_newer_releases_dropped_is_found_in_an_older_one(lone: Luci, index: PackageIndex) -> None:
    old = "def old():\n    return 'old'\n"
    index.add_wheel("requests", "1.0", {"requests/__init__.py": old}, uploaded="2023-01-01T00:00:00Z")
    index.add_wheel("requests", "2.0", {"requests/__init__.py": ""}, uploaded="2024-01-01T00:00:00Z")
    lone.write("a.py", "exec('from requests import old; print(old())')\nimport requests")
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "old\n"), done.err
    lone.write("attribute.py", "import requests\nprint(requests.old())")
    done = lone("run", "attribute.py")
    assert (done.code, done.out) == (0, "old\n") and ran_again(done), done.err
    lone.write("slip.py", "import requests\nprint(requests.odl())")
    done = lone("run", "slip.py")
    assert done.code == 1 and not ran_again(done)
    assert done.err.count("AttributeError: module 'requests' has no attribute 'odl'") == 1


def test_what_a_library_says_to_install_is_added_whatever_it_raises(lone: Luci, index: PackageIndex) -> None:
    says = "class Lacking(ValueError): pass\ndef go(what):\n    try:\n        import chardet\n"
    says += "    except ImportError:\n        raise Lacking(f'A form needs more:\\n\\npip install {what}') from None\n"
    index.add_wheel("requests", "1.0", {"requests.py": says})
    index.add_wheel("chardet", "1.0", {"chardet.py": ""})
    lone.write("a.py", "import requests\nrequests.go('chardet')\nprint('ran')")
    done = lone("run", "a.py")
    assert (done.code, done.out) == (0, "ran\n") and ran_again(done), done.err
    lone.write("b.py", "import requests\nrequests.go('quokka')")  # what anybody could have written there is not taken
    done = lone("run", "b.py")
    assert done.code == 1 and not ran_again(done) and "Lacking: A form needs more" in done.err


def test_imports_alone_are_repeated_however_long_they_took(luci: Luci) -> None:
    luci.write("slow.py", "import time\ntime.sleep(0.3)\n" + HIDDEN)
    luci.write("a.py", "import slow\nprint(slow.q.hop())")
    done = luci("run", "a.py", env={"LUCI_RUN_RETRY_AFTER_SECONDS": "0.1"})
    assert (done.code, done.out) == (0, "hop\n"), done.err


def test_arguments_folder_and_options_are_the_same_the_second_time(luci: Luci) -> None:
    luci.write(
        "deep/a.py", "import os, sys\nprint(sys.argv, os.getcwd(), sys.flags.optimize, os.environ['COLOUR'])\n" + HIDDEN
    )
    luci.write("vars.env", "COLOUR=blue")
    done = luci("run", "--python-arg=-O", "--env-file", "vars.env", "deep/a.py", "x", "--help")
    first, second = done.out.splitlines()
    assert first == second == f"['deep/a.py', 'x', '--help'] {luci.folder} 1 blue"


def test_a_folder_the_script_changed_to_does_not_matter(luci: Luci) -> None:
    luci.write("a.py", "import os, sys\nprint(os.getcwd())\nos.chdir('/')\nsys.argv[:] = []\n" + HIDDEN)
    assert luci("run", "a.py").out == f"{luci.folder}\n" * 2


def test_variables_the_script_changed_do_not_matter(luci: Luci) -> None:
    luci.write("a.py", "import os\nprint(os.environ.pop('COLOUR'))\nos.environ['LUCI_HOME'] = '/nowhere'\n" + HIDDEN)
    assert luci("run", "a.py", env={"COLOUR": "blue"}).out == "blue\nblue\n"


def test_commands_of_an_earlier_attempt_are_not_on_the_path(luci: Luci) -> None:
    luci.write("a.py", "import os\nprint(sum('luci_' in p for p in os.environ['PATH'].split(os.pathsep)))\n" + HIDDEN)
    assert luci("run", "a.py").out == "1\n1\n"


def test_what_the_script_may_import_is_not_lucis_when_it_comes_back(luci: Luci) -> None:
    luci.write("pyproject.toml", '[project]\nname = "mine"\nversion = "1"\n')
    luci.write("src/mine/__init__.py", "")
    luci.write("src/packaging/__init__.py", "raise SystemError('the wrong one')")
    luci.write("scripts/a.py", "import mine\n" + HIDDEN + "print('ran')")
    done = luci("run", "scripts/a.py")
    assert (done.code, done.out) == (0, "ran\n"), done.err


def test_a_word_that_is_no_text_outlives_a_mend(luci: Luci) -> None:
    luci.write("a.py", "import os, sys\nprint(os.fsencode(sys.argv[1]))\n" + HIDDEN)
    assert luci("run", "a.py", os.fsdecode(b"caf\xe9")).out == "b'caf\\xe9'\n" * 2


# Options hold through a mend


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_quiet_with_and_python_hold(luci: Luci, way: tuple[str, ...]) -> None:
    own = "{}.{}".format(*sys.version_info[:2])
    given = "__import__('thyla' + 'cine')\n"
    luci.write("a.py", f"import sys, bilby\n{HIDDEN}{given}print('%d.%d' % sys.version_info[:2])")
    words = ("run", "--quiet", "--with", "thylacine", "--python", own, *way, "a.py")
    done = luci(*words, env={"LUCI_RUN_ATTEMPTS": "2"})
    assert (done.out, done.err) == (f"{own}\n", "")


@pytest.mark.parametrize(
    "way",
    [
        pytest.param((), id="become"),
        pytest.param(("--timeout", "50"), id="watched"),
    ],
)
def test_yes_holds(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", "d = __import__('din' + 'go'); print(d.howl())")
    done = luci("run", "--yes", *way, "a.py")
    assert (done.code, done.out) == (0, "howl\n"), done.err


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_allow_holds(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", "d = __import__('din' + 'go'); print(d.howl())")
    assert luci("run", "--allow", "dingo", *way, "a.py").out == "howl\n"


def test_verbose_holds(luci: Luci) -> None:
    luci.write("a.py", HIDDEN)
    told = luci("run", "--verbose", "a.py").err
    assert told.count("planning a.py") == 2


def test_offline_holds(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "print('began')\n__import__('thyla' + 'cine')")
    done = lone("run", "--offline", "a.py")
    assert (done.code, done.out, index.requests) == (1, "began\n", [])
    assert "ModuleNotFoundError: No module named 'thylacine'" in done.err


# Where the hook cannot report, stderr is read

FINDS_PACKAGES = """
import glob, os, sys
sys.path += glob.glob(os.environ["VIRTUAL_ENV"] + "/lib/*/site-packages")
"""
AGAIN = "import os, sys\nif 'again' not in os.environ:\n    os.environ['again'] = 'yes'\n    os.execv(sys.executable, "
AGAIN += "[sys.executable, *sys.argv])\n"


@pytest.mark.parametrize("way", [(), ("--timeout", "50"), ("--record",)], ids=["alone", "watched", "recorded"])
@pytest.mark.parametrize("option", ["-S", "-uES"])
def test_without_site_a_missing_module_is_read_from_stderr(luci: Luci, way: tuple[str, ...], option: str) -> None:
    luci.write("a.py", FINDS_PACKAGES + "print('began')\n" + HIDDEN + "print(q.hop())")
    done = luci("run", *way, f"--python-arg={option}", "a.py")
    assert (done.code, done.out) == (0, "began\nbegan\nhop\n")
    assert "luci: quokka was missing (a.py:5)" in done.err and "attempt 2" in done.err
    assert done.err.count("No module named 'quokka'") == 1


def test_what_is_read_from_stderr_is_held_to_the_same_terms(luci: Luci) -> None:
    luci.write("a.py", FINDS_PACKAGES + "__import__('din' + 'go')")
    done = luci("run", "--python-arg=-S", "a.py")
    assert done.code == 1 and "--allow dingo" in done.err and not ran_again(done)
    luci.write("b.py", FINDS_PACKAGES + "open('out', 'a').write('x')\n" + HIDDEN)
    done = luci("run", "--python-arg=-S", "b.py")
    assert done.code == 1 and "the next run will work" in done.err
    assert (luci.folder / "out").read_text() == "x"


def test_a_script_without_site_still_has_its_terminal(luci: Luci) -> None:
    luci.write("a.py", FINDS_PACKAGES + HIDDEN + "print([os.isatty(n) for n in (0, 1, 2)], input('name? '), q.hop())")
    terminal = luci.terminal("run", "--python-arg=-S", "a.py")
    terminal.see("name? ")
    terminal.type("Ada\n")
    assert terminal.exit_code() == 0
    assert "[True, True, True] Ada hop" in terminal.seen


def test_who_leaves_site_out_is_told_that_nothing_installed_is_seen(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    done = luci("run", "--python-arg=-S", "a.py")
    assert (done.code, done.err.splitlines()[-1]) == (1, "luci: quokka is installed, but -S keeps Python from it.")


def test_a_script_that_starts_itself_again_is_mended_where_it_is_recorded(luci: Luci) -> None:
    luci.write("a.py", AGAIN + HIDDEN + "print(q.hop())")
    done = luci("run", "--record", "--retry", "always", "a.py")
    assert (done.code, done.out) == (0, "hop\n"), done.err


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    __import__('thyla' + 'cine')\nexcept ImportError:\n    traceback.print_exc()\n    sys.exit(1)",
        "sys.exit(subprocess.call([sys.executable, '-c', 'import thyla' + 'cine']))",
    ],
    ids=["caught", "child"],
)
def test_where_the_hook_saw_the_end_stderr_is_not_read(luci: Luci, source: str) -> None:
    luci.write("a.py", f"import subprocess, sys, traceback\n{source}")
    done = luci("run", "--record", "a.py")
    assert done.code == 1 and "No module named 'thylacine'" in done.err
    assert not ran_again(done) and "thylacine was missing" not in done.err


# Whose failure it is


def test_what_the_script_catches_is_left_alone(luci: Luci) -> None:
    luci.write("a.py", "try:\n    __import__('thyla' + 'cine')\nexcept ImportError as e:\n    print('without', e.name)")
    done = luci("run", "a.py")
    assert (done.code, done.out, done.err) == (0, "without thylacine\n", "")


def test_a_script_that_catches_and_exits_is_left_alone(luci: Luci) -> None:
    luci.write(
        "a.py", "import sys\ntry:\n    __import__('thyla' + 'cine')\nexcept ImportError:\n    sys.exit('no thylacine')"
    )
    done = luci("run", "a.py")
    assert (done.code, done.err) == (1, "no thylacine\n")


def test_its_children_are_not_mended(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        import subprocess, sys
        done = subprocess.run([sys.executable, "-c", "import thylacine"], capture_output=True, text=True)
        print(done.returncode, done.stderr.splitlines()[-1])
        """,
    )
    done = luci("run", "a.py")
    assert (done.code, done.out, done.err) == (0, "1 ModuleNotFoundError: No module named 'thylacine'\n", "")


def test_a_forked_child_is_not_mended(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        import os
        pid = os.fork()
        if pid == 0:
            __import__("thyla" + "cine")
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
    )
    done = luci("run", "a.py")
    assert (done.code, done.out) == (0, "1\n")
    assert "luci:" not in done.err and "thylacine" in done.err


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_a_script_with_its_own_excepthook_is_mended(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write(
        "a.py", "import sys\nsys.excepthook = lambda *_: print('my hook', flush=True)\n" + HIDDEN + "print('ran')"
    )
    done = luci("run", *way, "a.py")
    assert (done.code, done.out) == (0, "my hook\nran\n"), done.err


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_a_thread_is_mended(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write(
        "a.py",
        """
        import threading
        def work():
            q = __import__("quo" + "kka")
            print(q.hop())
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        """,
    )
    done = luci("run", *way, "a.py")
    assert (done.code, done.out) == (0, "hop\n"), done.err


def test_what_a_pool_of_threads_raises_is_mended(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor() as pool:
            print(pool.submit(lambda: __import__("quo" + "kka").hop()).result())
        """,
    )
    assert luci("run", "a.py").out == "hop\n"


def test_asyncio_is_mended(luci: Luci) -> None:
    luci.write("a.py", "import asyncio\nasync def f():\n    print(__import__('quo' + 'kka').hop())\nasyncio.run(f())")
    assert luci("run", "a.py").out == "hop\n"


def test_an_import_error_wrapped_in_another_error_is_the_scripts(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        try:
            __import__("thyla" + "cine")
        except ImportError as error:
            raise RuntimeError("set up first") from error
        """,
    )
    done = luci("run", "a.py")
    assert done.code == 1 and "RuntimeError: set up first" in done.err and not ran_again(done)


def test_a_submodule_of_a_local_package_is_not_looked_for_elsewhere(luci: Luci) -> None:
    luci.write("quokka/__init__.py", "")
    luci.write("a.py", "import importlib; importlib.import_module('quokka.' + 'nowhere')")
    done = luci("run", "a.py")
    assert done.code == 1 and "quokka.nowhere" in done.err and not ran_again(done)


def test_a_script_that_shadows_a_module_is_told_so(luci: Luci) -> None:
    luci.write("random.py", "")
    luci.write("a.py", "from random import choice")
    done = luci("run", "a.py")
    assert done.code == 1 and "ImportError" in done.err
    assert "luci: " in done.err and "random.py" in done.err.split("luci: ")[1]


def test_the_last_words_of_a_failure_are_the_scripts_own(luci: Luci) -> None:
    luci.write("a.py", "print('began')\nimport importlib\nimportlib.import_module('no_such_module_at_all')")
    done = luci("run", "a.py")
    own = luci.command([luci.python_of("a.py"), "a.py"])
    assert (done.code, done.out) == (1, "began\n")
    assert own.err in done.err and done.err.count("Traceback") == 1


def test_a_name_that_must_be_approved_is_not_added_by_a_mend(luci: Luci) -> None:
    luci.write("a.py", "print('began')\n__import__('din' + 'go')")
    done = luci("run", "a.py")
    assert done.out == "began\n" and done.code != 0
    assert "--allow dingo" in done.err and "ModuleNotFoundError: No module named 'dingo'" in done.err
    assert "a.py:2" in done.err


def test_a_block_is_complete_and_a_mend_does_not_add_to_it(luci: Luci) -> None:
    luci.write("a.py", '# /// script\n# dependencies = ["bilby"]\n# ///\nimport bilby\nimport thylacine\n')
    done = luci("run", "a.py")
    assert done.code == 1 and "complete" in done.err and "--with" in done.err
    assert luci("run", "--with", "thylacine", "a.py").code == 0


# Whether it may run again


@pytest.mark.parametrize(
    ("effect", "way"),
    [
        ("open('effect', 'a').write('x')", ()),
        ("import subprocess; subprocess.run(['true'])", ("--timeout", "50")),
        ("import os; os.mkdir('effect')", ()),
    ],
    ids=["file", "process, watched", "folder"],
)
def test_effects_before_the_failing_line_are_not_repeated_unasked(
    luci: Luci, effect: str, way: tuple[str, ...]
) -> None:
    luci.write("a.py", f"print('began')\n{effect}\n{HIDDEN}print(q.hop())")
    done = luci("run", *way, "a.py")
    assert (done.code, done.out) == (1, "began\n")
    assert "ModuleNotFoundError: No module named 'quokka'" in done.err and "Traceback" in done.err
    assert "line 2" in done.err and "the next run will work" in done.err
    if (luci.folder / "effect").is_dir():
        (luci.folder / "effect").rmdir()
    done = luci("run", *way, "a.py")
    assert (done.code, done.out) == (0, "began\nhop\n")


def test_effects_behind_the_failing_line_do_not_count(luci: Luci) -> None:
    luci.write("a.py", HIDDEN + "open('effect', 'a').write('x')\nprint('ran')")
    assert luci("run", "a.py").out == "ran\n"
    assert (luci.folder / "effect").read_text() == "x"


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_retry_never_prepares_and_leaves(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", "print('began')\n" + HIDDEN)
    done = luci("run", "--retry", "never", *way, "a.py")
    assert (done.code, done.out) == (1, "began\n") and "the next run will work" in done.err
    done = luci("run", "--retry", "never", *way, "a.py")
    assert (done.code, done.out, done.err) == (0, "began\n", "")


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_retry_always_repeats_effects(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", "open('effect', 'a').write('x')\n" + HIDDEN + "print('ran')")
    done = luci("run", "--retry", "always", *way, "a.py")
    assert (done.code, done.out) == (0, "ran\n")
    assert (luci.folder / "effect").read_text() == "xx"


def test_retry_ask_with_nobody_to_ask_does_not_repeat(luci: Luci) -> None:
    luci.write("a.py", "print('began')\n" + HIDDEN)
    done = luci("run", "--retry", "ask", "a.py")
    assert (done.code, done.out) == (1, "began\n") and "the next run will work" in done.err


def test_retry_can_be_set_for_good(luci: Luci) -> None:
    luci.write("a.py", "print('began')\n" + HIDDEN)
    assert luci("run", "a.py", env={"LUCI_RUN_RETRY": "never"}).out == "began\n"


@pytest.mark.parametrize(
    ("answer", "code", "way"),
    [("y\n", 0, ()), ("y\n", 0, ("--timeout", "50")), ("n\n", 1, ()), ("\n", 1, ("--timeout", "50"))],
    ids=["yes", "yes, watched", "no", "enter, watched"],
)
def test_a_person_is_asked_before_effects_are_repeated(
    luci: Luci, way: tuple[str, ...], answer: str, code: int
) -> None:
    luci.write("a.py", "open('effect', 'a').write('x')\n" + HIDDEN + "print(q.hop())")
    terminal = luci.terminal("run", *way, "a.py")
    terminal.see("Type y for yes")
    assert "line 1 writes files" in terminal.seen
    terminal.type(answer)
    assert terminal.exit_code() == code
    assert terminal.seen.endswith("hop\n") == (code == 0)


def test_a_person_is_asked_for_a_name_that_nobody_vouches_for(luci: Luci) -> None:
    luci.write("a.py", "import dingo; print(dingo.howl())")
    terminal = luci.terminal("run", "a.py")
    terminal.see("Type y for yes")
    assert "Install dingo?" in terminal.seen and "1 release" in terminal.seen and "a.py:1" in terminal.seen
    terminal.type("y\n")
    assert terminal.exit_code() == 0 and terminal.seen.endswith("howl\n")
    done = luci("run", "a.py")
    assert (done.code, done.out, done.err) == (0, "howl\n", "")


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "yes please\n"])
def test_anything_but_yes_is_no(luci: Luci, answer: str) -> None:
    luci.write("a.py", "import dingo; print('ran')")
    terminal = luci.terminal("run", "a.py")
    terminal.see("Type y for yes")
    terminal.type(answer)
    assert terminal.exit_code() == 126 and "ran\n" not in terminal.seen


def test_ctrl_c_at_a_question_leaves_without_a_word(luci: Luci) -> None:
    luci.write("a.py", "import dingo; print('ran')")
    terminal = luci.terminal("run", "a.py")
    terminal.see("Type y for yes")
    terminal.type("\x03")
    assert terminal.exit_code() == 130 and "Traceback" not in terminal.seen


# The gate


@pytest.mark.parametrize("words", [["a.py"], ["-c", "import dingo"]])
def test_with_nobody_to_ask_it_refuses_and_prints_the_flag(luci: Luci, words: list[str]) -> None:
    luci.write("a.py", "import dingo; print('ran')")
    done = luci("run", *words)
    assert (done.code, done.out) == (126, "")
    assert "--allow dingo" in done.err and "1 release" in done.err
    done = luci("run", "--allow", "dingo", *words)
    assert done.code == 0


def test_what_was_allowed_once_is_remembered_for_this_script_only(luci: Luci) -> None:
    luci.write("a.py", "import dingo; print('ran')")
    luci.write("b.py", "import dingo; print('ran')")
    assert luci("run", "--allow", "Dingo", "a.py").out == "ran\n"
    assert luci("run", "a.py").out == "ran\n"
    assert luci("run", "b.py").code == 126


def test_yes_answers_every_question(luci: Luci) -> None:
    luci.write("a.py", "import dingo; print('ran')")
    assert luci("run", "--yes", "a.py").out == "ran\n"


# Standard input


READS = "import sys\ntext = sys.stdin.read()\n"


@pytest.mark.parametrize("way", [(), ("--timeout", "50")], ids=["become", "watched"])
def test_piped_input_is_given_again_to_the_second_attempt(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", READS + HIDDEN + "print(len(text), q.hop())")
    done = luci("run", *way, "a.py", input="x" * 200_000)
    assert (done.code, done.out) == (0, "200000 hop\n"), done.err


@pytest.mark.parametrize(
    "way",
    [
        pytest.param((), id="become"),
        pytest.param(("--timeout", "50"), id="watched"),
    ],
)
def test_input_from_a_file_is_wound_back(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write("a.py", READS + HIDDEN + "print(repr(text), q.hop())")
    with luci.write("text", "one\ntwo\nthree\n").open("rb", buffering=0) as text:
        text.read(4)
        done = luci("run", *way, "a.py", stdin=text.fileno())
    assert (done.code, done.out) == (0, "'two\\nthree\\n' hop\n"), done.err


def test_piped_input_that_was_read_where_the_source_does_not_show_it_stops_the_rerun(luci: Luci) -> None:
    luci.write("beside.py", "import os\nget = os.read\n")
    luci.write("a.py", "import beside\ntext = beside.get(0, 100)\n" + HIDDEN + "print(text)")
    done = luci("run", "a.py", input="abc")
    assert done.out in ("b'abc'\n", "")
    assert done.out or (done.code == 1 and "the next run will work" in done.err)


def test_piped_input_that_a_local_module_reads_is_given_again(luci: Luci) -> None:
    luci.write("beside.py", "import sys\ndef get():\n    return sys.stdin.read()\n")
    luci.write("a.py", "import beside\ntext = beside.get()\n" + HIDDEN + "print(text)")
    assert luci("run", "a.py", input="abc").out == "abc\n"


def test_the_second_run_of_a_mended_filter_reads_its_pipe(luci: Luci) -> None:
    luci.write("a.py", READS + HIDDEN + "print(text, q.hop())")
    luci("run", "a.py", input="first")
    done = luci("run", "a.py", input="second")
    assert (done.out, done.err) == ("second hop\n", "")


def test_a_filter_passes_what_it_reads_at_once(luci: Luci) -> None:
    luci.write("a.py", "import sys, quokka\nfor line in sys.stdin:\n    print(line.strip()[::-1], flush=True)")
    process = luci.start("run", "a.py")
    assert process.stdin is not None and process.stdout is not None
    for word in (b"one", b"two"):
        process.stdin.write(word + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == word[::-1] + b"\n"
    process.stdin.close()
    assert process.wait(60) == 0


# Time and interruption


def test_a_time_out_ends_the_script_and_its_children(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        import subprocess, sys, signal
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
        open("pid", "w").write(str(child.pid))
        signal.pause()
        """,
    )
    luci("run", "--dry-run", "a.py")
    done = luci("run", "--timeout", "1.5", "a.py")
    assert done.code == 124 and "--timeout" in done.err
    pid = int((luci.folder / "pid").read_text())
    wait_for(lambda: not is_alive(pid))


def test_a_script_that_ends_in_time_is_not_told_of(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    done = luci("run", "--timeout", "50", "a.py")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("way", [(), ("--timeout", "50"), ("--record",)], ids=["become", "watched", "recorded"])
def test_ctrl_c_ends_the_script_and_its_children(luci: Luci, way: tuple[str, ...]) -> None:
    luci.write(
        "a.py",
        """
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        print("pid", child.pid, "ready", flush=True)
        while True:  # pause() could begin when the signal has just come, and wait for another
            time.sleep(0.05)
        """,
    )
    terminal = luci.terminal("run", *way, "a.py")
    terminal.see("ready")
    pid = int(terminal.seen.split("pid ")[1].split()[0])
    terminal.type("\x03")
    assert terminal.exit_code() in (130, -2)
    wait_for(lambda: not is_alive(pid))


def test_closing_the_terminal_ends_the_script(luci: Luci) -> None:
    luci.write("a.py", "import os, signal; print('pid', os.getpid(), 'ready', flush=True)\nwhile True: signal.pause()")
    terminal = luci.terminal("run", "--timeout", "50", "a.py")
    terminal.see("ready")
    pid = int(terminal.seen.split("pid ")[1].split()[0])
    os.close(terminal.fd)
    terminal.fd = os.open(os.devnull, os.O_RDONLY)
    wait_for(lambda: not is_alive(pid))


def test_ctrl_c_while_it_builds_leaves_nothing_half_made(lone: Luci, index: PackageIndex) -> None:
    lone.write("a.py", "import yaml; print('ran')")
    index.fail("/files/", "hang")
    terminal = lone.terminal("run", "a.py")
    wait_for(lambda: any(path.startswith("/files/") for path in index.requests))
    terminal.type("\x03")
    code = terminal.exit_code()
    index.recover()
    assert code == 130 and "Traceback" not in terminal.seen
    assert environments(lone) == [] and list(Path(lone.environ["LUCI_HOME"]).glob("data/envs/luci_*")) == []
    assert lone("run", "a.py").out == "ran\n"


# A script that calls pip itself


PIP = "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'quokka'], check=True)\n"


def test_what_a_script_asks_of_pip_goes_to_its_next_plan(luci: Luci) -> None:
    luci.write("a.py", PIP + "import importlib\nprint(importlib.import_module('quo' + 'kka').hop())")
    done = luci("run", "a.py")
    assert done.code == 0 and done.out.endswith("hop\n"), done.err
    assert luci("plan", "--names", "a.py").out == "quokka\n"


def test_a_script_that_installs_when_an_import_fails_works(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        try:
            import thylacine
        except ImportError:
            import subprocess, sys
            subprocess.check_call([sys.executable, "-m", "pip", "install", "-q", "thylacine"])
            import thylacine
        print(thylacine.lick())
        """,
    )
    done = luci("run", "a.py")
    assert done.code == 0 and done.out.endswith("lick\n"), done.err


def test_shared_files_stay_unaltered_when_a_script_calls_pip(luci: Luci) -> None:
    luci.write("plain.py", "")
    luci("run", "plain.py")
    site = luci.site_of("plain.py")
    before = {path: path.stat().st_mtime_ns for path in site.rglob("*") if "__pycache__" not in path.parts}
    luci.write("a.py", PIP)
    assert luci("run", "a.py").code == 0
    assert {path: path.stat().st_mtime_ns for path in site.rglob("*") if "__pycache__" not in path.parts} == before
    assert luci("env", "verify", "plain.py").code == 0


def test_pip_does_not_let_in_what_nobody_vouches_for(luci: Luci) -> None:
    luci.write("a.py", PIP.replace("quokka", "dingo") + "print('went on')")
    done = luci("run", "a.py")
    assert done.code == 1 and "went on" not in done.out
    assert "dingo was not approved" in done.err and "hint" in done.err


def test_what_pip_prints_of_luci_is_a_way_to_go_on(luci: Luci) -> None:
    luci.write("a.py", PIP.replace("quokka", "dingo") + "import dingo; print(dingo.howl())")
    luci("run", "a.py")
    done = luci("run", "--allow", "dingo", "a.py")
    assert done.code == 0 and done.out.endswith("howl\n"), done.err


def test_a_relative_script_that_changes_folder_can_call_pip(luci: Luci) -> None:
    luci.write("deep/a.py", "import os; os.chdir('/')\n" + PIP + "print(__import__('quo' + 'kka').hop())")
    assert luci("run", "deep/a.py").out.endswith("hop\n")


PIP_THEN_USE = PIP + "print(__import__('quo' + 'kka').hop())"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["-c", PIP_THEN_USE], id="code"),
        pytest.param(["-"], id="stdin"),
        pytest.param(["-m", "module"], id="module"),
    ],
)
def test_code_without_a_file_can_call_pip(luci: Luci, words: list[str]) -> None:
    luci.write("module.py", PIP_THEN_USE)
    done = luci("run", *words, input=PIP_THEN_USE if words == ["-"] else None)
    assert done.code == 0 and done.out.endswith("hop\n"), done.err


def test_what_an_inner_run_asks_of_pip_is_not_the_outer_scripts(luci: Luci) -> None:
    inner = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'pip', 'install', 'bilby'])"
    luci.write(
        "outer.py", f"import subprocess\nsubprocess.run([{sys.executable!r}, '-m', 'luci', 'run', '-c', {inner!r}])"
    )
    luci("run", "outer.py")
    assert luci("plan", "--names", "outer.py").out == ""


def test_a_run_is_mended_also_where_the_folder_of_running_scripts_is_gone(lone: Luci) -> None:
    guarded = "if os.path.exists('now'): __import__('thyla'.__add__(os.environ['END']))"
    lone.write("late.py", f"import os, quokka\n{guarded}\nprint('well')\n")
    assert lone("run", "late.py").out == "well\n"
    (lone.folder / "now").touch()
    shutil.rmtree(Path(lone.environ["LUCI_HOME"], "state", "running"))
    done = lone("run", "late.py", env={"END": "cine"})
    assert done.out == "well\n" and "thylacine was missing" in done.err
