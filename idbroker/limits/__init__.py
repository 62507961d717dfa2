"""Limits: the names of the route classes. Every route names the one that it is charged to."""
