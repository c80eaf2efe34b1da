package sdp

import (
	"fmt"
	"strings"

	"oneport/media"
)

// writer writes lines of SDP.
type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(w, format, args...)
	w.WriteString("\r\n")
}

// flag writes a line when it applies.
func (w *writer) flag(on bool, format string, args ...any) {
	if on {
		w.line(format, args...)
	}
}

// writeAnswer writes the answer in the layout that SRS's clients know. Every m-line of the offer has one here, in its order
// (RFC 3264 section 6); those without a track are rejected by port 0 and are not bundled.
func writeAnswer(o *Offer, s *Session, l *Local, tracks map[int]*Track) []byte {
	var w writer
	w.line("v=0")
	w.line("o=oneport %d 2 IN IP4 0.0.0.0", l.ID)
	w.line("s=oneport")
	w.line("t=0 0")
	w.line("a=ice-lite")
	w.line("a=group:BUNDLE%s", mids(s))
	w.line("a=msid-semantic: WMS %s", token(l.Stream, 56))
	for i := range o.Media {
		if t := tracks[i]; t != nil {
			w.accepted(&o.Media[i], t, s, l)
		} else {
			w.rejected(&o.Media[i])
		}
	}
	return []byte(w.String())
}

func mids(s *Session) string {
	var b strings.Builder
	for _, t := range s.Tracks() {
		b.WriteString(" " + t.Mid)
	}
	return b.String()
}

func (w *writer) rejected(m *Media) {
	formats := strings.Join(m.Formats, " ")
	if formats == "" {
		formats = "0"
	}
	w.line("m=%s 0 %s %s", m.Name, m.Proto, formats)
	w.line("c=IN IP4 0.0.0.0")
	w.flag(m.Mid != "", "a=mid:%s", m.Mid)
	w.line("a=inactive")
}

func (w *writer) accepted(m *Media, t *Track, s *Session, l *Local) {
	w.line("m=%s 9 %s%s", m.Name, m.Proto, payloadTypes(t))
	w.line("c=IN IP4 0.0.0.0")
	w.credentials(l.Credentials)
	w.line("a=fingerprint:%s %s", l.Fingerprint.Hash, l.Fingerprint.Value)
	w.line("a=setup:%s", s.setup())
	w.line("a=mid:%s", t.Mid)
	w.flag(t.Msid != "", "a=msid:%s", t.Msid)
	w.extensions(t)
	if s.Publish {
		w.line("a=recvonly")
	} else {
		w.line("a=sendonly")
	}
	w.line("a=rtcp-mux")
	w.flag(m.RTCPRsize, "a=rtcp-rsize")
	for _, c := range t.Codecs {
		w.codec(c)
	}
	if !s.Publish {
		w.sources(t)
	}
	w.candidates(l.Candidates)
}

func payloadTypes(t *Track) string {
	var b strings.Builder
	for _, c := range t.Codecs {
		fmt.Fprintf(&b, " %d", c.PT)
		if c.RTX != 0 {
			fmt.Fprintf(&b, " %d", c.RTX)
		}
	}
	return b.String()
}

func (w *writer) credentials(c Credentials) {
	w.line("a=ice-ufrag:%s", c.Ufrag)
	w.line("a=ice-pwd:%s", c.Pwd)
}

func (w *writer) extensions(t *Track) {
	for _, e := range t.extensions {
		direction := ""
		if e.Direction != SendRecv {
			direction = "/" + e.Direction.mirrored().String()
		}
		w.line("a=extmap:%d%s %s", e.ID, direction, e.URI)
	}
	w.flag(t.MixedExtensions, "a=extmap-allow-mixed")
}

func (w *writer) codec(c Codec) {
	w.line("a=rtpmap:%d %s", c.PT, c.Rtpmap)
	w.flag(c.NACK, "a=rtcp-fb:%d nack", c.PT)
	w.flag(c.PLI, "a=rtcp-fb:%d nack pli", c.PT)
	w.flag(c.FIR, "a=rtcp-fb:%d ccm fir", c.PT)
	w.flag(c.TransportCC, "a=rtcp-fb:%d transport-cc", c.PT)
	w.flag(c.Fmtp != "", "a=fmtp:%d %s", c.PT, c.Fmtp)
	w.flag(c.RTX != 0, "a=rtpmap:%d rtx/%d", c.RTX, c.Format.ClockRate)
	w.flag(c.RTX != 0, "a=fmtp:%d apt=%d", c.RTX, c.PT)
}

// sources tells a viewer what it will hear and see (RFC 5576).
func (w *writer) sources(t *Track) {
	w.flag(t.RTXSSRC != 0, "a=ssrc-group:FID %d %d", t.SSRC, t.RTXSSRC)
	for _, ssrc := range []uint32{t.SSRC, t.RTXSSRC} {
		w.flag(ssrc != 0, "a=ssrc:%d cname:%s", ssrc, t.Cname)
		w.flag(ssrc != 0, "a=ssrc:%d msid:%s", ssrc, t.Msid)
	}
}

func (w *writer) candidates(candidates []string) {
	for _, c := range candidates {
		w.line("a=candidate:%s", strings.TrimPrefix(c, "candidate:"))
	}
	w.line("a=end-of-candidates")
}

// answerFmtp repeats the offer's parameters without those named sprop-, which describe what their sender sends. A
// publisher that would send stereo is asked for it: without stereo=1 from the receiver it need not (RFC 7587 section 6.1).
func answerFmtp(c Codec) string {
	var kept []string
	for p := range strings.SplitSeq(c.Fmtp, ";") {
		p = strings.TrimSpace(p)
		if p != "" && !strings.HasPrefix(strings.ToLower(p), "sprop-") {
			kept = append(kept, p)
		}
	}
	if c.Format.Codec == media.Opus {
		_, said := param(c.Fmtp, "stereo")
		if sprop, _ := param(c.Fmtp, "sprop-stereo"); sprop == "1" && !said {
			kept = append(kept, "stereo=1")
		}
	}
	return strings.Join(kept, ";")
}
