"""`luci runs`: what ran, how it ended, and what it wrote where that was recorded."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Luci


def latest(luci: Luci, script: str) -> dict[str, object]:
    """The latest run of a script: tests beside this one add to the same list."""
    runs = luci("runs", "list", "--json", "--limit", "1000").json
    return next(run for run in runs if run["script"] == str(luci.folder / script))


def test_a_run_is_listed_with_its_environment(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py", "x", "y")
    run = latest(luci, "a.py")
    assert run["args"] == ["x", "y"] and run["requirements"] == ["quokka"]
    assert run["env_key"] == luci("env", "show", "--json", "a.py").json["key"]


def test_a_warm_run_is_listed_too(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py", "first")
    luci("run", "a.py", "second")
    assert latest(luci, "a.py")["args"] == ["second"]


def test_the_end_is_unknown_where_luci_became_the_script(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    run = latest(luci, "a.py")
    assert run["exit_code"] is None and run["seconds"] is None
    assert "unknown" in luci("runs", "show", str(run["id"])).out


def test_the_end_is_known_where_luci_stayed(luci: Luci) -> None:
    luci.write("a.py", "import sys, time, quokka; kept = b'x' * 150_000_000; time.sleep(2); sys.exit(3)")
    luci("run", "--timeout", "50", "a.py")
    run = latest(luci, "a.py")
    assert run["exit_code"] == 3 and isinstance(run["seconds"], float)
    peak = run["peak_bytes"]
    assert isinstance(peak, int) and 150_000_000 < peak < 300_000_000  # seen while it held that: see luci.process.peaks
    assert f"{peak / 1e6:.1f} MB" in luci("runs", "show", str(run["id"])).out


def test_a_recorded_run_has_a_log_of_all_it_wrote(luci: Luci) -> None:
    luci.write(
        "a.py", "import sys; sys.stdout.buffer.write(b'out\\xff\\n'); sys.stdout.flush(); sys.stderr.write('err\\n')"
    )
    done = luci("run", "--record", "a.py")
    assert (done.stdout, done.stderr) == (b"out\xff\n", b"err\n")
    run = latest(luci, "a.py")
    assert run["exit_code"] == 0
    assert luci("runs", "log", str(run["id"])).stdout == b"out\xff\nerr\n"


def test_a_record_keeps_the_exit_code_and_the_bytes(luci: Luci) -> None:
    luci.write("a.py", "import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000); sys.exit(9)")
    done = luci("run", "--record", "a.py")
    assert (done.code, done.stdout) == (9, bytes(range(256)) * 1000)
    assert luci("runs", "log", str(latest(luci, "a.py")["id"])).stdout == done.stdout


def test_record_can_be_set_for_good(lone: Luci) -> None:
    lone.write("a.py", "print('kept')")
    config = Path(lone.environ["LUCI_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[run]\nrecord = true\n")
    for _ in range(2):
        assert lone("run", "a.py").out == "kept\n"
        assert lone("runs", "log").out == "kept\n"


def test_a_variable_that_asks_for_a_record_is_heard_by_a_warm_run(luci: Luci) -> None:
    luci.write("a.py", "print('kept')")
    luci("run", "a.py")
    luci("run", "a.py", env={"LUCI_RUN_RECORD": "true"})
    assert luci("runs", "log", str(latest(luci, "a.py")["id"])).out == "kept\n"


def test_a_run_that_was_not_recorded_has_no_log(luci: Luci) -> None:
    luci.write("a.py", "import quokka")
    luci("run", "a.py")
    done = luci("runs", "log", str(latest(luci, "a.py")["id"]))
    assert done.code == 2 and done.out == "" and "--record" in done.err


def test_numbers_count_from_the_latest(lone: Luci) -> None:
    lone.write("a.py", ""), lone.write("b.py", "")
    lone("run", "a.py"), lone("run", "b.py")
    assert lone("runs", "show", "1", "--json").json["script"].endswith("b.py")
    assert lone("runs", "show", "2", "--json").json["script"].endswith("a.py")
    assert [run["script"][-4:] for run in lone("runs", "list", "--json", "--limit", "1").json] == ["b.py"]


def test_a_list_for_people_and_an_empty_one(lone: Luci) -> None:
    assert lone("runs", "list", "--json").json == []
    assert lone("runs", "list").code == 0
    lone.write("a.py", "")
    lone("run", "a.py")
    assert "a.py" in lone("runs", "list").out


def test_a_journal_cut_short_is_read_as_far_as_it_goes(lone: Luci) -> None:
    lone.write("a.py", "")
    lone("run", "a.py")
    journal = Path(lone.environ["LUCI_HOME"]) / "state" / "runs.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"start": {"id": "x"')
    assert len(lone("runs", "list", "--json").json) == 1
    lone("run", "a.py")
    assert lone("runs", "list").code == 0


def test_what_luci_needs_while_a_script_runs_does_not_pile_up(lone: Luci) -> None:
    lone.write("a.py", "")
    for _ in range(4):
        lone("run", "a.py")
        lone("run", "-", input="pass")
        lone("run", "--timeout", "50", "-", input="pass")
    running = Path(lone.environ["LUCI_HOME"]) / "state" / "running"
    env = next(Path(lone.environ["LUCI_HOME"]).glob("data/envs/luci_*"))
    lone.write("b.py", "import quokka")
    lone("run", "b.py")
    assert len(list(running.iterdir())) <= 4
    assert len(list((env / "uses").iterdir())) <= 16
