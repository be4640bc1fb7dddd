"""What parsers share: charsets, JSON, form bodies, and the mapping of fields. All of it pure."""
