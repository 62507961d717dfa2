"""Every named fault of the demo IdP is refused as it says, and has words for the page."""

from __future__ import annotations

import pytest

from idbroker.federation.contract import ReplyRefused
from saml.demo_faults import BY_NAME, FAULTS, DemoFault, WrongDemoIdp
from saml.faults import FAULTS as CODES
from tests.support.saml_world import ALICE, World


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_refused_as_it_says(fault: DemoFault) -> None:
    world = World()
    encoded = WrongDemoIdp(world.idp).respond(fault, ALICE, world.request())
    if fault.sent_twice:
        assert world.complete(encoded).replay_key == world.complete(encoded).replay_key
        return
    if not fault.code:
        assert world.complete(encoded).subject == ALICE.name_id
        return
    with pytest.raises(ReplyRefused) as refused:
        world.complete(encoded)
    assert refused.value.code == fault.code


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_has_words(fault: DemoFault) -> None:
    assert fault.title
    assert fault.description.endswith(".")
    assert fault.description.count(". ") == 0
    assert fault.code in {*CODES, "", "reply_replayed"}
    assert BY_NAME[fault.name] is fault
