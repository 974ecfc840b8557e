#!/bin/sh
# SPDX-License-Identifier: MIT
# words.sh - the project says things with the words of the QEMU, PCI, UEFI, virtio and NVMe
# documents. What it once called them by names of its own stands in one table of DESIGN.md, "Earlier
# names", and nowhere else: the table below is what must not come back, an extended regular
# expression a line. A command is called bell.
set -eu
unset CDPATH
cd "$(dirname "$0")/../.."
passed=0 failed=0
files=$(find README.md SPEC.md DESIGN.md Makefile run-qemu.sh setup.sh .ci/run lib firmware host \
    examples linker tests -type f ! -path 'tests/fuzz/corpus/*' ! -path tests/check/words.sh | sort)
while read -r word; do
	# shellcheck disable=SC2086  # a list of words
	found=$(awk '
		FNR == 1 { note = 0 }
		FILENAME == "DESIGN.md" && /^#/ { note = /Earlier names/ }
		!note { print FILENAME ":" FNR ": " $0 }' $files | grep -iE -- ": .*$word" || true)
	if [ -n "$found" ]; then
		echo "$found" | sed "s/^/FAIL: words: /"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
done <<'END'
\bdoorways?\b
\bivsh_port\b|IVSH_EPORT\b|fake_port\b|arch_port\b
\bbells(\b|_)|_bells(\b|_)|wakes_bell
\brung\b
\bwish(es|ed)?\b|_wish\b|wish_
want_(bell|space)
IVSH_WIRE_ASKS|\basks_
\brescued?\b
\b(short|long) ways?\b|\bway\.h\b
\blaps?\b|_laps?\b|\blap_
\bhot(_| )(area|size)|\bbulk(_| )(area|size)|AREA_(HOT|BULK)|KIND_(HOT|BULK)
\bmail(s|_|\b)|_mail\b
\bnews\b|_news\b|\bnews_
\blost_told|\buntold\b|told_by
\brelook
\bkeepers?\b|keeper_
\bholdings?\b|holdings_
\bledgers?\b|ledger_
\bdoubt(ful|ed)?\b|_doubt
\bgreet(ed|ing)?\b|_greet|greeted_
\bannouncements\b|\bnotices?\b|notices_
\bbury\b|\bobey\b|_judge\b|\bevict|turn_(down|away)
\blend(s|ing)?\b
END
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
