"""The operator's side, ``/admin/…``: tenants, apps, keys and operators. Nothing of a tenant's own is shown here."""
