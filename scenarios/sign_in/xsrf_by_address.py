# The hub as it is: who signs in is told from others by address and User-Agent.
