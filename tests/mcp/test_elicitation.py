"""forget(everything) asks the person where the client can."""

from typing import Any

import pytest
from mcp.types import ElicitRequestParams, ElicitResult

from wire import Connect

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("action", "content", "left"),
    [("accept", {"sure": True}, 0), ("accept", {"sure": False}, 1), ("decline", None, 1), ("cancel", None, 1)],
)
async def test_the_persons_answer_decides_and_confirm_does_not(
    connect: Connect, action: Any, content: dict[str, Any] | None, left: int
) -> None:
    asked: list[str] = []

    async def answer(context: Any, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action=action, content=content)

    async with connect(elicitation_callback=answer) as wire:
        await wire.ok("add_memory", content="I have a cat")
        await wire.ok("forget", everything=True, confirm="forget everything")
        assert asked == ["Forget everything Scrubjay remembers about you, sessions included? This cannot be undone."]
        assert (await wire.ok("list_memories"))["total"] == left


async def test_the_person_is_not_asked_about_single_memories(connect: Connect) -> None:
    async def answer(context: Any, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError(params.message)

    async with connect(elicitation_callback=answer) as wire:
        added = await wire.ok("add_memory", content="I have a cat")
        done = await wire.ok("forget", memory_ids=[added["results"][0]["id"]])
        assert len(done["forgotten"]) == 1
