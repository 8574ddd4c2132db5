"""Texts of every kind: stored whole and found again, or refused with a clear error."""

import pytest

from scrubjay.embedding.bert import count_tokens
from scrubjay.recall.reply import compact
from wire import Connect

pytestmark = pytest.mark.anyio

TEXTS = {
    "control and zero-width": ("The code\x00word\x1b[31m is \u200bkin\u200bgfisher\u202e", "kingfisher"),
    "emoji": ("Ana loves 👩‍💻 and 🦜 and 🇵🇹", "Ana loves"),
    "Chinese": ("安娜喜欢喝绿茶，不喜欢咖啡。", "喜欢喝绿茶"),
    "Arabic": ("تحب آنا القهوة مع الهيل", "القهوة"),
    "quotes and SQL": ("Robert'); DROP TABLE memories;-- said \"hi\" \\ 'there'", "Robert DROP TABLE"),
    "newlines": ("first line\n\n\tsecond line\r\nthird", "second line"),
    "JSON": ('{"key": ["value", null]}', "key value"),
    "long word": ("x" * 5000 + " needle", "needle"),
}


@pytest.mark.parametrize("kind", TEXTS)
async def test_a_text_of_any_kind_is_stored_whole_and_found(connect: Connect, kind: str) -> None:
    text, query = TEXTS[kind]
    async with connect() as wire:
        await wire.ok("add_memory", facts=[{"text": "Something else entirely, about gardening"}])
        added = await wire.ok(
            "add_memory", facts=[{"text": text, "entities": [text[:200]], "metadata": {text[:50]: text}}]
        )
        memory_id = added["results"][0]["id"]
        found = (await wire.ok("search_memories", query=query, max_tokens=20_000))["results"][0]
        assert found["id"] == memory_id
        assert found["memory"] == text
        assert found["entities"] == [text[:200]]
        filtered = await wire.ok("search_memories", query=query, metadata={text[:50]: text}, max_tokens=20_000)
        assert [m["id"] for m in filtered["results"]] == [memory_id]
        await wire.ok("forget", memory_ids=[memory_id])
        assert (await wire.ok("list_memories"))["total"] == 1


async def test_two_hundred_thousand_characters_are_stored_whole_and_found(connect: Connect) -> None:
    sentences = [f"Paragraph {n} speaks of the weather in town {n}. " for n in range(6000)]
    sentences[3000] = "The spare key lies under the third flowerpot. "
    text = "".join(sentences)[:200_000]
    assert len(text) == 200_000
    async with connect() as wire:
        added = await wire.ok("add_memory", content=text)
        assert added["results"][0]["event"] == "ADD"
        assert len(added["results"][0]["memory"]) < 1000
        found = (await wire.ok("search_memories", query="Where is the spare key?"))["results"][0]
        assert found["truncated"] is True
        assert "The spare key lies under the third flowerpot." in found["memory"]
        memory_id = added["results"][0]["id"]
        whole = await wire.ok("list_memories", history_of=memory_id, max_tokens=1_000_000)
        assert whole["memories"][0]["memory"] == text
        for arguments in ({"history_of": memory_id}, {}):
            short = (await wire.ok("list_memories", **arguments))["memories"][0]
            assert short["truncated"] is True
            assert count_tokens(compact(short)) <= 800


@pytest.mark.promise("literal-text")
@pytest.mark.parametrize("session", ["' OR '1'='1", "名前", 'a"b', "a\\", "%", "../../x", "; DROP TABLE x"])
async def test_a_session_id_is_data(connect: Connect, session: str) -> None:
    async with connect() as wire:
        await wire.ok("add_memory", content="inside", scope="session", session_id=session)
        await wire.ok("add_memory", content="elsewhere", scope="session", session_id="other")
        found = await wire.ok("search_memories", query="where", scope="session", session_id=session)
        assert [m["memory"] for m in found["results"]] == ["inside"]
