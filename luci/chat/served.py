"""What a server on this machine tells of the model that it has loaded, before it is asked anything."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from luci.values import Value

PATIENCE = 0.5  # seconds in which a server on this machine must say what it has
_MOST = 1_000_000  # bytes of what it says


class Served(Value):
    """`room` is how many tokens the model holds, 0 where nobody says it. `tools` is False where it never gets to know
    of any, whatever is sent: its template has no place for them."""

    room: int = 0
    tools: bool = True


def served(base_url: str, model: str) -> Served:
    """llama.cpp tells it in /props, Ollama in /api/ps, vLLM in its list of models; others tell nothing."""
    parts = urlsplit(base_url)
    listed = _of(told(base_url, f"{parts.path.rstrip('/')}/models"), "data", "id", model)
    props = told(base_url, "/props") or {}
    if caps := _mapping(props.get("chat_template_caps")):
        room = _number(_mapping(props.get("default_generation_settings")).get("n_ctx"))
        return Served(
            room or _number(_mapping(listed.get("meta")).get("n_ctx")), caps.get("supports_tools") is not False
        )
    if room := _number(listed.get("max_model_len")):
        return Served(room)
    loaded = _of(told(base_url, "/api/ps"), "models", "name", model)
    return Served(_number(loaded.get("context_length")))


def told(base_url: str, path: str) -> dict[str, Any] | None:
    """Return the JSON object that stands at a path of a server; None for anything else."""
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        found = json.loads(answer.read(_MOST)) if answer.status == 200 else None
        return found if isinstance(found, dict) else None
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _of(found: dict[str, Any] | None, name: str, key: str, model: str) -> Mapping[str, Any]:
    """Return what a list tells of a model, or of the only one that it has."""
    rows = [row for row in (found or {}).get(name) or [] if isinstance(row, Mapping)]
    return next((row for row in rows if row.get(key) == model), rows[0] if len(rows) == 1 else {})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
