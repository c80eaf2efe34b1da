package server

import (
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"oneport/bridge"
	"oneport/media"
	"oneport/port"
)

// metrics serves /metrics: SRS's names for what SRS has, and ours for the rest. Everything is read when it is asked for.
func (s *Server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{server: s, descs: describeMetrics()})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// collector reads the server's counters.
type collector struct {
	server *Server
	descs  map[string]*prometheus.Desc
}

// metric is one figure: its name, its help and its labels.
type metric struct {
	name, help string
	labels     []string
}

var metricList = [...]metric{
	{"srs_node_uname_info", "What it runs on.", []string{"sysname", "nodename", "release", "version", "machine"}},
	{"srs_build_info", "What runs.", []string{"server", "service", "pid", "build_date", "major", "version", "code", "go"}},
	{"srs_cpu_percent", "Processor time used since the last scrape, in percent of one core.", nil},
	{"srs_memory", "Memory occupied, in KB.", nil},
	{"srs_send_bytes_total", "Bytes of media sent.", nil},
	{"srs_receive_bytes_total", "Bytes of media received.", nil},
	{"srs_streams", "Streams that are published or waited for.", nil},
	{"srs_clients", "Clients connected.", nil},
	{"srs_clients_total", "Clients that ever came.", nil},
	{"srs_clients_errs_total", "Clients that were refused.", nil},
	{"oneport_sessions", "WebRTC sessions by role and transport; none: without a path.", []string{"role", "transport"}},
	{"oneport_sessions_ended_total", "WebRTC sessions that ended.", nil},
	{"oneport_packets_received_total", "RTP packets received from publishers.", nil},
	{"oneport_packets_sent_total", "RTP packets sent to viewers, retransmissions included.", nil},
	{"oneport_packets_resent_total", "RTP packets sent to viewers once more, because they asked for them.", nil},
	{"oneport_packets_withheld_total", "RTP packets that viewers asked for once more and did not get: they ask for more than they may.", nil},
	{"oneport_packets_oversized_total", "RTP packets not sent to viewers because they are too large for a datagram, or for a frame over TCP: set the publisher's MTU to 1200.", nil},
	{"oneport_packets_refused_total", "RTP packets not sent to viewers because they are of a kind or a codec that these did not ask for, or came too late.", nil},
	{"oneport_packets_lost_total", "RTP packets of publishers that never came.", nil},
	{"oneport_packets_rejected_total", "Datagrams of sessions dropped as broken, forged, replayed, or of nothing that was announced.", nil},
	{"oneport_dtls_dropped_total", "Datagrams of DTLS of sessions dropped: by a path without a valid check, unexpected, forged, or more than a queue holds.", nil},
	{"oneport_publishers", "Publishers of frames.", []string{"type"}},
	{"oneport_frames_received_total", "Frames received from publishers of frames.", nil},
	{"oneport_frames_rejected_total", "What publishers of frames sent that was left out: broken, of no codec that is known, or without its parameters.", nil},
	{"oneport_timeline_jumps_total", "Times the clock of a publisher of frames jumped and was put right.", nil},
	{"oneport_keyframes_unasked_total", "Keyframes that were wanted of publishers that can't be asked for one.", nil},
	{"oneport_frame_viewers", "Viewers by other protocols than WebRTC.", []string{"type"}},
	{"oneport_hls_viewers_unlisted_total", "Requests for playlists of HLS whose viewers were not told apart, because there were as many as max_connections.", nil},
	{"oneport_hls_viewers_displaced_total", "Viewers of HLS that are not told apart any more, because their address had many and there was no room for another's.", nil},
	{"oneport_viewers_waiting", "Viewers that wait for streams that nobody publishes, by protocol.", []string{"protocol"}},
	{"oneport_bridges", "Streams whose packets are turned into frames, or frames into packets, now.", nil},
	{"oneport_bridge_pictures_incomplete_total", "Pictures of WebRTC publishers left out of the frames because a packet was missing or made no sense.", nil},
	{"oneport_bridge_pictures_skipped_total", "Pictures of WebRTC publishers left out of the frames because none that they build on was there.", nil},
	{"oneport_bridge_packets_lost_total", "RTP packets that the frames were made without, because they did not come in time.", nil},
	{"oneport_bridge_jumps_total", "RTP timestamps too far from their arrival to be believed, or going backwards.", nil},
	{"oneport_segmenters", "Streams that are cut into segments of HLS or DASH.", nil},
	{"oneport_segment_memory_bytes", "Segments of HLS and DASH in memory.", nil},
	{"oneport_segments_total", "Segments of HLS and DASH that were made.", nil},
	{"oneport_segments_without_keyframe_total", "Segments that begin without a keyframe, because the one before had to end in time.", nil},
	{"oneport_segments_frames_dropped_total", "Frames that segments were made without: before a keyframe that another format or timeline needs, and sound on another timeline than the picture.", nil},
	{"oneport_segments_frames_late_total", "Frames that segments were made without because they came faster than they were cut and written: the disk is too slow, or the machine.", nil},
	{"oneport_sound_errors_total", "Frames of sound that could not be converted.", nil},
	{"oneport_b_frames_dropped_total", "B-frames left out because WebRTC can't show them.", nil},
	{"oneport_viewer_skips_total", "Times a viewer fell behind and was taken to a keyframe.", nil},
	{"oneport_datagrams_unrouted_total", "Datagrams and frames that belong to no session.", nil},
	{"oneport_connections_strange_total", "TCP connections that never said whose they are.", nil},
	{"oneport_connections_total", "TCP connections by what they spoke.", []string{"port", "kind"}},
	{"oneport_connections_silent_total", "TCP connections closed because they did not say what they speak.", []string{"port"}},
	{"oneport_tls_handshakes_failed_total", "TLS handshakes that did not succeed.", nil},
	{"oneport_tls_handshakes_displaced_total", "TLS handshakes ended because too many were under way.", nil},
	{"oneport_rtmp_newcomers_displaced_total", "RTMP connections ended because too many had not said what they want.", nil},
	{"oneport_rtc_strangers_displaced_total", "TCP connections for WebRTC ended because too many had not said whose they are.", nil},
	{"oneport_http_callers_displaced_total", "HTTP connections ended because too many had no request.", nil},
	{"oneport_feedback_dropped_total", "Feedback dropped because a connection was full.", nil},
	{"oneport_udp_send_errors_total", "Datagrams that the kernel did not take.", nil},
	{"oneport_panics_total", "Faults of the server that ended what they happened to: a session, a viewer, a bridge, a segmenter, a connection. The log tells each.", nil},
	{"oneport_uptime_seconds", "Time since the start.", nil},
	{"oneport_goroutines", "Goroutines.", nil},
}

func describeMetrics() map[string]*prometheus.Desc {
	descs := make(map[string]*prometheus.Desc, len(metricList))
	for _, m := range metricList {
		descs[m.name] = prometheus.NewDesc(m.name, m.help, m.labels, nil)
	}
	return descs
}

// Describe is part of prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.server
	gauge := func(name string, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(c.descs[name], prometheus.GaugeValue, v, labels...)
	}
	count := func(name string, v uint64) {
		out <- prometheus.MustNewConstMetric(c.descs[name], prometheus.CounterValue, float64(v))
	}
	t := s.traffic()
	streams := 0
	for _, hub := range s.hubs {
		streams += len(hub.Streams())
	}
	on := machine()
	gauge("srs_node_uname_info", 1, on[:]...)
	gauge("srs_build_info", 1, s.serverID, s.serviceID, s.pid, buildDate(), strconv.Itoa(versionMajor), Version(), "oneport", runtime.Version())
	gauge("srs_cpu_percent", s.load.cpu(time.Now(), s.started, processTime()))
	gauge("srs_memory", float64(residentMemory()>>10))
	count("srs_send_bytes_total", t.bytesOut)
	count("srs_receive_bytes_total", t.bytesIn)
	gauge("srs_streams", float64(streams))
	gauge("srs_clients", float64(t.clients))
	count("srs_clients_total", s.stats.joined.Load())
	count("srs_clients_errs_total", s.stats.refused.Load())
	for key, n := range t.by {
		gauge("oneport_sessions", float64(n), key.role, key.transport)
	}
	count("oneport_sessions_ended_total", s.stats.ended.Load())
	count("oneport_packets_received_total", t.packetsIn)
	count("oneport_packets_sent_total", t.packetsOut)
	count("oneport_packets_resent_total", t.resent)
	count("oneport_packets_withheld_total", t.withheld)
	count("oneport_packets_oversized_total", t.oversized)
	count("oneport_packets_refused_total", t.unfit)
	count("oneport_packets_lost_total", t.lost)
	count("oneport_packets_rejected_total", t.rejected)
	count("oneport_dtls_dropped_total", t.dtlsDropped)
	for kind, n := range t.publishers {
		gauge("oneport_publishers", float64(n), kind)
	}
	count("oneport_frames_received_total", t.frames.received)
	count("oneport_frames_rejected_total", t.frames.rejected)
	count("oneport_timeline_jumps_total", t.frames.rebased)
	count("oneport_keyframes_unasked_total", t.frames.unasked)
	for kind, n := range t.viewers {
		gauge("oneport_frame_viewers", float64(n), kind)
	}
	count("oneport_hls_viewers_unlisted_total", s.hlsViewers.unlisted.Load())
	count("oneport_hls_viewers_displaced_total", s.hlsViewers.displaced.Load())
	gauge("oneport_viewers_waiting", float64(s.queue.waiting()), "other")
	gauge("oneport_viewers_waiting", float64(s.rtcQueue.waiting()), "webrtc")
	gauge("oneport_bridges", float64(s.stats.bridges.Load()))
	bridged := &s.stats.bridged
	count("oneport_bridge_pictures_incomplete_total", bridged.incomplete.Load())
	count("oneport_bridge_pictures_skipped_total", bridged.skipped.Load())
	count("oneport_bridge_packets_lost_total", bridged.lost.Load())
	count("oneport_bridge_jumps_total", bridged.jumps.Load())
	segmenters := s.segmenters.list()
	held := 0
	for _, g := range segmenters {
		held += g.bytes()
	}
	gauge("oneport_segmenters", float64(len(segmenters)))
	gauge("oneport_segment_memory_bytes", float64(held))
	count("oneport_segments_total", s.stats.segments.Load())
	count("oneport_segments_without_keyframe_total", s.stats.forcedSegments.Load())
	count("oneport_segments_frames_dropped_total", s.stats.unreadyFrames.Load())
	count("oneport_segments_frames_late_total", s.stats.lateFrames.Load())
	count("oneport_sound_errors_total", s.stats.soundErrors.Load())
	count("oneport_b_frames_dropped_total", s.stats.bFrames.Load())
	count("oneport_viewer_skips_total", t.skips)
	count("oneport_datagrams_unrouted_total", s.stats.unrouted.Load())
	count("oneport_connections_strange_total", s.stats.strangers.Load())
	count("oneport_tls_handshakes_failed_total", s.stats.tlsFailed.Load())
	count("oneport_tls_handshakes_displaced_total", s.handshakes.displaced.Load())
	count("oneport_rtmp_newcomers_displaced_total", s.newcomers.displaced.Load())
	count("oneport_rtc_strangers_displaced_total", s.strangers.displaced.Load())
	count("oneport_http_callers_displaced_total", s.callers.fresh.displaced.Load()+s.callers.idle.displaced.Load())
	count("oneport_feedback_dropped_total", s.stats.feedbackDropped.Load())
	if s.udp != nil {
		count("oneport_udp_send_errors_total", s.udp.dropped.Load())
	}
	c.collectPorts(out)
	count("oneport_panics_total", s.panics())
	gauge("oneport_uptime_seconds", time.Since(s.started).Seconds())
	gauge("oneport_goroutines", float64(runtime.NumGoroutine()))
}

// traffic is what all sessions carried, the ended ones included.
type traffic struct {
	clients                                  int
	bytesIn, bytesOut, packetsIn, packetsOut uint64
	lost, rejected, dtlsDropped, skips       uint64
	resent, withheld, oversized, unfit       uint64 // unfit: of nothing that the viewer asked for, or too late
	by                                       map[roleAndTransport]int
	publishers                               map[string]int // of frames, by type
	frames                                   struct{ received, rejected, rebased, unasked uint64 }
	viewers                                  map[string]int // of frames, by type
}

type roleAndTransport struct{ role, transport string }

func (s *Server) traffic() traffic {
	s.retiring.RLock()
	defer s.retiring.RUnlock()
	e := &s.stats
	t := traffic{
		bytesIn: e.received.bytes.Load(), bytesOut: e.sent.bytes.Load(),
		packetsIn: e.received.packets.Load(), packetsOut: e.sent.packets.Load(),
		lost: e.received.lost.Load(), rejected: e.received.rejected.Load(), dtlsDropped: e.received.dtlsDropped.Load(),
		skips: e.sent.skips.Load(), resent: e.sent.resent.Load(), withheld: e.sent.withheld.Load(),
		oversized: e.sent.oversized.Load(), unfit: e.sent.unfit.Load(),
		by: make(map[roleAndTransport]int), publishers: make(map[string]int), viewers: make(map[string]int),
	}
	t.frames.received, t.frames.rejected = e.frames.received.Load(), e.frames.rejected.Load()
	t.frames.rebased, t.frames.unasked = e.frames.rebased.Load(), e.frames.unasked.Load()
	t.bytesOut += e.segmentBytes.Load()
	for _, c := range s.clients() {
		t.clients++
		c.count(&t)
	}
	return t
}

// retire moves a session's counters from the table to the totals, in one step for whoever adds the two up.
func (s *Server) retire(sess *session) tally {
	s.retiring.Lock()
	defer s.retiring.Unlock()
	t := sess.tally()
	e := &s.stats
	e.ended.Add(1)
	e.received.packets.Add(t.in.Packets)
	e.received.bytes.Add(t.in.Bytes)
	e.received.lost.Add(t.in.Lost)
	e.received.rejected.Add(t.in.Rejected + t.in.Unknown)
	e.received.dtlsDropped.Add(t.in.DTLSDropped)
	e.sent.packets.Add(t.out.Packets)
	e.sent.bytes.Add(t.out.Bytes)
	e.sent.skips.Add(t.skips)
	e.sent.resent.Add(t.out.Resent)
	e.sent.withheld.Add(t.out.Withheld)
	e.sent.oversized.Add(t.out.Oversized)
	e.sent.unfit.Add(t.out.Refused)
	s.sessions.remove(sess)
	return t
}

// bridgedCounts is what became of the packets that bridges turned into frames.
type bridgedCounts struct{ incomplete, skipped, lost, jumps atomic.Uint64 }

// add takes what a bridge has counted since it had counted before, and returns what it has counted now.
func (c *bridgedCounts) add(before, now bridge.DepacketizerStats) bridge.DepacketizerStats {
	c.incomplete.Add(now.Incomplete - before.Incomplete)
	c.skipped.Add(now.Skipped - before.Skipped)
	c.jumps.Add(now.Jumps + now.Backwards - before.Jumps - before.Backwards)
	for k := range media.Kinds {
		c.lost.Add(now.Packets[k].Lost - before.Packets[k].Lost)
	}
	return now
}

// collectPorts tells what came to the TCP ports.
func (c *collector) collectPorts(out chan<- prometheus.Metric) {
	for _, p := range c.server.ports {
		name, stats := p.Addr().String(), p.Stats()
		for kind, n := range stats.Kinds {
			out <- prometheus.MustNewConstMetric(c.descs["oneport_connections_total"], prometheus.CounterValue, float64(n), name, port.Kind(kind).String())
		}
		out <- prometheus.MustNewConstMetric(c.descs["oneport_connections_silent_total"], prometheus.CounterValue, float64(stats.Timeouts+stats.Displaced), name)
	}
}
