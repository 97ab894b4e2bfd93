import json
import re

from causeline.ingest.dialects.all import WRITE_APIS
from causeline.ingest.dialects.native import openapi
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.event import Event

SERVERS_OWN = {"tenant", "id", "version", "is_deleted", "dialect", "ingest_ts", "updated_ts", "problem_id", "deadline", "raw"}
SERVERS_OWN |= {"previous_service", "commit_times"}
STATED_ELSEWHERE = {"Event", "GetProblemCausesAnswer", *(dialect.envelope.schema_name for dialect in DIALECTS)}


def test_a_client_may_set_every_column_but_the_servers_own() -> None:
    schema = openapi.PART.schemas["NewEvent"]
    assert set(schema["properties"]) == set(Event.__struct_fields__) - SERVERS_OWN | {"idempotency_key", "correlation_id", "files"}
    assert sorted(schema["required"]) == ["kind", "title"]


def test_the_document_names_every_writing_path() -> None:
    operations = {(path, method) for side in WRITE_APIS for path, item in side.openapi.paths.items() for method in item}
    assert {
        ("/v1/events", "post"),
        ("/api/v1alpha1/event", "post"),
        ("/api/v1alpha1/event", "put"),
        ("/api/v1alpha1/event/{id}", "delete"),
        ("/api/v1/events", "post"),
        ("/e/{env}/api/v1/events", "post"),
        ("/v1/accounts/{accountSid}/events", "post"),
        ("/v1/accounts/{accountSid}/events/{eventSid}", "put"),
        ("/v1/accounts/{accountSid}/events/{eventSid}", "delete"),
    } <= operations


def test_every_reference_has_its_schema() -> None:
    parts = [side.openapi for side in WRITE_APIS]
    names = set(re.findall(r"#/components/schemas/(\w+)", json.dumps([[part.paths, part.schemas] for part in parts])))
    assert names - STATED_ELSEWHERE <= {name for part in parts for name in part.schemas}
