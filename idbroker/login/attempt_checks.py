"""Whether an attempt may go on: in this browser, into that tenant."""

from __future__ import annotations

from idbroker.kernel.errors import Refusal
from idbroker.kernel.secrets import matches
from idbroker.login.attempt import Attempt
from idbroker.login.steps import Visitor
from idbroker.tenants.lifecycle import check_sign_in
from idbroker.tenants.model import Tenant

START_AGAIN = "This sign-in has expired or was begun in another browser. Please go back to the application and start again."


def check_browser(attempt: Attempt, visitor: Visitor) -> None:
    """Raise Refusal unless this is the browser that began (login CSRF, RFC 6749 10.12)."""
    if visitor.secret is None or not matches(visitor.secret, attempt.browser_digest):
        came = "no cookie" if visitor.secret is None else "another browser's cookie"
        raise Refusal("browser_mismatch", START_AGAIN, detail=f"{came} came with the answer", status=403)


def check_tenant(attempt: Attempt, tenant: Tenant) -> None:
    """Raise Refusal unless this attempt may sign in to that tenant."""
    if attempt.pinned_tenant is not None and attempt.pinned_tenant != tenant.id:
        public = "Your organisation does not sign in at this address. Please start at your own application."
        raise Refusal("wrong_tenant", public, detail="the issuer is another tenant's", status=403)
    if attempt.app_tenants is not None and tenant.id not in attempt.app_tenants:
        public = "This application is not open to your organisation."
        raise Refusal("app_not_for_tenant", public, detail=f"{attempt.app_id} does not list the tenant", status=403)
    check_sign_in(tenant.status)
