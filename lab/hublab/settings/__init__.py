"""Settings: how they are written, checked, described, and put into files on hosts."""
