"""The OpenAPI document, and the server held against it by schemathesis."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from people import ADMIN, Served

OPERATIONS = {
    "add_memories", "list_memories", "search_memories", "read_memory", "update_memory", "forget_memory",
    "forget_everything", "export_everything",
}  # fmt: skip


@pytest.fixture(scope="module")
def document(served: Served) -> dict[str, Any]:
    return dict(httpx2.get(f"{served.url}/api/v1/openapi.json").json())


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def test_every_operation_is_named_and_takes_a_bearer_token(document: dict[str, Any]) -> None:
    assert {operation["operationId"] for operation in operations(document)} == OPERATIONS
    assert all(operation["security"] == [{"HTTPBearer": []}] for operation in operations(document))
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for operation in operations(document):
        errors = {status: told for status, told in operation["responses"].items() if status != "200"}
        assert {"401", "403", "421", "422", "429", "500", "503"} <= errors.keys()
        for told in errors.values():
            assert list(told["content"]) == ["application/problem+json"]
            assert told["content"]["application/problem+json"]["example"]["detail"]
            assert told["description"]


def test_no_path_but_the_apis_is_described(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") for path in document["paths"])


# What a schema cannot say, as that one of three fields has to be there, or that a text is a date; and whose a memory
# is: the links that are made up between operations name another user_id on the way.
NOT_CHECKED = "positive_data_acceptance,ensure_resource_availability"


@pytest.mark.promise("rest")
def test_whatever_is_sent_is_answered_as_described(served: Served, tmp_path: Path) -> None:
    token = served.token(served.new_tenant(), "boss", ADMIN)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "run", f"{served.url}/api/v1/openapi.json",
            "--header", f"Authorization: Bearer {token}", "--exclude-checks", NOT_CHECKED,
            "--max-examples", "15", "--generation-deterministic", "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "Tested: 8" in done.stdout
