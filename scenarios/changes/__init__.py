"""Changes of the software that make a sentence of a scenario untrue, for `pytest --sabotage`.

Each file changes functions by name, in the process of a hub or of a single-user server; its title
says what is different then. docs/writing_scenarios.md has the form.
"""
