"""A tenant's side, ``/admin/t/{tenant}/…``: for its admins, and for operators who have entered it with a reason."""
