#!/usr/bin/env bash
# Measures what docs/performance.md has tables of, on this machine: the floor before and after, and the scenarios between.
# Prints Markdown. DURATION (of each run, in seconds), ONEPORT_BIN (a binary that is built already) and SCENARIOS (names,
# separated by spaces) may be set. Needs Linux for the CPU figures.
set -euo pipefail
cd "$(dirname "$0")/.."

duration=${DURATION:-8}
scenarios=${SCENARIOS:-tcp hold hold40 cm80 udp uneven unevenTCP paced udppaced tcp100 tcp1000 udp1000 single500 streams flv}
work=$(mktemp -d)
server=""

stop() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
		server=""
	fi
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

oneport=${ONEPORT_BIN:-$work/oneport}
if [ -z "${ONEPORT_BIN:-}" ]; then
	CGO_ENABLED=0 "${GO:-go}" build -trimpath -o "$oneport" .
fi

# start HOLD: a server on a free port, which may hold sound for so many milliseconds.
start() {
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		SRS_HTTP_API_LISTEN=$port SRS_HTTP_SERVER_LISTEN=$port SRS_RTC_SERVER_LISTEN=$port SRS_RTC_SERVER_TCP_LISTEN=$port \
			SRS_LISTEN=shared SRS_SRT_SERVER_ENABLED=off CANDIDATE=127.0.0.1 SRS_VHOST_PLAY_MW_LATENCY=$1 "$oneport" >"$work/log" 2>&1 &
		server=$!
		for _ in $(seq 100); do
			kill -0 "$server" 2>/dev/null || break
			if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
			sleep 0.1
		done
		stop # the port was taken, or something is wrong
	done
	cat "$work/log" >&2
	echo "figures.sh: the server does not start" >&2
	exit 1
}

# get FILE KEY [SECTION]: a number of a result, in the object SECTION if one is named.
get() {
	awk -v key="\"$2\":" -v section="\"${3:-}\":" -v want="${3:-}" '
		$1 == section { inside = 1 }
		inside && $1 ~ /^}/ { inside = 0 }
		$1 == key && (want == "" || inside) { gsub(/[",]/, "", $2); print $2; exit }' "$1"
}

floor() { # floor NAME NET
	case $2 in
	plain) "$oneport" bench -floor -plain -net tcp -n 500 -d "${duration}s" -json ;;
	*) "$oneport" bench -floor -net "$2" -n 300 -d "${duration}s" -json ;;
	esac >"$work/floor-$1-$2"
}

# load NAME HOLD ARGUMENTS...: one run against a server of its own.
load() {
	local name=$1 hold=$2 url
	shift 2
	start "$hold"
	url="http://127.0.0.1:$port"
	case $name in
	flv) play=(-flv "$url/live/bench.flv") ;;
	*) play=(-whep "$url/rtc/v1/whep/?app=live&stream=bench") ;;
	esac
	"$oneport" bench -whip "$url/rtc/v1/whip/?app=live&stream=bench" "${play[@]}" \
		-pid "$server" -d "${duration}s" -json "$@" >"$work/run-$name" 2>"$work/progress" || { cat "$work/progress" >&2; exit 1; }
	stop
}

run() {
	case $1 in
	tcp) load tcp 0 -n 300 ;;
	hold) load hold 20 -n 300 ;;
	hold40) load hold40 40 -n 300 ;;
	cm80) load cm80 0 -n 300 -srtp cm80 ;;
	udp) load udp 0 -n 300 -net udp -pubnet tcp ;;
	uneven) load uneven 0 -n 300 -net udp -pubnet tcp -uneven ;;
	unevenTCP) load unevenTCP 0 -n 300 -uneven ;;
	udppaced) load udppaced 0 -n 300 -net udp -pubnet tcp -pace 16ms ;;
	paced) load paced 0 -n 300 -pace 16ms ;;
	tcp100) load tcp100 0 -n 100 ;;
	tcp1000) load tcp1000 0 -n 1000 ;;
	udp1000) load udp1000 0 -n 1000 -net udp -pubnet tcp ;;
	single500) load single500 0 -n 1000 -kbps 500 ;;
	flv) load flv 0 -n 500 ;;
	streams) load streams 0 -streams 200 -n 5 -kbps 500 ;;
	*) echo "figures.sh: there is no scenario $1" >&2; exit 1 ;;
	esac
}

title() {
	case $1 in
	tcp) echo "TCP, 300 viewers" ;;
	hold) echo "TCP, 300, \`mw_latency 20\`" ;;
	hold40) echo "TCP, 300, \`mw_latency 40\`" ;;
	cm80) echo "TCP, 300, AES_CM_128_HMAC_SHA1_80" ;;
	udp) echo "UDP, 300" ;;
	uneven) echo "UDP, 300, packets of uneven size" ;;
	unevenTCP) echo "TCP, 300, packets of uneven size" ;;
	udppaced) echo "UDP, 300, frames paced over 16 ms" ;;
	paced) echo "TCP, 300, frames paced over 16 ms" ;;
	tcp100) echo "TCP, 100" ;;
	tcp1000) echo "TCP, 1,000" ;;
	udp1000) echo "UDP, 1,000" ;;
	single500) echo "TCP, 1,000, 500 kbit/s" ;;
	flv) echo "HTTP-FLV, 500" ;;
	streams) echo "TCP, 200 streams x 5, 500 kbit/s each" ;;
	esac
}

line() {
	local f=$work/run-$1 net=tcp us
	if [ "$1" = flv ]; then return; fi # it has a table of its own
	case $1 in udp*|uneven) net=udp ;; esac
	us=$(get "$f" us_per_packet server)
	awk -v title="$(title "$1")" -v us="$us" -v floor="$(mean tcp)" -v own="$(mean "$net")" \
		-v gbit="$(get "$f" cpu_s_per_gbit)" -v kb="$(get "$f" kb_per_viewer)" -v join="$(get "$f" cpu_ms_per_join)" \
		-v j50="$(get "$f" p50 join_ms)" -v j95="$(get "$f" p95 join_ms)" -v l50="$(get "$f" p50 latency_ms)" \
		-v l99="$(get "$f" p99 latency_ms)" -v gaps="$(get "$f" gaps)" -v missing="$(get "$f" missing)" \
		-v joined="$(get "$f" joined)" -v viewers="$(get "$f" viewers)" -v mbps="$(get "$f" mbps)" -v behind="$(get "$f" behind_ms)" 'BEGIN {
		printf "| %s | %.2f | **%.2f** | %.2f | %.3f | %.0f | %.0f | %.1f / %.1f | %.2f | %.1f / %.1f | %d | %d/%d | %.0f |\n",
			title, us, us / floor, us / own, gbit, mbps, kb, j50, j95, join, l50, l99, gaps + missing, joined, viewers, behind }'
}

# mean NET: microseconds a packet of the floor, before and after.
mean() {
	awk -v a="$(get "$work/floor-before-$1" us_per_packet)" -v b="$(get "$work/floor-after-$1" us_per_packet)" 'BEGIN { print (a + b) / 2 }'
}

load_average() { cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || uptime; }

before=$(load_average)
for net in tcp udp plain; do floor before $net; done
for s in $scenarios; do
	echo "$(title "$s")" >&2
	run "$s"
done
for net in tcp udp plain; do floor after $net; done

echo "$(uname -sr), $(nproc) x $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $("$oneport" -v); $duration s a run."
echo "Load average before: $before; after: $(load_average)."
echo
echo "| floor, 300 viewers | before | after, us/packet | CPU-s/Gbit | latency p50 before / after, ms |"
echo "|---|---|---|---|---|"
for net in tcp udp; do
	printf '| %s | %.2f | %.2f | %.3f / %.3f | %.1f / %.1f |\n' "$net" "$(get "$work/floor-before-$net" us_per_packet)" "$(get "$work/floor-after-$net" us_per_packet)" \
		"$(get "$work/floor-before-$net" cpu_s_per_gbit)" "$(get "$work/floor-after-$net" cpu_s_per_gbit)" \
		"$(get "$work/floor-before-$net" p50 latency_ms)" "$(get "$work/floor-after-$net" p50 latency_ms)"
done
echo
echo "| what | us/packet | x the TCP floor | x the floor of its own network | CPU-s/Gbit | Mbit/s | KB a viewer | join p50 / p95 ms | CPU ms a join | latency p50 / p99 ms | lost | joined | publisher late, ms |"
echo "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
for s in $scenarios; do line "$s"; done

f=$work/run-flv
if [ -f "$f" ]; then
	echo
	echo "| HTTP-FLV, 500 viewers | CPU-s/Gbit | plain writes before / after | x plain writes | KB a viewer | join p50 / p95 ms | joined |"
	echo "|---|---|---|---|---|---|---|"
	awk -v gbit="$(get "$f" cpu_s_per_gbit)" -v a="$(get "$work/floor-before-plain" cpu_s_per_gbit)" -v b="$(get "$work/floor-after-plain" cpu_s_per_gbit)" \
		-v kb="$(get "$f" kb_per_viewer)" -v j50="$(get "$f" p50 join_ms)" -v j95="$(get "$f" p95 join_ms)" \
		-v joined="$(get "$f" joined)" -v viewers="$(get "$f" viewers)" 'BEGIN {
		printf "| of a WebRTC publisher | %.3f | %.3f / %.3f | **%.2f** | %.0f | %.1f / %.1f | %d/%d |\n",
			gbit, a, b, gbit / ((a + b) / 2), kb, j50, j95, joined, viewers }'
fi
