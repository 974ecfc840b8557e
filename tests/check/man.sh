#!/bin/sh
# SPDX-License-Identifier: MIT
# man.sh - the manual pages are what mandoc and man (groff) want, and each has its date. $1: the
# pages of section 3, of which each public call has one.
set -eu
unset CDPATH
made=$1
cd "$(dirname "$0")/../.."
passed=0 failed=0
report() { # $1: page, $2: what, $3: the lines about it
	if [ -n "$3" ]; then
		echo "$3" | sed "s|^|FAIL: man: $1: $2: |"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}
for tool in mandoc:mandoc man:man-db groff:groff; do
	command -v "${tool%:*}" >/dev/null ||
		report man "${tool%:*}" "it is missing: apt install ${tool#*:}"
done
version=$(sed -n 's/^#define IVSH_VERSION "\(.*\)"$/\1/p' lib/include/ivsh/version.h)
for page in host/man/*.[1-9]; do
	report "$page" mandoc "$(mandoc -Tlint -W warning "$page" 2>&1 || true)"
	warnings=$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -l "$page" 2>&1 >/dev/null || true)
	report "$page" groff "$warnings"
	date='[0-9]{4}-[0-9]{2}-[0-9]{2}'
	report "$page" date "$(grep -qE "^\.TH [A-Z-]+ [1-9] \"?$date\"? " "$page" ||
	    echo ".TH has no date, as 2026-01-31")"
	report "$page" version "$(grep -q "^\.TH .* \"ivsh $version\" " "$page" ||
	    echo ".TH has another version than ivsh/version.h, $version")"
done
# Of section 3, all at once: what is no link is a page.
links=$(grep -l '^\.so ' "$made"/*.3)
pages=$(grep -L '^\.so ' "$made"/*.3)
# shellcheck disable=SC2086  # lists of files
report "section 3" mandoc "$(mandoc -Tlint -W warning $pages 2>&1 || true)"
# shellcheck disable=SC2086
report "section 3" groff "$(groff -man -Tutf8 -ww -z $pages 2>&1 || true)"
# shellcheck disable=SC2086
report "section 3" link "$(sed -n 's/^\.so man3\///p' $links | while read -r page; do
	grep -q '^\.SH SYNOPSIS' "$made/$page" || echo "there is no page $page"
done)"
# shellcheck disable=SC2086
report "section 3" parts "$(grep -L '^\.SH DESCRIPTION' $pages)"
report "section 3" call "$(/usr/bin/python3 -B lib/sdk/calls.py | while read -r call; do
	[ -e "$made/$call.3" ] || echo "$call has no page"
	grep -qE "\b$call\b.* \\\\- |^\.so " "$made/$call.3" || echo "$call is not in its NAME"
done)"
undescribed=$(grep -l '\\- a call of ' "$made"/*.3 || true)
report "section 3" comment "$undescribed"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
