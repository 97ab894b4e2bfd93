"""The MCP server at `/mcp` and its tools."""
