"""A lab is planned, made and removed; the engineer's own files are brought along."""
