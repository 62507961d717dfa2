"""What operators are asked for twice."""

from __future__ import annotations

from admin_ui.confirm import Act
from idbroker.access.permissions import Permission

ACTS = (
    Act(
        path="/admin/tenants/{tenant}/freeze",
        operation="freeze_tenant",
        title="Freeze this tenant?",
        says="Its own admins, programs and setup links can look and change nothing until it is unfrozen. Its people go on "
        "signing in, and its directories go on writing.",
        button="Freeze",
        back="/admin/tenants/{tenant}",
        done="frozen",
        named=("get_tenant", "name"),
        reason="Why",
    ),
    Act(
        path="/admin/tenants/{tenant}/unfreeze",
        operation="unfreeze_tenant",
        title="Let this tenant change things again?",
        says="Its own admins and programs can do what they could before.",
        button="Unfreeze",
        back="/admin/tenants/{tenant}",
        done="unfrozen",
        named=("get_tenant", "name"),
        reason="Why",
        calm=True,
    ),
    Act(
        path="/admin/tenants/{tenant}/end-sessions",
        operation="end_all_sessions",
        title="End every session of this tenant?",
        says="Everybody of this tenant is signed out at once, here and in every app that can be told; refresh tokens and codes "
        "are dead. They can sign in again right away, unless the connection is stopped too.",
        button="End all sessions",
        back="/admin/tenants/{tenant}",
        done="all_sessions_ended",
        named=("get_tenant", "name"),
        reason="Why",
        needs=Permission.OPERATE_TENANTS,
    ),
    Act(
        path="/admin/apps/{client_id}/remove",
        operation="delete_app",
        title="Remove this app?",
        says="Its client id and secrets stop working at once. People who are signed in to it stay so until its tokens end; "
        "nobody signs in to it any more. This cannot be taken back.",
        button="Remove the app",
        back="/admin/apps/{client_id}",
        after="/admin/apps",
        done="app_removed",
        named=("get_app", "name"),
    ),
    Act(
        path="/admin/apps/{client_id}/secrets/{secret}/remove",
        operation="delete_app_secret",
        title="Retire this secret?",
        says="Whatever still presents it is refused from this moment on. Make sure that the app has the other one.",
        button="Retire the secret",
        back="/admin/apps/{client_id}",
        done="secret_removed",
        named=("get_app", "name"),
    ),
    Act(
        path="/admin/api-keys/{key}/revoke",
        operation="revoke_api_key",
        title="Revoke this API key?",
        says="Programs that use it are refused from this moment on. This cannot be taken back.",
        button="Revoke the key",
        back="/admin/api-keys",
        done="key_revoked",
    ),
    Act(
        path="/admin/signing-keys/rotate",
        operation="rotate_signing_keys",
        title="Rotate the shared issuer’s signing keys?",
        says="The next key of each algorithm begins to sign, at once when it has been published for an hour, else as soon as "
        "it has. The old ones stay published for two hours, so that no token fails.",
        button="Rotate",
        back="/admin/signing-keys",
        done="keys_rotated",
        body={},
        calm=True,
    ),
    Act(
        path="/admin/signing-keys/{kid}/withdraw",
        operation="withdraw_signing_key",
        title="Withdraw this retired key?",
        says="It is no longer published: tokens that it signed are refused everywhere, as if they had expired.",
        button="Withdraw",
        back="/admin/signing-keys",
        done="key_withdrawn",
    ),
    Act(
        path="/admin/operators/{operator}/disable",
        operation="disable_operator",
        title="Switch this operator off?",
        says="His sessions and links end at once. What he did stays in the trails.",
        button="Switch off",
        back="/admin/operators",
        done="operator_off",
    ),
    Act(
        path="/admin/operators/{operator}/enable",
        operation="enable_operator",
        title="Switch this operator on again?",
        says="He can sign in again with a new link.",
        button="Switch on",
        back="/admin/operators",
        done="operator_on",
        calm=True,
    ),
)
