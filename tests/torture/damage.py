"""Files cut, garbled, altered or gone: noticed, and mended or refused in one clear line; nothing else is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.torture.ground import Ground, Trial

MAIN = ("main.py", "import wombat, bilby.deep\nprint(wombat.dig(), bilby.deep.value)\n", "dig 1")
OTHER = ("other.py", "import quokka\nprint(quokka.hop())\n", "hop")
ASKING = (("env", "list"), ("env", "stats"), ("env", "show", "main.py"), ("runs", "list"), ("plan", "main.py"))
Change = Callable[[bytes, random.Random], bytes]


def _rest(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))] if content else b""


def _garbage(content: bytes, dice: random.Random) -> bytes:
    return dice.randbytes(max(64, len(content)))


def _bits(content: bytes, dice: random.Random) -> bytes:
    """Some bytes are others, as on a dying disk."""
    altered = bytearray(content or b"{}")
    for _ in range(1 + len(altered) // 64):
        altered[dice.randrange(len(altered))] = dice.randrange(256)
    return bytes(altered)


def _another_document(content: bytes, dice: random.Random) -> bytes:
    return dice.choice([b"[]", b"null", b"7", b'"text"', b"{}", b"[" * 100_000, b'{"format": 1}'])


def _other_values(content: bytes, dice: random.Random) -> bytes:
    """JSON of the same form, in which some values are of another kind."""
    try:
        return json.dumps(_mutated(json.loads(content), dice)).encode()
    except ValueError:
        return _bits(content, dice)


def _mutated(value: Any, dice: random.Random) -> Any:
    if dice.random() < 0.15:
        return dice.choice([None, True, -1, 1e300, "x", "\x1b[31m", [], {}, [None], {"a": 1}, "9" * 5000])
    if isinstance(value, dict):
        return {k if k == "format" or dice.random() > 0.05 else k + "?": _kept(k, v, dice) for k, v in value.items()}
    if isinstance(value, list):
        return [_mutated(each, dice) for each in value]
    return value


def _kept(key: str, value: Any, dice: random.Random) -> Any:
    return value if key == "format" else _mutated(value, dice)  # another format is another matter: see formats.py


CHANGES: dict[str, Change] = {
    "emptied": lambda content, dice: b"",
    "cut short": _rest,
    "random bytes": _garbage,
    "some bits altered": _bits,
    "another document": _another_document,
    "values of another kind": _other_values,
}


def records(ground: Ground, count: int, seed: int) -> Iterator[Trial]:
    """Change small files that luci keeps, each kind in each way; runs go on, and what luci says is no traceback."""
    dice = random.Random(f"damage {seed}")
    _lay(ground)
    ways = [(kind, name) for kind in sorted(_small_files(ground)) for name in CHANGES]
    assert len(ways) > 6 * len(CHANGES), ways
    dice.shuffle(ways)
    for number in range(count):
        kind, name = ways[number % len(ways)]
        there = _small_files(ground).get(kind, [])
        if not there:
            continue
        file = dice.choice(there)
        content = file.read_bytes()
        file.write_bytes(changed := CHANGES[name](content, dice))
        faults: list[str] = []
        for words in ASKING:
            done = ground.luci(*words)
            faults += done.refuses(1, 2, 125) if done.code else []
        faults += _both_run(ground, file.name)
        faults += ground.swept()
        faults += ground.unsound(2)
        if faults:
            faults.append(f"from {content[:2000]!r}\n    to {changed[:2000]!r}")
        yield Trial("damaged", f"{kind}: {name}", tuple(faults))
        if faults:
            _lay(ground)


def configuration(ground: Ground, names: Collection[str] = ()) -> Iterator[Trial]:
    """A config file that cannot be read (in each way, or in those of these `names`) is named in one line, and is luci's
    to read only."""
    _lay(ground)
    config = ground.home / "config" / "config.toml"
    content = config.read_bytes()
    dice = random.Random(1)
    for name, other in (
        ("random bytes", dice.randbytes(200)),
        ("cut short", content[:-3]),
        ("an unknown key", content + b"nonsense = 1\n"),
        ("a wrong kind", b"[index]\ntries = 'many'\n"),
        ("not UTF-8", b"[names]\nx = '\xff'\n"),
        ("deeply nested", b"a = " + b"[" * 50_000),
        ("an escape sequence", b"[names]\nx = '\\u001b[31m-y'\n"),
    ):
        if names and name not in names:
            continue
        config.write_bytes(other)
        faults = ground.luci("run", MAIN[0]).refuses(2)
        faults += ground.luci("plan", MAIN[0]).refuses(2)
        faults += ground.luci("config", "run.retry", "never").refuses(2)
        faults += [] if config.read_bytes() == other else ["the config file was written over"]
        config.write_bytes(content)
        yield Trial("damaged", f"config.toml: {name}", (*faults, *_both_run(ground)))


def inside(ground: Ground, names: Iterable[str] | None = None) -> Iterator[Trial]:
    """Remove and alter what lies in an environment."""
    _lay(ground)
    for name in INSIDE if names is None else names:
        spoil, at_once = INSIDE[name]
        faults = _both_run(ground)
        spoil(ground)
        if at_once:
            faults += _both_run(ground)
        else:  # only a long look sees it
            verified = ground.luci("env", "verify", MAIN[0])
            faults += [] if verified.code == 1 and "was altered" in verified.out else [f"not noticed: {verified}"]
            rebuilt = ground.luci("env", "rebuild", MAIN[0])
            faults += [str(rebuilt)] if rebuilt.code else []
            faults += _both_run(ground)
        faults += ground.swept()
        faults += ground.unsound(2)
        yield Trial("inside an environment", name, tuple(faults))
        if faults:
            _lay(ground)


def _unlink(*parts: str) -> Callable[[Ground], None]:
    def spoil(ground: Ground) -> None:
        env = ground.env_of(MAIN[0])
        path = next(env.glob("/".join(parts))) if parts else env
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    return spoil


def _alter(ground: Ground) -> None:
    """Write other bytes of the same length into a module, and give it its old time."""
    path = ground.site_of(MAIN[0]) / "bilby" / "deep.py"
    info = path.stat()
    path.write_text(path.read_text().replace("1", "2"))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def _garble(ground: Ground) -> None:
    (ground.site_of(MAIN[0]) / "wombat.py").write_bytes(b"\x00\xff" * 40)


def _folder_for_the_record(ground: Ground) -> None:
    record = ground.root_of(MAIN[0]) / "env.json"
    record.unlink()
    record.mkdir()


def _link_to_nowhere(ground: Ground) -> None:
    record = ground.root_of(MAIN[0]) / "env.json"
    record.unlink()
    record.symlink_to(record)


SITE = "lib/*/site-packages"
INSIDE: dict[str, tuple[Callable[[Ground], None], bool]] = {
    "the python is gone": (_unlink("bin", "python"), True),
    "all commands are gone": (_unlink("bin"), True),
    "a module is gone": (_unlink(SITE, "wombat.py"), True),
    "a module deep inside is gone": (_unlink(SITE, "bilby", "deep.py"), True),
    "a package is gone": (_unlink(SITE, "bilby"), True),
    "what describes a package is gone": (_unlink(SITE, "wombat-*.dist-info"), True),
    "luci's own hook is gone": (_unlink(SITE, "_luci_hook.py"), True),
    "the packages are gone": (_unlink(SITE), True),
    "its settings are gone": (_unlink("pyvenv.cfg"), True),
    "the generation is gone": (_unlink(), True),
    "the markers' folder is gone": (_unlink("..", "uses"), True),
    "a folder stands for its record": (_folder_for_the_record, True),
    "a link in a circle stands for its record": (_link_to_nowhere, True),
    "a module was altered in place": (_alter, False),
    "a module was garbled": (_garble, False),
}


GONE = ("data", "data/envs", "data/envs/.locks", "state", "state/scripts", "state/running", "cache")
ANOTHER_KIND = ("state/scripts", "state/running", "state/warm", "cache/index", "state/runs.jsonl")


def homes(ground: Ground, gone: Iterable[str] = GONE, another_kind: Iterable[str] = ANOTHER_KIND) -> Iterator[Trial]:
    """Remove whole folders of luci's, or put a file where a folder should be."""
    for name in gone:
        _lay(ground)
        shutil.rmtree(ground.home / name)
        faults = [*_both_run(ground), *ground.unsound(2)]
        yield Trial("gone", name, tuple(faults))
    for name in another_kind:
        _lay(ground)
        path = ground.home / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.mkdir() if name.endswith(".jsonl") else path.write_bytes(b"")
        yield Trial("another kind of file", name, tuple(_both_run(ground)))
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def uninstalled(ground: Ground) -> Trial:
    """Remove the Python that environments were made with, as an upgrade of the system does."""
    ground.forget()
    python = _copied_python(ground.base / "python")
    for name, source, _ in (MAIN, OTHER):
        ground.write(name, source)
    faults = ground.luci("run", "--python", python, MAIN[0]).works(MAIN[2])
    faults += ground.luci("run", "--python", python, MAIN[0]).works(MAIN[2])
    faults += ground.luci("run", OTHER[0]).works(OTHER[2])
    env = ground.env_of(MAIN[0])
    faults += [] if os.path.realpath(env / "bin" / "python").startswith(str(ground.base)) else ["another Python"]
    shutil.rmtree(ground.base / "python")
    faults += ground.luci("run", "--python", python, MAIN[0]).refuses(125)
    listed = {row["path"]: row["state"] for row in ground.listed()}
    faults += [] if listed.get(str(env)) == "broken" else [f"not noticed: {listed}"]
    verified = ground.luci("env", "verify", MAIN[0])
    faults += [] if verified.code == 1 and "is gone" in verified.out else [f"not noticed: {verified}"]
    faults += _both_run(ground)
    faults += ground.luci("env", "rebuild", MAIN[0]).works(str(ground.luci("env", "rebuild", MAIN[0]).out))
    return Trial("uninstalled", "the Python of an environment", (*faults, *ground.recovers(*MAIN[::2], None)))


def _copied_python(folder: Path) -> Path:
    """Make a Python of its own that runs: its program copied, its library the same."""
    real = Path(os.path.realpath(sys.executable))
    python = folder / "bin" / real.name
    python.parent.mkdir(parents=True)
    shutil.copy2(real, python)
    (folder / "lib").symlink_to(real.parent.parent / "lib")
    return python


def _lay(ground: Ground) -> None:
    """Have two scripts with an environment each, run twice: all that luci keeps is there."""
    ground.forget()
    for name, source, says in (MAIN, OTHER):
        ground.write(name, source)
        for _ in range(2):
            done = ground.luci("run", name)
            assert not done.works(says), done


def _both_run(ground: Ground, damaged: str = "") -> list[str]:
    """Run both, twice: through what is left, and through what was made anew."""
    return [
        f"after {damaged or 'it'}: {fault}"
        for _ in range(2)
        for name, _, says in (MAIN, OTHER)
        for fault in ground.luci("run", name).works(says)
    ]


def _small_files(ground: Ground) -> dict[str, list[Path]]:
    """What luci itself has written, but for what lies inside environments, by kind."""
    places = {
        "the record of an environment": ground.envs.glob("*/env.json"),
        "the memory of a script": ground.state.glob("scripts/*"),
        "the journal of runs": ground.state.glob("runs*.jsonl"),
        "the state of a run": ground.state.glob("running/*"),
        "the launcher's record": ground.state.glob("warm/[0-9]*/**/*@"),
        "what the Pythons said": ground.cache.glob("interpreters*"),
        "a page of the index": ground.cache.glob("index/pages/**/*"),
        "what is in a wheel": ground.cache.glob("index/wheels/**/*"),
        "another cache": ground.cache.glob("*/*"),
    }
    found = {kind: sorted(path for path in paths if path.is_file()) for kind, paths in places.items()}
    return {kind: paths for kind, paths in found.items() if paths}
