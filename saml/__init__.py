"""SAML 2.0 service provider: the ``saml`` federation protocol.

Owns the gate (``xml_guard``), the visible list of checks, python3-saml behind them, metadata in and out, and a demo IdP.
It never learns that OAuth exists; the web kit delivers replies to it.
"""
