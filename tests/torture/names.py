"""Names and lines that want to be more: options, shell commands, escape sequences, other folders, other files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.torture.ground import ESCAPE, Done, Ground, Trial

TAKEN = "TAKEN"  # a file of this name, or a request for it, shows that a name was obeyed

NAMES = {
    "a leading dash": "-q",
    "a long option": "--help",
    "a newline": "a\nb",
    "a return": "a\rb",
    "a command": f"$(touch {TAKEN})",
    "another command": f"`touch {TAKEN}`; touch {TAKEN} & | > {TAKEN}",
    "quotes": "a'b\"c\\",
    "wildcards": "*?[a-z]{b,c}~",
    "an escape sequence": "\x1b[31m\x1b]0;title\x07",
    "a C1 escape": "\x9b31m",
    "dots": "..a..",
    "300 characters": "x" * 243,  # with .py and @ behind it the longest that a file may have
    "300 bytes and more": "ü" * 121,
    "right to left": "\u202egnp\u2066\u200f",
    "no UTF-8": "\udcff\udc80",
    "spaces": "  a  b ",
    "formats": "%s%n{0}{x!r}",
    "a mark": "\ufeff# a",
    "a colon": "a:b@c=d",
}
ALL_IN_ONE = f"-q\n$(touch {TAKEN})\x1b[31m\u202e'\"`..;*\udcff"

LINES = {
    "an option": "-r {taken}",
    "a long option": "--index-url={url}{taken}/",
    "an option behind": "quokka --index-url={url}{taken}/",
    "another line": "quokka\n--index-url={url}{taken}/",
    "another line behind a URL": "quokka @ {url}quokka.whl\n--index-url={url}{taken}/",
    "another line behind a return": "quokka @ {url}quokka.whl\r--index-url={url}{taken}/",
    "another line in a marker": "quokka; os_name == 'a\n--index-url={url}{taken}/'",
    "an option in a version": "quokka===1 --index-url={url}{taken}/",
    "a hash with more behind it": "quokka==1.0 --hash='sha256:00 --index-url={url}{taken}/'",
    "a shell command": "quokka; $(touch {taken})",
    "a path": "../../../{taken}",
    "a path in a name": "quokka/../../{taken}",
    "an escape sequence": "\x1b[31mquokka",
    "an escape sequence in a version": "quokka===1\x1b[31m",
    "an escape sequence in a URL": "quokka @ {url}\x1b]0;title\x07/quokka.whl",
    "right to left": "quokka\u202e",
    "300 characters": "q" * 300,
    "a name like an option": "--help",
    "nothing": "",
    "a comment": "quokka # --index-url={url}{taken}/",
    "a bare URL": "{url}{taken}.whl",
    "a place": "-f {url}{taken}/",
}


def scripts(ground: Ground, names: Iterable[str] = tuple(NAMES)) -> Iterator[Trial]:
    """Run scripts whose names are hostile, and say all that luci says of them."""
    for name in names:
        ground.forget(pages=False)
        yield Trial("hostile names", f"a script: {name}", tuple(_in(ground, "project", NAMES[name])))


def folders(ground: Ground, names: Iterable[str] = tuple(NAMES)) -> Iterator[Trial]:
    """The same where it is the project's folder that has the name."""
    for name in names:
        ground.forget(pages=False)
        yield Trial("hostile names", f"a folder: {name}", tuple(_in(ground, NAMES[name], "a")))


def all_in_one(ground: Ground) -> Trial:
    """A script in a folder, where both have a name with a bit of everything in it."""
    ground.forget()
    return Trial("hostile names", "all in one", tuple(_in(ground, ALL_IN_ONE, ALL_IN_ONE)))


def _in(ground: Ground, folder: str, stem: str) -> Iterator[str]:
    place = ground.base / "projects" / folder
    (place / ".git").mkdir(parents=True)
    (place / "helper.py").write_text("value = 'hop'\n")
    script = place / f"{stem}.py"
    script.write_text("import helper, quokka\nprint(quokka.hop())\n")
    yield from _obeyed(ground, script)
    shutil.rmtree(ground.base / "projects")


def requirements(ground: Ground, names: Iterable[str] = tuple(LINES)) -> Iterator[Trial]:
    """Declare hostile lines in each place where lines can stand."""
    plain = "print('ok')\n"
    for name in names:
        line = LINES[name].format(url=ground.index.url, taken=TAKEN)
        ground.index.requests.clear()
        # a JSON string is a TOML string
        ground.write("block.py", f"# /// script\n# dependencies = [{json.dumps(line)}]\n# ///\n{plain}")
        ground.write("listed/.git/HEAD", "")
        ground.write("listed/requirements.txt", f"{line}\nquokka\n")
        ground.write("listed/a.py", f"import quokka\n{plain}")
        ground.write("a.py", plain)
        done = [
            ground.luci("run", "block.py"),
            ground.luci("plan", "--names", "block.py"),
            ground.luci("plan", "--json", "block.py"),
            ground.luci("run", "listed/a.py"),
            ground.luci("plan", "listed/a.py"),
            ground.luci("run", f"--with={line}", "a.py"),
            ground.luci("run", "--with", line, "a.py"),
            ground.luci("run", f"--allow={line}", f"--python={line}", "a.py"),
            ground.luci("env", "why", "listed/a.py", "--", line),
            ground.luci("env", "show", "--", line),
            ground.luci("run", "--", line),
        ]
        faults = [fault for each in done for fault in _harmful(each)]
        faults += [str(each) for each in done if b"Traceback" in each.stderr or each.code not in (0, 1, 2, 125, 126)]
        faults += [f"asked for {path}" for path in ground.index.requests if f"/simple/{TAKEN}/" in path]
        yield Trial("hostile lines", name, (*faults, *_taken(ground)))
    shutil.rmtree(ground.project / "listed", ignore_errors=True)


def wheels(ground: Ground) -> Iterator[Trial]:
    """Install wheels whose members want to lie outside, take the place of luci's own files, or be options."""
    ground.forget()
    for number, (name, member, content) in enumerate(
        (
            ("a path upwards", f"../../../../../../{TAKEN}", ""),
            ("a path from the root", f"{ground.base}/{TAKEN}", ""),
            ("data upwards", f"evil{{n}}-1.0.data/data/../../../../{TAKEN}", ""),
            ("a script upwards", f"evil{{n}}-1.0.data/scripts/../../../../{TAKEN}", "#!python\n"),
            (
                "a command upwards",
                "evil{n}-1.0.dist-info/entry_points.txt",
                f"[console_scripts]\n../../../../{TAKEN}=a:b\n",
            ),
            ("a command like an option", "evil{n}-1.0.dist-info/entry_points.txt", "[console_scripts]\n-q = a:b\n"),
            ("an escape sequence", "evil{n}/\x1b[31m.py", ""),
            ("another distribution like an option", "-q-1.0.dist-info/METADATA", "Name: -q\nVersion: 1.0\n"),
            ("a distribution with an escape sequence", "a-\x1b[31m1.dist-info/METADATA", "Name: a\n"),
            ("luci's hook", "_luci_hook.py", "raise SystemExit('taken')\n"),
            ("the record", "evil{n}-1.0.data/data/../env.json", "{}"),
        )
    ):
        wheel = f"evil{number}"
        ground.index.add_wheel(wheel, "1.0", {f"{wheel}.py": "", member.format(n=number): content})
        block = f'# /// script\n# dependencies = ["{wheel}"]\n# ///\n'
        ground.write("wheel.py", f"{block}import {wheel}\nprint('ok')\n")
        done = [ground.luci("run", "wheel.py")]
        faults = done[0].works_or_refuses("ok")
        if done[0].code == 0:
            done += [ground.luci("env", verb, "wheel.py") for verb in ("show", "tree", "verify", "inspect", "rebuild")]
            done += [ground.luci("env", "export", "wheel.py"), ground.luci("env", "remove", "wheel.py", "--yes")]
        faults += [fault for each in done for fault in _harmful(each)]
        faults += [str(each) for each in done if b"Traceback" in each.stderr]
        yield Trial("hostile wheels", name, (*faults, *_taken(ground)))


def _obeyed(ground: Ground, script: Path) -> Iterator[str]:
    """Say everything of a script, started from its own folder and from elsewhere; yield what was wrong."""
    before = _outside(ground)
    here, name = script.parent, script.name
    runs = [
        ground.luci("run", f"./{name}", cwd=here),
        ground.luci("run", "--", name, cwd=here),
        ground.luci("run", script, cwd=ground.base),
        ground.luci("run", "--retry", "never", "--record", f"./{name}", cwd=here),
    ]
    for done in runs:
        yield from done.works("hop")
    listed = [
        ground.luci("plan", "--", name, cwd=here),
        ground.luci("plan", "--names", f"./{name}", cwd=here),
        *(ground.luci("env", verb, "--", name, cwd=here) for verb in ("show", "tree", "verify", "inspect")),
        ground.luci("env", "list"),
        ground.luci("runs", "list"),
        ground.luci("runs", "show"),
        ground.luci("env", "prune", "--dry-run"),
    ]
    told = [
        ground.luci("plan", "--json", f"./{name}", cwd=here),
        ground.luci("env", "show", "--json", "--", name, cwd=here),
        ground.luci("env", "list", "--json"),
        ground.luci("runs", "list", "--json"),
    ]
    missing = [ground.luci(*words, f"{name}x", cwd=here) for words in (("run",), ("plan",), ("env", "show"))]
    done = [*listed, *told, ground.luci("env", "remove", "--yes", "--", name, cwd=here)]
    for each in done:
        yield from [str(each)] if each.code else []
    for each in [*runs, *done, *missing]:
        yield from _harmful(each)
    for each in missing:
        yield from [] if each.code == 2 or name.startswith("-") else each.refuses(2, 125)
    for each in told:
        try:
            json.loads(each.stdout)
        except ValueError:
            yield f"no JSON: {each}"
    yield from _taken(ground)
    for path in sorted(_outside(ground) - before):
        yield f"new: {path}"


def _harmful(done: Done) -> Iterator[str]:
    """Yield where a terminal would be told something by what was said."""
    for stream in (done.stdout, done.stderr):
        if ESCAPE.search(stream) or b"\xc2\x9b" in stream or b"\xef\xbb\xbf" in stream:
            yield f"an escape sequence: {done.words}: {stream!a}"


def _taken(ground: Ground) -> list[str]:
    return [f"it was obeyed: {path}" for path in _outside(ground) if TAKEN in path.rpartition("/")[2][: len(TAKEN)]]


def _outside(ground: Ground) -> set[str]:
    """All that lies on the ground but in luci's home, in uv's cache and in the folder for temporary files."""
    own = {str(ground.home), str(ground.wheels), str(ground.temporary)}
    found = set()
    for folder, below, names in os.walk(ground.base):
        below[:] = [name for name in below if f"{folder}/{name}" not in own and name != "__pycache__"]
        found |= {f"{folder}/{name}" for name in (*below, *names)}
    return found
