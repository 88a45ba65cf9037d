#!/usr/bin/env bash
# Checks HTML reports in headless Chromium: what they load and run, accessibility (axe-core), keyboard, narrow screens, print, without
# JavaScript and without styles. Makes the reports with the given program first, a hostile bundle among them, and keeps pictures under
# target/screenshots.
#
# usage: tests/browser.sh CASEFILE [CHECK…]      (CHECK: H1 to H42, or pictures; all of them by default)
# needs: chromium, node 20, npm, pdftotext, pdfinfo and pdftoppm (poppler-utils), a Chinese font (fonts-noto-cjk)
set -euo pipefail

casefile=$(realpath "${1:?usage: $0 CASEFILE [CHECK...]}")
shift
cd "$(dirname "$0")/.."
for tool in "${CHROMIUM:-chromium}" node npm pdftotext pdfinfo pdftoppm; do
    if ! command -v "$tool" >/dev/null; then
        echo "SKIPPED: no $tool here"
        exit 0
    fi
done
if ! (cd tests/browser && npm ci --silent --no-audit --no-fund >/dev/null 2>&1) && [ ! -d tests/browser/node_modules/axe-core ]; then
    echo "SKIPPED: the packages of tests/browser cannot be installed here (no registry?)"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
reports="$work/报告 of today"
node tests/browser/hostile.mjs "$work/hostile"
for to in "$reports" "$work/again"; do
    SOURCE_DATE_EPOCH=1800000000 "$casefile" analyze -q bundles tests/scenarios/s13.tar.gz "$work/hostile" -o "$to" --lang zh,en
done
CHROMIUM=$(command -v "${CHROMIUM:-chromium}") node tests/browser/run.mjs "$reports" "$work/again" target/screenshots "$@"
