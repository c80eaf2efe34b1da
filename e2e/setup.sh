#!/bin/sh
# Makes sure that what the browser tests need is there: installs it on Debian where this user may, and says what to
# install where it may not.
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need "${CHROMIUM:-chromium}" chromium
need "${FIREFOX:-firefox-esr}" firefox-esr
need node nodejs
need npm npm
need ffmpeg ffmpeg
case $(uname) in Linux) need ip iproute2; need nft nftables ;; esac
[ -n "$missing" ] || exit 0
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $sudo true 2>/dev/null; then
	echo "installing:$missing"
	$sudo apt-get update -qq
	# A machine that has just begun may be updating itself: that is waited for.
	DEBIAN_FRONTEND=noninteractive $sudo apt-get -o DPkg::Lock::Timeout=600 install -y -qq $missing >/dev/null
	exit 0
fi
echo "The browser tests need what is not here:$missing" >&2
echo "Install it (Debian: sudo apt-get install$missing) and run make test again; CHROMIUM and FIREFOX name other browsers." >&2
exit 1
