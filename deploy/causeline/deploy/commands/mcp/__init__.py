"""`causeline mcp`: a server's tools for programs that start their MCP servers themselves."""
