"""Metadata of real products, where a folder of it is at hand: each makes a connection or says plainly why not.

The folder is named by IDBROKER_TEST_IDP_METADATA, or stands beside the repository as ``shared/idp_metadata``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from idbroker.kernel.errors import FieldError, Invalid
from saml.metadata_text import decoded
from tests.support.saml_world import World, upload

BESIDE = Path(__file__).parents[2].parent / "shared" / "idp_metadata"
FOLDER = Path(os.environ.get("IDBROKER_TEST_IDP_METADATA", BESIDE))
FILES = sorted(FOLDER.glob("*.xml")) if FOLDER.is_dir() else []

DAMAGED = {"okta_old", "openam"}


@pytest.mark.skipif(not FILES, reason="no folder of genuine metadata")
def test_each_makes_a_connection_or_says_why_not() -> None:
    world = World()
    for path in FILES:
        text = decoded(path.read_bytes())
        fault = _fault(world, text)
        if fault is not None and fault.pointer == "/entity_id":
            _each_can_be_chosen(world, text, fault.message)
        else:
            assert (fault is not None and "damaged" in fault.message) == (path.stem in DAMAGED), path.name


def _fault(world: World, text: str) -> FieldError | None:
    try:
        world.protocol.draft(upload({"metadata_xml": text}), world.connection)
    except Invalid as refused:
        return refused.errors[0]
    return None


def _each_can_be_chosen(world: World, text: str, message: str) -> None:
    listed = re.findall(r"https?://[^,\s]+", message)
    assert len(listed) > 1
    for entity_id in listed:
        made = world.protocol.draft(upload({"metadata_xml": text, "entity_id": entity_id}), world.connection)
        assert made.settings["idp"]["entity_id"] == entity_id
