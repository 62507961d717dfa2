"""What a tenant's admins are asked for twice."""

from __future__ import annotations

from admin_ui.confirm import Act

_HOME = "/admin/t/{tenant}"
_CONNECTION = f"{_HOME}/connections/{{connection}}"
_NAMED = ("get_connection", "name")

ACTS = (
    Act(
        path=f"{_CONNECTION}/activate",
        operation="update_connection",
        title="Switch this connection on?",
        says="People whose domain or app leads here sign in through it from now on.",
        button="Switch on",
        back=_CONNECTION,
        done="connection_on",
        body={"status": "active"},
        named=_NAMED,
        calm=True,
    ),
    Act(
        path=f"{_CONNECTION}/to-test",
        operation="update_connection",
        title="Back to test?",
        says="Nobody goes through it but test sign-ins, and the people whom its options name. Who is signed in stays so.",
        button="Put it into test",
        back=_CONNECTION,
        done="connection_test",
        body={"status": "test"},
        named=_NAMED,
    ),
    Act(
        path=f"{_CONNECTION}/disable",
        operation="update_connection",
        title="Switch this connection off?",
        says="Nobody signs in through it any more, not even a test. Who is signed in stays so until the session ends. "
        "It can be switched on again.",
        button="Switch off",
        back=_CONNECTION,
        done="connection_off",
        body={"status": "disabled"},
        named=_NAMED,
    ),
    Act(
        path=f"{_CONNECTION}/stop",
        operation="stop_connection",
        title="Stop this connection at once?",
        says="For an identity provider that is no longer to be trusted: nobody signs in through it any more, and everybody who "
        "did is signed out now, here and in every app that can be told.",
        button="Stop it and end its sessions",
        back=_CONNECTION,
        done="connection_stopped",
        named=_NAMED,
        reason="Why",
    ),
    Act(
        path=f"{_CONNECTION}/remove",
        operation="delete_connection",
        title="Remove this connection?",
        says="Its addresses stop working at once and cannot be had again: another connection has others, which the identity "
        "provider must be told. People stay known, and find no way in by it. This cannot be taken back.",
        button="Remove the connection",
        back=_CONNECTION,
        after=f"{_HOME}/connections",
        done="connection_removed",
        named=_NAMED,
    ),
    Act(
        path=f"{_CONNECTION}/rollback",
        operation="roll_back_connection",
        title="Roll back?",
        says="What the connection had before the last promotion becomes live again. Doing it once more undoes it.",
        button="Roll back",
        back=_CONNECTION,
        done="rolled_back",
        named=_NAMED,
        calm=True,
    ),
    Act(
        path=f"{_CONNECTION}/candidates/{{candidate}}/remove",
        operation="delete_candidate",
        title="Give this staged change up?",
        says="The live configuration stays as it is. What a metadata refresh held is not held again as long as the metadata "
        "says the same.",
        button="Give it up",
        back=f"{_CONNECTION}/candidates/{{candidate}}",
        after=_CONNECTION,
        done="candidate_removed",
        named=("get_candidate", "label"),
    ),
    *(
        Act(
            path=f"{_CONNECTION}/keys/{step}",
            operation="roll_over_sp_keys",
            title=title,
            says=says,
            button=button,
            back=_CONNECTION,
            done="rollover",
            body={"step": step},
            named=_NAMED,
            calm=step == "begin",
        )
        for step, title, says, button in (
            (
                "begin",
                "Begin to change our key?",
                (
                    "A second key of ours is published in our metadata beside the present one, which goes on signing. Have the "
                    "identity provider read our metadata again, then finish."
                ),
                "Publish a second key",
            ),
            (
                "finish",
                "Let the second key take over?",
                (
                    "It signs and decrypts from now on and the first one is forgotten. A provider that has not read our "
                    "metadata again refuses our signed requests."
                ),
                "Finish",
            ),
            ("cancel", "Forget the second key?", "The present key stays the only one.", "Cancel the change"),
        )
    ),
    Act(
        path=f"{_HOME}/domains/{{domain}}/remove",
        operation="remove_domain",
        title="Give this domain up?",
        says="Its people are no longer found by their address, and connections no longer believe addresses of it. Another "
        "organisation can prove it then.",
        button="Give it up",
        back=f"{_HOME}/domains",
        done="domain_removed",
        named=("get_domain", "domain"),
    ),
    Act(
        path=f"{_HOME}/roles/{{mapping}}/remove",
        operation="delete_role_mapping",
        title="Take this role away?",
        says="Members of the group no longer have the role in tokens that are given from now on.",
        button="Take it away",
        back=f"{_HOME}/roles",
        done="mapping_removed",
    ),
    Act(
        path=f"{_HOME}/sessions/end-all",
        operation="end_all_sessions",
        title="End every session?",
        says="Everybody of this organisation is signed out at once, here and in every app that can be told; refresh tokens and "
        "codes are dead. They can sign in again right away.",
        button="End all sessions",
        back=f"{_HOME}/sessions",
        done="all_sessions_ended",
        reason="Why",
    ),
    Act(
        path=f"{_HOME}/sessions/{{session}}/end",
        operation="end_session",
        title="End this session?",
        says="The person is signed out at once, here and in every app of it that can be told. Its tokens are refused.",
        button="End the session",
        back=f"{_HOME}/sessions",
        done="session_ended",
    ),
    Act(
        path=f"{_HOME}/people/{{user}}/sign-out",
        operation="end_sessions_of_user",
        title="Sign this person out everywhere?",
        says="All sessions end at once, and every app of them that can be told is told. He can sign in again.",
        button="Sign out everywhere",
        back=f"{_HOME}/people/{{user}}",
        done="sessions_ended",
        named=("get_user", "email"),
    ),
    Act(
        path=f"{_HOME}/people/{{user}}/erase",
        operation="erase_user",
        title="Erase this person for ever?",
        says="All that is kept of this person goes, in the audit log too, where only that something happened is left. Every "
        "session ends. Where a directory or an identity provider still knows the person, the next sign-in or push makes a new "
        "one. This cannot be taken back.",
        button="Erase for ever",
        back=f"{_HOME}/people/{{user}}",
        after=f"{_HOME}/people",
        done="person_erased",
        named=("get_user", "email"),
        reason="Why (without a name)",
    ),
    Act(
        path=f"{_HOME}/refusals/{{reference}}/redact",
        operation="redact_diagnosis",
        title="Remove this diagnosis?",
        says="The attributes and the message are deleted now instead of after seven days. The trail keeps that the sign-in was "
        "refused, and why.",
        button="Remove it",
        back=f"{_HOME}/refusals/{{reference}}",
        after=f"{_HOME}/refusals",
        done="diagnosis_removed",
    ),
    Act(
        path=f"{_HOME}/admins/{{admin}}/remove",
        operation="remove_admin",
        title="Remove this admin?",
        says="He is signed out of the administration at once. His account for signing in to apps stays.",
        button="Remove",
        back=f"{_HOME}/admins",
        done="admin_removed",
    ),
    Act(
        path=f"{_HOME}/setup-links/{{link}}/revoke",
        operation="revoke_setup_link",
        title="Revoke this setup link?",
        says="Whoever works behind it is out at once. What has been set up stays.",
        button="Revoke",
        back=f"{_HOME}/setup-links",
        done="link_revoked",
    ),
    Act(
        path=f"{_HOME}/api-keys/{{key}}/revoke",
        operation="revoke_tenant_api_key",
        title="Revoke this API key?",
        says="Programs that use it are refused from this moment on. This cannot be taken back.",
        button="Revoke the key",
        back=f"{_HOME}/api-keys",
        done="key_revoked",
    ),
)
