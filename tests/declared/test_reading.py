"""What cannot be a declaration is refused with its line and its path; what wants to do harm does none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from idbroker.declared.reading import read_text
from idbroker.declared.references import filled
from idbroker.declared.shape import declaration
from idbroker.declared.source import BadFile
from tests.support.effort import not_for_long

WRONG = {
    "no version": ("tenants: {}", "version: the form of the file"),
    "not a mapping": ("- a", "a mapping of fields"),
    "unknown section": ("version: 1\ntenant: {}", "line 2: tenant: unknown"),
    "unknown field": ("version: 1\ntenants:\n  acme:\n    nme: x", "line 4: tenants.acme.nme: Extra inputs"),
    "bad tier": ("version: 1\ntenants:\n  acme:\n    tier: gold", "line 4: tenants.acme.tier: Input should be"),
    "bad slug": ("version: 1\ntenants:\n  Acme!: {}", 'line 3: tenants."Acme!": a tenant\'s key is its slug'),
    "no type": (
        "version: 1\ntenants:\n  a:\n    connections:\n      Okta: {}",
        "line 5: tenants.a.connections.Okta.type: saml or oidc",
    ),
    "unknown connection field": (
        "version: 1\ntenants:\n  a:\n    connections:\n      Okta:\n        type: saml\n        metadata: x",
        "line 7: tenants.a.connections.Okta.metadata: a connection has no such field",
    ),
    "unknown option": (
        "version: 1\ntenants:\n  a:\n    connections:\n      Okta:\n        type: saml\n        options:\n          jti: off",
        "line 8: tenants.a.connections.Okta.options.jti: ",
    ),
    "bad redirect": (
        "version: 1\napps:\n  Notes:\n    redirect_uris:\n      - https://a.example\n      - javascript:alert(1)",
        "line 4: apps.Notes.redirect_uris: an absolute https URL",
    ),
    "inconsistent app": ("version: 1\napps:\n  Notes: {}", "line 3: apps.Notes.redirect_uris: The authorization code flow"),
    "bad webhook": ("version: 1\nwebhooks:\n  https://a.example:\n    events: [nothing.ever]", "line 4: "),
    "bad domain": ("version: 1\ntenants:\n  a:\n    domains:\n      -x-: {}", "line 5: tenants.a.domains.-x-: "),
    "empty reason": ("version: 1\ntenants:\n  a:\n    domains:\n      a.example: {accept: ''}", "say why the domain"),
    "twice the same domain": (
        "version: 1\ntenants:\n  a:\n    domains:\n      Dup.example:\n      dup.example:",
        'line 6: tenants.a.domains."dup.example": dup.example stands here twice',
    ),
    "twice the same mapping": (
        "version: 1\ntenants:\n  a:\n    role_mappings:\n      - {group: g, role: r}\n      - {group: g, role: r}",
        "line 6: tenants.a.role_mappings.1: stands here twice",
    ),
    "a number for a text": ("version: 1\ntenants:\n  acme:\n    name: 7", "line 4: tenants.acme.name: "),
    "empty": ("", "is empty"),
}  # fmt: skip

HOSTILE = {
    "python object": ("version: 1\ntenants: !!python/object/apply:os.system [id]", "line 2: tenants: the tag"),
    "python name": ("version: !!python/name:os.system", "line 1: version: the tag"),
    "binary": ("version: !!binary aGk=", "the tag"),
    "set": ("version: !!set {a}", "the tag"),
    "own tag": ("version: !secret x", "the tag"),
    "merge": ("version: 1\na: &a {b: 1}\nc:\n  <<: *a", "line 4: c: a name is plain text here; merge keys"),
    "key is a mapping": ("? {a: b}\n: c", "a name is plain text"),
    "duplicate": ("version: 1\ntenants:\n  a: {}\n  a: {tier: enterprise}", "line 4: tenants.a: stands here twice"),
    "two documents": ("version: 1\n---\nversion: 1", "is not YAML"),
    "deep": ("[" * 3000 + "]" * 3000, "is "),
    "deep flow maps": ("{a: " * 200 + "1" + "}" * 200, "nested deeper"),
    "recursive": ("version: 1\ntenants: &a\n  b: *a", ""),
    "control character": ("version: 1\ntenants: {a: {name: \"\x07\"}}", "is not YAML"),
    "not yaml": ("version: 1\ntenants: {", "is not YAML: did not find"),
    "unknown alias": ("version: *nobody", "is not YAML"),
}  # fmt: skip


def refused(text: str, environment: dict[str, str] | None = None, folder: Path = Path()) -> str:
    with pytest.raises(BadFile) as caught:
        declaration(filled(read_text(text.encode()), environment or {}, folder))
    return "\n".join(str(fault) for fault in caught.value.faults)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_names_line_and_path(case: str) -> None:
    text, says = WRONG[case]
    assert says in refused(text)


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_hostile_is_refused(case: str) -> None:
    text, says = HOSTILE[case]
    assert says in refused(text)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = refused("version: 2\ntenants:\n  a: {tier: x}\n  b: {nme: y}\napps:\n  c: {}")
    assert [line.partition(":")[0] for line in told.splitlines()] == ["line 1", "line 3", "line 4", "line 6"]


def test_a_few_lines_never_stand_for_billions() -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    with not_for_long():
        assert "more than 200,000 values" in refused(bomb)


def test_plain_words_stay_words() -> None:
    source = read_text(
        b"a: no\nb: on\nc: 010\nd: 2026-01-01\ne: 1:30\nf: 1e3\ng: 0x1f\nh: .inf\n"
        b"i: 12\nj: true\nk: ~\nl: '12'\nm: True\nn: |\n  12\n"
    )
    assert source.document == {
        "a": "no", "b": "on", "c": "010", "d": "2026-01-01", "e": "1:30", "f": "1e3", "g": "0x1f", "h": ".inf",
        "i": 12, "j": True, "k": None, "l": "12", "m": "True", "n": "12\n",
    }  # fmt: skip


def test_references_reach_the_environment_and_the_folder_and_no_further(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "secret.txt").write_text("s3cret\n")
    (tmp_path / "outside.txt").write_text("not yours")
    os.symlink(tmp_path / "outside.txt", folder / "link.txt")
    (folder / "big.txt").write_bytes(b"x" * 1_000_001)
    (folder / "latin.txt").write_bytes(b"\xff\xfe\xfa")
    environment = {"GOOD": "value", "IDBROKER_MASTER_KEY": "the crown"}
    source = filled(read_text(b"a: file:secret.txt\nb: x-${env:GOOD}-y\nc: plain $5 {x}"), environment, folder)
    assert source.document == {"a": "s3cret", "b": "x-value-y", "c": "plain $5 {x}"}
    assert source.secret == {("a",), ("b",)}
    for text, says in {
        "a: ${env:MISSING}": "line 1: a: the environment has no MISSING",
        "a: ${GOOD}": "is no reference",
        "a: ${env:IDBROKER_MASTER_KEY}": "own settings",
        "a: file:../outside.txt": "stays in the folder",
        "a: file:/etc/passwd": "stays in the folder",
        "a: file:link.txt": "stays in the folder",
        "a: file:nowhere.txt": "cannot be read",
        "a: file:.": "cannot be read",
        "a: file:big.txt": "is larger",
        "a: file:latin.txt": "is not UTF-8",
    }.items():
        assert says in refused(text, environment, folder), text


def test_what_a_reference_brings_is_followed_no_further() -> None:
    source = filled(read_text(b"a: ${env:ONE}"), {"ONE": "${env:TWO} file:/etc/passwd", "TWO": "x"}, Path())
    assert source.document == {"a": "${env:TWO} file:/etc/passwd"}


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a: " + b"x" * 4_000_001], ids=["encoding", "size"])
def test_bytes_that_are_no_text(data: bytes) -> None:
    with pytest.raises(BadFile):
        read_text(data)
