"""What differs between SQLite and PostgreSQL, one file each. Only the plug board names them."""
