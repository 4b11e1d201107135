"""The certificates that a hub has made, as they lie on its host."""

from __future__ import annotations

import json

from hublab.scenario import PYTHON, LiveLab

CERTIFICATES = "/srv/jupyterhub/internal-ssl"
"""Where they are by default, for a hub that is started in /srv/jupyterhub."""
NAMES_IN = """
import json, sys
from cryptography.x509 import SubjectAlternativeName, load_pem_x509_certificate
file = open(sys.argv[1], "rb").read()
found = load_pem_x509_certificate(file).extensions.get_extension_for_class(SubjectAlternativeName)
print(json.dumps([str(one.value) for one in found.value]))
"""


async def names_in(lab: LiveLab, whose: str, folder: str = CERTIFICATES) -> set[str]:
    """The alternative names of a certificate: names and addresses."""
    text = await lab.run("hub", PYTHON, "-c", NAMES_IN, f"{folder}/{whose}/{whose}.crt")
    return set(json.loads(text))
