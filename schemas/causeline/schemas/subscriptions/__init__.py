"""Who asked for what: rules, their meaning, where they may be told, what secrets and templates are."""
