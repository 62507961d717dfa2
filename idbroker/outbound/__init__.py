"""Every call that we make to the world: metadata, discovery, key sets, token endpoints, deliveries.

The address guard decides which IP addresses may be reached (SSRF); the fetcher bounds time, size and redirects.
Nothing else in the program opens a connection, except to its own database, Redis and DNS resolver.
"""
