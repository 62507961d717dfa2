"""The database: engines, units of work, the tenant guard, row-level security and migrations.

No tenant data can be touched without a ``TenantScope``: it is the only way to a ``TenantUnit``, and a unit is the only way
to a repository. Under it the session guard filters and refuses, and under that PostgreSQL's forced row-level security does.
Tables themselves belong to the features; raw SQL stays inside this package.
"""
