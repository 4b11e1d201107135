"""Print the proxy's routes, fetched inside the proxy's network. The token is in ROUTES_TOKEN."""

import os
import sys
import urllib.request

request = urllib.request.Request(
    sys.argv[1], headers={"Authorization": f"token {os.environ['ROUTES_TOKEN']}"}
)
with urllib.request.urlopen(request, timeout=5) as answer:
    print(answer.read().decode())
