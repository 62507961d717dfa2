"""Every code that a refusal can bear, found in the source: what is written out, and the tables that checks are made of.

A code that is computed must be listed in ``COMPUTED``; a new computed one makes ``unknown_computed`` not empty.
"""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module

from idbroker.kernel.errors import Refusal
from oidc.provider.authorization_checks import _UNSUPPORTED
from oidc.relying_party.id_token import ID_TOKEN_CHECKS
from oidc.relying_party.initiation import INITIATION_CHECKS
from oidc.relying_party.logout_token import LOGOUT_TOKEN_CHECKS
from oidc.relying_party.reply_checks import REPLY_CHECKS
from oidc.signals.checks import SET_CHECKS
from saml.faults import FAULTS
from scim.errors import CODES as SCIM_CODES
from tests.docs.pages import ROOT

PACKAGES = ("idbroker", "saml", "oidc", "scim", "admin_ui")
HELPERS = frozenset({"refused"})
"""Functions whose first argument is a code."""

ELSEWHERE = frozenset(
    {
        ("saml/demo_idp.py", "BadRequest"),
        ("saml/demo_logout.py", "BadRequest"),
        ("admin_ui/tenant/changes.py", "refused"),
    }
)
"""The same names for other things: the demo IdP's own exception, a page that words a refusal."""

COMPUTED: dict[tuple[str, str], tuple[str, ...]] = {
    ("idbroker/login/steps.py", "cause.code"): (),  # passes on
    ("idbroker/login/logout.py", "cause.code"): (),  # passes on
    ("idbroker/federation/contract.py", "code"): (),  # passes on
    ("idbroker/kernel/errors.py", "code"): (),  # passes on
    ("oidc/provider/errors.py", "code"): (),  # passes on
    ("oidc/relying_party/refusals.py", "code"): (),  # passes on
    ("oidc/relying_party/examination.py", "refusal.code"): (),  # passes on
    ("saml/response.py", "code"): tuple(FAULTS),
    ("oidc/relying_party/checks.py", "check.code"): tuple(
        c.code for c in (*REPLY_CHECKS, *ID_TOKEN_CHECKS, *INITIATION_CHECKS, *LOGOUT_TOKEN_CHECKS, *SET_CHECKS)
    ),
    ("oidc/provider/authorization_checks.py", "error"): tuple(_UNSUPPORTED.values()),
    ("oidc/relying_party/jwks.py", "code or 'oidc_idp_unreachable'"): ("oidc_idp_unreachable",),
    ("scim/errors.py", "CODES[scim_type]"): tuple(SCIM_CODES.values()),
    ("oidc/relying_party/token.py", "code"): ("oidc_client_rejected", "oidc_code_rejected", "oidc_token_endpoint_failed"),
    ("idbroker/web/edge.py", "'not_found' if status == 404 else 'bad_method'"): ("not_found", "bad_method"),
}


@dataclass
class Codes:
    """``written``: code → where it stands. ``unknown_computed``: places that neither say their code nor are listed."""

    written: dict[str, str] = field(default_factory=dict)
    unknown_computed: list[str] = field(default_factory=list)


def collect() -> Codes:
    found = Codes({"invalid_input": "idbroker/kernel/errors.py"})
    names = _refusal_classes() | HELPERS
    for path in sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for call in _refusals(ast.parse(path.read_text(encoding="utf-8")), place, names):
            _take(found, place, call)
    return found


def _take(found: Codes, place: str, code: ast.expr) -> None:
    if isinstance(code, ast.Constant) and isinstance(code.value, str):
        found.written.setdefault(code.value, place)
        return
    listed = COMPUTED.get((place, ast.unparse(code)))
    if listed is None:
        found.unknown_computed.append(f"{place}:{code.lineno}: {ast.unparse(code)}")
        return
    for each in listed:
        found.written.setdefault(each, place)


def _refusals(tree: ast.Module, place: str, names: frozenset[str]) -> Iterator[ast.expr]:
    """The expression for the code, of every call that makes a refusal."""
    for scope in ast.walk(tree):
        if isinstance(scope, ast.ClassDef) and scope.name in names:
            yield from _handed_up(scope)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
        if name not in names or (place, name) in ELSEWHERE:
            continue
        if name in _OWN_CODE:
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
        elif node.args:
            yield node.args[0]
        else:
            yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")


def _handed_up(cls: ast.ClassDef) -> Iterator[ast.expr]:
    """What a subclass gives to ``super().__init__`` as its code."""
    for node in ast.walk(cls):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr == "__init__" and isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            if not isinstance(first, ast.JoinedStr):  # Refusal itself hands its text to Exception
                yield first


_OWN_CODE: set[str] = set()
"""Classes whose constructor fixes the code, so that their first argument is something else."""


def _refusal_classes() -> frozenset[str]:
    for package in PACKAGES:
        module = import_module(package)
        for info in pkgutil.walk_packages(module.__path__, f"{package}."):
            if ".migrations" not in info.name and not info.name.endswith("__main__"):
                import_module(info.name)
    queue, found = [Refusal], set()
    while queue:
        cls = queue.pop()
        found.add(cls.__name__)
        queue.extend(cls.__subclasses__())
        if "__init__" in vars(cls) and cls.__init__.__code__.co_varnames[1:2] != ("code",):
            _OWN_CODE.add(cls.__name__)
    return frozenset(found)
