"""The short way through the e-mail check takes nothing that the kernel's grammar would refuse or write differently."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from idbroker.kernel.addresses import normal_email
from saml.checks.identity import _PLAIN_EMAIL
from tests.support.properties import repeatable

near_misses = st.text(alphabet="aZ09-_+.@xn", min_size=1, max_size=12)


@repeatable
@given(local=near_misses, host=near_misses, rest=st.sampled_from(("acme.example", "b-c.io", "x--y.de", "xn--p1ai", "1", "co")))
def test_what_looks_plain_is_plain(local: str, host: str, rest: str) -> None:
    email = f"{local}@{host}.{rest}"
    assume(_PLAIN_EMAIL.fullmatch(email) is not None)
    assert normal_email(email) == email.lower()
