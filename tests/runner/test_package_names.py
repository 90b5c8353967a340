"""package_names.toml is well formed, contradicts neither itself nor Python, and answers as the field does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from luci.runner import stdlib
from luci.runner.table import FILE, table

RAW: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
SAME: list[str] = RAW["same"]["modules"]
GENERIC: list[str] = RAW["generic"]["words"]
IMPORTS = {**{part: list(RAW[part]) for part in ("names", "variants", "host", "nothing", "python2")}, "same": SAME}
PIECE = r"[A-Za-z_][A-Za-z0-9_]*"


def requirements() -> Iterator[str]:
    """Every distribution that the table may lead to, as it is written."""
    for value in RAW["names"].values():
        yield from [value] if isinstance(value, str) else value
    for variant in RAW["variants"].values():
        yield from (variant["default"], *(name for name in variant if name != "default"))
    for name, others in RAW["alternatives"].items():
        yield from (name, *others)
    yield from (pattern.replace("{}", "x") for pattern in RAW["families"].values())
    yield from (removed["backport"] for removed in RAW["removed"].values() if "backport" in removed)
    yield from RAW["extras"].values()


def test_every_distribution_is_valid_and_in_its_canonical_form() -> None:
    names = [re.split(r"[\[<]", requirement)[0] for requirement in requirements()]
    assert [r for r, name in zip(requirements(), names, strict=True) if Requirement(r).name != name] == []
    assert [name for name in names if canonicalize_name(name, validate=True) != name] == []


def test_only_an_extra_says_more_than_a_name() -> None:
    more = {
        requirement for requirement in requirements() if str(Requirement(requirement)) != Requirement(requirement).name
    }
    assert more == set(RAW["extras"].values())


def test_every_import_is_spelt_as_python_could_import_it() -> None:
    modules = [m for section in IMPORTS.values() for m in section]
    modules += [*RAW["families"], *RAW["extras"], *RAW["removed"], *GENERIC]
    assert [m for m in modules if not re.fullmatch(rf"{PIECE}(\.{PIECE})*", m)] == []
    assert [m for m in SAME if "." in m] == []


def test_every_section_is_sorted() -> None:
    sections = {name: list(entries) for name, entries in RAW.items() if name not in ("same", "generic")}
    sections |= {"same": SAME, "generic": GENERIC}
    sections |= {f"host_context.{host}": words for host, words in RAW["host_context"].items()}
    for name, variant in RAW["variants"].items():
        sections |= {f"variants.{name}": [d for d in variant if d != "default"]}
        sections |= {f"variants.{name}.{d}": signs for d, signs in variant.items() if d != "default"}
    assert [name for name, entries in sections.items() if entries != sorted(entries)] == []


def test_no_import_stands_in_two_sections() -> None:
    seen = Counter(module for section in [*IMPORTS.values(), GENERIC] for module in section)
    assert [module for module, times in seen.items() if times > 1] == []


def test_no_two_imports_of_the_same_name_are_one_distribution() -> None:
    seen = Counter(canonicalize_name(module) for module in SAME)
    assert [name for name, times in seen.items() if times > 1] == []


def test_an_import_of_another_name_really_has_another_name() -> None:
    top_level = {module: value for module, value in RAW["names"].items() if "." not in module}
    assert [module for module, value in top_level.items() if canonicalize_name(module) == value] == []


def test_no_import_leads_to_a_distribution_that_is_not_what_its_name_says() -> None:
    led_to = {r for value in RAW["names"].values() for r in ([value] if isinstance(value, str) else value)}
    led_to |= {canonicalize_name(module) for module in SAME} | {v["default"] for v in RAW["variants"].values()}
    assert led_to & set(RAW["taken"]) == set()


def test_a_word_that_means_a_missing_file_is_no_known_distribution() -> None:
    assert {canonicalize_name(word) for word in GENERIC} & {canonicalize_name(module) for module in SAME} == set()


def test_the_standard_library_is_left_to_python() -> None:
    library = set(sys.stdlib_module_names) - set(RAW["removed"])
    named = {module for section in [*IMPORTS.values(), GENERIC] for module in section}
    assert named & library == set()


def test_every_family_has_one_place_for_the_next_part() -> None:
    assert [p for p in RAW["families"].values() if p.count("{}") != 1] == []


def test_no_sign_of_a_variant_speaks_for_two_distributions() -> None:
    for module, variant in RAW["variants"].items():
        signs = Counter(sign for name, listed in variant.items() if name != "default" for sign in listed)
        assert [sign for sign, times in signs.items() if times > 1] == [], module


def test_an_alternative_is_another_distribution() -> None:
    assert [name for name, others in RAW["alternatives"].items() if not others or name in others] == []


def test_an_import_with_an_extra_is_known_without_it_too() -> None:
    unknown = [m for m, r in RAW["extras"].items() if not provided(m) or provided(m) != [Requirement(r).name]]
    assert unknown == []


def test_what_nothing_provides_is_said_in_a_sentence() -> None:
    assert [m for m, reason in RAW["nothing"].items() if not reason.endswith(".") or len(reason.split()) < 4] == []


def test_every_host_with_everyday_names_has_names_of_its_own() -> None:
    hosts = set(RAW["host"].values())
    assert [h for h in RAW["host_context"] if not any(value.startswith(h) for value in hosts)] == []


def test_what_python_dropped_is_what_the_standard_library_of_luci_says() -> None:
    removed = {module: entry.until for module, entry in table().removed.items()}
    assert removed == {module: (major, minor - 1) for module, (major, minor) in stdlib.REMOVED.items()}


@pytest.mark.parametrize("minor", range(10, 16))
def test_what_python_dropped_agrees_with_the_pythons_here(minor: int) -> None:
    library = standard_library(f"python3.{minor}")
    there = {module: entry.until >= (3, minor) for module, entry in table().removed.items()}
    assert {module: module in library for module in there} == there
    assert set(RAW["python2"]) & library == set()


def test_the_modules_of_python_2_are_those_it_has() -> None:
    python = shutil.which("python2.7") or pytest.skip("no Python 2 here")
    code = "import imp, json, sys\nfound = []\nfor name in json.loads(sys.argv[1]):\n" + (
        "    try: imp.find_module(name); found.append(name)\n    except ImportError: pass\nprint(json.dumps(found))"
    )
    common = ["ConfigParser", "HTMLParser", "Queue", "StringIO", "UserDict", "commands", "cookielib", "httplib"]
    common += ["md5", "robotparser", "sets", "urllib2", "urlparse", "xmlrpclib"]
    assert set(common) <= set(RAW["python2"])
    answer = subprocess.run([python, "-c", code, json.dumps(common)], capture_output=True, text=True)
    if answer.returncode:
        pytest.skip("python2.7 does not start")
    assert json.loads(answer.stdout) == common


@pytest.mark.parametrize(
    ("module", "distributions"),
    [
        ("yaml", ["pyyaml"]),
        ("PIL.Image", ["pillow"]),
        ("flask_restful", ["flask-restful"]),
        ("Levenshtein", ["levenshtein"]),
        ("MeCab", ["mecab-python3", "unidic-lite"]),
        ("six.moves.urllib.parse", ["six"]),
        ("google.cloud.storage.Client", ["google-cloud-storage"]),
        ("google.cloud.secretmanager_v1", ["google-cloud-secret-manager"]),
        ("google.cloud.speech_v1p1beta1", ["google-cloud-speech"]),
        ("google.cloud.exceptions.NotFound", ["google-cloud-core"]),
        ("google.cloud.video.transcoder_v1", ["google-cloud-video-transcoder"]),
        ("google.oauth2.service_account", ["google-auth"]),
        ("azure.mgmt.resource.subscriptions", ["azure-mgmt-resource"]),
        ("azure.storage.filedatalake", ["azure-storage-file-datalake"]),
        ("azure.keyvault.secrets.SecretClient", ["azure-keyvault-secrets"]),
        ("azure.ai.translation.text", ["azure-ai-translation-text"]),
        ("airflow.providers.apache.spark.operators", ["apache-airflow-providers-apache-spark"]),
        ("airflow.operators.bash", ["apache-airflow"]),
        ("opentelemetry.instrumentation.flask", ["opentelemetry-instrumentation-flask"]),
        ("opentelemetry.trace", ["opentelemetry-api"]),
        ("llama_index.llms.openai", ["llama-index-llms-openai"]),
        ("llama_index.core", ["llama-index-core"]),
        ("zope.interface.Interface", ["zope-interface"]),
        ("mpl_toolkits.mplot3d", ["matplotlib"]),
        ("mpl_toolkits.basemap", ["basemap"]),
        ("PyQt5.QtWebEngineWidgets", ["pyqtwebengine"]),
        ("fabric.api.run", ["fabric3"]),
        ("fabric.Connection", ["fabric"]),
        ("bson.json_util.dumps", ["pymongo"]),
        ("xdg.BaseDirectory.xdg_config_home", ["pyxdg"]),
    ],
)
def test_an_import_is_provided_by(module: str, distributions: list[str]) -> None:
    assert provided(module) == distributions


@pytest.mark.parametrize(
    ("module", "used", "distribution"),
    [
        ("cv2", [], "opencv-python-headless"),
        ("cv2", ["imread", "imshow", "waitKey"], "opencv-python"),
        ("cv2", ["imshow", "xfeatures2d"], "opencv-contrib-python"),
        ("twitter.Api", [], "python-twitter"),
        ("twitter", ["OAuth", "Twitter"], "twitter"),
        ("jwt", ["encode"], "pyjwt"),
        ("jwt.jwk_from_pem", [], "jwt"),
        ("trello.TrelloClient", [], "py-trello"),
        ("whois", ["whois"], "python-whois"),
        ("whois", ["query"], "whois"),
        ("haystack.indexes", [], "django-haystack"),
        ("discord.ext.commands.Bot", ["Bot"], "discord-py"),
    ],
)
def test_what_a_script_uses_chooses_among_several(module: str, used: list[str], distribution: str) -> None:
    assert provided(module, used) == [distribution]


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        ("sublime_plugin", "host"),
        ("maya.cmds", "host"),
        ("bpy.types", "host"),
        ("appex", "host"),
        ("google.colab.drive", "host"),
        ("PySide.QtGui", "nothing"),
        ("gtk.glade", "nothing"),
        ("Image", "nothing"),
        ("pyPdf", "nothing"),
        ("flask.ext.unheard_of", "nothing"),
        ("urllib2", "python2"),
        ("tkMessageBox", "python2"),
        ("config", "generic"),
        ("utils.helpers", "generic"),
        ("console", "generic"),
    ],
)
def test_nothing_is_installed_for(module: str, kind: str) -> None:
    known = table().lookup(module)
    assert known is not None
    assert (known.kind, known.requirements) == (kind, ())


def test_an_import_the_field_does_not_know_is_unknown() -> None:
    assert table().lookup("wholly_unheard_of") is None


def provided(module: str, used: list[str] | None = None) -> list[str]:
    known = table().lookup(module, {module: used or ()})
    return [*known.requirements] if known else []


def standard_library(command: str) -> set[str]:
    python = shutil.which(command) or pytest.skip(f"no {command} here")
    code = "import json, sys; print(json.dumps(sorted(sys.stdlib_module_names)))"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if answer.returncode:
        pytest.skip(f"{command} does not start")
    return set(json.loads(answer.stdout))
