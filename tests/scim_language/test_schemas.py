"""Our schemas against RFC 7643 8.7.1 (as scim2-models has them), the look-up of names, a tenant's own, the documents."""

from __future__ import annotations

from typing import Any

import pytest

from idbroker.kernel.errors import Invalid
from scim.discovery import Features, definition, resource_type_document, schema_document, service_provider_config
from scim.folding import fold
from scim.schemas.enterprise import ENTERPRISE_URN as E
from scim.schemas.extension import read_extension
from scim.schemas.schema_set import STANDARD, SchemaSet
from scim.schemas.user import USER_URN

scim2_models = pytest.importorskip("scim2_models")
THEIRS = {
    model.to_schema().id: model.to_schema() for model in (scim2_models.User, scim2_models.Group, scim2_models.EnterpriseUser)
}
BASE = "https://broker.example/scim/v2"


def characteristics(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    kept = ("type", "multiValued", "required", "caseExact", "mutability", "returned", "uniqueness")
    found: dict[str, Any] = {}
    for attribute in attributes:
        found[attribute["name"]] = {name: attribute.get(name) for name in kept} | {
            "canonicalValues": set(attribute.get("canonicalValues") or ()),
            "subAttributes": characteristics(attribute.get("subAttributes") or []),
        }
    return found


def flat(attributes: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, each in attributes.items():
        found[prefix + name] = {key: value for key, value in each.items() if key != "subAttributes"}
        found |= flat(each["subAttributes"], f"{prefix}{name}.")
    return found


DELIBERATE = {
    "manager.value": "8.7.1 does not require it, theirs does; Entra sends it alone",
    "manager.$ref": "8.7.1 does not require it, theirs does; nobody sends it",
    "members.display": "not in 8.7.1; ours is immutable as all of a member is",
}


@pytest.mark.parametrize("schema", STANDARD.schemas, ids=lambda schema: schema.name)
def test_the_characteristics_are_the_rfc_s(schema: Any):
    ours = flat(characteristics(definition(schema)["attributes"]))
    theirs = flat(characteristics(THEIRS[schema.id].model_dump()["attributes"]))
    assert set(ours) == set(theirs)
    different = {name for name in ours if ours[name] != theirs[name]}
    assert different == {name for name in DELIBERATE if name in ours}


@pytest.mark.parametrize("schema", STANDARD.schemas, ids=lambda schema: schema.name)
def test_documents_of_schemas_are_schemas(schema: Any):
    document = schema_document(schema, BASE)
    assert scim2_models.Schema.model_validate(document).id == schema.id
    assert document["meta"]["location"] == f"{BASE}/Schemas/{schema.id}"
    assert "null" not in str(document)
    assert None not in document.values()


@pytest.mark.parametrize("kind", STANDARD.resource_types, ids=lambda kind: kind.name)
def test_documents_of_resource_types(kind: Any):
    document = resource_type_document(kind, BASE)
    read = scim2_models.ResourceType.model_validate(document)
    assert (read.id, str(read.schema_)) == (kind.name, kind.schema.id)
    assert [e["schema"] for e in document["schemaExtensions"]] == [schema.id for schema in kind.extensions]


def test_the_configuration_says_what_it_was_given():
    features = Features(1000, 1048576, 500, 100, cursor_timeout=3600, documentation_uri="https://x/docs", oauth=True)
    document = service_provider_config(features, BASE)
    read = scim2_models.ServiceProviderConfig.model_validate(document)
    assert (read.bulk.max_operations, read.filter.max_results, read.pagination.cursor_timeout) == (1000, 500, 3600)
    assert [scheme["type"] for scheme in document["authenticationSchemes"]] == ["oauthbearertoken", "oauth2"]
    plain = service_provider_config(Features(1, 2, 3, 4), BASE)
    assert "documentationUri" not in plain
    assert "cursorTimeout" not in plain["pagination"]
    assert len(plain["authenticationSchemes"]) == 1


def test_names_are_found_without_regard_to_case():
    kind = STANDARD.user
    for urn, name, sub, full in [
        (None, "USERNAME", None, "userName"),
        (USER_URN.upper(), "username", None, "userName"),
        (None, "Emails", "VALUE", "emails.value"),
        (E.upper(), "manager", "$REF", f"{E}:manager.$ref"),
        (None, "META", "LastModified", "meta.lastModified"),
    ]:
        ref = kind.find(urn, name, sub)
        assert ref is not None
        assert ref.name == full
    assert kind.find(None, "members") is None
    assert kind.find(None, "userName", "value") is None
    assert kind.find("urn:x", "userName") is None
    assert kind.find(E, "userName") is None


def test_folding_knows_more_than_ascii():
    assert fold("Straße") == fold("STRASSE")
    assert fold("ÉCOLE") == fold("e\u0301cole")
    assert fold("Ω") == fold("ω")
    assert fold("İ") != fold("i")


DEFINITION: dict[str, Any] = {
    "id": "urn:ietf:params:scim:schemas:extension:acme:2.0:User",
    "name": "Acme",
    "description": "What Acme keeps of its people.",
    "attributes": [
        {"name": "badge", "type": "string", "caseExact": True, "mutability": "immutable", "description": "x"},
        {"name": "floor", "type": "integer", "required": True},
        {"name": "photo", "type": "reference", "referenceTypes": ["external"]},
        {"name": "tags", "multiValued": True, "canonicalValues": ["a", "b"], "returned": "request"},
        {
            "name": "desks",
            "type": "complex",
            "multiValued": True,
            "subAttributes": [{"name": "room"}, {"name": "since", "type": "dateTime"}],
        },
    ],
}


def test_a_tenant_s_own_schema_is_read_and_written_back():
    schema = read_extension(DEFINITION)
    assert read_extension(definition(schema)) == schema
    kind = SchemaSet.of([schema]).user
    ref = kind.find(schema.id, "DESKS", "since")
    assert ref is not None
    assert ref.leaf.type == "dateTime"
    assert schema in SchemaSet.of([schema], [schema]).schemas
    assert len(SchemaSet.of([schema], [schema]).schemas) == 4


def changed(**more: Any) -> dict[str, Any]:
    return {**DEFINITION, **more}


def one(**more: Any) -> dict[str, Any]:
    return changed(attributes=[{"name": "a", **more}])


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "/id"),
        (changed(id=5), "/id"),
        (changed(id="acme"), "/id"),
        (changed(id="urn:x"), "/id"),
        (changed(id="urn:acme:a b"), "/id"),
        (changed(id="urn:acme:" + "x" * 300), "/id"),
        (changed(id="urn:acme:a:"), "/id"),
        (changed(id=USER_URN), "/id"),
        (changed(id=E.upper()), "/id"),
        (changed(id="urn:ietf:params:scim:api:messages:2.0:Error"), "/id"),
        (changed(name="x" * 65), "/name"),
        (changed(description=5), "/description"),
        (changed(attributes=None), "/attributes"),
        (changed(attributes=[]), "/attributes"),
        (changed(attributes=[{"name": f"a{i}"} for i in range(101)]), "/attributes"),
        (changed(attributes=["x"]), "/attributes/0"),
        (changed(attributes=[{"name": "a"}, {"name": "A"}]), "/attributes/1/name"),
        (one(name=None), "/attributes/0/name"),
        (one(name="1a"), "/attributes/0/name"),
        (one(name="a.b"), "/attributes/0/name"),
        (one(name="NOT"), "/attributes/0/name"),
        (one(name="password"), "/attributes/0/name"),
        (one(type="number"), "/attributes/0/type"),
        (one(type=["string"]), "/attributes/0/type"),
        (one(multiValued="yes"), "/attributes/0/multiValued"),
        (one(mutability="readOnly"), "/attributes/0/mutability"),
        (one(returned="never"), "/attributes/0/returned"),
        (one(uniqueness="server"), "/attributes/0/uniqueness"),
        (one(canonicalValues="a"), "/attributes/0/canonicalValues"),
        (one(canonicalValues=[5]), "/attributes/0/canonicalValues/0"),
        (one(colour="blue"), "/attributes/0/colour"),
        (one(subAttributes=[{"name": "b"}]), "/attributes/0/subAttributes"),
        (one(type="complex"), "/attributes/0/subAttributes"),
        (one(type="complex", subAttributes=[{"name": "b", "type": "complex"}]), "/attributes/0/subAttributes/0/type"),
        (one(type="complex", subAttributes=[{"name": "b", "multiValued": True}]), "/attributes/0/subAttributes/0/multiValued"),
    ],
)
def test_a_wrong_schema_is_refused_where_it_is_wrong(given: dict[str, Any], pointer: str):
    with pytest.raises(Invalid) as caught:
        read_extension(given)
    assert pointer in [error.pointer for error in caught.value.errors]
