"""What breaks parsers, databases and logs: values for the fuzzers of every transport."""

import json
from typing import Any, Final

from hypothesis import strategies as st

# Texts stay short enough for a URL of several: beyond 64 KiB the HTTP server itself answers 414, without a body.
NUMBERS: Final = [
    *(0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400),
    *(0.1, 1e308, -0.0, 5e-324, float("nan"), float("inf"), float("-inf")),
]
TEXTS: Final = [
    *("", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e", "\U0010ffff", "é" * 700, "%", "%00", "%zz", "\\", "\\x00"),
    *("' OR 1=1 --", "'; DROP TABLE events; --", '" OR ""="', "\\' OR 1=1 --", "{x:String}", "%(x)s", "{{7*7}}", "${jndi:ldap://x/a}"),
    *("now", "now-2h", "now-99999999999999d", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59+14:00", "2026-02-30T00:00:00Z"),
    *("-1", "1e400", "NaN", "Infinity", "9" * 30, "٣", "0x10", "1_000", "true", "null", "[]", "{}", "a:b", ":", "*", "%_"),
    *("\r\nSet-Cookie: x", "../../etc/passwd", "00000000-0000-0000-0000-000000000000", "evt_" + "z" * 27, "acc_", "https://["),
]
NAMES: Final = sorted(
    {
        *("title", "kind", "type", "name", "event_name", "event_action", "eventType", "source", "attachRules", "timeoutMinutes"),
        *("attributes", "id", "ts", "start", "end", "tags", "links", "entities", "timestamp", "metadata", "startedAt", "endedAt"),
        *("bucketSids", "environmentSids", "team_id", "allowed_groups", "allowed_roles", "state", "inventory", "correlation_id"),
        *("idempotency_key", "project", "url", "params", "method", "jsonrpc", "$sort", "description"),
    }
)
BODIES: Final = [
    *(b"", b"{", b"[", b'"', b"nul", b"{}", b"[]", b"null", b"0", b'""', b"[[]]", b"[null]", b"\x00", b"\n\n\n"),
    *(b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b'{"a":1}\n{"a":2}', b'{"":""}', b'{"\\u0000": "\\u0000"}'),
    *(b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"[" * 500_000),
    *(b'{"title": "\\ud800"}', b'{"title": "\xff"}', b'{"title": "\xed\xa0\x80"}', b'{"title": NaN}', b'{"title": 1e999999}'),
    *(b'{"kind": "x", "kind": "y"}', b'{"a": ' + b"9" * 100_000 + b"}"),
    *(b'{"kind":"deployment","title":"\\u0000\\ud83d"}', b'{"kind":"deployment","title":"t","tags":{"\\ud800":"x"}}'),
]

texts = st.sampled_from(TEXTS) | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.sampled_from(NUMBERS) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = {"a": value}
    return value


def encoded(value: Any) -> bytes:
    """Return JSON as a careless client writes it: NaN and lone surrogates included."""
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


bodies = (
    st.sampled_from(BODIES)
    | st.builds(encoded, st.dictionaries(st.sampled_from(NAMES) | texts, values, max_size=8))
    | st.builds(encoded, st.lists(st.dictionaries(st.sampled_from(NAMES), values, max_size=4), max_size=3))
    | st.builds(lambda depth: encoded({"title": "t", "kind": "k", "metadata": nested(depth)}), st.sampled_from([10, 400, 900]))
    | st.binary(max_size=64)
)
