"""Metrics, each stated once. Names are the operator's contract: dashboards and alerts are written against them.

Labels are closed sets (dialects, reasons, stages), never ids or tenants: a label value costs memory for ever. The one exception are
the `causeline_subscription_*` series, which name subscriptions: they are not kept but read from the state at each scrape, so there are
as many as subscriptions exist now (`causeline.processors.adapters.subscription_metrics`).
"""

from typing import Final, Literal

from prometheus_client import Counter, Gauge, Histogram

from causeline.schemas.tallies import TalliedCounter, TalliedHistogram

Stage = Literal["processors", "deliveries", "sink"]

SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

EVENTS_ACCEPTED: Final = TalliedCounter("causeline_events_accepted", "Events durable on the broker, by dialect.", ["dialect"])
EVENTS_REJECTED: Final = Counter(
    "causeline_events_rejected",
    "Events or requests refused by ingest, by dialect and reason.",
    ["dialect", "reason"],
)
REQUESTS_REFUSED: Final = Counter(
    "causeline_requests_refused",
    "Requests and connections that were given up before their API saw them, by transport (http, grpc) and reason: invalid_header, "
    "foreign_page, too_many_streams, too_many_calls, message_timeout, message_displaced, header_timeout, connection_displaced, "
    "too_many_connections.",
    ["transport", "reason"],
)
SIGN_INS: Final = Counter(
    "causeline_sign_ins",
    "Sign-ins by outcome: begun, refused (what was shown is not valid), too_many_attempts (an address that failed too often).",
    ["outcome"],
)
APPEND_SECONDS: Final = TalliedHistogram(
    "causeline_append_seconds", "Append to the ingest log until the broker acknowledged.", buckets=SECONDS_BUCKETS
)
APPEND_BYTES_IN_FLIGHT: Final = Gauge("causeline_append_bytes_in_flight", "Bytes waiting for the broker's acknowledgement.")
BODY_BYTES_HELD: Final = Gauge("causeline_body_bytes_held", "Bytes of larger bodies that arrived and are not complete yet.")
WORK_BYTES: Final = Gauge("causeline_work_bytes", "Weight of the writing requests under way: bodies, and 4 KiB for each request.")
WORK_LIMIT_BYTES: Final = Gauge("causeline_work_limit_bytes", "Weight from which on requests are refused; follows the time they take.")

RECORDS_PROCESSED: Final = Counter("causeline_records_processed", "Records of the ingest log that were processed, by op.", ["op"])
EVENTS_DEDUPLICATED: Final = Counter("causeline_events_deduplicated", "Repeats dropped by idempotency key.")
DEAD_LETTERS_SET_ASIDE: Final = Counter("causeline_dead_letters", "Records set aside, by reason.", ["reason"])
PROBLEM_TRANSITIONS: Final = Counter("causeline_problem_transitions", "Problem transitions published, by kind.", ["transition"])
NOTIFICATIONS_MATCHED: Final = Counter(
    "causeline_notifications_matched", "Records that subscriptions asked for, one for each subscription, by what they are.", ["what"]
)
REFRESHES_COALESCED: Final = Counter("causeline_problem_refreshes_coalesced", "Refreshes counted without a transition of their own.")
CLOSES_LOST: Final = Counter(
    "causeline_problem_closes_lost", "Closes that found nothing open and were not remembered, since their tenant has too many of them."
)
TRANSACTION_SECONDS: Final = Histogram("causeline_transaction_seconds", "Kafka transaction from begin to commit.", buckets=SECONDS_BUCKETS)
STATE_KEYS: Final = Gauge("causeline_state_keys", "Keys held in state, by partition and kind.", ["partition", "kind"])
RESTORE_SECONDS: Final = Gauge(
    "causeline_restore_seconds", "Duration of the last restore from the changelog, by stage and partition.", ["stage", "partition"]
)
UNREADABLE_RECORDS: Final = Counter(
    "causeline_unreadable_records",
    "Records of a topic of Causeline's own that could not be read and were stepped over, by topic.",
    ["topic"],
)
STATE_REBUILT: Final = Counter(
    "causeline_state_rebuilt",
    "States made anew from the input because the changelog had lost them, by what was lost, and whether all input was left.",
    ["stage", "partition", "reason", "extent"],
)

DELIVERY_OUTCOMES: Final = Counter(
    "causeline_deliveries",
    "Attempts to deliver, by outcome: delivered, retried (failed, will be tried again), dead (failed, was the last one); and "
    "notifications that were cancelled (their subscription is gone) or skipped (retention took them before they were read again).",
    ["outcome"],
)
DELIVERY_SECONDS: Final = Histogram(
    "causeline_delivery_seconds",
    "From the receipt of what is told until an endpoint took it.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0, 43_200.0),
)

ROWS_INSERTED: Final = Counter("causeline_rows_inserted", "Rows acknowledged by ClickHouse, by table.", ["table"])
INSERT_SECONDS: Final = Histogram("causeline_insert_seconds", "One insert into ClickHouse until acknowledged.", buckets=SECONDS_BUCKETS)
INSERT_RETRIES: Final = Counter("causeline_insert_retries", "Inserts repeated after an error, by error class.", ["error"])

LAG_SECONDS: Final = Gauge(
    "causeline_lag_seconds", "Age of the oldest record that a stage has not yet applied; 0 when caught up.", ["stage"]
)
CLOCK_STEPS: Final = Counter("causeline_clock_steps", "Steps of the server's wall clock by a second or more, by direction.", ["direction"])
DATA_FREE_BYTES: Final = Gauge("causeline_data_free_bytes", "Bytes free on the disk of the data folder, where a part is embedded.")
UP_TO_DATE: Final = Gauge("causeline_ready", "1 when the named part is ready, else 0.", ["part"])

HTTP_SECONDS: Final = TalliedHistogram(
    "causeline_http_seconds",
    "HTTP request until its answer, by dialect and method.",
    ["dialect", "method"],
    buckets=SECONDS_BUCKETS,
)
QUERY_SECONDS: Final = Histogram("causeline_query_seconds", "One query to ClickHouse, by name.", ["query"], buckets=SECONDS_BUCKETS)
QUERIES_REFUSED: Final = Counter(
    "causeline_queries_refused",
    "Queries to ClickHouse that failed, by name and reason: over a bound (too_much), over their time (too_slow), no answer (unavailable).",
    ["query", "reason"],
)

QUERY_HANDLES_OVERDUE: Final = Counter(
    "causeline_query_handles_overdue",
    "Handles on ClickHouse that did not come back in time, by handles (query, query-apart) and by what was done: replaced (given up, "
    "another one took the place) or kept (as many as may be are away).",
    ["handles", "action"],
)
QUERY_HANDLES_AWAY: Final = Gauge(
    "causeline_query_handles_away",
    "Handles on ClickHouse that were given up and have not come back, by handles (query, query-apart).",
    ["handles"],
)

STREAMS: Final = Gauge("causeline_streams", "Clients that follow the log through this server now.")
STREAM_MESSAGES: Final = Counter(
    "causeline_stream_messages", "Messages given to streams, by kind: event, problem, causes or gap.", ["kind"]
)
STREAMS_ENDED: Final = Counter(
    "causeline_streams_ended",
    "Streams that ended, by reason: client_gone, slow (took too little), server_stopping, refused (its token ended), failed.",
    ["reason"],
)
STREAMS_REFUSED: Final = Counter(
    "causeline_streams_refused",
    "Streams that were not opened for want of room, by reason: over_share (of the tenant), overloaded.",
    ["reason"],
)
STREAM_LAG_SECONDS: Final = Gauge("causeline_stream_lag_seconds", "Age of the newest record that live streams were offered, when it was.")

DELIVERY_ATTEMPTS: Final = Counter("causeline_delivery_attempts", "Attempts to deliver by this worker, by result.", ["result"])
DELIVERY_ATTEMPT_SECONDS: Final = Histogram(
    "causeline_delivery_attempt_seconds", "One attempt to deliver, from its beginning to its end.", buckets=SECONDS_BUCKETS
)
DELIVERY_DUE_SECONDS: Final = Histogram(
    "causeline_delivery_due_seconds", "From an attempt being handed out until a worker begins it.", buckets=SECONDS_BUCKETS
)
DELIVERIES_IN_FLIGHT: Final = Gauge("causeline_deliveries_in_flight", "Attempts to deliver that this worker has under way.")
DELIVERY_CONTEXT_MISSED: Final = Counter(
    "causeline_delivery_context_missed", "Slack messages of a problem that went without what changed around it, by reason.", ["reason"]
)
DELIVERY_CAUSES_AWAITED: Final = Counter(
    "causeline_delivery_causes_awaited",
    "Messages of problems that began before their causes were known, by outcome of the wait: came, late, crowded (too many waited), "
    "silent (several waited in vain, and no ranking has come since).",
    ["outcome"],
)
NOTIFICATIONS_LOST: Final = Counter(
    "causeline_notifications_lost", "Parts of the log that were gone before they were read for a subscription, by reason.", ["reason"]
)

RANKINGS_PUBLISHED: Final = Counter(
    "causeline_rankings_published",
    "Rankings of causes published, by occasion: opened, scheduled, changes, feedback, closed, deleted.",
    ["occasion"],
)
RANKING_SECONDS: Final = Histogram(
    "causeline_ranking_seconds",
    "From the arrival of what opened a problem until its first ranking was published.",
    buckets=(0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0),
)
RANKINGS_DUE: Final = Gauge("causeline_rankings_due", "Problems whose ranking is due and waits for its turn in this server.")
RANKING_FAILURES: Final = Counter(
    "causeline_ranking_failures",
    "Rankings that could not be made or published and are tried again, by reason: what the store said (unavailable, too_slow, too_much, "
    "over_share), log (the broker), displaced (another server has the partition), error (a fault of the program).",
    ["reason"],
)
