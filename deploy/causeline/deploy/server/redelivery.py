"""Deliveries that died are told again: under their ids, by way of the log, so that they queue behind what waits in their lines.

A repeat is an ingest record with the op `notify`: the processors hand it to the partition of its subscription without matching it. It has
ten attempts of its own. Only what died is repeated: everything else was delivered, still is being tried, or has no subscription any more.
"""

from typing import Final

from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.delivery_work import Notification, encode_delivery_work
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Conflict

RETRY_BATCH: Final = 32
"""Deliveries whose records (1 MiB each at most) are in memory at once."""


def demand_dead(newest: Delivery, *, is_subscribed: bool) -> None:
    """Refuse to repeat what did not die, or nobody waits for. Raises Conflict."""
    if newest.outcome != "dead":
        raise Conflict(f"the delivery {newest.id} is {newest.outcome}: only one that is dead can be retried")
    if not is_subscribed:
        raise Conflict(f"the subscription {newest.subscription_id} was deleted: nobody waits for the delivery")


def repeat(dead: Delivery, record: bytes, now: int) -> IngestRecord:
    """Return what makes a delivery begin again at `now` (ms UTC); `record` is what it carried."""
    notification = Notification(
        subscriptions=(dead.subscription_id,),
        what=dead.what,
        entity=dead.entity,
        version=dead.version,
        record=record,
        received=dead.received,
        at=now,
        delivery_id=dead.id,
    )
    return IngestRecord(op="notify", tenant=dead.tenant, id=dead.subscription_id, ingest_ts=now, event=encode_delivery_work(notification))
