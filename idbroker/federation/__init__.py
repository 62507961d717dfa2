"""What an upstream sign-in protocol is: the seam between the login flow and SAML, OpenID Connect or whatever comes next.

Owns the contract (``contract``), the options every connection has (``options``), and how received attributes become a
person's profile (``profile``). It knows no protocol and no storage; protocols know nothing but this, the kernel and
``outbound``.
"""
