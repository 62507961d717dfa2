"""From a failed check to where its cause stands in this vendor's console. All pure; the tables are data."""
