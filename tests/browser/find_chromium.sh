#!/bin/sh
# Prints the path of a Chromium: $CHROMIUM, one that is installed, Playwright's own, or one that apt-get brings. Else says how to get one.
for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable "$HOME"/.cache/ms-playwright/chromium-*/chrome-linux*/chrome; do
    if [ -n "$name" ] && found=$(command -v "$name"); then
        echo "$found"
        exit 0
    fi
done

root=""
if [ "$(id -u)" != 0 ]; then
    root="sudo -n"
fi
if command -v apt-get >/dev/null && $root true 2>/dev/null; then
    { $root apt-get update -q && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends chromium; } >&2
    if command -v chromium; then
        exit 0
    fi
fi

echo "The tests open the pages in a Chromium, and there is none. Install Chromium or Chrome (apt-get install chromium," >&2
echo "or .venv/bin/playwright install chromium), or name one that is elsewhere: make test CHROMIUM=/path/to/chrome" >&2
exit 1
