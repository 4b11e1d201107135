"""From axes to a lab in that case; knows no pytest."""
