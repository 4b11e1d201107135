# Nothing: the limits as they are.
