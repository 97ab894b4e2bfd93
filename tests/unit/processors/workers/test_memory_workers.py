from causeline.processors.adapters.memory.workers import MemoryLogReader
from causeline.schemas.records.delivery_work import MAX_FOUND_BYTES, Notification, Refill, encode_delivery_work
from tests.delivery_state import T0


async def test_a_step_leaves_what_does_not_fit_for_the_next_one() -> None:
    half = b"x" * (MAX_FOUND_BYTES // 2)
    notes = [
        Notification(subscriptions=("sub",), what="event", entity=f"e{n}", version=1, record=half + b"y" * (n == 1), received=T0, at=T0)
        for n in range(3)
    ]
    reader = MemoryLogReader([encode_delivery_work(note) for note in notes], lambda: T0)
    entities: list[str] = []
    since = 0
    for _ in range(3):
        step = await reader.refill(Refill(subscription="sub", partition=0, since=since, at=T0))
        entities += [note.entity for note in step.found]
        since = step.until
    assert entities == ["e0", "e1", "e2"]
