"""Tab in the shells that are here, set up as the documents say: luci's words, environments, settings, and files."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, Luci, Near, Terminal

PROMPT = "ready> "
SET_UP = {
    "bash": (".bashrc", f'PS1="{PROMPT}"\neval "$(luci completion bash)"\n'),
    "zsh": (".zshrc", f'PS1="{PROMPT}"\neval "$(luci completion zsh)"\n'),
    "fish": (
        ".config/fish/config.fish",
        f"function fish_prompt; echo -n '{PROMPT}'; end\nluci completion fish | source\n",
    ),
}
SCENE = (  # what is typed, and what must come of it
    ("luci run --sa", "luci run --sandbox"),
    ("luci run --sandbox=bw", "luci run --sandbox=bwrap"),
    ("luci run qu", "luci run quoll.py"),
    ("luci run quoll.py --size da", "luci run quoll.py --size data.csv"),
    ("luci env remove bett", "luci env remove bettong"),
    ("luci env why bettong quo", "luci env why bettong quokka"),
    ("luci config run.retry al", "luci config run.retry always"),
    ("luci config model.provider olla", "luci config model.provider ollama"),
    ("luci ask --allow write,ins", "luci ask --allow write,install"),
    ("luci ask --model lmst", "luci ask --model lmstudio"),
)


@pytest.mark.parametrize("shell", SET_UP)
def test_tab_completes_lucis_words_in(shell: str, luci: Luci) -> None:
    command = Path(sys.executable).with_name("luci")
    path = shutil.which(shell)
    if path is None or not command.exists():
        pytest.skip(f"{shell if path is None else 'the command luci'} is not here")
    assert luci("env", "create", "bettong", "--with", "quokka", "--allow", "quokka").code == 0
    for name in ("quoll.py", "data.csv"):
        luci.write(name, "")
    file, text = SET_UP[shell]
    luci.write(f"home/{file}", text)
    environ = {
        **luci.environ,
        "TERM": "xterm",
        "HOME": str(luci.folder / "home"),
        "PATH": f"{command.parent}:/usr/bin:/bin",
    }
    terminal = Terminal([path, "-i"], luci.folder, environ)
    luci.opened.append(terminal)
    shows(terminal, PROMPT)
    for typed, completed in SCENE:
        terminal.type(f"{typed}\t")
        shows(terminal, completed)
        terminal.type("\x15")  # the line is emptied
        shows(terminal, PROMPT, gone=completed)


def shows(terminal: Terminal, text: str, gone: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(text in f"{line} " for line in terminal.screen) or (gone and any(gone in x for x in terminal.screen)):
        assert time.monotonic() < deadline and terminal.read(), terminal.screen


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("rnu",), "There is no command 'rnu'.", "Did you mean run?"),
        (("env", "lst"), "There is no verb 'lst'.", "Did you mean list?"),
        (("run", "--sandbx", "a.py"), "There is no option '--sandbx'.", "Did you mean --sandbox? `luci run --help`"),
        (("run", "--sandbox", "bwarp", "a.py"), "--sandbox cannot be 'bwarp'.", "Did you mean bwrap?"),
        (("env", "export", "a", "-f", "x"), "--format cannot be 'x'.", "One of requirements, pylock, pep723,"),
        (("env", "show", "a", "b"), "There is no place for 'b'.", "`luci env show --help`"),
        (("run", "--timeout", "soon", "a.py"), "Argument --timeout: 'soon' is no number.", "`luci run --help`"),
    ],
)
def test_a_word_that_is_not_known_is_told_with_what_was_meant(near: Near, words, said, hint) -> None:
    done = near.near(*words)
    assert done.code == 2 and not done.out
    assert done.err.startswith(f"error: {said}\nhint: {hint}"), done.err
