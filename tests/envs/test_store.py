"""Environments on disk: built once, published whole, noticed when broken, never removed in use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from luci.envs import store as stores
from luci.envs import uses
from luci.envs.installer import InstallFailed
from luci.envs.spec import EnvSpec
from luci.envs.store import Env, Store, fault
from luci.envs.whole import verify
from luci.errors import EnvError
from luci.events import Told
from tests.envs.conftest import Builder
from tests.package_index import PackageIndex


def output(env: Env, code: str) -> str:
    return subprocess.run([env.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def running(env: Env) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs the environment's Python until the block ends."""
    code = "import sys; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([env.python, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout
    child.stdout.readline()
    try:
        yield child
    finally:
        child.communicate()


def folders(store: Store) -> list[str]:
    return sorted(name for name in os.listdir(store.root) if not name.startswith("."))


# -- built and found


def test_an_environment_holds_what_its_spec_names_and_what_that_needs(build):
    env = build("tool")
    assert env.installed == {"demo": "2.0", "tool": "3.0"}
    assert output(env, "import tool, demo.inner; print(demo.inner.value)") == "2"
    assert verify(env) == []


def test_an_environment_without_packages_can_be_had(build):
    env = build()
    assert env.installed == {}
    assert output(env, "import sys; print(sys.prefix)") == str(env.path)


def test_the_name_shows_the_label_and_the_key(build):
    env = build("six", label="My Plot.py")
    assert env.name == f"luci_my-plot_{env.spec.key}"


def test_the_same_needs_however_spelt_are_one_environment(build):
    first = build("Demo >= 1", "six")
    again = build("six", "demo>=1", "SIX")
    assert (again, build.kinds()) == (first, ["Reused"])


def test_another_script_of_the_project_with_the_same_needs_shares_the_environment(build, store):
    assert build("six", label="a.py") == build("six", label="b.py")
    assert len(store.all()) == 1


def test_another_project_gets_its_own(build, store):
    assert build("six", scope="/one").path != build("six", scope="/two").path
    assert len(store.all()) == 2


def test_it_is_found_by_another_process(build, store):
    env = build("six")
    code = f"import pathlib, luci.envs.store as s; print(s.Store(pathlib.Path({str(store.root)!r})).get({env.key!r}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == repr(env)


def test_reuse_touches_no_network_and_no_lock(build, store, index):
    build("six")
    index.fail("/")
    shutil.rmtree(store.root / ".locks")
    build("six")
    assert (build.kinds(), (store.root / ".locks").exists()) == (["Reused"], False)


def test_fresh_builds_a_new_generation(build):
    first = build("six")
    second = build("six", fresh=True)
    assert (second.key, second.generation, first.path.exists()) == (first.key, 2, False)


def test_it_is_found_by_key_beginning_name_and_label(build, store):
    env = build("six", label="plot.py")
    build("demo", label="other.py")
    for selector in (env.key, env.key[:6], env.name, "plot"):
        assert store.find(selector) == env


def test_a_selector_that_means_none_or_several_is_refused(build, store):
    build("six")
    build("demo")
    with pytest.raises(EnvError, match="no environment 'nothing'"):
        store.find("nothing")
    with pytest.raises(EnvError, match="means 2 environments"):
        store.find("demo")  # both are labelled so


# -- broken ones


def delete_python(env: Env) -> None:
    env.python.unlink()


def delete_packages(env: Env) -> None:
    shutil.rmtree(env.path / "lib")


def delete_a_module(env: Env) -> None:
    next(env.path.glob("lib/*/site-packages/six.py")).unlink()


def add_a_module(env: Env) -> None:
    (next(env.path.glob("lib/*/site-packages")) / "sneaked.py").touch()


def delete_the_generation(env: Env) -> None:
    shutil.rmtree(env.path)


def cut_the_record(env: Env) -> None:
    record = env.root / "env.json"
    record.write_bytes(record.read_bytes()[:100])


def empty_the_record(env: Env) -> None:
    (env.root / "env.json").write_bytes(b"")


def lose_the_interpreter(env: Env) -> None:
    record = json.loads((env.root / "env.json").read_text())
    (env.root / "env.json").write_text(json.dumps({**record, "interpreter": "/gone/python3.12"}))


@pytest.mark.parametrize(
    "damage",
    [
        delete_python,
        delete_packages,
        delete_a_module,
        add_a_module,
        delete_the_generation,
        cut_the_record,
        empty_the_record,
        lose_the_interpreter,
    ],
)
def test_a_broken_environment_is_rebuilt_and_said_in_one_line(build, store, damage: Callable[[Env], None]):
    broken = build("six")
    damage(broken)
    env = build("six")
    (told,) = [event.text for event in build.said if isinstance(event, Told)]
    assert told.startswith("The environment was broken (")
    assert "\n" not in told
    assert (fault(env), verify(env), output(env, "import six")) == ("", [], "")
    assert store.all() == [env]


def test_a_record_that_was_cut_short_is_not_listed_and_is_swept(build, store):
    cut_the_record(build("six"))
    assert (store.all(), len(store.sweep()), folders(store)) == ([], 1, [])


def test_a_damaged_record_of_another_label_hides_no_environment(build, store):
    cut_the_record(build("six", label="a.py"))
    env = build("six", label="b.py")
    build("six", label="a.py")
    assert (build.kinds(), store.get(env.key)) == (["Reused"], env)


def test_a_record_of_a_format_not_known_here_is_left_alone(build, store):
    env = build("six")
    record = json.loads((env.root / "env.json").read_text())
    (env.root / "env.json").write_text(json.dumps({**record, "format": 99}))
    assert (store.all(), store.sweep(), env.python.exists()) == ([], [], True)


def test_beside_the_record_of_another_version_a_new_environment_is_built_and_that_is_said(build, store):
    other = build("six")
    record = json.loads((other.root / "env.json").read_text())
    (other.root / "env.json").write_text(foreign := json.dumps({**record, "format": 99}))
    env = build("six")
    (told,) = [event.text for event in build.said if isinstance(event, Told)]
    assert told == f"{other.name} was recorded by another version of luci: it is left alone."
    assert (store.all(), output(env, "import six")) == ([env], "")
    store.remove(env)
    assert (store.sweep(), (other.root / "env.json").read_text(), other.python.exists()) == ([], foreign, True)


@pytest.mark.parametrize(
    "altered",
    [
        {"spec": {"python": ["3.11"]}},
        {"spec": {"requirements": [1]}},
        {"generation": "first"},
        {"created": "yesterday"},
        {"created": float("inf")},
        {"installed": {"six": None}},
        {"installed": ["six"]},
        {"label": 7},
        {"about": "nothing"},
    ],
)
def test_a_record_whose_values_make_no_sense_is_none(build, store, altered):
    env = build("six")
    record = json.loads((env.root / "env.json").read_text())
    (env.root / "env.json").write_text(json.dumps({**record, **altered}))
    assert (store.all(), store.get(env.key)) == ([], None)
    again = build("six")
    assert store.all() == [again]


def test_what_a_record_says_of_the_plan_counts_only_in_its_own_form(build, store):
    env = build("six")
    record = json.loads((env.root / "env.json").read_text())
    told = {"choices": [{"module": 1}], "guessed": "six", "dated": [None], "bytes": "many", "script": "a.py"}
    (env.root / "env.json").write_text(json.dumps({**record, "about": told}))
    assert store.find(env.key).about == {"script": "a.py"}


def test_what_was_built_again_meanwhile_is_not_taken_for_what_it_was(build, store):
    old = build("six")
    new = build.rebuild(old)
    assert (store.take(old), store.take(new)) == (False, True)


def test_what_was_built_again_since_it_was_found_unwanted_is_left(build, store):
    old = build("six")
    new = build.rebuild(old)
    assert (store.remove_unwanted(old), store.all()) == (None, [new])
    assert (store.remove_unwanted(new) is None, store.all()) == (False, [])


def test_a_record_that_was_copied_to_another_key_does_not_count(build, store):
    env = build("six")
    shutil.copytree(env.root, store.root / "luci_copy_0123456789abcdef", symlinks=True)
    assert (store.get("0123456789abcdef"), store.all()) == (None, [env])


def alter(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()  # it may be linked to the wheel cache
    file.write_bytes(content + b"# more\n")


def test_a_store_that_was_moved_or_copied_is_built_again_and_one_behind_a_link_is_the_same(build, store, tmp_path):
    env = build("demo")
    (tmp_path / "link").symlink_to(store.root)
    [linked] = Store(tmp_path / "link").all()
    assert fault(linked) == ""
    shutil.copytree(store.root, tmp_path / "copy", symlinks=True)
    [copied] = Store(tmp_path / "copy").all()
    assert fault(copied) == f"it was moved or copied here from {env.root}"
    build.store = Store(tmp_path / "copy")
    again = build("demo")
    assert (fault(again), again.root.parent, again.generation, fault(env)) == ("", tmp_path / "copy", 2, "")


def test_an_environment_is_whole_by_a_clock_that_is_behind_that_of_the_disk(build, monkeypatch):
    monkeypatch.setattr(time, "time", lambda now=time.time: now() - 3600)
    env = build("demo")
    assert (fault(env), build("demo"), build.kinds()) == ("", env, ["Reused"])


def test_verify_names_a_file_that_was_altered(build):
    env = build("demo")
    alter(next(env.path.glob("lib/*/site-packages/demo/inner.py")))
    assert (fault(env), verify(env)) == ("", ["demo/inner.py was altered"])


def test_verify_names_a_file_that_was_deleted(build):
    env = build("demo")
    next(env.path.glob("lib/*/site-packages/demo/inner.py")).unlink()
    assert verify(env) == ["demo/inner.py is gone"]


def test_verify_names_a_distribution_that_is_gone(build):
    env = build("demo")
    shutil.rmtree(next(env.path.glob("lib/*/site-packages/demo-2.0.dist-info")))
    assert "demo 2.0 is gone" in verify(env)


def test_verify_reads_a_record_with_empty_lines(build):
    env = build("demo")
    record = next(env.path.glob("lib/*/site-packages/demo-2.0.dist-info/RECORD"))
    record.write_text(record.read_text() + "\n\n")
    assert verify(env) == []


def test_verify_reads_nothing_outside_of_the_environment_and_waits_for_no_pipe(build, tmp_path):
    env = build("demo")
    os.mkfifo(tmp_path / "pipe")
    site = next(env.path.glob("lib/*/site-packages"))
    os.mkfifo(site / "demo" / "pipe")
    outside = ["../../../../../../../../dev/zero", "/dev/zero", str(tmp_path / "pipe"), "../../../../env.json"]
    record = site / "demo-2.0.dist-info" / "RECORD"
    with record.open("a") as file:
        file.writelines(f"{path},sha256=x,1\n" for path in (*outside, "demo/pipe", "a\0b", "\x1b[31m"))
        file.write("demo/inner.py,shake_128=x,1\ndemo/inner.py,nonsense=x\n")
    said = [f"demo-2.0.dist-info speaks of {path}, which is outside of the environment" for path in outside]
    assert verify(env) == [*said, "demo/pipe is gone", "a\0b is gone", "\x1b[31m is gone"]


def test_verify_names_a_record_that_cannot_be_read(build):
    env = build("demo")
    next(env.path.glob("lib/*/site-packages/demo-2.0.dist-info/RECORD")).write_bytes(b"\xff\xfe")
    assert verify(env) == ["demo-2.0.dist-info has no readable RECORD"]


# -- rebuilt and removed


def test_a_rebuild_makes_a_new_generation_and_the_old_one_stays_while_it_is_used(build, store):
    old = build("six")
    with running(old):
        new = build.rebuild(old)
        assert (new.key, new.generation, old.python.exists()) == (old.key, 2, True)
        assert store.sweep() == []
    assert (store.sweep(), old.path.exists(), output(new, "import six")) == ([f"{old.name}/g1"], False, "")


def test_what_is_in_use_is_not_removed(build, store):
    env = build("six")
    with running(env) as child:
        with pytest.raises(EnvError, match=f"in use by process {child.pid}"):
            store.remove(env)
        assert (store.all(), fault(env)) == ([env], "")
    assert store.remove(env) > 0
    assert folders(store) == []


def test_an_environment_that_is_being_removed_is_not_taken(build, store):
    env = build("six")
    os.replace(env.root / "env.json", env.root / ".removed.json")
    assert not store.take(env)
    shutil.rmtree(env.root / "uses")
    assert not store.take(env)


def test_removing_twice_is_no_error(build, store):
    env = build("six")
    store.remove(env)
    assert store.remove(env) == 0


TAKE_AND_RUN = """
import pathlib, subprocess, sys
from luci.envs.store import Store
store = Store(pathlib.Path(sys.argv[1]))
env = store.get(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
if not store.take(env):
    print("gone")
else:
    print(subprocess.run([env.python, "-c", "import six; print('ran')"], capture_output=True, text=True))
"""


def test_nobody_runs_in_an_environment_while_it_goes(build, store):
    env = build("six")
    command = [sys.executable, "-c", TAKE_AND_RUN, str(store.root), env.key]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for child in children:
        assert child.stdout
        child.stdout.readline()
    removed = 0
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
        try:
            removed += store.remove(env) > 0
        except EnvError:
            continue
    told = [child.communicate()[0] for child in children]
    assert all("gone" in words or "returncode=0" in words for words in told), told


# -- many at once, and ends without warning

BUILD = """
import pathlib, sys
from luci.envs import interpreters
from luci.envs.sources import Sources
from luci.envs.store import Store
from tests.envs.conftest import Builder
build = Builder(Store(pathlib.Path(sys.argv[1])), Sources(url=sys.argv[2]), interpreters.choose(sys.executable))
print("ready", flush=True)
sys.stdin.readline()
build("tool")
print(*build.kinds())
"""


def test_eight_processes_that_want_the_same_build_it_once(build, store, index):
    command = [sys.executable, "-c", BUILD, str(store.root), index.url]
    root = Path(__file__).parents[2]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(8)
    ]
    for child in children:
        assert child.stdout
        child.stdout.readline()
    for child in children:
        assert child.stdin
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.communicate()[0].split() for child in children]
    assert sum("Built" in words for words in told) == 1
    assert sum(words == ["Reused"] for words in told) == 7
    assert index.requests.count("/files/tool-3.0-py3-none-any.whl") == 1


HANG_WHILE_BUILDING = """
import pathlib, sys
from luci.envs import interpreters
from luci.envs.spec import EnvSpec
from luci.envs.store import Store
python = interpreters.choose(sys.executable)
spec = EnvSpec(python.short, ("six",), index=sys.argv[2])

def fill(folder):
    print("building", flush=True)
    sys.stdin.read()
    yield

for event in Store(pathlib.Path(sys.argv[1])).ready(spec, python, fill, label="demo.py", about={}):
    pass
"""


@pytest.fixture
def killed_build(build: Builder, store: Store) -> EnvSpec:
    """A spec whose build was ended in the middle by a kill that nobody can catch."""
    spec = build.spec("six")
    command = [sys.executable, "-c", HANG_WHILE_BUILDING, str(store.root), spec.index]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout and child.stdout.readline() == "building\n"
    assert store.all() == []
    assert store.sweep() == []  # it is still being built
    child.kill()
    child.communicate()
    return spec


def test_a_killed_build_leaves_nothing_that_lists_or_blocks(build, store, killed_build):
    assert (store.get(killed_build.key), store.all(), len(folders(store))) == (None, [], 1)
    env = build.ready(killed_build)
    assert (verify(env), [n for n in os.listdir(env.root) if n.startswith("g")]) == ([], ["g2"])


def test_what_a_killed_build_left_is_swept(store, killed_build):
    assert (len(store.sweep()), folders(store)) == (1, [])


def test_a_build_that_nobody_waits_for_any_more_leaves_nothing(build, store):
    spec = build.spec("six")
    steps = store.ready(spec, build.python, build.fill(spec), label="demo.py", about={})
    next(steps)
    steps.close()
    assert (folders(store), build("six").generation) == ([], 1)


# -- an index that fails


def hang(index: PackageIndex) -> None:
    index.fail("/files/", "hang")


def wrong_hash(index: PackageIndex) -> None:
    index.add_wheel("demo", "9.0", {"demo.py": ""}, wrong_hash=True)


def cut_wheel(index: PackageIndex) -> None:
    index.add_wheel("demo", "9.0", {"demo.py": ""}, broken=True)


def answer_500(index: PackageIndex) -> None:
    index.fail("/simple/demo/", 500)


def files_answer_500(index: PackageIndex) -> None:
    index.fail("/files/", 500)


def files_are_gone(index: PackageIndex) -> None:
    index.fail("/files/", 404)


def half_a_file(index: PackageIndex) -> None:
    index.fail("/files/", "half")


def no_such_project(index: PackageIndex) -> None:
    del index.projects["demo"]


def no_server(index: PackageIndex) -> None:
    index.close()


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (answer_500, "network"),
        (files_answer_500, "network"),
        (files_are_gone, "network"),
        (half_a_file, "network"),
        (hang, "network"),
        (no_server, "network"),
        (no_such_project, "not-found"),
        (wrong_hash, "hash"),
        (cut_wheel, "damaged"),
    ],
)
def test_a_failing_index_leaves_a_clear_error_nothing_half_made_and_the_earlier_environment(
    build, store, index, monkeypatch, trouble, reason
):
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "1")
    earlier = build("six")
    trouble(index)
    with pytest.raises(InstallFailed) as failed:
        build("demo")
    assert (failed.value.reason, bool(failed.value.message), "demo" in failed.value.cause) == (reason, True, True)
    assert (store.all(), folders(store)) == ([earlier], [earlier.name])
    assert (verify(earlier), output(build("six"), "import six"), build.kinds()) == ([], "", ["Reused"])


def test_a_failed_rebuild_leaves_the_generation_that_was_there(build, store, index):
    env = build("demo")
    index.fail("/")
    shutil.rmtree(os.environ["UV_CACHE_DIR"])
    with pytest.raises(InstallFailed):
        build("demo", fresh=True)
    assert (store.all(), verify(env)) == ([env], [])


# -- a disk that does not take it


def test_a_file_in_the_place_of_the_store_is_said(build, store):
    store.root.parent.mkdir(parents=True)
    store.root.write_text("not a folder")
    with pytest.raises(EnvError) as error:
        build("six")
    assert (str(store.root) in error.value.message, "LUCI_HOME" in error.value.hint) == (True, True)


BUILD_ON_MOUNTED = """
import os, subprocess, sys
place, options = sys.argv[3:]
subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
from luci.errors import EnvError
sys.stdin = open(os.devnull)
try:
    exec(BUILD)
except EnvError as error:
    print(error.message, error.cause, error.hint)
print(os.listdir(sys.argv[1]) if os.path.isdir(sys.argv[1]) else [])
"""


def built_on(store: Store, index: PackageIndex, options: str) -> list[str]:
    """Build in a folder that another file system was mounted on, seen by that one process only."""
    unshare = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    place = store.root.parent
    place.mkdir(parents=True)
    code = BUILD_ON_MOUNTED.replace("BUILD", repr(BUILD))
    command = [*unshare, sys.executable, "-c", code, str(store.root), index.url, str(place), options]
    told = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


def test_a_read_only_disk_is_said(build, store, index):
    said = " ".join(built_on(store, index, "ro")[1:])
    assert "cannot be written" in said
    assert "Read-only" in said


def test_a_full_disk_is_said_and_nothing_half_made_is_left(build, store, index):
    *said, left = built_on(store, index, "size=32k")[1:]
    assert "No space left" in "".join(said)
    assert "luci_" not in left


def test_a_read_only_store_still_serves_what_it_has(build, store):
    env = build("six")
    shutil.rmtree(env.root / "uses")
    (env.root / "uses").write_text("a file, so that no marker can be written")
    assert store.take(env)


def test_what_removing_frees_leaves_out_what_the_wheel_cache_holds_too(build, index):
    index.add_wheel("large", "1.0", {"large.py": "#" * 300_000})
    env = build("large")
    linked = next(env.path.glob("lib/*/site-packages/large.py")).stat().st_nlink > 1
    assert stores.weight(env.root)[0] > 300_000
    assert (sum(stores.sizes(env.root)) < 300_000) == linked


def test_a_build_in_use_by_this_process_is_marked(build):
    assert (build("six").root / "uses" / str(os.getpid())).exists()
    assert uses.users(build("six").root) == []
