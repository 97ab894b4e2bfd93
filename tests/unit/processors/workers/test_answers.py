import pytest

from causeline.processors.workers.answers import clean, retry_after_ms, verdict
from causeline.processors.workers.ports import EndpointAnswer, Unanswered

NOW = 1_780_000_000_000


@pytest.mark.parametrize(
    ("status", "result"),
    [
        *((status, "delivered") for status in (200, 202, 204, 299)),
        *((status, "failed") for status in (199, 400, 404, 500, 503)),
        (410, "gone"),
        (429, "limited"),
    ],
)
def test_a_status_decides_the_result(status: int, result: str) -> None:
    assert verdict(EndpointAnswer(status=status), NOW).result == result


def test_no_answer_is_a_failure_with_its_word() -> None:
    outcome = verdict(Unanswered("timeout"), NOW)
    assert (outcome.result, outcome.status, outcome.detail) == ("failed", 0, "timeout")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("120", 120_000),
        ("999999999999", 86_400_000),
        ("Thu, 28 May 2026 20:27:40 GMT", 60_000),
        ("Thu, 28 May 2026 20:25:40 GMT", 0),
        ("Fri, 28 May 2027 20:25:40 GMT", 86_400_000),
        ("soon", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
        ("", 0),
        ("Thu, 99 May 2026 20:27:40 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_at_most_a_day(text: str, expected: int) -> None:
    assert retry_after_ms(text, NOW) == expected


def test_a_detail_is_one_line_of_at_most_300_characters() -> None:
    assert clean("a\r\nb\x1b[31m\x00 c\u202e") == "a b [31m c"
    assert len(clean("x" * 5_000)) == 300
    assert verdict(EndpointAnswer(status=500, body=b"\xff\xfe" * 4_000), NOW).detail.startswith("�")
