"""A notebook server on one machine without a hub: what recipes say, and what they do today."""
