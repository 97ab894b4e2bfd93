"""The event APIs, a folder each: what it is to all slices (`dialect.py`), its codes, how its JSON fills the columns and is shown again.

It lives beneath both the writing and the reading side because both need it: ingest answers with the event it stored,
processors merge a patch into a record they hold, and queries show rows in the API's own words.

A new API is a folder here, with its record, and a line in `all.py`; the same in `causeline.ingest.dialects` (a `WriteApi`) and in
`causeline.query_api.dialects` (a `ReadApi`). Routing, access, refusals, OpenAPI, filters by dialect and problems follow from these.
No folder reads another API's: what two of them need is nobody's own, and lies in `values`, `web` or `ingest.bodies`.
"""
