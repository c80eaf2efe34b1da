package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Result is what a run has measured. Times are milliseconds unless their name says otherwise.
type Result struct {
	Protocol string         `json:"protocol"` // whep, flv or hls
	Unit     string         `json:"unit"`     // what "packets" counts: packet, tag or segment
	Net      string         `json:"net,omitempty"`
	PubNet   string         `json:"pubnet,omitempty"` // the publisher's
	SRTP     string         `json:"srtp,omitempty"`
	Streams  int            `json:"streams"`
	Viewers  int            `json:"viewers"` // wanted, of all streams
	Joined   int            `json:"joined"`
	Failed   map[string]int `json:"failed,omitempty"` // to join, by reason
	Lost     map[string]int `json:"lost,omitempty"`   // after joining, by reason
	Join     Quantiles      `json:"join_ms"`          // from the request to the first media

	Seconds       float64 `json:"seconds"` // of the measurement
	Packets       uint64  `json:"packets"`
	Bytes         uint64  `json:"bytes"` // of RTP, encrypted, without framing; over HTTP of the body
	PacketsPerSec float64 `json:"packets_per_second"`
	Mbps          float64 `json:"mbps"`
	Gaps          uint64  `json:"gaps"` // sequence numbers that never came
	Late          uint64  `json:"late"` // packets out of order or repeated
	LongestStall  float64 `json:"longest_stall_ms"`

	Verified int       `json:"verified_viewers"` // of whom come:
	Checked  uint64    `json:"checked"`
	Wrong    uint64    `json:"wrong"`
	Missing  uint64    `json:"missing"` // packets sent that never came, whether or not the sequence has a gap
	Latency  Quantiles `json:"latency_ms"`

	Behind float64     `json:"behind_ms"` // the most that our publisher was late by its own schedule: the machine was busy
	Server *ServerCost `json:"server,omitempty"`
	Own    OwnCost     `json:"own"`
	Series []Sample    `json:"series,omitempty"` // second by second
}

// Quantiles of a set of durations, in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// ServerCost is what the server's process used during the measurement.
type ServerCost struct {
	PID         int     `json:"pid"`
	CPU         float64 `json:"cpu_percent"` // of one processor
	USPerPacket float64 `json:"us_per_packet"`
	UserUS      float64 `json:"user_us_per_packet"`
	SystemUS    float64 `json:"system_us_per_packet"`
	CPUPerGbit  float64 `json:"cpu_s_per_gbit"`
	MSPerJoin   float64 `json:"cpu_ms_per_join"` // what was used while viewers joined, less what the packets of that time cost
	RSSKB       float64 `json:"rss_kb"`
	KBPerViewer float64 `json:"kb_per_viewer"` // growth since the first tenth of the viewers had joined
}

// OwnCost is what the load generator itself used during the measurement.
type OwnCost struct {
	CPU         float64 `json:"cpu_percent"`
	USPerPacket float64 `json:"us_per_packet"`
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func quantilesOf(h *histogram) Quantiles {
	if h.total == 0 {
		return Quantiles{}
	}
	return Quantiles{milliseconds(h.percentile(50)), milliseconds(h.percentile(95)), milliseconds(h.percentile(99)), milliseconds(h.max)}
}

// rates divides what arrived by time, and our own cost by what arrived.
func (r *Result) rates(before, after costs) {
	seconds := max(r.Seconds, 1e-9)
	r.PacketsPerSec = float64(r.Packets) / seconds
	r.Mbps = float64(r.Bytes) * 8 / 1e6 / seconds
	own := after.own.minus(before.own).total()
	r.Own = OwnCost{CPU: 100 * own / seconds, USPerPacket: own * 1e6 / max(float64(r.Packets), 1)}
}

func (r *Result) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	_, err := io.WriteString(w, r.table())
	return err
}

// table writes the result for people.
func (r *Result) table() string {
	var t []byte
	for _, row := range r.rows() {
		t = fmt.Appendf(t, "%-16s %s\n", row.Name, row.Text)
	}
	return string(t)
}

// row is a line of the table.
type row struct{ Name, Text string }

func (r *Result) rows() []row {
	var rows []row
	line := func(name, format string, args ...any) { rows = append(rows, row{name, fmt.Sprintf(format, args...)}) }
	line("transport", "%s", r.transport())
	line("joined", "%d of %d%s", r.Joined, r.Viewers, r.ofStreams())
	for _, why := range slices.Sorted(maps.Keys(r.Failed)) {
		line("  failed", "%d: %s", r.Failed[why], why)
	}
	for _, why := range slices.Sorted(maps.Keys(r.Lost)) {
		line("  lost", "%d: %s", r.Lost[why], why)
	}
	if r.Joined > 0 {
		line("join time", "p50 %.1f ms   p95 %.1f   p99 %.1f   max %.1f", r.Join.P50, r.Join.P95, r.Join.P99, r.Join.Max)
		line("received", "%d %ss in %.1f s: %.0f/s, %.1f Mbit/s", r.Packets, r.Unit, r.Seconds, r.PacketsPerSec, r.Mbps)
	}
	if r.Joined > 0 && r.Protocol == "whep" {
		line("gaps", "%d lost, %d late", r.Gaps, r.Late)
	}
	if r.Joined > 0 {
		line("longest stall", "%.1f ms", r.LongestStall)
	}
	if r.Checked > 0 {
		line("verified", "%d packets of %d viewers: %d wrong, %d missing", r.Checked, r.Verified, r.Wrong, r.Missing)
		line("latency", "p50 %.2f ms   p95 %.2f   p99 %.2f   max %.2f", r.Latency.P50, r.Latency.P95, r.Latency.P99, r.Latency.Max)
	}
	if s := r.Server; s != nil {
		line("server CPU", "%.1f %%: %.2f us/%s (user %.2f, sys %.2f), %.3f CPU-s/Gbit", s.CPU, s.USPerPacket, r.Unit, s.UserUS, s.SystemUS, s.CPUPerGbit)
		line("server memory", "%.1f MB, %.0f KB/viewer", s.RSSKB/1024, s.KBPerViewer)
		line("server joins", "%.2f ms of CPU each", s.MSPerJoin)
	}
	line("own CPU", "%.1f %%: %.2f us/%s; sent at most %.1f ms late", r.Own.CPU, r.Own.USPerPacket, r.Unit, r.Behind)
	return rows
}

func (r *Result) transport() string {
	switch {
	case r.SRTP == "":
		return r.Protocol + " over HTTP"
	case r.Protocol != "whep":
		return fmt.Sprintf("%s over HTTP; published by %s, %s", r.Protocol, r.PubNet, r.SRTP)
	case r.PubNet != "" && r.PubNet != r.Net:
		return fmt.Sprintf("%s, published by %s, %s", r.Net, r.PubNet, r.SRTP)
	}
	return r.Net + ", " + r.SRTP
}

func (r *Result) ofStreams() string {
	if r.Streams <= 1 {
		return ""
	}
	return fmt.Sprintf(", of %d streams", r.Streams)
}
