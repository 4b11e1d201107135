#!/bin/sh
# Software: Playwright 1.65.2 for Python (PyPI).
#
# A good guess: Playwright's Chromium is Chromium with automation; what it switches off is noise,
# such as the first-run pages and updates. Rules of the web platform are those of users' browsers.
#
# What it does: among the features in --disable-features are HttpsUpgrades (a user's Chromium tries
# https first where a page or person says http) and ThirdPartyStoragePartitioning (a user's
# Chromium gives a frame another storage under each site that embeds it). A test of plain http or
# of storage in frames is green with Playwright and says little of users. A line of one's own with
# --enable-features, or ignore_default_args, is needed to test as users are.
#
# Seen: what launch() starts has both, and 14 more, in --disable-features. No browser
# is needed to see it: a script that notes its arguments stands in for one.
set -eu
# shellcheck source=findings/lib.sh
. "$(dirname "$0")/lib.sh"
python_with playwright==1.65.2

cat >"$work/browser" <<EOF
#!/bin/sh
printf '%s\n' "\$@" >"$work/arguments"
EOF
chmod +x "$work/browser"

"$python" - "$work/browser" <<'EOF' || cannot "Playwright's driver does not start"
import sys

from playwright.sync_api import Error, sync_playwright

with sync_playwright() as playwright:
    try:
        playwright.chromium.launch(executable_path=sys.argv[1], timeout=20_000)
    except Error:
        pass  # it is no browser
EOF

[ -s "$work/arguments" ] || cannot "Playwright's driver did not start the browser"
features=$(sed -n 's/^--disable-features=//p' "$work/arguments" | tr ',' '\n' | sort)
echo "switched off:"
echo "$features" | paste -s -d ' ' | fold -s -w 90
for feature in HttpsUpgrades ThirdPartyStoragePartitioning; do
    echo "$features" | grep -qx "$feature" || changed "$feature was switched off"
done
