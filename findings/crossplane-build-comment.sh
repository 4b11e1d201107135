#!/bin/sh
# Software: crossplane 0.5.8 (PyPI), nginx's own parser and writer of its configuration.
#
# A good guess: `build` writes what `parse` has read, so that a file that was read, changed elsewhere
# and written again means the same.
#
# What it does: an argument that begins with # is quoted in the file, and `build` writes it without
# quotes. It is a comment then, and so is the semicolon after it: the next directive becomes an
# argument of this one. Nothing is raised. Other arguments that need quotes (spaces, semicolons,
# braces, nothing at all) get them.
#
# Seen: `add_header X '#top'; add_header Y b;` is read as two directives, and what was built from them
# as one, add_header with the arguments X, add_header, Y, b.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with crossplane==0.5.8
cd "$work"

"$python" - <<'PYTHON' || changed "what was built is read as what it was built from"
import sys

import crossplane


def directives(text):
    """Name and arguments of each directive of a configuration."""
    with open("site.conf", "w") as file:
        file.write(text)
    read = crossplane.parse("site.conf", single=True, check_ctx=False, check_args=False)
    assert read["status"] == "ok", read["errors"]
    parsed = read["config"][0]["parsed"]
    return parsed, [(one["directive"], *one["args"]) for one in parsed]


kept = "add_header A 'a b'; add_header B 'a;b'; add_header C ''; add_header D '{';\n"
parsed, before = directives(kept)
assert directives(crossplane.build(parsed) + "\n")[1] == before

parsed, before = directives("add_header X '#top'; add_header Y b;\n")
built = crossplane.build(parsed)
after = [one for one in directives(built + "\n")[1] if one != ("#",)]  # the comment itself
print("read  ", before)
print("built ", built.splitlines())
print("again ", after)
sys.exit(after[0] != ("add_header", "X", "add_header", "Y", "b"))
PYTHON
