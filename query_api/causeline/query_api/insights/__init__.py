"""Insights: what became of a team's runs (tickets, builds, tests, deployments …), in numbers that say what they counted."""
