package bench

import (
	"slices"
	"time"
)

// Stats is what a client has received since it began, or since ResetStats.
type Stats struct {
	Packets uint64 // of RTP, counted by their clear header
	Bytes   uint64 // of RTP, as received: encrypted, without framing
	Gaps    uint64 // sequence numbers that never came
	Late    uint64 // packets out of order or repeated
	Stall   time.Duration

	// Of a client that decrypts.
	Checked uint64 // payloads with a stamp that were looked at
	Wrong   uint64 // payloads altered, of another stream, or not to be decrypted
	Missing uint64 // packets the publisher sent that never came, gap in the sequence or not

	latency histogram
}

// Latency returns a percentile of the time from the publisher's write to the arrival, packet by packet; of 100 the maximum.
func (s *Stats) Latency(p float64) time.Duration { return s.latency.percentile(p) }

// tally counts what arrives by what can be read without keys.
type tally struct {
	Stats
	flows []flow // at most mostFlows; packets of further SSRCs are counted in Packets only
}

const mostFlows = 16

// flow is the packets of one SSRC.
type flow struct {
	ssrc     uint32
	media    bool   // of a payload type we asked for; others (RTX, probes) come and go
	high     uint64 // extended sequence number
	first    uint64
	received uint64
	last     time.Time
	reported struct{ expected, received uint64 } // at the last receiver report
	sr       struct {                            // the last sender report
		ntp uint32
		at  time.Time
	}
}

func (t *tally) flow(ssrc uint32) *flow {
	for i := range t.flows {
		if t.flows[i].ssrc == ssrc {
			return &t.flows[i]
		}
	}
	return nil
}

// add counts one packet.
func (t *tally) add(ssrc uint32, seq uint16, size int, media bool, at time.Time) {
	t.Packets++
	t.Bytes += uint64(size)
	f := t.flow(ssrc)
	if f == nil {
		t.open(ssrc, seq, media, at)
		return
	}
	f.received++
	if media {
		f.media = true
		t.Stall = max(t.Stall, at.Sub(f.last))
	}
	f.last = at
	switch ahead := int16(seq - uint16(f.high)); {
	case ahead > 0:
		t.Gaps += uint64(ahead - 1)
		f.high += uint64(ahead)
	default:
		t.Late++
		if ahead < 0 && t.Gaps > 0 {
			t.Gaps--
		}
	}
}

func (t *tally) open(ssrc uint32, seq uint16, media bool, at time.Time) {
	if len(t.flows) == mostFlows {
		return
	}
	start := uint64(seq) + 1<<16 // never below zero for what comes late
	t.flows = append(t.flows, flow{ssrc: ssrc, media: media, high: start, first: start, received: 1, last: at})
}

// reset begins a new measurement in the same flows.
func (t *tally) reset(at time.Time) {
	t.Stats = Stats{}
	for i := range t.flows {
		t.flows[i].last = at
	}
}

// snapshot copies the counts; silence up to at is part of the longest stall.
func (t *tally) snapshot(at time.Time) Stats {
	s := t.Stats
	for _, f := range t.flows {
		if f.media {
			s.Stall = max(s.Stall, at.Sub(f.last))
		}
	}
	return s
}

// verifier checks the stamps of one client's packets.
type verifier struct {
	run     uint32 // the only run that is right; 0: any
	foreign bool   // the stream is not ours: there is nothing to check
	last    [2]Stamp
	seen    [2]bool
}

// check judges a payload and takes its latency.
func (v *verifier) check(s *Stats, video bool, payload []byte, at time.Time) {
	if v.foreign {
		return
	}
	stamp, err := ReadStamp(video, payload)
	if err != nil && v.run == 0 && !slices.Contains(v.seen[:], true) {
		v.foreign = true
		return
	}
	s.Checked++
	if err != nil || v.run != 0 && stamp.Run != v.run {
		s.Wrong++
		return
	}
	s.latency.add(stamp.Latency(at))
	k := 0
	if video {
		k = 1
	}
	last := v.last[k]
	switch {
	case !v.seen[k], last.Run != stamp.Run:
	case stamp.Counter > last.Counter:
		s.Missing += stamp.Counter - last.Counter - 1
	default: // late or repeated; a late one was counted as missing
		if stamp.Counter < last.Counter && s.Missing > 0 {
			s.Missing--
		}
		return
	}
	v.last[k], v.seen[k] = stamp, true
}
