"""What a client prefers: the weights of a header field such as `Accept` or `Accept-Encoding` (RFC 9110, 12.4.2)."""

from collections.abc import Iterable


def read_weights(field: str) -> dict[str, float]:
    """Return the weight of each value of a field, in lower case, in the order they came; the first of a name holds, no number is 0."""
    weights: dict[str, float] = {}
    for part in field.lower().split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        weights.setdefault(value, _weight(parameters))
    return weights


def _weight(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
