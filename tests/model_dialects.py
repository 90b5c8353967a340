"""How the servers that luci names differ from each other, as their documentation and their users' reports say.

A dialect refuses what its server refuses, and cuts an answer as its server does. `LlamaServer` does as a real one did.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
Headers = Mapping[str, str]


def piece(delta: Mapping[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": reason}
    told = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]}
    return {**told, **more}


def _error(status: int, message: str, **more: Any) -> tuple[int, Any]:
    return status, {"error": {"message": message, **more}}


@dataclass
class Dialect:
    """`most` are the tokens that an answer may have, `room` those that the model holds."""

    most: int = 0
    room: int = 0

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        """Return the status and the body of a refusal, None for a request that is taken."""
        return None

    def refuses_models(self, headers: Headers) -> tuple[int, Any] | None:
        return None

    def models(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {"object": "list", "data": [{"id": name, "object": "model", "created": 1} for name in names]}

    def tells(self, path: str) -> Any:
        """Return what a server tells at another path, None for nothing."""
        return None

    def before(self) -> str:
        """Return what stands between the pieces of a stream."""
        return ""

    def calls(self, calls: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
        """Yield the pieces of calls."""
        for n, call in enumerate(calls):
            function = call["function"]
            yield piece({"tool_calls": [{**call, "index": n, "function": {"name": function["name"], "arguments": ""}}]})
            for at in range(0, len(function["arguments"]), size):
                part = function["arguments"][at : at + size]
                yield piece({"tool_calls": [{"index": n, "function": {"arguments": part}}]})

    def thought(self, text: str) -> dict[str, Any]:
        """Return what a piece adds that is thought before the answer."""
        return {"content": None, "reasoning_content": text}

    def reason(self, reason: str) -> str:
        return reason

    def end(self, usage: Mapping[str, Any] | None, body: Body) -> Iterator[dict[str, Any]]:
        """Yield what comes behind the reason to end."""
        if usage is not None:
            yield {**piece({}), "choices": [], "usage": dict(usage)}


def sent(body: Body) -> int:
    """The tokens of a request, as a server may count them."""
    return len(json.dumps(body["messages"])) // 4


class OpenAI(Dialect):
    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        if "max_tokens" in body:
            said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'"
            return _error(400, f"{said} instead.", type="invalid_request_error", param="max_tokens")
        if self.most and body.get("max_completion_tokens", 0) > self.most:
            said = f"max_tokens is too large: {body['max_completion_tokens']}. This model supports at most {self.most}"
            return _error(400, f"{said} completion tokens.", param="max_tokens")
        return None

    def end(self, usage: Mapping[str, Any] | None, body: Body) -> Iterator[dict[str, Any]]:
        if (body.get("stream_options") or {}).get("include_usage"):
            yield from super().end(usage, body)


class Unverified(OpenAI):
    """An organization that may not stream."""

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        if body.get("stream"):
            return _error(400, "Your organization must be verified to stream this model.", param="stream")
        return super().refusal(body, headers)


class OpenRouter(Dialect):
    def before(self) -> str:
        return ": OPENROUTER PROCESSING\n\n"

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        asked = body.get("max_tokens", self.most + 1)
        if self.most and asked > self.most:
            said = (
                f"This request requires more credits, or fewer max_tokens. You requested up to {asked} tokens, but can"
            )
            return _error(402, f"{said} only afford {self.most}.", code=402)
        return None

    def thought(self, text: str) -> dict[str, Any]:
        block = {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0}
        return {"content": "", "reasoning": text, "reasoning_details": [block]}

    def calls(self, calls: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
        if calls:  # the signature comes alone, behind what it signs
            signed = {"type": "reasoning.text", "signature": "signed", "format": "anthropic-claude-v1", "index": 0}
            yield piece({"content": "", "reasoning_details": [signed]})
            yield piece(
                {"content": "", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": 1}]}
            )
        yield from super().calls(calls, size)

    def end(self, usage: Mapping[str, Any] | None, body: Body) -> Iterator[dict[str, Any]]:
        told = {"prompt_tokens": 9, "completion_tokens": 3, "cost": 0.00125, **(usage or {})}
        yield piece({"role": "assistant", "content": ""}, usage=told)


class Google(Dialect):
    """Each call is whole, and has the index 0; without its signature the next request is refused, as a list."""

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        for message in body["messages"]:
            for call in message.get("tool_calls", ()):
                if not call.get("extra_content", {}).get("google", {}).get("thought_signature"):
                    status, told = _error(400, "Function call is missing a thought_signature in functionCall parts.")
                    return status, [told]
        return None

    def models(self, names: tuple[str, ...]) -> dict[str, Any]:
        return super().models(tuple(f"models/{name}" for name in names))

    def calls(self, calls: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
        for n, call in enumerate(calls):
            extra = {"google": {"thought_signature": f"signature {n}"}}
            yield piece({"role": "assistant", "tool_calls": [{**call, "index": 0, "extra_content": extra}]})

    def reason(self, reason: str) -> str:
        return "stop"


class Anthropic(Dialect):
    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        if any(message["role"] != "tool" and message.get("content") == "" for message in body["messages"]):
            return _error(400, "messages: text content blocks must be non-empty", type="invalid_request_error")
        if self.most and body.get("max_tokens", 0) > self.most:
            said = (
                f"max_tokens: {body['max_tokens']} > {self.most}, which is the maximum allowed number of output tokens"
            )
            return _error(400, said)
        return None

    def refuses_models(self, headers: Headers) -> tuple[int, Any] | None:
        if not headers.get("anthropic-version") or not headers.get("x-api-key") or headers.get("Authorization"):
            return _error(400, "anthropic-version: header is required")
        return None

    def models(self, names: tuple[str, ...]) -> dict[str, Any]:
        data = [{"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01"} for name in names]
        return {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]}


class Ollama(Dialect):
    """A prompt that is too long loses its beginning, and nobody is told; calls come whole."""

    def calls(self, calls: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
        yield piece({"role": "assistant", "content": "", "reasoning": "I think."})
        yield piece({"role": "assistant", "tool_calls": [{**call, "index": n} for n, call in enumerate(calls)]})

    def end(self, usage: Mapping[str, Any] | None, body: Body) -> Iterator[dict[str, Any]]:
        counted = min(sent(body), self.room) if self.room else sent(body)
        yield from super().end(usage or {"prompt_tokens": counted, "completion_tokens": 3}, body)


class NoToolsInOllama(Ollama):
    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        if body.get("tools"):
            return _error(400, "registry.ollama.ai/library/gemma:2b does not support tools", type="api_error")
        return None


class LMStudio(Dialect):
    """Thinks aloud; tells no index."""

    def models(self, names: tuple[str, ...]) -> dict[str, Any]:
        return super().models(("text-embedding-nomic-embed-text-v1.5", *names))

    def calls(self, calls: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
        yield piece({"reasoning_content": "I think."})
        for told in super().calls(calls[:1], size):
            (call,) = told["choices"][0]["delta"]["tool_calls"]
            del call["index"]
            yield told


class LlamaCpp(Dialect):
    """Says when a prompt is too long, and what it holds."""

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        if self.room and sent(body) > self.room:
            said = f"request ({sent(body)} tokens) exceeds the available context size ({self.room} tokens), try"
            return _error(400, f"{said} increasing it", type="exceed_context_size_error", n_ctx=self.room)
        return None

    def end(self, usage: Mapping[str, Any] | None, body: Body) -> Iterator[dict[str, Any]]:
        yield {
            **piece({}),
            "choices": [],
            "usage": {"prompt_tokens": sent(body), "completion_tokens": 3},
            "timings": {},
        }


class LlamaCppWithoutJinja(LlamaCpp):
    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        return _error(500, "tools param requires --jinja flag") if body.get("tools") else None


class VLLM(Dialect):
    """Counts the answer that is asked for to what must fit; some templates know no system, and want turns."""

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        roles = [message["role"] for message in body["messages"] if message["role"] != "tool"]
        if "system" in roles or any(one == other for one, other in itertools.pairwise(roles)):
            return _error(400, "System role not supported; Conversation roles must alternate user/assistant/user/...")
        asked = body.get("max_tokens", 0)
        if self.room and sent(body) + asked > self.room:
            said = f"This model's maximum context length is {self.room} tokens. However, you requested"
            return _error(
                400, f"{said} {sent(body) + asked} tokens ({sent(body)} in the messages, {asked} in the completion)."
            )
        return None

    def end(self, usage: Mapping[str, Any] | None, body: Body) -> Iterator[dict[str, Any]]:
        yield {**piece({}), "choices": [], "usage": {"prompt_tokens": sent(body), "completion_tokens": 3}}


class DeepSeek(Dialect):
    """Thinks, and wants its thoughts back with the calls that they led to."""

    def refusal(self, body: Body, headers: Headers) -> tuple[int, Any] | None:
        for at, message in enumerate(body["messages"]):
            if message.get("tool_calls") and "reasoning_content" not in message:
                said = f"Missing `reasoning_content` field in the assistant message at message index {at}"
                return _error(400, said, type="invalid_request_error")
        return None


class LlamaServer(LlamaCpp):
    """llama-server with a small model whose template has no place for tools: they are left out, and nobody is told.
    While it loads, it refuses all."""

    def __init__(self, room: int, *, tells: bool = True, loading: int = 0) -> None:
        super().__init__(room=room)
        self._tells, self.loading = tells, loading

    def tells(self, path: str) -> Any:
        if path != "/props" or not self._tells:
            return None
        caps = {"supports_tools": False, "supports_tool_calls": False, "supports_system_role": True}
        return {"default_generation_settings": {"n_ctx": self.room}, "chat_template_caps": caps}

    def refuses_models(self, headers: Headers) -> tuple[int, Any] | None:
        self.loading -= 1
        return _error(503, "Loading model", type="unavailable_error") if self.loading >= 0 else None
