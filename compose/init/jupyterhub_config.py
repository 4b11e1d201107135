# The hub's configuration, loaded after the lab's own. `hublab up` lists each line that does not hold
# in a lab, with the reason: addresses, how servers start and how people sign in are the lab's.
#
#   hublab explain hub.Spawner.environment      a setting in JupyterHub's own words
#
# In a lab that runs, one setting is tried with `hublab set hub.Spawner.default_url=/tree`.

# Every server has this variable; test_lab.py shows that it arrives on another host.
c.Spawner.environment = {"GREETING": "hello from the hub"}

# c.Spawner.default_url = "/lab"
# c.JupyterHub.base_url = "/jupyter/"
# c.JupyterHub.active_server_limit = 10
