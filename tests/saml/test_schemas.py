"""The compiled schemas keep working in a process in which xmlsec has signed, after which libxml2 opens no paths."""

from __future__ import annotations

import base64

from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from saml import schemas
from tests.support.saml_world import World, key_pair


def test_compiling_after_xmlsec_has_signed() -> None:
    world = World()
    message = base64.b64decode(world.answer())
    keys = key_pair("stranger")
    OneLogin_Saml2_Utils.add_sign(message, keys.private_pem, keys.certificate_pem)
    schemas.compiled.cache_clear()
    assert schemas.schema_fault(etree.fromstring(message), "saml-schema-protocol-2.0.xsd") is None
    assert schemas.schema_fault(etree.fromstring(world.idp.metadata()), "saml-schema-metadata-2.0.xsd") is None


def test_a_fault_is_named() -> None:
    fault = schemas.schema_fault(etree.fromstring("<a/>"), "saml-schema-protocol-2.0.xsd")
    assert fault is not None
    assert "'a'" in fault
