"""TXT records from a real resolver on loopback."""

from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from idbroker.kernel.errors import Refusal
from idbroker.outbound import dns as dns_module
from idbroker.outbound.dns import MAX_RECORDS, DnsTxtLookup
from tests.support.servers import udp_server

NAME = "_idbroker-challenge.acme.com"


def zone(**records: list[str]) -> Callable[[bytes], bytes]:
    """A name server that knows the TXT records of those names (dots written as ``__``) and nothing else."""

    def answering(asked: bytes) -> bytes:
        query = dns.message.from_wire(asked)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        texts = records.get(question.name.to_text().rstrip(".").replace(".", "__").lower())
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *texts))
        return answer.to_wire(max_size=60_000)

    return answering


def lookup(port: int) -> DnsTxtLookup:
    return DnsTxtLookup(f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (['"idbroker-domain-verification=abc"'], ["idbroker-domain-verification=abc"]),
        (['"v=spf1 -all"', '"idbroker"'], ["idbroker", "v=spf1 -all"]),
        (['"idbroker-domain-" "verification=abc"'], ["idbroker-domain-verification=abc"]),
        (['""'], [""]),
        (['"\\255\\254"'], ["\ufffd\ufffd"]),
        ([], []),
    ],
)
def test_texts(records: list[str], found: list[str]) -> None:
    with udp_server(zone(**{NAME.replace(".", "__"): records})) as port:
        assert sorted(lookup(port)(NAME)) == found


def test_no_such_name_is_no_record() -> None:
    with udp_server(zone()) as port:
        assert lookup(port)(NAME) == []


def test_there_are_bounds() -> None:
    with udp_server(zone(**{NAME.replace(".", "__"): [f'"{number}"' for number in range(MAX_RECORDS + 20)]})) as port:
        assert len(lookup(port)(NAME)) == MAX_RECORDS


def test_a_server_that_refuses_is_no_answer() -> None:
    def refusing(asked: bytes) -> bytes:
        answer = dns.message.make_response(dns.message.from_wire(asked))
        answer.set_rcode(dns.rcode.SERVFAIL)
        return answer.to_wire()

    with udp_server(refusing) as port, pytest.raises(Refusal) as refused:
        lookup(port)(NAME)
    assert (refused.value.code, refused.value.status) == ("dns_failed", 502)
    assert NAME in refused.value.detail


def test_a_silent_server_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_module, "SECONDS", 0.3)
    with udp_server(lambda asked: None) as port, pytest.raises(Refusal) as refused:
        lookup(port)(NAME)
    assert refused.value.code == "dns_failed"


@pytest.mark.parametrize("name", ["a" * 64 + ".com", ".".join(["abcdefgh"] * 40), "a..b", "x" * 300])
def test_what_no_name_can_be_is_no_record(name: str) -> None:
    with udp_server(zone()) as port:
        assert lookup(port)(name) == []


def test_a_machine_without_a_resolver_starts_and_says_so_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container without a network has no resolver either; only domain proofs need one."""

    def unconfigured(*args: object, **kwargs: object) -> None:
        raise dns.resolver.NoResolverConfiguration("no nameservers")

    monkeypatch.setattr(dns_module.dns.resolver, "Resolver", unconfigured)
    look_up = DnsTxtLookup(None)
    with pytest.raises(Refusal) as refused:
        look_up(NAME)
    assert refused.value.code == "dns_failed"


def test_ipv6_resolvers_are_understood() -> None:
    assert DnsTxtLookup("[::1]:5353")
