"""Who gets in, by what, and for how long: forms, cookies, tokens, OAuth, JWTs, authenticators."""
