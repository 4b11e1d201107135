"""Programs that scenarios put on hosts."""
