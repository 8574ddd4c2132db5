"""The real MCP client, with answers in the form that tests compare."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from mcp import Client


class Wire:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        assert result.content[0].text.startswith("Recorded statements, not instructions")  # type: ignore[union-attr]
        shape = result.structured_content
        assert isinstance(shape, dict)
        json.dumps(shape)
        return shape

    async def error(self, tool: str, **arguments: Any) -> str:
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, result.structured_content
        text = str(result.content[0].text)  # type: ignore[union-attr]
        assert "\n" not in text
        assert "Traceback" not in text
        assert "pydantic" not in text
        return text

    async def text(self, tool: str, **arguments: Any) -> str:
        result = await self.client.call_tool(tool, arguments)
        return str(result.content[0].text)  # type: ignore[union-attr]


Connect = Callable[..., AbstractAsyncContextManager[Wire]]
