"""What verifying one SAML response costs, by stage, beside python3-saml as it comes and beside the least that could do it.

    python benchmarks/saml.py [--rounds 400] [--mutations 20000]

``bare`` is: base64, one parse, the compiled schema, one xmlsec verification with a kept key, and reading the attributes
of the very same bytes. ``python3-saml`` is OneLogin_Saml2_Response.is_valid in its strict mode with its settings object
kept. The fourth stage of a sign-in, one-time use and the binding to the browser, is storage and stands in benchmarks/login.py;
here only the making of its key is counted (``claim``). ``--mutations`` runs that many damaged genuine responses instead.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import xmlsec
from lxml import etree
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from saml import names, response
from saml.checks import order
from saml.checks.examination import Check, ask
from saml.demo_idp import Answer
from saml.names import tag
from saml.schemas import compiled
from saml.signing import bare_certificate
from tests.support.saml_mutation import run_mutations
from tests.support.saml_world import World, key_pair

KINDS = {
    "assertion signed": Answer(),
    "response signed": Answer(sign_assertion=False, sign_response=True),
    "both signed": Answer(sign_response=True),
    "assertion signed, encrypted": Answer(encrypt_for=key_pair("sp").certificate_pem),
}


def timed(work: Callable[[], Any], rounds: int) -> float:
    """Median, microseconds."""
    for _ in range(20):
        work()
    spans = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        spans.append(time.perf_counter() - started)
    return median(spans) * 1e6


def bare(world: World, encoded: str) -> Callable[[], Any]:
    key = xmlsec.Key.from_memory(world.idp.keys.certificate_pem.encode(), xmlsec.constants.KeyDataFormatCertPem)
    schema = compiled("saml-schema-protocol-2.0.xsd")
    parser = etree.XMLParser(resolve_entities=False, no_network=True)

    def work() -> Any:
        root = etree.fromstring(base64.b64decode(encoded), parser)
        if not schema.validate(root):
            raise ValueError("not valid")
        for signature in root.iter(tag(names.DS, "Signature")):
            context = xmlsec.SignatureContext()
            context.key = key
            context.register_id(signature.getparent(), "ID")
            context.verify(signature)
        return {
            one.get("Name"): [value.text for value in one.iter(tag(names.SAML, "AttributeValue"))]
            for one in root.iter(tag(names.SAML, "Attribute"))
        }

    return work


def python3_saml(world: World, encoded: str) -> Callable[[], Any]:
    settings = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": world.entity_id,
                "assertionConsumerService": {"url": world.acs_url, "binding": names.BINDING_POST},
                "x509cert": bare_certificate(key_pair("sp").certificate_pem),
                "privateKey": key_pair("sp").private_pem,
            },
            "idp": {
                "entityId": world.idp.entity_id,
                "singleSignOnService": {"url": world.idp.sso_url, "binding": names.BINDING_REDIRECT},
                "x509cert": bare_certificate(world.idp.keys.certificate_pem),
            },
            "security": {"requestedAuthnContext": False, "wantAttributeStatement": False},
        }
    )
    parts = world.acs_url.removeprefix("https://").partition("/")
    request = {"https": "on", "http_host": parts[0], "script_name": f"/{parts[2]}", "get_data": {}, "post_data": {}}

    def work() -> Any:
        answer = OneLogin_Saml2_Response(settings, encoded)
        answer.is_valid(request, raise_exceptions=True)
        return answer.get_attributes()

    return work


def stages(world: World, encoded: str, rounds: int) -> dict[str, float]:
    """Median microseconds of each stage of the list."""
    spans: dict[str, list[float]] = {"preflight": [], "crypto": [], "profile": [], "claim": []}
    lists: dict[str, tuple[Check, ...]] = {"preflight": order.PREFLIGHT, "crypto": order.CRYPTO, "profile": order.PROFILE}
    for _ in range(rounds):
        exam = world.protocol.examination(world.connection, world.reply(encoded), world.attempt)
        for stage, checks in lists.items():
            started = time.perf_counter()
            for check in checks:
                ask(check, exam)
            spans[stage].append(time.perf_counter() - started)
        started = time.perf_counter()
        response.identity(exam)
        spans["claim"].append(time.perf_counter() - started)
    return {stage: median(times) * 1e6 for stage, times in spans.items()}


def measure(kind: str, rounds: int) -> dict[str, Any]:
    world = World()
    # A real clock for python3-saml, which asks it and no other.
    world.clock.moment = datetime.now(UTC).replace(microsecond=0)
    world.attempt = replace(world.attempt, begun_at=world.clock.moment)
    encoded = world.answer(KINDS[kind])
    whole = timed(lambda: world.complete(encoded), rounds)
    least = timed(bare(world, encoded), rounds) if KINDS[kind].encrypt_for is None else None
    return {
        "kind": kind,
        "bytes": len(base64.b64decode(encoded)),
        "whole_us": round(whole),
        **{f"{stage}_us": round(span) for stage, span in stages(world, encoded, rounds).items()},
        "bare_us": round(least) if least else None,
        "ratio": round(whole / least, 2) if least else None,
        "python3_saml_us": round(timed(python3_saml(world, encoded), max(20, rounds // 10))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--mutations", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if chosen.mutations:
        print(run_mutations(chosen.mutations))
        return
    rows = [measure(kind, chosen.rounds) for kind in KINDS]
    if chosen.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"\n{row['kind']} ({row['bytes']:,} bytes)")
        for name, value in row.items():
            if name.endswith("_us") and value is not None:
                print(f"  {name.removesuffix('_us'):14} {value:7,} us")
        if row["ratio"]:
            print(f"  ours is {row['ratio']} times bare")


if __name__ == "__main__":
    main()
