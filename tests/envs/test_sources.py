"""Where packages come from, read from what users really write, and told to the real uv."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uv

from luci.config import IndexSettings
from luci.envs.sources import Sources, sources, without_credentials
from luci.errors import ConfigError
from tests.package_index import PackageIndex

A, B, C = "https://a.example/simple", "https://b.example/simple", "https://c.example/simple"
DEFAULT = IndexSettings()


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Sources]:
    """Read the sources of a user with this environment, and these files in the home folder."""

    def read(settings: IndexSettings = DEFAULT, files: dict[str, str] | None = None, **environ: str) -> Sources:
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return sources(settings, {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg"), **environ})

    return read


# the machine's own /etc/pip.conf can give extra places where pip's files are read, so such tests look past them
PIP = {"UV_NO_CONFIG": "1"}
ALONE = {"UV_NO_CONFIG": "1", "PIP_CONFIG_FILE": os.devnull}


def test_nothing_configured_is_the_default_index_and_no_words_to_uv(told):
    found = told(**ALONE)
    assert (found.url, found.identity, found.origin, found.uv_environ()) == ("", "", "default", {})
    assert found.index_url.startswith("https://")


def test_lucis_own_index_hides_what_uv_and_pip_say(told):
    own = IndexSettings(url=A, extra_urls=(B,))
    found = told(own, **ALONE, UV_INDEX=C, PIP_EXTRA_INDEX_URL=C)
    assert (found.url, found.extra_urls, found.origin) == (A, (B,), "luci's config")
    assert found.uv_environ()["UV_INDEX"] == B
    assert found.uv_environ()["UV_NO_CONFIG"] == "1"


def test_lucis_own_further_places_come_beside_the_others(told):
    found = told(IndexSettings(extra_urls=(B,)), **ALONE, PIP_INDEX_URL=A)
    assert (found.url, found.extra_urls, found.origin) == (A, (B,), "luci's config, PIP_INDEX_URL")


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_uvs_variables_come_before_pips(told, variable):
    found = told(**ALONE, **{variable: A}, UV_INDEX=f"name={B} {C}", UV_FIND_LINKS="/x,/y z", PIP_INDEX_URL=C)
    assert (found.url, found.extra_urls, found.origin) == (A, (B, C), variable)
    assert found.find_links == ("file:///x", "file:///y%20z")
    assert not found.best_match


def test_a_named_index_gets_its_login_from_the_environment(told):
    found = told(**ALONE, UV_INDEX=f"my-own={A}", UV_INDEX_MY_OWN_USERNAME="me", UV_INDEX_MY_OWN_PASSWORD="p@ss")
    assert found.extra_urls == ("https://me:p%40ss@a.example/simple",)
    assert "me" not in found.identity.replace("simple", "").replace("example", "")


UV_TOML = f"""
[[index]]
url = "{B}"
[[index]]
name = "main"
url = "{A}"
default = true
[[index]]
name = "torch"
url = "https://torch.example"
explicit = true
[[index]]
url = "wheels"
format = "flat"
[pip]
extra-index-url = ["{C}"]
"""


def test_uv_toml_is_read_where_uv_reads_it(told, tmp_path):
    found = told(files={".config/uv/uv.toml": UV_TOML}, PIP_CONFIG_FILE=os.devnull)
    assert (found.url, found.extra_urls, found.origin) == (A, (B, C), "uv.toml")
    assert found.find_links == ((tmp_path / ".config/uv/wheels").as_uri(),)


def test_uv_toml_can_be_named_and_can_be_switched_off(told, tmp_path):
    files = {".config/uv/uv.toml": f'index-url = "{A}"', "other.toml": f'index-url = "{B}"'}
    quiet = {"PIP_CONFIG_FILE": os.devnull}
    assert told(files=files, **quiet, UV_CONFIG_FILE=str(tmp_path / "other.toml")).url == B
    assert told(files=files, **quiet, UV_NO_CONFIG="1").url == ""
    assert told(files=files, **quiet).url == A


def test_the_users_uv_toml_comes_before_the_systems(told):
    files = {
        ".config/uv/uv.toml": f'index-url = "{A}"',
        "xdg/uv/uv.toml": f'index-url = "{B}"\nextra-index-url=["{C}"]',
    }
    found = told(files=files, PIP_CONFIG_FILE=os.devnull)
    assert (found.url, found.extra_urls) == (A, (C,))


PIP_CONF = f"""
[global]
index-url = {A}
extra-index-url =
    {B}
    {C}
trusted-host = b.example
    c.example
timeout = 60
"""


def test_pip_conf_is_read_with_values_of_several_lines(told):
    found = told(files={".config/pip/pip.conf": PIP_CONF}, **PIP)
    assert (found.url, found.origin, found.best_match) == (A, "pip.conf", True)
    assert found.extra_urls[-2:] == (B, C)
    assert found.trusted_hosts == ("b.example", "c.example")


def test_pips_precedence_is_file_then_section_then_environment(told, tmp_path):
    legacy, user, named = ".pip/pip.conf", ".config/pip/pip.conf", "named.conf"
    files = {legacy: f"[global]\nindex-url = {A}\ncert = /a\n", user: f"[global]\nindex-url = {B}\n"}
    assert (told(files=files, **PIP).url, told(files=files, **PIP).cert) == (B, "/a")
    files[legacy] += f"[install]\nindex_url = {C}\n"
    assert told(files=files, **PIP).url == C
    assert told(files=files, **PIP, PIP_INDEX_URL=A).url == A
    files[named] = f"[global]\nindex-url = {B}\n"
    found = told(files=files, **PIP, PIP_CONFIG_FILE=str(tmp_path / named))
    assert (found.url, found.cert == "/a") == (B, False)  # a named file stands in for the user's


def test_pip_may_forbid_every_index(told):
    found = told(**ALONE, PIP_NO_INDEX="1", PIP_FIND_LINKS="/wheels", PIP_INDEX_URL=A)
    assert (found.indexes, found.find_links, found.uv_flags()) == ((), ("file:///wheels",), ("--no-index",))


def test_certificates_and_proxies_reach_uv(told):
    found = told(**ALONE, PIP_CERT="/ca.pem", PIP_CLIENT_CERT="/me.pem", PIP_PROXY="http://p:3128")
    environ = found.uv_environ()
    assert (environ["SSL_CERT_FILE"], environ["SSL_CLIENT_CERT"]) == ("/ca.pem", "/me.pem")
    assert environ["HTTPS_PROXY"] == "http://p:3128"


def test_a_broken_pip_conf_is_named_but_not_quoted(told):
    with pytest.raises(ConfigError) as failed:
        told(files={".pip/pip.conf": "index-url = https://me:s3cret@a.example\n"}, **PIP)
    assert "pip.conf" in failed.value.message
    assert "s3cret" not in failed.value.message + failed.value.cause


def test_identity_tells_places_apart_and_holds_no_login(told):
    one, two = told(**ALONE, PIP_INDEX_URL="https://me:s3cret@a.example/simple"), told(**ALONE, PIP_INDEX_URL=B)
    assert one.identity == told(**ALONE, PIP_INDEX_URL="https://you:other@a.example/simple").identity
    assert one.identity != two.identity
    assert "s3cret" not in one.identity
    assert without_credentials("https://me:s3cret@a.example/simple") == A


# -- the real uv


def install(found: Sources, target: Path, package: str) -> subprocess.CompletedProcess[str]:
    argv = [uv.find_uv_bin(), "pip", "install", "--python", sys.executable, "--target", str(target)]
    hidden = {"UV_NO_CONFIG", "XDG_CONFIG_HOME"}  # of luci_home: what uv may read is for uv_environ to say
    environ = {key: value for key, value in os.environ.items() if key not in hidden}
    environ |= {"HOME": str(target.parent), **found.uv_environ()}
    return subprocess.run([*argv, *found.uv_flags(), package], env=environ, capture_output=True, text=True, check=False)


def test_uv_installs_from_where_pip_was_told(index, luci_home, told, tmp_path):
    index.credentials = ("me", "p@ss")
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    found = told(**ALONE, PIP_INDEX_URL=index.url_with("me", "p%40ss"))
    done = install(found, tmp_path / "site", "demo")
    assert done.returncode == 0, done.stderr


def test_uv_bears_local_places_that_lack_the_project_or_are_not_there(index, luci_home, told, tmp_path):
    index.add_wheel("demo", "1.0", {"demo.py": ""})
    (tmp_path / "mirror" / "simple" / "other").mkdir(parents=True)
    extra = f"{(tmp_path / 'mirror' / 'simple').as_uri()} {(tmp_path / 'absent').as_uri()}"
    found = told(**ALONE, PIP_INDEX_URL=index.url, PIP_EXTRA_INDEX_URL=extra, PIP_FIND_LINKS=str(tmp_path / "gone"))
    done = install(found, tmp_path / "site", "demo")
    assert done.returncode == 0, done.stderr


def test_uv_takes_the_best_of_pips_indexes_as_pip_does(index, luci_home, told, tmp_path):
    index.add_wheel("demo", "2.0", {"demo.py": "V = 2"})
    with PackageIndex(tmp_path / "second") as second:
        second.add_wheel("demo", "1.0", {"demo.py": "V = 1"})
        found = told(**ALONE, PIP_INDEX_URL=index.url, PIP_EXTRA_INDEX_URL=second.url)
        done = install(found, tmp_path / "site", "demo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "site" / "demo.py").read_text() == "V = 2"


def test_uv_asks_no_index_where_pip_may_not(index, luci_home, told, tmp_path):
    made = index.add_wheel("demo", "1.0", {"demo.py": ""})
    found = told(**ALONE, PIP_NO_INDEX="yes", PIP_FIND_LINKS=str(made.parent))
    done = install(found, tmp_path / "site", "demo")
    assert (done.returncode, index.requests) == (0, []), done.stderr


def test_uv_sees_only_lucis_index_where_luci_names_one(index, luci_home, told, tmp_path):
    index.add_wheel("demo", "1.0", {"demo.py": "V = 1"})
    with PackageIndex(tmp_path / "second") as second:
        second.add_wheel("demo", "9.0", {"demo.py": "V = 9"})
        config = tmp_path / ".config" / "uv" / "uv.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'index-url = "{second.url}"\n')
        found = told(IndexSettings(url=index.url), PIP_CONFIG_FILE=os.devnull)
        done = install(found, tmp_path / "site", "demo")
    assert done.returncode == 0, done.stderr
    assert second.requests == []
