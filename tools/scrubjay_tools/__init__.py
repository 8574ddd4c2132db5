"""The MCP surface: five tools, three resources, three prompts. It knows the wire, and asks the engine."""
