from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import Notification, What

TIMES = st.integers(0, 1 << 43)
RECORDS = st.one_of(st.binary(min_size=1, max_size=300), st.sampled_from([255, 256, 65_535, 65_536]).map(bytes))


@given(
    st.lists(st.text(max_size=40), max_size=40).map(tuple),
    st.sampled_from(["event", "problem"]),
    st.text(max_size=40),
    st.one_of(st.integers(0, 130), st.integers(0, 1 << 40)),
    RECORDS,
    TIMES,
    TIMES,
)
def test_a_notification_that_is_put_together_is_the_one_that_is_encoded(
    subscriptions: tuple[str, ...], what: What, entity: str, version: int, record: bytes, received: int, at: int
) -> None:
    message = delivery_work.notification(
        delivery_work.notification_head(subscriptions, what), entity, version, record, delivery_work.notification_tail(received, at)
    )
    whole = Notification(subscriptions=subscriptions, what=what, entity=entity, version=version, record=record, received=received, at=at)
    assert message == delivery_work.encode_delivery_work(whole)
    assert delivery_work.decode_message(message) == whole
