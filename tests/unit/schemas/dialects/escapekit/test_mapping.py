import re

import pytest

from causeline.schemas.dialects.escapekit import mapping as escapekit

KINDS = {
    "change": "CREATE_INVENTORY_PROJECT CREATE_STATE_PROJECT CREATE_STATE_ENVIRONMENT",
    "release": "NEW_INVENTORY_APPLICATION UPLOAD_INVENTORY_APPLICATION",
    "deployment": "CREATE_STATE_DEPLOYMENT UPDATE_STATE_DEPLOYMENT REDEPLOY_STATE_DEPLOYMENT DESTROY_REQUESTED",
    "test": "RERUN_SMOKE_TESTS",
    "build": "ADD_BUILD TRIGGER_BUILD_WEBHOOK BUILD_FINISHED_EVENT",
    "access": "UPDATE_INVENTORY_PROJECT_USER_ACL DELETE_INVENTORY_PROJECT_USER_ACL DELETE_INVENTORY_PROJECT_TEAM_ACL "
    "UPDATE_STATE_PROJECT_USER_ACL DELETE_STATE_PROJECT_USER_ACL UPDATE_STATE_PROJECT_TEAM_ACL DELETE_STATE_PROJECT_TEAM_ACL "
    "USER_SIGNUP USER_CONFIRMED TEAM_CREATED TEAM_DELETED TEAM_MEMBER_UPDATED TEAM_MEMBER_DELETED TEAM_SERVICE_ACCOUNT_CREATED",
}


def test_every_type_of_the_document_has_its_kind() -> None:
    assert {name: escapekit.kind_of(name) for name in escapekit.EVENT_TYPES} == {
        name: kind for kind, names in KINDS.items() for name in names.split()
    }


@pytest.mark.parametrize("name", ["SOMETHING_ELSE", "add_build_", "*", "[", "CREATE", ""])
def test_an_unknown_type_is_custom(name: str) -> None:
    assert escapekit.kind_of(name) == "custom"


def test_groups_under_both_names_are_one_list() -> None:
    assert escapekit.groups_of({"allowed_groups": ["a", "b"], "allowed_roles": ["b", "c"]}) == ["a", "b", "c"]
    assert escapekit.groups_of({"allowed_groups": None, "allowed_roles": ["c"]}) == ["c"]
    assert escapekit.groups_of({}) == []


def test_columns_are_filled_from_the_members() -> None:
    members = {
        "type": "UPDATE_STATE_DEPLOYMENT",
        "username": "ada",
        "data": {"a": {"b": [1, True, None, "x"]}},
        "inventory_project": "shop",
        "inventory_application": "web",
        "inventory_version": "1",
        "state_project": "state",
        "state_environment": "prod",
        "state_deployment": "blue",
        "allowed_roles": ["ops"],
    }
    assert escapekit.columns(members) == {
        "kind": "deployment",
        "title": "UPDATE_STATE_DEPLOYMENT",
        "source": "escapekit",
        "service": "web",
        "environment": "prod",
        "actor": "ada",
        "project": "shop",
        "application": "web",
        "release": "1",
        "tags": {"a.b.0": "1", "a.b.1": "true", "a.b.3": "x"},
        "allowed_groups": ["ops"],
    }
    state_only = {name: value for name, value in members.items() if not name.startswith("inventory")}
    columns = escapekit.columns({**state_only, "inventory_application": " "})
    assert (columns["service"], columns["project"], columns["application"]) == ("blue", "state", "")


def test_the_names_of_the_document_are_those_of_the_table() -> None:
    assert len(escapekit.EVENT_TYPES) == len(set(escapekit.EVENT_TYPES)) == 27
    assert all(re.fullmatch(r"[A-Z_]+", name) for name in escapekit.EVENT_TYPES)
