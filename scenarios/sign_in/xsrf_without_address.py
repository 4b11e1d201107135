# As JUPYTERHUB_XSRF_ANONYMOUS_IP_CIDRS=0.0.0.0/0 in the hub's environment, which is read when
# jupyterhub is imported: before a file of configuration can say anything.
from importlib import import_module
from ipaddress import ip_network

vars(import_module("jupyterhub._xsrf_utils"))["_anonymous_ip_cidrs"] = [ip_network("0.0.0.0/0")]
