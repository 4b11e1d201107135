"""Plans, creates and removes labs, including those with the user's own configuration files."""
