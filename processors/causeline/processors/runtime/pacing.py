"""How long to wait for more before the next transaction or insert: hardly at all when little comes, the whole time when much does.

One costs about the same however much is in it. So batching pays where many would be made, and only costs time where few are. What one
costs differs between machines by ten times, so it is measured: however little comes, they take a share of the time at most.
"""


def pause_s(records: int, since_s: float, longest_s: float, busy_per_s: float) -> float:
    """Return the shortest time from the beginning of one piece of work to that of the next, s.

    `records` came in the `since_s` seconds before this one. The pause grows with their rate, up to `longest_s` from `busy_per_s` on.
    """
    if records >= busy_per_s * since_s:
        return longest_s
    return longest_s * records / (busy_per_s * since_s)


def spacing_s(took_s: float, longest_s: float, share: float) -> float:
    """Return the shortest time from the beginning of one piece of work to that of the next, s, so that they take `share` of it at most.

    `took_s` is what the last one took. More than `longest_s` is never waited: what takes longer is late anyway, and batches by itself.
    """
    return min(took_s / share, longest_s)
