"""Print what the installed software documents about settings: help, type, default, choices.

Arguments: `hub` or `server`, then a class, `Class.trait`, or nothing. Prints JSON: `known`, the
names of all classes or traits, and `traits`, the documentation of each requested trait. Runs in a
throw-away container together with check_settings.py, which finds the classes.
"""

import inspect
import json
import sys
from typing import Any

from check_settings import hub_classes, server_classes, with_parents
from traitlets import TraitType
from traitlets.config import Configurable


def description(owner: type[Configurable], name: str, trait: TraitType) -> dict[str, Any]:
    """The documentation of a trait."""
    choices = getattr(trait, "values", None)
    return {
        "class": owner.__name__,
        "trait": name,
        "type": trait.__class__.__name__,
        "takes": trait.info(),
        "default": default_of(owner, trait),
        "choices": [str(choice) for choice in choices] if choices else None,
        "help": inspect.cleandoc(trait.help or ""),
        "defined_by": trait.this_class.__name__ if trait.this_class else owner.__name__,
    }


def default_of(owner: type[Configurable], trait: TraitType) -> str | None:
    """The default as the software prints it; None if the software computes it at its start."""
    name = trait.name or ""
    written = trait.default_value_repr()
    computed = any(
        type(member).__name__ == "DefaultHandler" and member.trait_name == name
        for parent in owner.__mro__
        for member in vars(parent).values()
    )
    # The older form of a computed default, without a decorator.
    computed = computed or hasattr(owner, f"_{name}_default")
    return None if computed or written == "traitlets.Undefined" else written


def main() -> None:
    classes = with_parents(hub_classes({}) if sys.argv[1] == "hub" else server_classes())
    class_name, _, trait = (sys.argv[2] if len(sys.argv) > 2 else "").partition(".")
    traits = {name: found.class_traits(config=True) for name, found in classes.items()}
    known = [f"{name}.{key}" for name in traits for key in traits[name]]
    found = [
        description(classes[class_name], key, value)
        for key, value in sorted(traits.get(class_name, {}).items())
        if trait in ("", key)
    ]
    print(json.dumps({"known": known if trait else list(classes), "traits": found}))


if __name__ == "__main__":
    main()
