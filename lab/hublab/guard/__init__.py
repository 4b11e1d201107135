"""A process that outlives its owner, even one ended by SIGKILL, and undoes what it left."""
