"""The chat loops of examples/, as processes, against a model on loopback."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.processes import environment
from loopback import Asked, ChatCompletions, Form, Messages, Model, Reply, item, running
from scrubjay import Memory
from scrubjay.embedding.fastembed import FastembedEmbedder

EXAMPLES = Path(__file__).parents[2] / "examples"
CHATS: dict[str, tuple[Form, str]] = {
    "chat_anthropic.py": (Messages(), "ANTHROPIC"),
    "chat_openai.py": (ChatCompletions(), "OPENAI"),
}


def last(asked: Asked) -> Any:
    return asked.body["messages"][-1]


@pytest.mark.parametrize("name", CHATS)
def test_what_was_told_in_one_chat_is_recalled_in_the_next(
    tmp_path: Path, embedder: FastembedEmbedder, name: str
) -> None:
    form, prefix = CHATS[name]
    recalled: list[str] = []

    def chats(asked: Asked) -> Reply:
        said = last(asked)
        if said["role"] == "user" and isinstance(said["content"], str):
            return model.calls("recall", query="where the person lives")
        recalled.append(str(said["content"]))
        return model.text("You live in Porto!" if "Ana lives in Porto" in recalled[-1] else "Good to know.")

    with running(form) as model:
        model.chats = chats
        model.reads = lambda asked: [
            item(said["n"], "I live in Porto", "Ana lives in Porto")
            for said in asked.messages
            if "I live in Porto" in said["content"]
        ]
        assert chat(tmp_path, model, name, prefix, "I live in Porto, by the river.\n\n") == "Good to know.\n"
        assert "Nothing is remembered" in recalled[0]
        assert chat(tmp_path, model, name, prefix, "Where do I live?\n") == "You live in Porto!\n"
        assert "Ana lives in Porto" in recalled[1]
    with Memory(tmp_path / "share" / "scrubjay", embedder=embedder) as memory:
        assert "Ana lives in Porto" in [one["memory"] for one in memory.get_all(user_id="ana")]
        assert memory.get_all(user_id="ana", state="pending")["total"] == 0


def chat(home: Path, model: Model, name: str, prefix: str, typed: str) -> str:
    keys = {f"{prefix}_API_KEY": "key", f"{prefix}_BASE_URL": model.url}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), "ana"],
        env=environment(home, XDG_DATA_HOME=str(home / "share"), HOME=str(home), **keys),
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
