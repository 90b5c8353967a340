"""`luci.api`: what the command line can do, for programs; asked in a process of its own, as a program would."""

from __future__ import annotations

import sys
import textwrap

import pytest

from tests.cli.conftest import Done, Luci

pytestmark = pytest.mark.each_python


def program(luci: Luci, source: str, **env: str) -> Done:
    """Run a program that uses luci.api, in luci's own Python."""
    return luci.command([sys.executable, "-c", "from luci import api\n" + textwrap.dedent(source)], env=env)


def test_run_returns_what_a_script_wrote_and_prints_nothing(luci: Luci) -> None:
    luci.write(
        "a.py", "import sys, quokka; print(quokka.hop(), sys.argv[1:]); print('e', file=sys.stderr); sys.exit(3)"
    )
    done = program(luci, "r = api.run('a.py', 'x', 'y'); print((r.exit_code, r.stdout, r.stderr))")
    assert done.out == "(3, \"hop ['x', 'y']\\n\", 'e\\n')\n", done.err
    assert done.err == ""


def test_run_mends(luci: Luci) -> None:
    luci.write("a.py", "print('began')\nprint(__import__('quo' + 'kka').hop())")
    done = program(luci, "r = api.run('a.py'); print((r.exit_code, r.stdout))")
    assert done.out.startswith("(0, ") and "hop" in done.out, done.err


def test_a_module_that_no_hook_reports_is_read_from_what_was_written(luci: Luci) -> None:
    luci.write(
        "a.py",
        """
        import os, sys
        if "again" not in os.environ:
            os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "again": "yes"})
        print(__import__("quo" + "kka").hop())
        """,
    )
    done = program(luci, "r = api.run('a.py'); print((r.exit_code, r.stdout))", LUCI_RUN_RETRY="always")
    assert done.out == "(0, 'hop\\n')\n", done.err


def test_the_output_of_a_mended_run_is_that_of_the_run_that_worked(luci: Luci) -> None:
    luci.write("a.py", "print('began')\nprint(__import__('quo' + 'kka').hop())")
    done = program(luci, "r = api.run('a.py'); print(repr(r.stdout))")
    assert done.out == "'began\\nhop\\n'\n"


def test_run_tells_every_event_to_who_listens(luci: Luci) -> None:
    luci.write("a.py", "import quokka; print('x')")
    done = program(luci, "api.run('a.py', listen=lambda event: print(type(event).__name__))")
    names = done.out.split()
    assert {"Planned", "Started", "Output", "Ended"} <= set(names) and names[-1] == "Ended"


def test_a_run_that_takes_too_long_is_ended(luci: Luci) -> None:
    luci.write("a.py", "import signal; signal.pause()")
    assert program(luci, "print(api.run('a.py', timeout=0.5).exit_code)").out == "124\n"


def test_plan_says_what_would_be_installed(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    done = program(luci, "p = api.plan('a.py'); print(p.spec.requirements, [c.module for c in p.choices])")
    assert done.out == "('quokka',) ['quokka']\n"


def test_create_get_list_remove_and_stats(lone: Luci) -> None:
    done = program(
        lone,
        """
        env = api.create("wombat")
        assert env.installed == {"quokka": "1.2", "wombat": "1.2"}, env.installed
        assert [e.key for e in api.list()] == [env.key] == [api.get(env.key).key]
        assert api.create("Wombat").path == env.path
        assert api.stats()["environments"] == 1
        api.remove(env.key)
        assert list(api.list()) == []
        print("fine")
        """,
    )
    assert done.out == "fine\n", done.err


def test_errors_are_lucis_own(luci: Luci) -> None:
    luci.write("a.py", "import dingo")
    done = program(
        luci,
        """
        from luci.errors import EnvError, Refused, ScriptError, UsageError
        for call, error in [
            (lambda: api.run("nowhere.py"), UsageError),
            (lambda: api.get("nowhere-at-all"), EnvError),
            (lambda: api.run("a.py"), Refused),
            (lambda: api.create("no-such-thing-at-all"), EnvError),
        ]:
            try:
                call()
            except error as caught:
                print(type(caught).__name__, bool(caught.message))
        """,
    )
    assert done.out.count("True") == 4 and done.err == "", done.err


def test_allow_lets_a_name_in(luci: Luci) -> None:
    luci.write("a.py", "import dingo; print(dingo.howl())")
    assert program(luci, "print(api.run('a.py', allow=['Dingo']).stdout)").out == "howl\n\n"


@pytest.mark.parametrize("name", ["create", "get", "list", "plan", "remove", "run", "stats"])
def test_every_function_says_what_it_does(name: str) -> None:
    from luci import api

    assert getattr(api, name).__doc__


def test_the_example_of_the_page_is_true(luci: Luci) -> None:
    luci.write("plot.py", "import sys, quokka; print(sys.argv[1:])")
    from luci import api

    lines = (api.__doc__ or "").splitlines()
    example = "\n".join(line[4:] for line in lines if line.startswith("    "))
    done = luci.command([sys.executable, "-c", example])
    assert done.out == "('quokka',)\n0 ['--size', '10']\n\n", done.err
