#!/bin/bash
# SPDX-License-Identifier: MIT
#
# run.sh - the Debian packages: built of this tree, looked at by lintian, and what is in them; as
# root also installed, in a machine of their own that systemd boots, where their units must start.
#
# usage: tests/packages/run.sh [build|boot]
#
#   build   all but that machine
#   boot    all (the default): debootstrap makes the machine's root, of this machine's Debian, and
#           systemd-nspawn boots it
#
# The mirror is the one that this machine's apt uses; DEBIAN_MIRROR says another.
set -u
unset CDPATH
cd "$(dirname "$0")/../.." || exit 1
mode=${1:-boot}
[[ $mode =~ ^(build|boot)$ ]] || {
	echo "usage: tests/packages/run.sh [build|boot]" >&2
	exit 2
}
passed=0 failed=0
ok() { # $1: what, the rest: a command. Its output only where it fails
	local what=$1 said
	shift
	if said=$("$@" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL: packages: $what"
		tail -n 20 <<<"$said"
	fi
}
finish() {
	echo "$passed passed, $failed failed, 0 skipped"
	exit $((failed > 0))
}
die() {
	echo "FAIL: packages: $*"
	failed=$((failed + 1))
	finish
}

work=$(mktemp -d "${TMPDIR:-/tmp}/ivsh-packages.XXXXXX") || exit 1
machine=
clean() {
	trap - EXIT
	if [[ $machine ]]; then
		kill -KILL "$machine" 2>/dev/null
		wait "$machine"
	fi
	rm -rf --one-file-system "$work"
}
trap clean EXIT
# shellcheck source=host/demo/signal.sh
. host/demo/signal.sh
on_signal INT 'exit 130'
on_signal TERM 'exit 143'
chmod 755 "$work"

# --- Built -------------------------------------------------------------------------------------

said=$(lib/sdk/deb.sh "$work/deb" 2>&1) || die "$said"
passed=$((passed + 1))
here=$PWD
cd "$work/deb" || exit 1
version=$(dpkg-parsechangelog -l ivsh-*/debian/changelog -S Version)
names=(ivsh ivsh-server ivsh-bridge libivsh-client1 libivsh-dev python3-ivsh ivsh-firmware)
debs=()
for name in "${names[@]}"; do
	set -- "$name"_"$version"_*.deb
	[[ -f $1 ]] || die "$name: no such package was built"
	debs+=("$1")
done
# lintian counts what is overridden as none; the overrides are named in debian/, each with a reason.
ok lintian lintian --fail-on error,warning --allow-root ./*.changes
same_version() {
	local source
	source=$(sed -n 's/#define IVSH_VERSION "\(.*\)"/\1/p' ivsh-*/lib/include/ivsh/version.h)
	[[ ${version%-*} == "$source" ]] || echo "$version is not of ivsh/version.h's $source"
	[[ ${version%-*} == "$source" ]]
}
ok "debian/changelog's version" same_version
# Whatever `make install` installs is in one package, and in one only.
in_one() {
	local each twice
	for each in "${debs[@]}"; do
		dpkg-deb -c "$each" | sed -n '/^[^d]/s/.* \.\/\([^ ]*\)\( -> .*\)\?$/\1/p'
	done | grep -v '^usr/share/\(doc/[^/]*/\(changelog\|copyright\)\|lintian\)' | sort >all
	twice=$(uniq -d all)
	(cd ivsh-*/debian/tmp && find . ! -type d -printf '%P\n') |
		sed -n 's|^usr/share/doc/ivsh/|usr/share/doc/libivsh-dev/|; p' | sort >made
	# Manual pages are compressed.
	sed -i 's/\.gz$//' all
	comm -13 <(sort -u all) made >missing
	[[ -n $twice ]] && echo "in two packages: $twice"
	[[ -s missing ]] && echo "in none: $(cat missing)"
	[[ -z $twice && ! -s missing ]]
}
ok "each file in one package" in_one
[[ $mode == boot ]] || finish

# --- Installed, and booted -----------------------------------------------------------------------

[[ $(id -u) == 0 ]] || die "boot: only root can make that machine"
for tool in debootstrap systemd-nspawn; do
	command -v $tool >/dev/null || die "$tool is missing: ./setup.sh distros"
done
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format "\$(REPO_URI)" 'Created-By: Packages' \
	'Label: Debian' 2>/dev/null | head -n 1)}
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}")
# What the packages need, of Debian's.
needs=$(for each in "${debs[@]}"; do dpkg-deb -f "$each" Depends Pre-Depends; done |
	tr ',' '\n' | sed 's/^[^:]*Depends: //; s/|.*//; s/(.*//; s/:any//; s/ //g' |
	grep -v -e ivsh -e '^$' | sort -u | tr '\n' ',')
root=$work/root
debootstrap --variant=minbase --include="systemd,systemd-sysv,dbus,procps,${needs%,}" "$suite" \
	"$root" "$mirror" >"$work/log" 2>&1 || die "debootstrap $suite: $(tail -n 3 "$work/log")"
cp "${debs[@]}" "$root/root/"
ok "dpkg -i" chroot "$root" sh -c 'cd /root && dpkg -i *.deb'

# What runs there, as a unit of its own: a line for each case.
cat >"$root/etc/systemd/system/check.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /root/check
StandardOutput=file:/root/result
StandardError=inherit
ExecStopPost=/bin/systemctl --no-block poweroff
END
wants=$root/etc/systemd/system/multi-user.target.wants
mkdir -p "$wants" && ln -s ../check.service "$wants/check.service" || die "$wants"
cp "$here/tests/packages/check" "$root/root/check"
timeout 600 systemd-nspawn --quiet --directory="$root" --machine="ivsh-$$" --register=no \
	--keep-unit --private-network --boot >"$work/console" 2>&1 </dev/null &
machine=$!
wait "$machine"
status=$?
machine=
[[ $status == 0 ]] || die "the machine ended with $status: $(tail -n 5 "$work/console")"
grep -qx 'end' "$root/root/result" || die "its checks did not end: $(tail -n 5 "$root/root/result")"
while IFS= read -r line; do
	case $line in
	"ok "*) passed=$((passed + 1)) ;;
	"FAIL "*)
		failed=$((failed + 1))
		echo "FAIL: packages: ${line#FAIL }"
		;;
	end) ;;
	*) echo "$line" ;;
	esac
done <"$root/root/result"
finish
