"""Limits: route classes, the numbers of each tier, the bucket as a pure function, and the stores that keep it.

Who is charged, and when it is known who calls, is the web kit's business (``web.throttle``).
"""
