"""What this machine can do, and how to get the rest from its distribution's packages."""

from hublab.machine.base_image import choose_base, make_base_tar
from hublab.machine.capabilities import Capability, probe
from hublab.machine.distribution import Distribution, this_machine
from hublab.machine.plan import Step, plan

__all__ = [
    "Capability",
    "Distribution",
    "Step",
    "choose_base",
    "make_base_tar",
    "plan",
    "probe",
    "this_machine",
]
