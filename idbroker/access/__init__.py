"""Who may do what in administration: the catalogue of permissions, the roles made of them, and API keys' principals.

Both faces of administration ask here; the faces only name a permission per route.
"""
