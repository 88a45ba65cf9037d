#!/bin/sh
# Takes pictures of HTML reports with headless Chromium: light, dark, narrow, and the first printed page.
#
# usage: tests/pictures.sh OUT_DIR REPORT.html...
# needs: chromium, pdftoppm (poppler-utils), a Chinese font (fonts-noto-cjk)
set -eu

[ $# -ge 2 ] || { echo "usage: $0 OUT_DIR REPORT.html..." >&2; exit 2; }
out=$1
shift
mkdir -p "$out"
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

browse() {
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$profile" "$@" 2>/dev/null
}

for report in "$@"; do
    page="file://$(realpath "$report")"
    name=$out/$(basename "$report" .html)
    browse --window-size=1280,3200 --screenshot="$name.light.png" "$page"
    browse --window-size=1280,3200 --blink-settings=preferredColorScheme=0 --screenshot="$name.dark.png" "$page"
    # Headless Chromium has no window narrower than 500 px, so the narrow picture is a frame of 320 px in a wider page.
    printf '<!doctype html><body style="margin:0"><iframe src="%s" style="width:320px;height:3200px;border:0"></iframe>' "$page" \
        >"$profile/narrow.html"
    browse --window-size=500,3200 --allow-file-access-from-files --screenshot="$name.narrow.png" "file://$profile/narrow.html"
    browse --no-pdf-header-footer --print-to-pdf="$profile/report.pdf" "$page"
    pdftoppm -r 60 -png "$profile/report.pdf" "$name.print"
done
