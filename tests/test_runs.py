"""The record of what ran, and how it ended."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luci import paths, runs
from luci.errors import UsageError
from luci.runs import Run
from luci.screens import tables
from luci.screens.plain import as_json, harmless
from luci.values import fields


@pytest.fixture(autouse=True)
def home(luci_home: Path) -> Path:
    return luci_home


@pytest.fixture
def journal(home: Path) -> Path:
    return home / "state/runs.jsonl"


def started(script: str = "/x/a.py", *args: str) -> Run:
    return runs.start(script, args, "0123456789abcdef", ("six",), "3.12.4")


def test_nothing_ran_yet():
    assert runs.all_of_them() == []


def test_a_run_is_recorded_when_it_starts_and_its_end_is_unknown():
    run = started("/x/a.py", "--size", "ü\udcff")
    assert runs.all_of_them() == [run]
    assert (run.exit_code, run.seconds, run.pid, run.requirements) == (None, None, os.getpid(), ("six",))


def test_the_end_is_recorded_where_somebody_saw_it():
    ended = runs.end(started(), 3, 1.23456)
    assert runs.all_of_them() == [ended]
    assert (ended.exit_code, ended.seconds) == (3, 1.235)


def test_the_latest_comes_first(journal):
    for number, started_at in enumerate((20.0, 30.0, 10.0)):
        record = {**started().as_dict(), "id": f"r{number}", "started": started_at}
        with journal.open("a") as file:
            file.write(json.dumps({"start": record}) + "\n")
    assert [run.id for run in runs.all_of_them() if run.id.startswith("r")] == ["r1", "r0", "r2"]


@pytest.mark.parametrize(
    "rubbish",
    [
        '{"start": {"id": "x", "scr',
        "\0\0\0",
        "[]",
        '{"start": 1}',
        '{"start": {"id": "x"}}',
        '{"end": {"exit_code": 1}}',
        '{"end": "x"}',
        '{"other": {}}',
        "ü\n\n",
        "[" * 100_000,
        '{"start": ' + "9" * 5000 + "}",
        '{"start": null, "end": {"id": ["x"]}}',
    ],
)
def test_a_line_that_was_cut_short_harms_no_other(journal, rubbish):
    first = started()
    with journal.open("a") as file:
        file.write(rubbish)  # and no end of line
    second = started("/x/b.py")
    assert {run.script for run in runs.all_of_them()} == {first.script, second.script}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begun=st.dictionaries(st.sampled_from(fields(Run)), VALUES, max_size=3),
    ended=st.dictionaries(st.sampled_from(["id", "exit_code", "seconds", "log", "more"]), VALUES, max_size=3),
)
def test_values_of_another_kind_stop_nobody_from_seeing_what_ran(journal, capsys, begun, ended):
    journal.unlink(missing_ok=True)
    first, second = started(), started("/x/b.py")
    with journal.open("a") as file:
        file.write(json.dumps({"start": {**second.as_dict(), "id": "odd", **begun}}) + "\n")
        file.write(json.dumps({"end": {"id": first.id, "exit_code": 0, "seconds": 1.0, "log": "", **ended}}) + "\n")
    found = runs.all_of_them()
    assert {first.id, second.id} <= {run.id for run in found}
    tables.runs(found)
    for run in found:
        tables.run(run)
    json.loads(as_json(found), parse_constant=pytest.fail)
    assert harmless(said := capsys.readouterr().out) == said


def test_a_journal_that_grew_large_is_set_aside_and_still_read(journal):
    first = started()
    with journal.open("a") as file:
        file.write(" " * 4_000_001 + "\n")
    second = runs.end(started("/x/b.py"), 0, 1)
    assert journal.stat().st_size < 4_000_000
    assert {run.script for run in runs.all_of_them()} == {first.script, second.script}


def test_a_disk_that_takes_no_record_stops_no_script(home):
    home.mkdir()
    (home / "state").write_text("in the way")
    assert runs.end(started(), 0, 1).exit_code == 0
    assert runs.all_of_them() == []


def _record(number: int) -> None:
    for _ in range(20):
        runs.start(f"/x/{number}.py", ("x" * 2000,), "", (), "")


def test_runs_that_start_at_once_do_not_mix(journal):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_record, args=(number,)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    lines = [line for line in journal.read_text().splitlines() if line]
    assert len([json.loads(line) for line in lines]) == 80


def test_a_run_is_found_by_number_id_and_the_beginning_of_one(journal):
    for number, name in enumerate(("aaa1", "aab2", "bbb3")):
        record = {**started().as_dict(), "id": name, "started": 1e10 + number}
        with journal.open("a") as file:
            file.write(json.dumps({"start": record}) + "\n")
    assert [runs.find(selector).id for selector in ("1", "2", "aaa1", "b")] == ["bbb3", "aab2", "aaa1", "bbb3"]


@pytest.mark.parametrize("selector", ["9", "0", "zzz", "", "²"])
def test_a_run_that_is_not_there_is_said(selector):
    started(), started("/x/b.py")
    with pytest.raises(UsageError, match="There is no run"):
        runs.find(selector)


def test_the_log_of_a_run_has_a_place():
    run = started()
    assert runs.log_for(run).parent.is_dir()
    assert runs.log_for(run).is_relative_to(paths.state())


def log(name: str, size: int, days_ago: float) -> Path:
    path = paths.state() / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (time.time() - days_ago * 86400,) * 2)
    return path


def test_logs_go_when_they_are_old_or_too_many_but_not_while_they_are_written():
    new, old = log("new", 10, 1), log("old", 10, 40)
    written, large, last, begun = (
        log("written", 10, 50),
        log("large", 900, 2),
        log("last", 200, 3),
        log("begun", 999, 0),
    )
    with written.open("ab") as writer:
        runs.keep_log(writer.fileno())
        runs.forget_logs(30, 1_950)
        assert [path.name for path in (new, old, written, large, last, begun) if path.exists()] == [
            "new.log",
            "written.log",
            "large.log",
            "begun.log",
        ]
    runs.forget_logs(30, 1_950)
    assert not written.exists()


def test_the_peak_of_memory_is_recorded_where_it_was_seen():
    runs.end(started(), 0, 1.0, 12_345_678)
    assert runs.all_of_them()[0].peak_bytes == 12_345_678


LINES = st.one_of(
    st.builds(
        lambda name, started, script: json.dumps({"start": {**RUN, "id": name, "started": started, "script": script}}),
        st.sampled_from("abcdefgh"),
        st.floats(0, 59, width=16),
        st.sampled_from(["/x/a.py", '/x/"started": 9, "id": "z".py', "/x/\udcff.py"]),
    ),
    st.builds(
        lambda name, code: json.dumps({"end": {"id": name, "exit_code": code, "seconds": 1.0, "log": ""}}),
        st.sampled_from("abcdefgh"),
        st.integers(0, 3),
    ),
    st.sampled_from(['{"start": {"id": "a", "scr', '{"end": {"id": "b"}', '{"start":{"id":"c"}}', "[]", "[" * 9000]),
)
RUN = Run("", "", (), 0.0).as_dict()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=20), st.integers(0, 9))
def test_the_latest_are_the_first_of_all_even_if_some_were_written_late(journal, lines, limit):
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_text("\n".join(lines))
    runs_by_id: dict[str, dict] = {}
    places: dict[str, int] = {}
    for number, line in enumerate(lines):  # as it would be read with nothing left out
        try:
            [[kind, told]] = json.loads(line).items()
        except (ValueError, AttributeError, RecursionError):
            continue
        if kind == "start" and told.keys() == RUN.keys():
            runs_by_id[told["id"]] = {**told, "args": (), "requirements": (), "limits": ()}
            places[told["id"]] = number
        elif kind == "end" and told["id"] in runs_by_id and "exit_code" in told:
            runs_by_id[told["id"]] |= told
    expected = sorted(runs_by_id.values(), key=lambda told: (told["started"], places[told["id"]]), reverse=True)
    assert [run.as_dict() for run in runs.latest(limit)] == expected[:limit]
    assert [run.as_dict() for run in runs.all_of_them()] == expected


def test_of_a_long_record_only_the_end_is_read(journal, monkeypatch):
    journal.parent.mkdir(parents=True)
    lines = [json.dumps({"start": {**RUN, "id": str(number), "started": number * 100.0}}) for number in range(1000)]
    journal.write_text("\n".join(lines))
    read: list[bytes] = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda line: read.append(line) or loads(line))
    assert [run.id for run in runs.latest(3)] == ["999", "998", "997"]
    assert len(read) < 10
