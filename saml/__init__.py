"""SAML 2.0 service provider: the ``saml`` federation protocol.

Owns the gate (``xml_guard``), the visible list of checks (``checks``) whose order is the verdict and the diagnosis,
python3-saml as signature engine behind them (``signature``), metadata in and out, and a demo IdP. It never learns that
OAuth exists; the web kit delivers replies to it, the login flow binds them to a browser and refuses replays, and
provisioning decides which addresses a connection may assert.
"""
