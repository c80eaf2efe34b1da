package server

import (
	"oneport/api"
	"oneport/rtc"
	"oneport/stream"
)

func (s *session) who() *identity       { return &s.info.identity }
func (s *session) dismiss(reason error) { s.close(reason) }

func (s *session) bytes() (received, sent uint64) {
	t := s.tally()
	return t.in.Bytes, t.out.Bytes
}

// describe is the session as the API shows it.
func (s *session) describe() api.Client {
	out := s.outStats()
	s.in.Lock()
	in, rtt := s.peer.Stats()
	path, hasPath := s.peer.Selected()
	profile, keyed := s.peer.Profile()
	s.in.Unlock()
	c := s.server.present(s.who(), in.Bytes, out.Bytes)
	c.RTTms, c.SessionID = float64(rtt.Microseconds())/1000, s.info.key
	c.Packets, c.Lost = in.Packets, in.Lost
	c.Resent, c.Withheld, c.Oversized, c.Refused = out.Resent, out.Withheld, out.Oversized, out.Refused
	c.Transport, c.Local, c.Remote = "", "", ""
	if hasPath {
		c.Transport, c.Local, c.Remote = path.Transport.String(), path.Local.String(), path.Remote.String()
	}
	if keyed {
		c.SRTP = profile.String()
	}
	if s.reader != nil {
		stats := s.readerStats()
		c.Packets, c.LagMS, c.Skips, c.Skipped = out.Packets, stats.Lag.Milliseconds(), stats.Skips, stats.SkippedPackets
	}
	return c
}

// outStats are the counters of what went out; zero before there is any.
func (s *session) outStats() rtc.OutStats {
	s.out.Lock()
	defer s.out.Unlock()
	if s.outbound == nil {
		return rtc.OutStats{}
	}
	return s.outbound.Stats
}

func (s *session) readerStats() stream.ReaderStats {
	s.out.Lock()
	defer s.out.Unlock()
	return s.reader.Stats()
}

// tally is what one session carried.
type tally struct {
	in    rtc.InStats
	out   rtc.OutStats
	skips uint64
}

func (s *session) tally() tally {
	t := tally{out: s.outStats()}
	s.in.Lock()
	t.in, _ = s.peer.Stats()
	s.in.Unlock()
	if s.reader != nil {
		t.skips = s.readerStats().Skips
	}
	return t
}

func (s *session) count(t *traffic) {
	c := s.tally()
	t.bytesIn += c.in.Bytes
	t.packetsIn += c.in.Packets
	t.lost += c.in.Lost
	t.rejected += c.in.Rejected + c.in.Unknown
	t.dtlsDropped += c.in.DTLSDropped
	t.bytesOut += c.out.Bytes
	t.packetsOut += c.out.Packets
	t.resent += c.out.Resent
	t.withheld += c.out.Withheld
	t.oversized += c.out.Oversized
	t.unfit += c.out.Refused
	t.skips += c.skips
	transport := "none"
	if l := s.link(); l != nil {
		transport = l.path().Transport.String()
	}
	t.by[roleAndTransport{s.info.role(), transport}]++
}
