"""The pages' table: every family in the order of the navigation, each row with its operation's permission."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from admin_ui.api import Api
from admin_ui.confirm import Acts
from admin_ui.desk import Desk, Screen
from admin_ui.operator.acts import ACTS as OPERATOR_ACTS
from admin_ui.operator.app_scim import ACTS as APP_SCIM_ACTS
from admin_ui.operator.app_scim import AppScimPages
from admin_ui.operator.apps import AppPages
from admin_ui.operator.inspector import Inspector
from admin_ui.operator.keys import KeyPages
from admin_ui.operator.overview import Overview
from admin_ui.operator.signals import SIGNAL_STREAM_ACTS, SignalPages
from admin_ui.operator.tenants import TenantPages
from admin_ui.passkeys import PasskeyPages
from admin_ui.setup.audit import AuditStep
from admin_ui.setup.bench import Bench
from admin_ui.setup.connect import ConnectSteps
from admin_ui.setup.domain import DomainStep
from admin_ui.setup.finish import FinishSteps
from admin_ui.setup.log_streams import LogStreamStep
from admin_ui.setup.opening import Opening
from admin_ui.setup.prove import ProveSteps
from admin_ui.sign_in import SignInPages
from admin_ui.tenant.access import AccessPages
from admin_ui.tenant.acts import ACTS as TENANT_ACTS
from admin_ui.tenant.admin_roles import ADMIN_ROLE_ACTS, AdminRolePages
from admin_ui.tenant.alerts import AlertPages
from admin_ui.tenant.changes import ChangePages
from admin_ui.tenant.connections import ConnectionPages
from admin_ui.tenant.directories import ACTS as DIRECTORY_ACTS
from admin_ui.tenant.directories import DirectoryPages
from admin_ui.tenant.domains import DomainPages
from admin_ui.tenant.log_streams import ACTS as STREAM_ACTS
from admin_ui.tenant.log_streams import LogStreamPages
from admin_ui.tenant.overview import TenantOverview
from admin_ui.tenant.people import PeoplePages
from admin_ui.tenant.records import RecordPages
from admin_ui.tenant.sign_ins import SignInRecordPages
from admin_ui.tenant.signals import SIGNAL_ACTS, SignalSourcePages
from admin_ui.tenant.traffic import TrafficPages
from admin_ui.tenant.usage import UsagePage
from admin_ui.webhooks import WebhookPages
from idbroker.access.permissions import Permission
from idbroker.admin_api.operation import Operation
from idbroker.admins.ceremony import Ceremonies
from idbroker.kernel.clock import Clock
from idbroker.keys.signing import SigningKeyRing
from idbroker.login.flow import LoginFlow
from idbroker.sessions.service import SessionService
from idbroker.storage.database import Database
from idbroker.web.assets import Assets
from idbroker.web.cookies import AdminCookies, Cookies
from idbroker.web.pages import Pages
from idbroker.web.route import Row
from idbroker.web.sign_in import SignInFace
from idbroker.web.tenancy import Tenancy

HERE = Path(__file__).parent
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"

WITHOUT_PAGES = (
    "explain_response",  # a pasted response: every refused sign-in has its diagnosis, every connection its test
    "get_domain",  # seen in the list
    "get_role_mapping",  # seen in the list
    "import_items",  # for programs
    "list_events",  # for programs
    "list_audit_keys",  # in every sealed pack
    "list_operator_audit_keys",
    "get_session",  # sessions are seen in lists
    "list_reservations",  # reserved by the setup portal alone, which knows its own
    "get_setup_link",  # seen in the list
    "list_usage_records",  # for programs
    "get_usage_customer",  # the biller's own pages show what he was told
    "set_usage_customer",
    "get_usage_reconciliation",
    # What has no page yet:
    "list_cells",
    "list_erasures",
    "get_erasure",
    "get_tenant_erasure",
    "export_tenant",
    "export_user",
)


class AdminUi:
    """``screens`` is the one table; a test holds it against the API's."""

    def __init__(
        self,
        *,
        operations: Sequence[Operation],
        tenancy: Tenancy,
        cookies: AdminCookies,
        assets: Assets,
        https: bool,
        database: Database,
        keys: SigningKeyRing,
        clock: Clock,
        flow: LoginFlow,
        face: SignInFace,
        sessions: SessionService,
        people: Cookies,
        ceremonies: Ceremonies,
    ) -> None:
        pages = Pages(https=https, folders=(TEMPLATES,), assets=assets)
        desk = Desk(Api(operations, tenancy), pages, cookies)
        self._sign_in = SignInPages(desk, database=database, flow=flow, face=face, sessions=sessions, people=people)
        self._passkeys = PasskeyPages(desk, self._sign_in, database=database, face=face, ceremonies=ceremonies)
        acts = Acts(desk)
        bench = Bench(desk, database, face)
        opening = Opening(bench, database, face)
        self._opening = opening
        self.screens: tuple[Screen, ...] = (
            *Overview(desk).screens(),
            *TenantPages(desk, database).screens(),
            *AppPages(desk).screens(),
            *AppScimPages(desk).screens(),
            *acts.screens(APP_SCIM_ACTS),
            *WebhookPages(desk, acts, "/admin/webhooks", Permission.OPERATE_TENANTS).screens(),
            *SignalPages(desk).screens(),
            *acts.screens(SIGNAL_STREAM_ACTS),
            *Inspector(desk, database, keys, clock).screens(),
            *KeyPages(desk).screens(),
            *acts.screens(OPERATOR_ACTS),
            *TenantOverview(desk, clock).screens(),
            *ConnectionPages(desk).screens(),
            *ChangePages(desk).screens(),
            *SignalSourcePages(desk).screens(),
            *acts.screens(SIGNAL_ACTS),
            *UsagePage(desk).screens(),
            *DomainPages(desk).screens(),
            *DirectoryPages(desk).screens(),
            *TrafficPages(desk).screens(),
            *acts.screens(DIRECTORY_ACTS),
            *PeoplePages(desk).screens(),
            *AlertPages(desk).screens(),
            *SignInRecordPages(desk).screens(),
            *RecordPages(desk).screens(),
            *WebhookPages(desk, acts, "/admin/t/{tenant}/webhooks").screens(),
            *LogStreamPages(desk).screens(),
            *acts.screens(STREAM_ACTS),
            *AccessPages(desk).screens(),
            *AdminRolePages(desk).screens(),
            *acts.screens(ADMIN_ROLE_ACTS),
            *acts.screens(TENANT_ACTS),
            *opening.screens(),
            *DomainStep(bench).screens(),
            *ConnectSteps(bench).screens(),
            *ProveSteps(bench).screens(),
            *LogStreamStep(bench).screens(),
            *AuditStep(bench).screens(),
            *FinishSteps(bench).screens(),
        )

    @property
    def without_pages(self) -> tuple[str, ...]:
        """Operations that no page stands for, each for a reason."""
        return WITHOUT_PAGES

    def rows(self) -> list[Row]:
        return [*self._sign_in.rows(), *self._passkeys.rows(), *self._opening.rows(), *(screen.row for screen in self.screens)]
