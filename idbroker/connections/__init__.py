"""A tenant's domains and its connections to identity providers, and home-realm discovery between the two.

Discovery is a pure function. What a connection's settings mean is the protocol's business (``federation.contract``).
"""
