"""`--grep WORDS` of the commands that list what has texts."""

from __future__ import annotations

from hublab.errors import UsageError


def has_words(grep: str, *texts: object) -> bool:
    """Whether texts have all of some words, in whatever case and order; none has no words."""
    words, text = grep.lower().split(), " ".join(map(str, texts)).lower()
    return bool(words) and all(word in text for word in words)


def nothing_has(grep: str, what: str, command: str) -> UsageError:
    """The error where no text has them."""
    hint = f"fewer words, or `{command}` for all of them"
    return UsageError(f"{what} all the words of {grep!r}", where="--grep", hint=hint)
