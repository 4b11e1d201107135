#!/bin/sh
# Software: click 8.5.1 (PyPI).
#
# A good guess: with standalone_mode=False, which is for programs that call a command themselves,
# ctx.exit(3) and sys.exit(3) reach the caller alike, as an exception that ends the program with 3.
#
# What it does: main() swallows ctx.exit(3) and returns 3, just as it returns what the command
# returns. sys.exit(3) is raised. So `command.main(standalone_mode=False)` as the last line of a
# program ends it with 0 where a command said ctx.exit(3), and a command that returns 3 looks the
# same as one that failed with 3.
#
# Seen: ctx.exit(3): returned 3; sys.exit(3): raised SystemExit(3); return 3: returned 3;
# the program with ctx.exit(3): exit code 0.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with click==8.5.1

cat >"$work/program.py" <<'EOF'
import sys

import click


@click.group()
def cli():
    pass


@cli.command()
@click.pass_context
def exits(ctx):
    ctx.exit(3)


@cli.command()
def leaves():
    sys.exit(3)


@cli.command()
def returns():
    return 3


if __name__ == "__main__":
    cli.main(standalone_mode=False)
EOF

cat >"$work/ask.py" <<'EOF'
from program import cli

for name in ("exits", "leaves", "returns"):
    try:
        print(name, "returned", cli.main([name], standalone_mode=False))
    except BaseException as error:
        print(name, "raised", repr(error))
EOF

seen=$("$python" "$work/ask.py")
status=0
"$python" "$work/program.py" exits || status=$?
echo "$seen"
echo "the program with ctx.exit(3): exit code $status"
[ "$seen" = "exits returned 3
leaves raised SystemExit(3)
returns returned 3" ] || changed "ctx.exit(3) was returned, sys.exit(3) raised"
[ "$status" = 0 ] || changed "the program ended with 0"
