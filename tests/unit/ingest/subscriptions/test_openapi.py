from causeline.ingest.subscriptions import filters
from causeline.ingest.subscriptions.openapi import SCHEMAS
from causeline.schemas.subscriptions.rules import Filter


def test_whatever_a_filter_may_show_is_in_the_schema_of_what_is_shown() -> None:
    everything = Filter(
        **dict.fromkeys(("dialects", "kinds", "statuses", "services", "environments", "priorities", "projects", "entities"), ("x",)),
        tags=(("a", "b"),),
        words="w",
        followed=("events", "causes"),
        transitions=("opened",),
        verdicts=("likely",),
    )
    assert set(filters.filter_view(everything)) == set(SCHEMAS["SubscriptionShownFilter"]["properties"])
