"""The visible list of SAML checks: each small, named, with its specification section; ``order`` is the list.

``preflight`` looks at bytes and structure, ``crypto`` at signatures and encryption, ``profile`` at what the verified
assertion says. Checks share an ``Examination``: what an earlier one established, a later one may use. The fourth stage,
one-time use and the binding to a browser, belongs to the login flow.
"""
