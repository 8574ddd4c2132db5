"""Models on loopback: servers of ours that speak the wire of the Messages API and of the Chat Completions API.

The real SDKs talk to them. What they answer is scripted, reply by reply; when the script is at its end they read: each
message of the window becomes one fact, or what a golden file says about it.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

GOLDEN = Path(__file__).with_name("golden")
Item = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request: what was sent, and the blocks of the user turn, parsed."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def turn(self) -> str:
        content = self.body["messages"][-1]["content"]
        return str(content)

    def block(self, name: str) -> list[dict[str, Any]]:
        found = re.search(rf"^<{name}-(\w+)>\n(.*?)^</{name}-\1>$", self.turn, re.MULTILINE | re.DOTALL)
        assert found, self.turn
        return [json.loads(line) for line in found[2].splitlines()]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.block("messages")

    @property
    def known(self) -> list[dict[str, Any]]:
        return self.block("known")

    @property
    def limit(self) -> int:
        return int(self.body.get("max_tokens") or self.body["max_completion_tokens"])


@dataclass(frozen=True)
class Reply:
    """What goes over the wire. `body` None: nothing comes, for ever. `drips`: it comes byte by byte, for ever."""

    body: bytes | None
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    drips: bool = False
    cut_off: bool = False


Answer = Callable[[Asked], Reply]


def item(source: int, evidence: str, text: str, **fields: Any) -> Item:
    defaults: Item = {
        "source": source,
        "evidence": evidence,
        "text": text,
        "category": "other",
        "about": "user",
        "relation": "new",
        "targets": [],
        "occurred": "",
        "valid_from": "",
        "valid_to": "",
        "importance": 0.5,
        "entities": [],
        "relations": [],
    }
    assert fields.keys() <= defaults.keys()
    return {**defaults, **fields}


def one_fact_each(asked: Asked) -> list[Item]:
    return [item(said["n"], said["content"], f"Noted: {said['content']}") for said in asked.messages]


def golden(name: str) -> Callable[[Asked], list[Item]]:
    """Answer as a golden file says. Its items name their message and their targets by words instead of numbers."""
    written = json.loads(GOLDEN.joinpath(f"{name}.json").read_text(encoding="utf-8"))["items"]

    def answer(asked: Asked) -> list[Item]:
        items = []
        for one in written:
            said = [said["n"] for said in asked.messages if one["evidence"] in said["content"]]
            meant = [known["n"] for known in asked.known if known["text"] in one.get("targets", [])]
            items += [item(said[0], **{k: v for k, v in one.items() if k != "targets"}, targets=meant)] if said else []
        return items

    return answer


class Model:
    """A loopback model. `requests` is what it was asked; `script` what it answers next."""

    def __init__(self, form: "Form") -> None:
        self.requests: list[Asked] = []
        self.reads: Callable[[Asked], list[Item]] = one_fact_each
        self.chats: Answer | None = None  # what a request with tools is answered
        self.asked = threading.Semaphore(0)
        self.delivered = threading.Semaphore(0)
        self.released = threading.Event()
        self.hung_up = threading.Event()
        self._form = form
        self._script: list[Answer] = []
        self._guard = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"model": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self._form.base}"

    def script(self, *answers: "Answer | Reply | list[Item]") -> None:
        """Answer these, in order, before reading."""
        with self._guard:
            self._script += [self._as_answer(answer) for answer in answers]

    def hold(self) -> Callable[[], None]:
        """Answer the next request only when the returned function is called."""
        gate = threading.Event()

        def held(asked: Asked) -> Reply:
            gate.wait()
            return self.says(self.reads(asked))

        self.script(held)
        return gate.set

    def recover(self) -> None:
        """Forget the rest of the script: from now on it reads."""
        with self._guard:
            self._script.clear()

    def says(self, items: list[Item]) -> Reply:
        return self._form.says(json.dumps({"items": items}))

    def text(self, text: str) -> Reply:
        return self._form.says(text)

    def truncated(self) -> Reply:
        return self._form.truncated()

    def refusal(self, text: str = "") -> Reply:
        return self._form.refusal(text)

    def calls(self, tool: str, **arguments: Any) -> Reply:
        return self._form.calls(tool, arguments)

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> Reply:
        if "tools" in asked.body and self.chats is not None:
            return self.chats(asked)
        with self._guard:
            self.requests.append(asked)
            scripted = self._script.pop(0) if self._script else None
        self.asked.release()
        return scripted(asked) if scripted else self.says(self.reads(asked))

    def _as_answer(self, answer: "Answer | Reply | list[Item]") -> Answer:
        if isinstance(answer, Reply):
            return lambda _: answer
        if isinstance(answer, list):
            return lambda _: self.says(answer)
        return answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Model

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = Asked(path=self.path, headers={k.lower(): v for k, v in self.headers.items()}, body=body)
        try:
            self._send(self.model.answer(asked))
            self.model.delivered.release()
        except OSError:
            self.model.hung_up.set()
        self.close_connection = True

    def _send(self, reply: Reply) -> None:
        if reply.body is None:
            self._wait_until_hung_up()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("connection", "close")
        self.send_header("content-length", str(len(reply.body) + (1000 if reply.drips or reply.cut_off else 0)))
        self.end_headers()
        self.wfile.write(reply.body)
        while reply.drips and not self.model.released.wait(0.02):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _wait_until_hung_up(self) -> None:
        self.connection.settimeout(0.02)
        while not self.model.released.is_set():
            try:
                if self.connection.recv(1) == b"":
                    raise ConnectionAbortedError
            except TimeoutError:
                continue

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        pass


class Form(Protocol):
    """How one API words what a model says."""

    base: str

    def says(self, text: str) -> Reply: ...

    def truncated(self) -> Reply: ...

    def refusal(self, text: str) -> Reply: ...

    def calls(self, tool: str, arguments: dict[str, Any]) -> Reply: ...


class Messages:
    """The Messages API: a thinking block comes first, as the model has it by default."""

    base = ""

    def says(self, text: str, stop: str = "end_turn", details: dict[str, str] | None = None) -> Reply:
        return self._message([{"type": "text", "text": text}] if text else [], stop, details)

    def calls(self, tool: str, arguments: dict[str, Any]) -> Reply:
        return self._message([{"type": "tool_use", "id": "toolu_1", "name": tool, "input": arguments}], "tool_use")

    def _message(self, blocks: list[dict[str, Any]], stop: str, details: dict[str, str] | None = None) -> Reply:
        thinking = {"type": "thinking", "thinking": "", "signature": "sig"}
        return _json(
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-haiku-5-5",
                "content": [thinking, *blocks],
                "stop_reason": stop,
                "stop_details": details,
                "stop_sequence": None,
                "usage": {"input_tokens": 10, "output_tokens": 10},
            }
        )

    def truncated(self) -> Reply:
        return self.says('{"items":[{"source":0,"evid', stop="max_tokens")

    def refusal(self, text: str) -> Reply:
        return self.says(text, stop="refusal", details={"type": "refusal", "category": "cyber", "explanation": "no"})


class ChatCompletions:
    """The Chat Completions API."""

    base = "/v1"

    def says(self, text: str, stop: str = "stop", refusal: str | None = None) -> Reply:
        return self._completion({"role": "assistant", "content": text or None, "refusal": refusal}, stop)

    def calls(self, tool: str, arguments: dict[str, Any]) -> Reply:
        function = {"name": tool, "arguments": json.dumps(arguments)}
        call = {"id": "call_1", "type": "function", "function": function}
        return self._completion({"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls")

    def _completion(self, message: dict[str, Any], stop: str) -> Reply:
        return _json(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 0,
                "model": "gpt",
                "choices": [{"index": 0, "finish_reason": stop, "message": message, "logprobs": None}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
            }
        )

    def truncated(self) -> Reply:
        return self.says('{"items":[{"source":0,"evid', stop="length")

    def refusal(self, text: str) -> Reply:
        return self.says("", refusal=text or "no")


def _json(shape: dict[str, Any], status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(shape).encode(), status, {"content-type": "application/json", **headers})


def error(status: int, kind: str, message: str = "no", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _json({"type": "error", "error": {"type": kind, "message": message}}, status, **named)


def page(status: int = 200) -> Reply:
    return Reply(b"<html><body>Please log in to the proxy</body></html>", status, {"content-type": "text/html"})


NOTHING = Reply(None)
DRIPPING = Reply(b'{"id":', drips=True)
CUT_OFF = Reply(b'{"id":"msg_1","type":"mess', cut_off=True)
BROKEN = Reply(b'{"id": "msg_1", "content": [')
EMPTY = Reply(b"{}")


@contextmanager
def running(form: Form) -> Iterator[Model]:
    model = Model(form)
    try:
        yield model
    finally:
        model.close()
