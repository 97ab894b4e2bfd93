"""Values that every API has: ids, times, durations, tags, words."""
