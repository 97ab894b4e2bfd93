"""Catalogs of other tools as services: what each document says, and what is left out with its reason."""

from pathlib import Path
from typing import Any

import pytest

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.services.catalogs import Catalog, CatalogDocument, Omission, catalog_of
from causeline.deploy.commands.services.files import read_documents

BACKSTAGE = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
  annotations:
    github.com/project-slug: acme/shop
spec:
  type: service
  owner: group:default/shop-team
  dependsOn:
    - component:default/payments
    - resource:default/orders-db
    - Search
    - component:default/payments
  consumesApis: [ledger-api]
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: ledger-api, namespace: default}
spec: {owner: user:kim}
---
kind: Component
metadata: {name: ledger}
spec: {owner: money, providesApis: [ledger-api, old-api]}
---
apiVersion: backstage.io/v1alpha1
kind: Location
metadata: {name: all}
---
"""
TRACKER: list[Any] = [
    {"name": "web", "owner": "kim", "repository": "https://github.com/acme/web", "dependenciesOut": [{"name": "checkout"}, "search", ""]},
    {"name": "checkout", "dependenciesIn": [{"name": "web"}, "app"], "dependenciesOut": ["payments"], "owner": {"name": "shop"}},
    {"name": "payments", "dependenciesIn": ["checkout", "web", "payments"], "languages": ["go"]},
]


def of(*contents: object) -> Catalog:
    return catalog_of(CatalogDocument(f"d{number}", content) for number, content in enumerate(contents, start=1))


def test_backstage_is_read_document_by_document(tmp_path: Path) -> None:
    path = tmp_path / "catalog-info.yaml"
    path.write_text(BACKSTAGE)
    catalog = catalog_of(read_documents([path]))
    assert catalog.services == {
        "checkout": {"depends_on": ["payments", "Search", "ledger-api"], "owner": "shop-team", "team": "shop-team", "repo": "acme/shop"},
        "ledger-api": {"owner": "kim", "depends_on": ["ledger"]},
        "ledger": {"owner": "money", "team": "money"},
    }
    assert [(skip.place.removeprefix(f"{path}, "), skip.why) for skip in catalog.skips] == [
        ("document 1", "depends on resource:default/orders-db, which is no service"),
        ("document 4", "the kind Location is no service"),
        ("document 3", "old-api, which depends on ledger, is in none of the files"),
    ]


@pytest.mark.parametrize("as_export", [False, True])
def test_trackers_catalog_says_who_calls_whom_from_both_ends(*, as_export: bool) -> None:
    catalog = of({"catalogs": TRACKER, "total": 3} if as_export else TRACKER)
    assert catalog.services == {
        "web": {"depends_on": ["checkout", "search", "payments"], "owner": "kim", "repo": "https://github.com/acme/web"},
        "checkout": {"depends_on": ["payments"], "owner": "shop"},
        "payments": {},
    }
    assert catalog.skips == [Omission("d1, entry 2", "app, which depends on checkout, is in none of the files")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text", "is no object"),
        ({}, "has no name"),
        ({"name": " "}, "has no name"),
        ({"kind": "Component"}, "has no name"),
        ({"kind": "Component", "metadata": [], "spec": 7}, "has no name"),
        ({"apiVersion": "v1"}, "the kind None is no service"),
        ({"name": "a"}, "a stands in another document too, the first one holds"),
    ],
)
def test_what_is_no_service_is_left_out_with_the_reason(content: object, why: str) -> None:
    assert of({"name": "a"}, content).skips == [Omission("d2", why)]


@pytest.mark.parametrize(
    ("name", "content"), [("a.yaml", b"a: [\n"), ("a.json", b"{"), ("a.yml", b"\xff\xfe\x00"), ("b.yaml", b"a: !!python/object:x {}")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ApiError, match=name) as refusal:
        list(read_documents([path]))
    assert (refusal.value.code, "\n" in str(refusal.value)) == (2, False)
    with pytest.raises(ApiError, match="missing"):
        list(read_documents([tmp_path / "missing"]))


def test_json_is_read_with_its_mark_and_empty_documents_are_nothing(tmp_path: Path) -> None:
    path, empty = tmp_path / "tracker.JSON", tmp_path / "empty.yaml"
    path.write_bytes(b'\xef\xbb\xbf[{"name": "a"}]')
    empty.write_text("---\n---\n")
    assert catalog_of(read_documents([path, empty])) == Catalog({"a": {}}, [])
