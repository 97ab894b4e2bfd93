"""Who is told of a ranking of causes: subscriptions as the configuration holds them, and their notifications."""
