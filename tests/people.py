"""The application on a real socket, and the people who use its REST API."""

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from scrubjay.rights import USUAL_RIGHTS, Right
from scrubjay_server.tokens import Tokens

ADMIN = frozenset({Right.ADMIN})


@contextmanager
def on_a_socket(app: FastAPI) -> Iterator[str]:
    """Serve an application in a thread, and give its address; who comes before it is ready waits."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Served:
    """A server that runs, and the tokens that it knows."""

    def __init__(self, app: FastAPI, url: str, tokens: Tokens) -> None:
        self.app = app
        self.url = url
        self.tokens = tokens
        self._tenants = itertools.count()

    def new_tenant(self) -> str:
        return f"tenant-{next(self._tenants)}"

    def token(self, tenant: str, user: str, scopes: frozenset[Right] = USUAL_RIGHTS) -> str:
        return self.tokens.create(tenant=tenant, user_id=user, scopes=scopes)[0]


class Person:
    """Somebody who has a token; each call checks what every answer has to say."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client

    def call(self, method: str, path: str, **request: Any) -> httpx2.Response:
        answer = self.client.request(method, f"/api/v1{path}", **request)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer

    def ok(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer = self.call(method, path, **request)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return dict(answer.json())

    def refused(self, status: int, method: str, path: str, **request: Any) -> str:
        """Return the detail of the problem document that a call is answered with."""
        answer = self.call(method, path, **request)
        assert answer.status_code == status, answer.text
        return problem_in(answer)

    def remember(self, *texts: str, **fields: Any) -> list[str]:
        shape = self.ok("POST", "/memories", json={"facts": [{"text": text} for text in texts], **fields})
        return [result["id"] for result in shape["results"]]

    def texts(self, **parameters: Any) -> list[str]:
        return [each["memory"] for each in self.ok("GET", "/memories", params=parameters)["memories"]]


def problem_in(answer: httpx2.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == answer.status_code
    assert "\n" not in problem["detail"]
    for inner in ("Traceback", "pydantic", "<Right"):
        assert inner not in problem["detail"]
    return str(problem["detail"])


class Tenant:
    """People who share a server and an agent."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.name = served.new_tenant()
        self._clients: list[httpx2.Client] = []

    def person(self, user: str, scopes: frozenset[Right] = USUAL_RIGHTS) -> Person:
        token = self.served.token(self.name, user, scopes)
        client = httpx2.Client(base_url=self.served.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        self._clients.append(client)
        return Person(client)

    def close(self) -> None:
        for client in self._clients:
            client.close()
