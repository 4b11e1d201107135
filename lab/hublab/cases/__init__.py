"""Cases: the settings to try, and the runner that puts labs into them. Independent of pytest."""
