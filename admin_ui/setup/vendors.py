"""What each identity provider's console asks, in its order and words: the one source of the portal and of the guide.

``Field.ours`` names the value of ours that goes into the vendor's field. What is only known from hearsay is worded
“look for …”, so that nobody is sent to a menu that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Ours = Literal["acs_url", "acs_pattern", "entity_id", "metadata_url", "redirect_uri", "initiate_login_uri"]
Protocol = Literal["saml", "oidc"]


@dataclass(frozen=True, slots=True)
class Field:
    """``name`` is what the console calls it; the value is one of ours, or ``text`` to be typed or chosen as it stands."""

    name: str
    ours: Ours | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One screen: where to go, what to do, what to enter."""

    title: str
    path: str = ""
    says: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Vendor:
    """``vendor`` is the connection's vendor, by which a diagnosis finds its words. ``gives``: what we want back, and where."""

    key: str
    name: str
    protocol: Protocol
    vendor: str
    steps: tuple[Step, ...]
    gives: str
    file_only: bool = False
    issuer: str = ""
    """Where it is the same for everybody, or how it looks."""
    email_attribute: str = ""

    @property
    def short(self) -> str:
        """Without the protocol: what a connection is called unless somebody calls it otherwise."""
        return self.name.partition(",")[0]


def _attributes(*pairs: tuple[str, str]) -> tuple[Field, ...]:
    return tuple(Field(name, text=value) for name, value in pairs)


_ASSIGN = Step("Give people access", says=("Assign the people or groups who shall sign in to the application.",))
_WEB_APP = "Make a web application that signs people in with the authorization code flow."


def _oidc(key: str, name: str, vendor: str, says: tuple[str, ...], issuer: str) -> Vendor:
    return Vendor(
        key,
        name,
        "oidc",
        vendor,
        (
            Step("Make the application", "", (_WEB_APP, *says), (Field("Redirect URI", "redirect_uri"),)),
            _ASSIGN,
        ),
        "The issuer, and the application’s client id and client secret.",
        issuer=issuer,
    )


VENDORS: tuple[Vendor, ...] = (
    Vendor(
        "okta_saml",
        "Okta, SAML",
        "saml",
        "okta",
        (
            Step("Make the application", "Applications > Create App Integration > SAML 2.0"),
            Step(
                "Tell it our addresses",
                says=("Under the SAML settings:",),
                fields=(
                    Field("Single sign on URL", "acs_url"),
                    Field("Audience URI", "entity_id"),
                    Field("Name ID format", text="EmailAddress"),
                ),
            ),
            Step(
                "Attributes",
                says=(
                    (
                        "Add an attribute statement for each. Groups need a statement of their own: look for Group Attribute "
                        "Statements and name it groups."
                    ),
                ),
                fields=_attributes(
                    ("id", "user.id"), ("email", "user.email"), ("firstName", "user.firstName"), ("lastName", "user.lastName")
                ),
            ),
            Step("Finish it there", says=("When asked, choose that this is an internal app.",)),
            _ASSIGN,
        ),
        "Sign On > SAML Signing Certificates > Actions > View IdP metadata: its address, or the page saved as a file.",
    ),
    _oidc("okta_oidc", "Okta, OpenID Connect", "okta", (), "The address of your authorization server"),
    Vendor(
        "entra_saml",
        "Microsoft Entra ID, SAML",
        "saml",
        "entra",
        (
            Step("Make the application", "Enterprise applications > New > Create your own > Single Sign On > SAML"),
            Step(
                "Tell it our addresses",
                fields=(Field("Identifier", "entity_id"), Field("Reply URL (ACS)", "acs_url")),
            ),
            Step(
                "Attributes",
                says=(
                    "Keep the claims that Entra proposes; they are recognised.",
                    (
                        "Look whether user.mail is filled for all of your people. If it is not, let emailaddress come from the "
                        "attribute that is."
                    ),
                    "If you add a group claim, look whether it sends names or object ids: roles are given to what comes.",
                ),
                fields=_attributes(
                    ("emailaddress", "user.mail"),
                    ("givenname", "user.givenname"),
                    ("surname", "user.surname"),
                    ("name", "user.userprincipalname"),
                ),
            ),
            _ASSIGN,
        ),
        (
            "SAML Signing Certificate > Federation Metadata XML. If you see an App Federation Metadata URL "
            "there, its address is better."
        ),
    ),
    _oidc(
        "entra_oidc",
        "Microsoft Entra ID, OpenID Connect",
        "entra",
        (
            (
                "Register it in your own directory; the issuers “common” and “organizations” are refused, since they "
                "let every directory in."
            ),
        ),
        "https://login.microsoftonline.com/<your directory id>/v2.0",
    ),
    Vendor(
        "google_saml",
        "Google Workspace, SAML",
        "saml",
        "google",
        (
            Step("Make the application", "Apps > Web and mobile apps > Add custom SAML app"),
            Step(
                "Download the metadata",
                says=("Press DOWNLOAD METADATA and keep the file for the next step here. There is no address, only the file.",),
            ),
            Step("Tell it our addresses", fields=(Field("ACS URL", "acs_url"), Field("Entity ID", "entity_id"))),
            Step(
                "Attributes",
                fields=_attributes(("Primary email", "email"), ("First name", "firstName"), ("Last name", "lastName")),
            ),
            Step(
                "Give people access",
                says=(
                    (
                        "Switch user access to ON for everyone, or for the units that shall sign in. It may take a while to "
                        "spread."
                    ),
                ),
            ),
        ),
        "The file from DOWNLOAD METADATA.",
        file_only=True,
    ),
    _oidc(
        "google_oidc",
        "Google Workspace, OpenID Connect",
        "google",
        ("An OAuth client of the type web application.",),
        "https://accounts.google.com",
    ),
    Vendor(
        "onelogin",
        "OneLogin",
        "saml",
        "onelogin",
        (
            Step("Make the application", "Applications > Add App > SAML Custom Connector (Advanced)"),
            Step(
                "Tell it our addresses",
                says=("The validator is a regular expression, so dots and slashes are escaped.",),
                fields=(
                    Field("Audience", "entity_id"),
                    Field("ACS URL Validator", "acs_pattern"),
                    Field("ACS URL", "acs_url"),
                    Field("SAML initiator", text="Service Provider"),
                ),
            ),
            Step(
                "Parameters",
                says=("Tick “Include in SAML assertion” for each.",),
                fields=_attributes(("id", "UUID"), ("email", "Email"), ("firstName", "First Name"), ("lastName", "Last Name")),
            ),
            _ASSIGN,
        ),
        "More Actions > SAML Metadata.",
    ),
    Vendor(
        "jumpcloud",
        "JumpCloud",
        "saml",
        "jumpcloud",
        (
            Step("Make the application", "SSO > + > Custom SAML App"),
            Step(
                "Tell it our addresses",
                says=(
                    "“IdP Entity ID” is yours to choose; choose one that no other application has.",
                    "Tick Declare Redirect Endpoint.",
                ),
                fields=(Field("SP Entity ID", "entity_id"), Field("ACS URL", "acs_url")),
            ),
            Step("Attributes", fields=_attributes(("email", "email"), ("firstName", "firstname"), ("lastName", "lastname"))),
            Step("Activate it", says=("Activate the application before the metadata is exported.",)),
            _ASSIGN,
        ),
        "SSO tab > Export Metadata.",
    ),
    Vendor(
        "adfs",
        "AD FS",
        "saml",
        "adfs",
        (
            Step(
                "Make the trust",
                "Relying Party Trust",
                ("Let it import the federation metadata of the relying party from this address.",),
                (Field("Federation metadata address", "metadata_url"),),
            ),
            Step(
                "Mapping",
                says=("A claim rule that sends LDAP attributes.",),
                fields=_attributes(
                    ("E-Mail-Addresses", "E-Mail Address"), ("Given-Name", "Given Name"), ("Surname", "Surname")
                ),
            ),
            Step(
                "Name ID",
                says=(
                    (
                        "Look for a rule that transforms an incoming claim: E-Mail Address to Name ID, format Email. Without "
                        "it AD FS sends no Name ID."
                    ),
                ),
            ),
        ),
        "The federation metadata of your farm: look for https://<your farm>/FederationMetadata/2007-06/FederationMetadata.xml.",
    ),
    Vendor(
        "pingone",
        "PingOne",
        "saml",
        "pingone",
        (
            Step("Make the application", "Applications > + > SAML"),
            Step("Tell it our addresses", fields=(Field("ACS URLs", "acs_url"), Field("Entity ID", "entity_id"))),
            Step(
                "Attribute mappings",
                fields=_attributes(
                    ("id", "User ID"), ("email", "Email Address"), ("firstName", "Given Name"), ("lastName", "Family Name")
                ),
            ),
            Step("Enable it", says=("Switch the application on with its toggle.",)),
            _ASSIGN,
        ),
        "Configuration > Download Metadata.",
    ),
    Vendor(
        "keycloak",
        "Keycloak",
        "saml",
        "keycloak",
        (
            Step(
                "Make the client",
                says=("In your realm, look for Clients > Create, of the type SAML.",),
                fields=(Field("Client ID", "entity_id"), Field("Address for answers (ACS)", "acs_url")),
            ),
            Step(
                "Keys",
                says=(
                    "“Sign assertions” must be on.",
                    (
                        "If the client demands signed requests, look for a way to import our certificate from our metadata, "
                        "or switch that off."
                    ),
                ),
                fields=(Field("Our metadata", "metadata_url"),),
            ),
            Step("Attributes", says=("Name ID format: email. Add mappers for e-mail, first name and last name.",)),
        ),
        "The realm’s metadata: https://<host>/realms/<realm>/protocol/saml/descriptor.",
    ),
    Vendor(
        "rippling",
        "Rippling",
        "saml",
        "rippling",
        (
            Step("Make the application", "IT Management > Custom App > SAML"),
            Step("Tell it our addresses", fields=(Field("ACS URL", "acs_url"), Field("SP Entity ID", "entity_id"))),
            Step(
                "InResponseTo",
                says=(
                    (
                        "Set the option that disables InResponseTo for sign-ins that begin at Rippling: it sends dummy "
                        "values otherwise."
                    ),
                ),
            ),
            _ASSIGN,
        ),
        "The metadata’s address or XML, on the same page.",
    ),
    Vendor(
        "generic_saml",
        "Any other, SAML",
        "saml",
        "generic",
        (
            Step(
                "Tell it our addresses",
                says=(
                    "If it can import metadata, give it ours; else enter the two addresses, with no slash added at the end.",
                ),
                fields=(Field("Our metadata", "metadata_url"), Field("ACS URL", "acs_url"), Field("Entity ID", "entity_id")),
            ),
            Step(
                "What it shall send",
                says=(
                    "Sign the response and the assertion, with RSA-SHA256.",
                    "A Name ID, or an attribute, that never changes for a person.",
                ),
                fields=_attributes(
                    ("id", "what never changes"),
                    ("email", "the e-mail address"),
                    ("firstName", "first name"),
                    ("lastName", "last name"),
                ),
            ),
            _ASSIGN,
        ),
        "Its metadata: an address, or the XML.",
    ),
    _oidc(
        "generic_oidc",
        "Any other, OpenID Connect",
        "generic",
        (),
        "The address below which /.well-known/openid-configuration is found",
    ),
)

BY_KEY: Mapping[str, Vendor] = {vendor.key: vendor for vendor in VENDORS}
