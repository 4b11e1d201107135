"""A run as one HTML file, made from its journal alone, and the runs that are kept."""
