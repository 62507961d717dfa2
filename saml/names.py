"""Namespaces and identifiers of SAML 2.0, XML Signature and XML Encryption, under the words the specifications use."""

from __future__ import annotations

SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
EC = "http://www.w3.org/2001/10/xml-exc-c14n#"

BINDING_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
BINDING_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

STATUS_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
METHOD_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

FORMAT_EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
FORMAT_UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
FORMAT_PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
FORMAT_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
FORMAT_ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

CONTEXT_PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
CONTEXT_PASSWORD_PROTECTED = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
CONTEXT_UNSPECIFIED = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"

EXC_C14N = EC
EXC_C14N_COMMENTS = EC + "WithComments"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_COMMENTS = C14N + "#WithComments"
ENVELOPED = DS + "enveloped-signature"

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA1 = DS + "rsa-sha1"
RSA_SHA256, RSA_SHA384, RSA_SHA512 = _MORE + "rsa-sha256", _MORE + "rsa-sha384", _MORE + "rsa-sha512"
ECDSA_SHA256, ECDSA_SHA384, ECDSA_SHA512 = _MORE + "ecdsa-sha256", _MORE + "ecdsa-sha384", _MORE + "ecdsa-sha512"
SHA1 = DS + "sha1"
SHA256, SHA384, SHA512 = XENC + "sha256", _MORE + "sha384", XENC + "sha512"

AES128_GCM, AES192_GCM, AES256_GCM = XENC11 + "aes128-gcm", XENC11 + "aes192-gcm", XENC11 + "aes256-gcm"
AES128_CBC, AES192_CBC, AES256_CBC = XENC + "aes128-cbc", XENC + "aes192-cbc", XENC + "aes256-cbc"
RSA_OAEP_MGF1P, RSA_OAEP = XENC + "rsa-oaep-mgf1p", XENC11 + "rsa-oaep"
TYPE_ELEMENT = XENC + "Element"


def tag(namespace: str, local: str) -> str:
    """The name as lxml spells it."""
    return f"{{{namespace}}}{local}"
