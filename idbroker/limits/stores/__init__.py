"""Where buckets are kept, one file per kind. Only the plug board names them."""
