"""Where a setting of an OpenID Connect application stands at each vendor, in the words of the vendor's own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Topic = Literal["issuer", "client", "secret", "redirect", "algorithm", "claims", "email", "groups", "assign", "session"]

PLACES: Mapping[str, Mapping[Topic, str]] = {
    "okta": {
        "issuer": "In Okta look for the issuer among the app's Sign On settings; a custom authorization server has another.",
        "client": "In Okta it is Client ID on the app's General tab, under Client Credentials.",
        "secret": "In Okta: the app's General tab, Client Credentials; Generate new secret makes another one.",
        "redirect": "In Okta it is Sign-in redirect URIs on the app's General tab.",
        "algorithm": "Okta signs ID tokens with RS256; look for the app's ID token settings if it does not.",
        "claims": "In Okta look for the scopes and claims of the authorization server, and for the person's profile.",
        "email": "In Okta look whether the person's profile has an e-mail address.",
        "groups": "In Okta add a groups claim to the app's ID token under Sign On.",
        "assign": "In Okta assign the person, or a group of theirs, on the app's Assignments tab.",
        "session": "In Okta look for the app's authentication policy, which says how often people must sign in.",
    },
    "entra": {
        "issuer": (
            "In Entra the issuer is https://login.microsoftonline.com/<Directory (tenant) ID>/v2.0; the id stands on the "
            "Overview of the app registration."
        ),
        "client": "In Entra it is Application (client) ID on the Overview of the app registration.",
        "secret": (
            "In Entra: the app registration's Certificates & secrets. Copy the secret's Value, not its Secret ID, and note "
            "when it expires."
        ),
        "redirect": "In Entra it is a redirect URI of the platform Web, under Authentication of the app registration.",
        "claims": "In Entra: the app registration's Token configuration > Add optional claim > ID.",
        "email": (
            "In Entra: Token configuration > Add optional claim > ID > email, and xms_edov, which says whether the address's "
            "domain was verified."
        ),
        "groups": (
            "In Entra choose “Groups assigned to the application” for the groups claim under Token configuration, or use app "
            "roles: beyond its limit Entra sends no groups at all."
        ),
        "assign": "In Entra look for Users and groups of the enterprise application.",
        "session": (
            "In Entra add the optional claim auth_time to ID tokens under Token configuration, and look for the sign-in "
            "frequency of a Conditional Access policy."
        ),
    },
    "google": {
        "issuer": "Google's issuer is https://accounts.google.com, without a final slash.",
        "client": "In the Google Cloud console it is the Client ID of the OAuth client of type Web application.",
        "secret": "In the Google Cloud console the client secret stands with the OAuth client; add another one there.",
        "redirect": "In the Google Cloud console it is Authorized redirect URIs of the OAuth client.",
        "email": "Google sends an address with the scope email; look whether it is asked for.",
        "groups": "Google sends no groups in ID tokens.",
        "assign": "In the Google Cloud console look for the user type (Internal) of the consent screen.",
        "claims": "Google sends hd for accounts of a Workspace only; a consumer account has none.",
    },
    "keycloak": {
        "issuer": "In Keycloak the issuer is the address of the realm: https://<host>/realms/<realm>.",
        "client": "In Keycloak it is Client ID under the client's Settings.",
        "secret": (
            "In Keycloak: the client's Credentials tab, Client Authenticator and Client Secret; for Signed Jwt turn Use JWKS "
            "URL on under Keys."
        ),
        "redirect": "In Keycloak it is Valid redirect URIs under the client's Settings.",
        "algorithm": "In Keycloak look for the ID token signature algorithm among the client's Advanced settings.",
        "claims": "In Keycloak look for the mappers of the client's dedicated client scope.",
        "email": "In Keycloak look for Email verified of the user, and whether the client has the scope email.",
        "groups": "In Keycloak add a Group Membership mapper with the token claim name groups to the client's scope.",
        "assign": "In Keycloak look for the roles and the authentication flow that the client demands.",
        "session": "In Keycloak look for the SSO session settings of the realm.",
    },
    "auth0": {
        "issuer": "Auth0's issuer ends in a slash: https://<your domain>/.",
        "client": "In Auth0 it is Client ID under the application's Settings.",
        "secret": "In Auth0: the application's Settings for the Client Secret, Credentials for the authentication method.",
        "redirect": "In Auth0 it is Allowed Callback URLs under the application's Settings.",
        "algorithm": "In Auth0: Settings > Advanced Settings > OAuth > JsonWebToken Signature Algorithm, RS256 and not HS256.",
        "claims": "In Auth0 add claims with an Action of the login flow.",
        "email": "In Auth0 look whether the person's address is verified.",
        "groups": "In Auth0 add a groups claim with an Action of the login flow.",
        "assign": "In Auth0 look for the connections of the application.",
    },
    "onelogin": {
        "issuer": "In OneLogin it is Issuer URL on the app's SSO tab; take the v2 one.",
        "client": "In OneLogin it is Client ID on the app's SSO tab.",
        "secret": "In OneLogin: the app's SSO tab; Token Endpoint says how the client proves itself (Basic or POST).",
        "redirect": "In OneLogin it is Redirect URI's on the app's Configuration tab.",
        "claims": "In OneLogin look for the app's Parameters tab.",
        "email": "OneLogin sends no email_verified; the tenant's verified domains decide.",
        "groups": "In OneLogin look for the field Groups on the app's Parameters tab.",
        "assign": "In OneLogin look for the app's Access tab, or give the person the app.",
    },
    "pingone": {
        "issuer": "In PingOne look for the Issuer among the application's URLs on its Configuration tab.",
        "client": "In PingOne it is Client ID on the application's Configuration tab.",
        "secret": "In PingOne: the application's Configuration tab, Client Secret and the token endpoint's method.",
        "redirect": "In PingOne it is Redirect URIs on the application's Configuration tab.",
        "claims": "In PingOne look for the application's Attribute Mappings.",
        "email": "In PingOne map email to Email Address under the application's Attribute Mappings.",
        "groups": "In PingOne map a groups attribute under the application's Attribute Mappings.",
        "assign": "In PingOne switch the application on with its toggle, and look for the groups that may use it.",
    },
    "jumpcloud": {
        "issuer": "JumpCloud's issuer is at oauth.id.jumpcloud.com; its discovery document says whether a slash follows.",
        "client": "In JumpCloud the Client ID is shown when the application is activated.",
        "secret": "In JumpCloud it is Client Authentication Type on the application's SSO tab (Client Secret Basic or POST).",
        "redirect": "In JumpCloud it is Redirect URIs on the application's SSO tab.",
        "claims": "In JumpCloud tick Email and Profile under Attribute Mapping on the application's SSO tab.",
        "email": "In JumpCloud tick Email under Attribute Mapping on the application's SSO tab.",
        "groups": "In JumpCloud include the group attribute under Attribute Mapping on the application's SSO tab.",
        "assign": "In JumpCloud look for the application's User Groups tab.",
    },
}

ALIASES: Mapping[str, str] = {"ping": "pingone", "azure": "entra", "google_workspace": "google"}

ANYWHERE: Mapping[Topic, str] = {
    "issuer": "The provider's discovery document says what its issuer is.",
    "client": "Compare the client id here with the one that the provider shows for the application.",
    "secret": "Make a new client secret at the provider and save it here, or compare how the application must prove itself.",
    "redirect": "The redirect URI at the provider must be rp.redirect_uri of this connection to the letter.",
    "algorithm": "Look for the signing algorithm of the application's ID tokens at the provider.",
    "claims": "Look for the claims or the attribute mapping of the application at the provider.",
    "email": "Look at the provider whether it sends the person's address, and whether it has verified it.",
    "groups": "Look for a groups claim of the application at the provider.",
    "assign": "Look for the people or groups that may use the application at the provider.",
    "session": "Look for the sign-in policy of the application at the provider.",
}


def place(vendor: str, topic: Topic) -> str:
    """The sentence that says where to click at that vendor; one that holds anywhere when the vendor is not known."""
    return PLACES.get(ALIASES.get(vendor, vendor), {}).get(topic) or ANYWHERE[topic]
