"""Synthetic tenants: artificial organisations in any number, for load, chaos and demonstrations. They are told from real ones
by their mark (``Tenant.synthetic``), and by nothing else.

    plan      pure: from seed and number to what a tenant is; the same today and next year
    maker     writes a plan: a tenant with all that belongs to it in one transaction, people many at once
    removal   erases those with the mark, each by the same job as a real one
"""
