"""Where a setting stands at each vendor. What was not read in the vendor's own words is told as something to look for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Topic = Literal[
    "audience", "acs", "metadata", "signing", "algorithm", "encryption", "name_id", "attributes", "email", "groups", "assign",
    "start", "context", "our_metadata",
]  # fmt: skip

PLACES: Mapping[str, Mapping[Topic, str]] = {
    "okta": {
        "audience": "In Okta it is the field “Audience URI” of the app's SAML settings.",
        "acs": "In Okta it is the field “Single sign on URL” of the app's SAML settings.",
        "metadata": "In Okta: Sign On > SAML Signing Certificates > Actions > View IdP metadata.",
        "name_id": "In Okta choose the Name ID format EmailAddress in the app's SAML settings.",
        "attributes": (
            "In Okta add attribute statements: email = user.email, firstName = user.firstName, lastName = user.lastName."
        ),
        "email": "In Okta add the attribute statement email = user.email to the app.",
        "groups": "In your Okta console look for a group attribute statement of the app.",
        "assign": "In Okta assign the person, or a group of theirs, to the app.",
    },
    "entra": {
        "audience": "In Entra it is “Identifier” under Enterprise applications > your application > Single Sign On > SAML.",
        "acs": "In Entra it is “Reply URL (ACS)” under Enterprise applications > your application > Single Sign On > SAML.",
        "metadata": "In Entra: Single Sign On > SAML > SAML Signing Certificate > Federation Metadata XML.",
        "signing": "In Entra look for the signing option beside the SAML Signing Certificate.",
        "algorithm": "In Entra look for the signing algorithm beside the SAML Signing Certificate.",
        "name_id": "In Entra look for the Unique User Identifier among the attributes and claims of Single Sign On > SAML.",
        "attributes": (
            "In Entra the claims are emailaddress = user.mail, givenname, surname and name = user.userprincipalname."
        ),
        "email": (
            "In Entra the claim emailaddress takes user.mail; look whether that person's mail field is empty, "
            "or take user.userprincipalname instead."
        ),
        "groups": (
            "In Entra look for a group claim of the application; it sends the groups' object ids, and none beyond a limit."
        ),
        "assign": "In Entra look for the users and groups of the enterprise application.",
        "our_metadata": "In Entra look for the upload of a metadata file under Single Sign On > SAML.",
    },
    "google": {
        "audience": "In the Google admin console it is “Entity ID” under Apps > Web and mobile apps > your app.",
        "acs": "In the Google admin console it is “ACS URL” under Apps > Web and mobile apps > your app.",
        "metadata": "In the Google admin console: Apps > Web and mobile apps > your app > DOWNLOAD METADATA.",
        "attributes": "In the Google admin console map email = Primary email, firstName = First name, lastName = Last name.",
        "email": "In the Google admin console map the app's attribute email = Primary email.",
        "assign": (
            "In the Google admin console switch the app's user access to “ON for everyone”, or on for the person's unit; "
            "it can take a while until it holds."
        ),
    },
    "onelogin": {
        "audience": "In OneLogin it is “Audience” of the SAML Custom Connector (Advanced).",
        "acs": "In OneLogin it is “ACS URL”; “ACS URL Validator” must match it too, with its dots and slashes escaped.",
        "metadata": "In OneLogin: the app's More Actions > SAML Metadata.",
        "attributes": (
            "In OneLogin add the fields email, firstName and lastName and tick “Include in SAML assertion” at each."
        ),
        "email": "In OneLogin add the field email and tick “Include in SAML assertion”.",
        "groups": "In OneLogin add a field for groups and tick “Include in SAML assertion”.",
        "start": "In OneLogin set the SAML initiator to Service Provider.",
    },
    "jumpcloud": {
        "audience": "In JumpCloud it is “SP Entity ID” of the Custom SAML App.",
        "acs": "In JumpCloud it is “ACS URL” of the Custom SAML App.",
        "metadata": "In JumpCloud: SSO tab > Export Metadata, after the app was activated.",
        "attributes": "In JumpCloud map email, firstName = firstname and lastName = lastname.",
        "email": "In JumpCloud map the attribute email.",
        "assign": "In JumpCloud activate the app, and look for the user groups that may use it.",
    },
    "adfs": {
        "audience": "In AD FS it is an identifier of the Relying Party Trust; importing our metadata URL there fills it in.",
        "acs": "In AD FS it is an endpoint of the Relying Party Trust; importing our metadata URL there fills it in.",
        "metadata": "In AD FS look for the federation metadata, and for a token-signing certificate that was rolled over.",
        "attributes": (
            "In AD FS the claim rule takes the LDAP attributes E-Mail-Addresses to E-Mail Address, Given-Name and Surname."
        ),
        "email": "In AD FS let a claim rule take the LDAP attribute E-Mail-Addresses to E-Mail Address.",
        "name_id": "In AD FS look for a transform rule that turns the e-mail address into the Name ID.",
        "groups": "In AD FS look for a claim rule that sends group membership.",
        "our_metadata": "In AD FS import our metadata URL at the Relying Party Trust again.",
        "encryption": "In AD FS import our metadata URL at the Relying Party Trust again.",
    },
    "pingone": {
        "audience": "In PingOne it is “Entity ID” of the application.",
        "acs": "In PingOne it is “ACS URLs” of the application.",
        "metadata": "In PingOne: the application's Configuration > Download Metadata.",
        "attributes": "In PingOne map email = Email Address, firstName = Given Name, lastName = Family Name, id = User ID.",
        "email": "In PingOne map the attribute email = Email Address.",
        "assign": "In PingOne switch the application on with its toggle, and look for the groups that may use it.",
    },
    "keycloak": {
        "audience": "In Keycloak look for the client's ID: it must be our entity id.",
        "acs": "In Keycloak look for the client's POST binding address of its assertion consumer service.",
        "metadata": "Keycloak shows its metadata at the realm's address followed by /protocol/saml/descriptor.",
        "signing": "In Keycloak switch “Sign assertions” of the client on.",
        "attributes": "In Keycloak look for the client's mappers.",
        "email": "In Keycloak look for a mapper of the client that sends the e-mail address.",
        "groups": "In Keycloak look for a mapper of the client that sends groups or roles.",
        "name_id": "In Keycloak set the client's Name ID format to email or persistent.",
        "our_metadata": (
            "In Keycloak look for the client's signature settings, and import our certificate there or switch them off."
        ),
    },
    "shibboleth": {
        "audience": "In Shibboleth load our metadata URL as a metadata provider; the entity id comes from there.",
        "acs": "In Shibboleth load our metadata URL as a metadata provider; the address comes from there.",
        "metadata": "Shibboleth shows its metadata usually at /idp/shibboleth.",
        "attributes": "In Shibboleth look for the attribute filter: it must release the attributes to our entity id.",
        "email": "In Shibboleth look for the attribute filter: it must release mail to our entity id.",
        "groups": "In Shibboleth look for the attribute filter: it must release the groups' attribute to our entity id.",
        "name_id": "In Shibboleth look for the NameID generation of our entity id; transient is what it sends by itself.",
        "our_metadata": "In Shibboleth let it load our metadata again.",
        "encryption": "In Shibboleth let it load our metadata again.",
    },
    "rippling": {
        "audience": "In Rippling it is “SP Entity ID” of the custom app, under IT Management.",
        "acs": "In Rippling it is “ACS URL” of the custom app, under IT Management.",
        "start": "In Rippling look for the setting that disables InResponseTo for sign-ins that start there.",
    },
}

ALIASES: Mapping[str, str] = {"ping": "pingone", "pingfederate": "pingone", "azure": "entra", "google_workspace": "google"}

ANYWHERE: Mapping[Topic, str] = {
    "audience": "At your identity provider the field is called audience, entity id, identifier or SP entity id.",
    "acs": "At your identity provider the field is called ACS URL, reply URL, single sign-on URL or recipient.",
    "metadata": "Export the identity provider's present metadata, by file or address, and give it to this connection.",
    "signing": "Look for the application's signing option at your identity provider.",
    "algorithm": "Look for the application's signature algorithm at your identity provider.",
    "encryption": "Look for the application's encryption certificate at your identity provider.",
    "name_id": "Look for the application's Name ID format at your identity provider.",
    "attributes": "Look for the application's attribute mapping at your identity provider.",
    "email": "Look for the application's attribute mapping at your identity provider, and add the e-mail address.",
    "groups": "Look for the application's attribute mapping at your identity provider, and add the groups.",
    "assign": "Look for the people or groups that may use the application at your identity provider.",
    "start": "Look for the setting that lets sign-ins begin at the application.",
    "context": "Look for the sign-in policy of the application at your identity provider.",
    "our_metadata": "Import our metadata at your identity provider again.",
}


def place(vendor: str, topic: Topic) -> str:
    """The sentence that says where to click at that vendor; one that holds anywhere when the vendor is not known."""
    return PLACES.get(ALIASES.get(vendor, vendor), {}).get(topic) or ANYWHERE[topic]
