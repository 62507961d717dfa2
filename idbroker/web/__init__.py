"""The web kit: routes as rows, the ASGI edge, cookies, headers, problem documents and pages.

The only shared code that knows Starlette. A handler gets a ``Call`` and answers an ``Answer``; it never renders errors.
"""
