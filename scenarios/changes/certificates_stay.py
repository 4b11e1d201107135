"""A user who has a certificate gets no other one."""

from typing import Any


def kept(create: Any, certipy: Any, name: str, *arguments: Any, **options: Any) -> Any:
    if name.startswith("user-"):
        options["overwrite"] = False
    return create(certipy, name, *arguments, **options)


CHANGES = {"certipy:Certipy.create_signed_pair": kept}
