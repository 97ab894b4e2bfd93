"""The topics and schemas as consumers are shown them: a schema registry, an AsyncAPI document."""
