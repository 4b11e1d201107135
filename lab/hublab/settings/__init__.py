"""A value on its way to a file on a host: how it is written, checked, and where it lands."""
