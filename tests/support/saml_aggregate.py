"""A federation's metadata, made up: as many entities as wanted, each with a certificate and addresses of its own."""

from __future__ import annotations

from saml import names
from saml.signing import bare_certificate
from tests.support.saml_world import key_pair


def entity(number: int, certificate: str) -> str:
    root = f"https://idp{number}.federation.example"
    return (
        f'<md:EntityDescriptor entityID="{root}/metadata"><md:IDPSSODescriptor protocolSupportEnumeration="{names.SAMLP}">'
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate>'
        f"</ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:NameIDFormat>{names.FORMAT_PERSISTENT}</md:NameIDFormat>"
        f'<md:SingleSignOnService Binding="{names.BINDING_REDIRECT}" Location="{root}/sso"/>'
        f'<md:SingleSignOnService Binding="{names.BINDING_POST}" Location="{root}/sso"/></md:IDPSSODescriptor>'
        f'<md:Organization><md:OrganizationName xml:lang="en">University {number}</md:OrganizationName>'
        f'<md:OrganizationDisplayName xml:lang="en">The University of {number}</md:OrganizationDisplayName>'
        f'<md:OrganizationURL xml:lang="en">{root}/</md:OrganizationURL></md:Organization>'
        f'<md:ContactPerson contactType="technical"><md:EmailAddress>it@{number}.example</md:EmailAddress></md:ContactPerson>'
        f"</md:EntityDescriptor>\n"
    )


def aggregate(count: int) -> str:
    """About 2.2 KB an entity, as a federation of identity providers has."""
    certificate = bare_certificate(key_pair("idp").certificate_pem)
    inside = "".join(entity(number, certificate) for number in range(count))
    return (
        f'<?xml version="1.0"?>\n<md:EntitiesDescriptor xmlns:md="{names.MD}" xmlns:ds="{names.DS}" ID="_federation" '
        f'validUntil="2027-01-01T00:00:00Z" cacheDuration="PT6H">\n{inside}</md:EntitiesDescriptor>'
    )
