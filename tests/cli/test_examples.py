"""Every script of examples/ runs as its page says, against the index that this machine is configured for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import FOREIGN, Luci

pytestmark = pytest.mark.network
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def own(home: Path, tmp_path: Path) -> Iterator[Luci]:
    """luci with a home of its own, and the person's own configuration of pip and uv."""
    left_out = tuple(prefix for prefix in FOREIGN if prefix not in ("PIP_", "UV_"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    person = Luci(tmp_path, {**kept, "LUCI_HOME": str(home)}, patience=400)
    yield person
    person.close()


def again(luci: Luci, *words: str | Path) -> None:
    """The second run starts at once and says nothing."""
    done = luci("run", *words)
    assert (done.code, done.err) == (0, "")


def test_quickstart(own: Luci) -> None:
    done = own("run", EXAMPLES / "quickstart.py")
    assert done.code == 0 and "humanize" in done.out and "It runs" in done.out, done.err
    again(own, EXAMPLES / "quickstart.py")


def test_html_to_yaml(own: Luci) -> None:
    done = own("run", EXAMPLES / "html_to_yaml.py")
    assert done.code == 0 and "Mercury" in done.out, done.err
    again(own, EXAMPLES / "html_to_yaml.py")


def test_birthday(own: Luci) -> None:
    done = own("run", EXAMPLES / "birthday.py", input="soon\n10 December 1815\n")
    assert done.code == 0 and "no date that I know" in done.out and "born on a Sunday" in done.out, done.err


def test_postcard(own: Luci) -> None:
    done = own("run", EXAMPLES / "postcard.py", "card.png", "Hello")
    assert done.code == 0 and (own.folder / "card-small.png").read_bytes().startswith(b"\x89PNG"), done.err


def test_declared(own: Luci) -> None:
    done = own("run", EXAMPLES / "declared.py", "3")
    assert done.code == 0 and len(done.out.splitlines()) == 5, done.err
    assert own("plan", "--names", EXAMPLES / "declared.py").out == "python-dateutil>=2.9\ntabulate>=0.9\n"


def test_invoice(own: Luci) -> None:
    done = own("run", EXAMPLES / "invoice" / "invoice.py")
    assert done.code == 0 and "TOTAL" in done.out, done.err
    assert own("plan", "--names", EXAMPLES / "invoice" / "invoice.py").out == "babel\njinja2\n"


def test_todo(own: Luci) -> None:
    (own.folder / "a.py").write_text("# TODO: rest\n")
    done = own("run", EXAMPLES / "todo.py", ".")
    assert done.code == 0 and "rest" in done.out, done.err


def test_wordcount(own: Luci) -> None:
    done = own("run", EXAMPLES / "wordcount", "--top", "3")
    assert done.code == 0 and "different" in done.out, done.err


def test_climate_plot(own: Luci) -> None:
    done = own("run", EXAMPLES / "climate_plot.py", "climate.png")
    assert done.code == 0 and (own.folder / "climate.png").read_bytes().startswith(b"\x89PNG"), done.err


def test_csv_stats(own: Luci) -> None:
    done = own("run", EXAMPLES / "csv_stats.py", input="city,warmth\nOslo,6\nRome,16\n")
    assert done.code == 0 and "warmth" in done.out and "2 rows" in done.out, done.err


@pytest.mark.parametrize("module", ["json", "msgpack", "cbor2", "toml", "yaml"])
def test_convert(own: Luci, module: str) -> None:
    done = own("run", EXAMPLES / "convert.py", module)
    assert done.code == 0 and f"{module}: " in done.out, done.err
    again(own, EXAMPLES / "convert.py", module)


def test_every_example_is_tried_here() -> None:
    named = {path.name for path in EXAMPLES.iterdir() if path.suffix == ".py" or (path / "__main__.py").exists()}
    tried = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in named if f'"{name}"' not in tried] == []


def test_what_matplotlib_would_show_is_told_in_a_conversation(own: Luci) -> None:
    own.write("show.py", "import matplotlib.pyplot as plt\nplt.plot([3, 1, 2])\nplt.show()\nprint('shown')")
    terminal = own.terminal("--plain", columns=300)
    terminal.see("luci>")
    terminal.type("show.py\r")
    terminal.see("after")
    assert "exit 0" in terminal.seen and "shown" in terminal.seen
    assert Path(terminal.seen.partition("made ")[2].split("\n")[0].strip()).read_bytes().startswith(b"\x89PNG")
    terminal.type("\x04")


def test_transcript(own: Luci) -> None:
    done = own("ask", "--allow", "write,run,install", "--replay", EXAMPLES / "transcript.json")
    assert done.code == 0 and "`sizes.py` works" in done.out, done.err
    assert '"humanize"' in (own.folder / "sizes.py").read_text() and "has no attribute 'natural_size'" in done.err
