"""The server for many people: MCP over Streamable HTTP and SSE, the REST API and the page, in one ASGI application."""
