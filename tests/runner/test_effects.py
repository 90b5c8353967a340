"""A rerun asks first where the code before the failing line wrote, started or connected."""

from __future__ import annotations

import textwrap

import pytest

from luci.runner.effects import CONNECTS, STARTS, WRITES, Effect, effects_before, reads_stdin_before

END = 10_000


def source(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def whats(text: str, line: int = END) -> set[str]:
    return {effect.what for effect in effects_before(source(text), line)}


def here(text: str) -> tuple[Effect, ...]:
    """The effects before the line that ends with `# here`."""
    text = source(text)
    line = next(number for number, words in enumerate(text.splitlines(), 1) if words.endswith("# here"))
    return effects_before(text, line)


@pytest.mark.parametrize(
    "code",
    [
        "open('out', 'w')",
        "open('out', mode='a')",
        "open('out', 'r+b')",
        "open('out', mode)",
        "import io; io.open('out', 'xb')",
        "import gzip; gzip.open('out', 'wt')",
        "from pathlib import Path; Path('out').write_text('x')",
        "from pathlib import Path; p = Path('d') / 'out'; p.open('w')",
        "from pathlib import Path; p = Path('out'); p.rename('other')",
        "from pathlib import Path; (Path('d') / 'out').mkdir()",
        "folder.mkdir(exist_ok=True)",
        "import os; os.remove('out')",
        "import os as system; system.makedirs('out')",
        "from os import rename as mv; mv('a', 'b')",
        "from os import *; remove('out')",
        "import os; os.open('out', os.O_WRONLY | os.O_CREAT)",
        "import shutil; shutil.rmtree('out')",
        "import sqlite3; sqlite3.connect('out.db')",
        "import logging; logging.FileHandler('log')",
        "import logging; logging.basicConfig(filename='log')",
        "import json; json.dump({}, file)",
        "import zipfile; zipfile.ZipFile('out.zip', 'w')",
        "import tarfile; tarfile.open('out.tgz', 'w:gz')",
        "import matplotlib.pyplot as plt; plt.savefig('out.png')",
        "frame.to_csv('out.csv')",
        "image.save('out.png')",
        "import numpy as np; np.save('out', [1])",
    ],
)
def test_what_writes_files_is_seen(code: str) -> None:
    assert whats(code) == {WRITES}


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.run(['ls'])",
        "from subprocess import check_output as ask; ask('ls')",
        "import os; os.system('ls')",
        "import os; os.execvp('ls', ['ls'])",
        "import os; os.fork()",
        "import multiprocessing as mp; mp.Pool(4)",
        "from multiprocessing import Process; Process(target=print)",
        "import multiprocessing; multiprocessing.get_context('spawn').Process()",
        "from concurrent.futures import ProcessPoolExecutor; ProcessPoolExecutor()",
        "import asyncio; asyncio.create_subprocess_exec('ls')",
        "import webbrowser; webbrowser.open('page')",
    ],
)
def test_what_starts_processes_is_seen(code: str) -> None:
    assert whats(code) == {STARTS}


@pytest.mark.parametrize(
    "code",
    [
        "import socket; s = socket.socket()",
        "from socket import *; socket(AF_INET, SOCK_STREAM)",
        "from urllib.request import urlopen; urlopen(address)",
        "import http.client; http.client.HTTPSConnection('host')",
        "import requests; requests.get(address)",
        "import requests; s = requests.Session(); s.post(address)",
        "import requests\nwith requests.Session() as s: s.put(address)",
        "import httpx\nwith httpx.Client() as client: client.delete(address)",
        "import aiohttp\nasync def f():\n  async with aiohttp.ClientSession() as s: await s.get(address)\nf()",
        "session.get('https://example.org')",
        "session.get(f'https://example.org/{page}')",
        "import smtplib; smtplib.SMTP('host')",
        "from ftplib import FTP; FTP('host')",
        "import paramiko; paramiko.SSHClient()",
        "import boto3; boto3.client('s3')",
        "import psycopg2; psycopg2.connect('')",
    ],
)
def test_what_uses_the_network_is_seen(code: str) -> None:
    assert whats(code) == {CONNECTS}


@pytest.mark.parametrize(
    "code",
    [
        "open('in').read()",
        "open('in', 'rb')",
        "open('in', encoding='utf-8')",
        "from pathlib import Path; Path('in').read_text(); Path('in').open(); Path('in').exists()",
        "import tarfile; tarfile.open('in.tar.xz', 'r:xz')",
        "import zipfile; zipfile.ZipFile('in.zip')",
        "print('x', flush=True)",
        "import argparse; p = argparse.ArgumentParser(); p.add_argument('x'); a = p.parse_args()",
        "import json, sys; json.dump({}, sys.stdout)",
        "import json; json.dumps({}); json.load(open('in'))",
        "import sqlite3; sqlite3.connect(':memory:')",
        "import logging; logging.basicConfig(level=10); logging.info('x')",
        "'a-b'.replace('-', '_'); table.get('key'); names.remove('a')",
        "import os; os.environ.get('HOME'); os.path.join('a', 'b'); os.listdir('.')",
        "import socket; socket.gethostname()",
        "from urllib.request import Request; Request('https://example.org')",
        "frame.to_csv(); frame.to_dict()",
        "import io; buffer = io.BytesIO(); image.save(buffer)",
        "import sys; sys.exit",
        "import shutil; shutil.get_terminal_size()",
        "import requests; requests.Session()",
        "def remove(x): return x\nremove(1)",
    ],
)
def test_reading_printing_and_computing_are_no_effects(code: str) -> None:
    assert not effects_before(code, END)


def test_only_what_stands_before_the_line_counts() -> None:
    assert here(
        """
        open("first", "w")
        import missing  # here
        open("second", "w")
        """
    ) == (Effect(1, WRITES),)


def test_a_function_that_is_not_called_did_nothing() -> None:
    assert not here(
        """
        def save():
            open("out", "w")
        import missing  # here
        save()
        """
    )


def test_a_called_function_is_followed_through_others() -> None:
    assert here(
        """
        def save():
            open("out", "w")
        def main():
            save()
        main()
        import missing  # here
        """
    ) == (Effect(2, WRITES),)


@pytest.mark.parametrize(
    "use",
    [
        "Thread(target=save).start()",
        "list(map(save, names))",
        "atexit.register(save)",
        "@save\ndef f(): pass",
        "@save()\nclass C: pass",
        "def f(x=save()): pass",
        "class C:\n    value = save()",
        "[save() for _ in '12']",
        "(lambda: save())()",
        "if __name__ == '__main__': save()",
        "try:\n    save()\nexcept OSError: pass",
        "class C:\n    def __init__(self): save()\nC()",
        "class C:\n    def run(self): save()\nC().run()",
        "class C:\n    def run(self): save()\nc = C()\nc.run()",
        "class C:\n    def __enter__(self): save()\nwith C(): pass",
        "import asyncio\nasync def main(): save()\nasyncio.run(main())",
    ],
)
def test_every_way_to_call_counts(use: str) -> None:
    text = f"def save(*_):\n    open('out', 'w')\n{use}\nimport missing"
    assert effects_before(text, len(text.splitlines())) == (Effect(2, WRITES),)


def test_a_deferred_import_fails_before_what_its_caller_does_later() -> None:
    assert not here(
        """
        def load():
            import missing  # here
            open("cache", "w")
        def main():
            data = load()
            open("out", "w")
        main()
        """
    )


def test_what_a_caller_of_a_deferred_import_did_earlier_counts() -> None:
    assert here(
        """
        def load():
            import missing  # here
        def main():
            open("log", "a")
            load()
        main()
        """
    ) == (Effect(4, WRITES),)


def test_earlier_rounds_of_a_loop_count() -> None:
    assert here(
        """
        def load(name):
            if name == "b":
                import missing  # here
        for name in "ab":
            load(name)
            open(name, "w")
        """
    ) == (Effect(6, WRITES),)


def test_a_function_that_something_else_calls_ran_after_the_module() -> None:
    assert here(
        """
        import click
        @click.command()
        def main():
            import missing  # here
        open("out", "w")
        """
    ) == (Effect(5, WRITES),)


def test_asking_pip_is_no_effect() -> None:
    assert not whats("import subprocess, sys; subprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])")
    assert not whats("import os; os.system('pip install x')")


@pytest.mark.parametrize("text", ["print 'two'", "def f(:", "a\0b"])
def test_what_cannot_be_read_may_have_done_anything(text: str) -> None:
    assert [effect.line for effect in effects_before(text, END)] == [1]
    assert reads_stdin_before(text, END)


def test_a_long_chain_is_read_or_counts_as_unreadable() -> None:
    text = "x" + ".a()" * 5000 + "\nopen('out', 'w')"
    assert effects_before(text, END)


@pytest.mark.parametrize(
    "code",
    [
        "input('name? ')",
        "import sys; sys.stdin.read()",
        "import sys\nfor line in sys.stdin: pass",
        "from sys import stdin; stdin.buffer.read()",
        "import pandas as pd, sys; pd.read_csv(sys.stdin)",
        "open(0).read()",
        "open('/dev/stdin').read()",
        "import fileinput\nfor line in fileinput.input(): pass",
        "def main():\n    return input()\nmain()",
    ],
)
def test_reading_stdin_is_seen(code: str) -> None:
    assert reads_stdin_before(code, END)


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.stdin.isatty(); sys.stdin.encoding",
        "def main():\n    return input()",
        "def input(): pass\ninput()",
        "open('in').read()",
        "import sys; sys.stdout.write('x')",
    ],
)
def test_what_does_not_read_stdin_is_let_be(code: str) -> None:
    assert not reads_stdin_before(code, END)


def test_stdin_read_after_the_line_does_not_count() -> None:
    assert not reads_stdin_before("import missing\ninput()", 1)
