package server

import (
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"oneport/port"
)

// family is the figures of one name.
type family struct {
	desc    *prometheus.Desc
	kind    prometheus.ValueType
	collect func(*snapshot, put)
}

// put gives a family's figure, with the values of its labels.
type put func(value float64, labels ...string)

// snapshot is what the figures of one scrape are read from.
type snapshot struct {
	*Server
	traffic
	streams int
	cutting int // segmenters
	held    int // bytes of segments
}

func (s *Server) snapshot() *snapshot {
	n := &snapshot{Server: s, traffic: s.traffic()}
	for _, hub := range s.hubs {
		n.streams += len(hub.Streams())
	}
	for _, g := range s.segmenters.list() {
		n.cutting++
		n.held += g.bytes()
	}
	return n
}

// gauges and counters are families with labels, whose names are separated by spaces.
func gauges(name, help, labels string, collect func(*snapshot, put)) family {
	return family{prometheus.NewDesc(name, help, strings.Fields(labels), nil), prometheus.GaugeValue, collect}
}

func counters(name, help, labels string, collect func(*snapshot, put)) family {
	return family{prometheus.NewDesc(name, help, strings.Fields(labels), nil), prometheus.CounterValue, collect}
}

// gauge and counter are families of one figure.
func gauge(name, help string, value func(*snapshot) float64) family {
	return gauges(name, help, "", func(n *snapshot, put put) { put(value(n)) })
}

func counter(name, help string, value func(*snapshot) uint64) family {
	return counters(name, help, "", func(n *snapshot, put put) { put(float64(value(n))) })
}

// putAll puts a figure for each value of the one label.
func putAll(counts map[string]int, put put) {
	for label, count := range counts {
		put(float64(count), label)
	}
}

// families are all that /metrics has.
var families = [...]family{
	gauges("srs_node_uname_info", "What it runs on.", "sysname nodename release version machine", func(_ *snapshot, put put) {
		on := machine()
		put(1, on[:]...)
	}),
	gauges("srs_build_info", "What runs.", "server service pid build_date major version code go", func(n *snapshot, put put) {
		put(1, n.serverID, n.serviceID, n.pid, buildDate(), strconv.Itoa(versionMajor), Version(), "oneport", runtime.Version())
	}),
	gauge("srs_cpu_percent", "Processor time used since the last scrape, in percent of one core.", func(n *snapshot) float64 { return n.load.cpu(time.Now(), n.started, processTime()) }),
	gauge("srs_memory", "Memory occupied, in KB.", func(n *snapshot) float64 { return float64(residentMemory() >> 10) }),
	counter("srs_send_bytes_total", "Bytes of media sent.", func(n *snapshot) uint64 { return n.bytesOut }),
	counter("srs_receive_bytes_total", "Bytes of media received.", func(n *snapshot) uint64 { return n.bytesIn }),
	gauge("srs_streams", "Streams that are published or waited for.", func(n *snapshot) float64 { return float64(n.streams) }),
	gauge("srs_clients", "Clients connected.", func(n *snapshot) float64 { return float64(n.traffic.clients) }),
	counter("srs_clients_total", "Clients that ever came.", func(n *snapshot) uint64 { return n.stats.joined.Load() }),
	counter("srs_clients_errs_total", "Clients that were refused.", func(n *snapshot) uint64 { return n.stats.refused.Load() }),
	gauges("oneport_sessions", "WebRTC sessions by role and transport; none: without a path.", "role transport", func(n *snapshot, put put) {
		for of, count := range n.by {
			put(float64(count), of.role, of.transport)
		}
	}),
	counter("oneport_sessions_ended_total", "WebRTC sessions that ended.", func(n *snapshot) uint64 { return n.stats.ended.Load() }),
	counter("oneport_packets_received_total", "RTP packets received from publishers.", func(n *snapshot) uint64 { return n.packetsIn }),
	counter("oneport_packets_sent_total", "RTP packets sent to viewers, retransmissions included.", func(n *snapshot) uint64 { return n.packetsOut }),
	counter("oneport_packets_resent_total", "RTP packets sent to viewers once more, because they asked for them.", func(n *snapshot) uint64 { return n.resent }),
	counter("oneport_packets_withheld_total", "RTP packets that viewers asked for once more and did not get: they ask for more than they may.", func(n *snapshot) uint64 { return n.withheld }),
	counter("oneport_packets_oversized_total", "RTP packets not sent to viewers because they are too large for a datagram, or for a frame over TCP: set the publisher's MTU to 1200.", func(n *snapshot) uint64 { return n.oversized }),
	counter("oneport_packets_refused_total", "RTP packets not sent to viewers because they are of a kind or a codec that these did not ask for, or came too late.", func(n *snapshot) uint64 { return n.unfit }),
	counter("oneport_packets_lost_total", "RTP packets of publishers that never came.", func(n *snapshot) uint64 { return n.lost }),
	counter("oneport_packets_rejected_total", "Datagrams of sessions dropped as broken, forged, replayed, or of nothing that was announced.", func(n *snapshot) uint64 { return n.rejected }),
	counter("oneport_dtls_dropped_total", "Datagrams of DTLS of sessions dropped: by a path without a valid check, unexpected, forged, or more than a queue holds.", func(n *snapshot) uint64 { return n.dtlsDropped }),
	gauges("oneport_publishers", "Publishers of frames.", "type", func(n *snapshot, put put) { putAll(n.publishers, put) }),
	counter("oneport_frames_received_total", "Frames received from publishers of frames.", func(n *snapshot) uint64 { return n.frames.received }),
	counter("oneport_frames_rejected_total", "What publishers of frames sent that was left out: broken, of no codec that is known, or without its parameters.", func(n *snapshot) uint64 { return n.frames.rejected }),
	counter("oneport_timeline_jumps_total", "Times the clock of a publisher of frames jumped and was put right.", func(n *snapshot) uint64 { return n.frames.rebased }),
	counter("oneport_keyframes_unasked_total", "Keyframes that were wanted of publishers that can't be asked for one.", func(n *snapshot) uint64 { return n.frames.unasked }),
	gauges("oneport_frame_viewers", "Viewers by other protocols than WebRTC.", "type", func(n *snapshot, put put) { putAll(n.traffic.viewers, put) }),
	counter("oneport_hls_viewers_unlisted_total", "Requests for playlists of HLS whose viewers were not told apart, because there were as many as max_connections.", func(n *snapshot) uint64 { return n.hlsViewers.unlisted.Load() }),
	counter("oneport_hls_viewers_displaced_total", "Viewers of HLS that are not told apart any more, because their address had many and there was no room for another's.", func(n *snapshot) uint64 { return n.hlsViewers.displaced.Load() }),
	gauges("oneport_viewers_waiting", "Viewers that wait for streams that nobody publishes, by protocol.", "protocol", func(n *snapshot, put put) {
		put(float64(n.queue.waiting()), "other")
		put(float64(n.rtcQueue.waiting()), "webrtc")
	}),
	gauge("oneport_bridges", "Streams whose packets are turned into frames, or frames into packets, now.", func(n *snapshot) float64 { return float64(n.stats.bridges.Load()) }),
	counter("oneport_bridge_pictures_incomplete_total", "Pictures of WebRTC publishers left out of the frames because a packet was missing or made no sense.", func(n *snapshot) uint64 { return n.stats.bridged.incomplete.Load() }),
	counter("oneport_bridge_pictures_skipped_total", "Pictures of WebRTC publishers left out of the frames because none that they build on was there.", func(n *snapshot) uint64 { return n.stats.bridged.skipped.Load() }),
	counter("oneport_bridge_packets_lost_total", "RTP packets that the frames were made without, because they did not come in time.", func(n *snapshot) uint64 { return n.stats.bridged.lost.Load() }),
	counter("oneport_bridge_jumps_total", "RTP timestamps too far from their arrival to be believed, or going backwards.", func(n *snapshot) uint64 { return n.stats.bridged.jumps.Load() }),
	gauge("oneport_segmenters", "Streams that are cut into segments of HLS or DASH.", func(n *snapshot) float64 { return float64(n.cutting) }),
	gauge("oneport_segment_memory_bytes", "Segments of HLS and DASH in memory.", func(n *snapshot) float64 { return float64(n.held) }),
	counter("oneport_segments_total", "Segments of HLS and DASH that were made.", func(n *snapshot) uint64 { return n.stats.segments.Load() }),
	counter("oneport_segments_without_keyframe_total", "Segments that begin without a keyframe, because the one before had to end in time.", func(n *snapshot) uint64 { return n.stats.forcedSegments.Load() }),
	counter("oneport_segments_frames_dropped_total", "Frames that segments were made without: before a keyframe that another format or timeline needs, and sound on another timeline than the picture.", func(n *snapshot) uint64 { return n.stats.unreadyFrames.Load() }),
	counter("oneport_segments_frames_late_total", "Frames that segments were made without because they came faster than they were cut and written: the disk is too slow, or the machine.", func(n *snapshot) uint64 { return n.stats.lateFrames.Load() }),
	counter("oneport_sound_errors_total", "Frames of sound that could not be converted.", func(n *snapshot) uint64 { return n.stats.soundErrors.Load() }),
	counter("oneport_b_frames_dropped_total", "B-frames left out because WebRTC can't show them.", func(n *snapshot) uint64 { return n.stats.bFrames.Load() }),
	counter("oneport_viewer_skips_total", "Times a viewer fell behind and was taken to a keyframe.", func(n *snapshot) uint64 { return n.skips }),
	counter("oneport_datagrams_unrouted_total", "Datagrams and frames that belong to no session.", func(n *snapshot) uint64 { return n.stats.unrouted.Load() }),
	counter("oneport_connections_strange_total", "TCP connections that never said whose they are.", func(n *snapshot) uint64 { return n.stats.strangers.Load() }),
	counters("oneport_connections_total", "TCP connections by what they spoke.", "port kind", func(n *snapshot, put put) {
		for _, p := range n.ports {
			for kind, count := range p.Stats().Kinds {
				put(float64(count), p.Addr().String(), port.Kind(kind).String())
			}
		}
	}),
	counters("oneport_connections_silent_total", "TCP connections closed because they did not say what they speak.", "port", func(n *snapshot, put put) {
		for _, p := range n.ports {
			stats := p.Stats()
			put(float64(stats.Timeouts+stats.Displaced), p.Addr().String())
		}
	}),
	counter("oneport_tls_handshakes_failed_total", "TLS handshakes that did not succeed.", func(n *snapshot) uint64 { return n.stats.tlsFailed.Load() }),
	counter("oneport_tls_handshakes_displaced_total", "TLS handshakes ended because too many were under way.", func(n *snapshot) uint64 { return n.handshakes.displaced.Load() }),
	counter("oneport_rtmp_newcomers_displaced_total", "RTMP connections ended because too many had not said what they want.", func(n *snapshot) uint64 { return n.newcomers.displaced.Load() }),
	counter("oneport_rtc_strangers_displaced_total", "TCP connections for WebRTC ended because too many had not said whose they are.", func(n *snapshot) uint64 { return n.strangers.displaced.Load() }),
	counter("oneport_http_callers_displaced_total", "HTTP connections ended because too many had no request.", func(n *snapshot) uint64 { return n.callers.fresh.displaced.Load() + n.callers.idle.displaced.Load() }),
	counter("oneport_feedback_dropped_total", "Feedback dropped because a connection was full.", func(n *snapshot) uint64 { return n.stats.feedbackDropped.Load() }),
	counters("oneport_udp_send_errors_total", "Datagrams that the kernel did not take.", "", func(n *snapshot, put put) {
		if n.udp != nil {
			put(float64(n.udp.dropped.Load()))
		}
	}),
	counters("oneport_udp_receive_errors_total", "Times that nothing could be received by UDP; the log tells why.", "", func(n *snapshot, put put) {
		if n.udp != nil {
			put(float64(n.udp.failed.Load()))
		}
	}),
	counter("oneport_panics_total", "Faults of the server that ended what they happened to: a session, a viewer, a bridge, a segmenter, a connection. The log tells each.", func(n *snapshot) uint64 { return n.panics() }),
	gauge("oneport_uptime_seconds", "Time since the start.", func(n *snapshot) float64 { return time.Since(n.started).Seconds() }),
	gauge("oneport_goroutines", "Goroutines.", func(n *snapshot) float64 { return float64(runtime.NumGoroutine()) }),
}
