"""The contract of a master key, by every kind that there is, and moving from one to another while data stays open."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from idbroker import plugins
from idbroker.kernel.ids import PLATFORM_TRAIL
from idbroker.kernel.scope import SYSTEM, TenantScope
from idbroker.keys.aws_kms import AwsKmsKey, open_aws_kms
from idbroker.keys.envelope import Envelope
from idbroker.keys.master import CannotOpen, LocalMasterKeys, MasterKey, MasterKeys, MasterKeyUnavailable
from idbroker.keys.rewrap import Rewrapping
from idbroker.settings import BadSettings, load_settings
from tests.support.databases import Stores
from tests.support.fake_kms import ARN, OTHER_ARN, FakeKms, KmsError, kms_server

OLD, NEW = b"o" * 32, b"n" * 32
DATA_KEY = bytes(range(32))


def kms_key(kms: FakeKms, arn: str = ARN) -> AwsKmsKey:
    return AwsKmsKey(arn, kms, (KmsError,))


KINDS: dict[str, Callable[[], MasterKey]] = {
    "local": lambda: LocalMasterKeys([NEW, OLD]),
    "kms": lambda: kms_key(FakeKms()),
    "kms, then local": lambda: MasterKeys([kms_key(FakeKms()), LocalMasterKeys([OLD])]),
    "local, then kms": lambda: MasterKeys([LocalMasterKeys([NEW]), kms_key(FakeKms())]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract(kind: str) -> None:
    key = KINDS[kind]()
    wrapped = key.wrap(DATA_KEY, "tenant-key:tnt_1:1")
    assert key.unwrap(wrapped, "tenant-key:tnt_1:1") == DATA_KEY
    assert key.is_newest(wrapped)
    assert DATA_KEY not in wrapped
    assert key.wrap(DATA_KEY, "tenant-key:tnt_1:1") != wrapped
    for bad, context in (
        (wrapped, "tenant-key:tnt_2:1"),
        (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), "tenant-key:tnt_1:1"),
        (bytes([wrapped[0] ^ 1]) + wrapped[1:], "tenant-key:tnt_1:1"),
        (wrapped[:12], "tenant-key:tnt_1:1"),
        (b"", "tenant-key:tnt_1:1"),
    ):
        with pytest.raises(CannotOpen):
            key.unwrap(bad, context)
    foreign = LocalMasterKeys([b"x" * 32]).wrap(DATA_KEY, "tenant-key:tnt_1:1")
    assert not key.is_newest(foreign)
    with pytest.raises(CannotOpen):
        key.unwrap(foreign, "tenant-key:tnt_1:1")


def test_a_key_service_that_does_not_answer_is_not_a_key_that_does_not_open() -> None:
    """Else rotating would count what is there as lost."""
    kms = FakeKms()
    key = kms_key(kms)
    wrapped = key.wrap(DATA_KEY, "c")
    for code in ("KMSInternalException", "DisabledException", "AccessDeniedException", "ThrottlingException"):
        kms.down = code
        for call in (lambda: key.wrap(DATA_KEY, "c"), lambda: key.unwrap(wrapped, "c")):
            with pytest.raises(MasterKeyUnavailable) as refused:
                call()
            assert refused.value.status == 503
            assert code in refused.value.detail
            assert ARN not in refused.value.public


def test_from_local_to_kms_to_another_kms_and_back(stores: Stores) -> None:
    """What a tenant sealed at the beginning opens at every step; the older key can be taken away once none is left."""
    kms = FakeKms(ARN, OTHER_ARN)
    local, first, second = LocalMasterKeys([OLD]), kms_key(kms), kms_key(kms, OTHER_ARN)
    scope = TenantScope(PLATFORM_TRAIL, SYSTEM)
    with stores.main.tenant(scope) as unit:
        Envelope(local).prepare(unit)
        sealed = Envelope(local).seal(unit, "purpose", b"hush")
        derived = Envelope(local).derive(unit, "purpose")

    def opens(master: MasterKey) -> bool:
        with stores.main.tenant(scope, read_only=True) as unit:
            fresh = Envelope(master)
            return fresh.open(unit, "purpose", sealed) == b"hush" and fresh.derive(unit, "purpose") == derived

    before: MasterKey = local
    for newer in (first, second, local):
        both = MasterKeys([newer, before])
        rewrapping = Rewrapping(stores.main, both, Envelope(both))
        assert rewrapping.left([PLATFORM_TRAIL]) == 1
        assert opens(both)
        kms.down = "KMSInternalException"
        with pytest.raises(MasterKeyUnavailable):
            list(rewrapping.rewrap([PLATFORM_TRAIL]))
        kms.down = None
        assert [(one.moved, one.lost) for one in rewrapping.rewrap([PLATFORM_TRAIL])] == [(1, 0)]
        assert rewrapping.left([PLATFORM_TRAIL]) == 0
        assert opens(newer)
        with pytest.raises(CannotOpen):
            opens(before)
        before = newer


def test_what_is_derived_of_a_tenants_key(sqlite_stores: Stores) -> None:
    envelope, scope = Envelope(LocalMasterKeys([OLD])), TenantScope(PLATFORM_TRAIL, SYSTEM)
    with sqlite_stores.main.tenant(scope) as unit:
        envelope.prepare(unit)
        first = envelope.derive(unit, "cookies")
        assert envelope.derive(unit, "other") != first
        envelope.rotate(unit)
        newest, kept = envelope.derive(unit, "cookies")
    assert (kept,) == first, "what was signed before the rotation is still believed"
    assert len({newest, kept}) == 2
    assert {len(newest), len(kept)} == {32}


def test_settings_name_keys_of_both_kinds_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    kms = FakeKms()
    monkeypatch.setitem(plugins.KEY_SERVICES, "awskms", "tests.conformance.test_master_keys:opened_by_name")
    text = base64.b64encode(OLD).decode()
    context, wrapped = "c", LocalMasterKeys([OLD]).wrap(DATA_KEY, "c")
    for order, newest in ((f"awskms:{ARN},{text}", False), (f"{text},awskms:{ARN}", True), (text, True)):
        made = plugins.master_key(load_settings({"IDBROKER_MASTER_KEY": order}))
        assert made.unwrap(wrapped, context) == DATA_KEY
        assert made.is_newest(wrapped) is newest
    del kms


def opened_by_name(arn: str) -> AwsKmsKey:
    return kms_key(FakeKms(arn), arn)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("awskms:alias/idbroker", "no alias"),
        (f"awskms:{ARN.replace(':key/', ':alias/')}", "no alias"),
        ("vault:secret", "awskms"),
    ],
)
def test_what_names_no_key(text: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        plugins.master_key(load_settings({"IDBROKER_MASTER_KEY": text}))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("idbroker.keys.aws_kms.import_module", missing)
    with pytest.raises(BadSettings, match=r"idbroker\[aws\]"):
        plugins.master_key(load_settings({"IDBROKER_MASTER_KEY": f"awskms:{ARN}"}))


def test_boto3_asks_kms_as_the_contract_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs the extra; the server checks that each request is signed for the key's region and for KMS."""
    pytest.importorskip("boto3")
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    kms = FakeKms()
    with kms_server(kms) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", address)
        key = open_aws_kms(ARN)
        wrapped = key.wrap(DATA_KEY, "tenant-key:tnt_1:1")
        assert key.unwrap(wrapped, "tenant-key:tnt_1:1") == DATA_KEY
        assert kms.contexts == [{"idbroker": "tenant-key:tnt_1:1"}] * 2
        with pytest.raises(CannotOpen):
            key.unwrap(wrapped, "tenant-key:tnt_2:1")
        kms.down = "DisabledException"
        with pytest.raises(MasterKeyUnavailable):
            key.unwrap(wrapped, "tenant-key:tnt_1:1")
    with pytest.raises(MasterKeyUnavailable):
        key.unwrap(wrapped, "tenant-key:tnt_1:1")
