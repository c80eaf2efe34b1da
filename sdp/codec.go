package sdp

import (
	"strconv"
	"strings"

	"oneport/media"

	pion "github.com/pion/sdp/v3"
)

// Codec is one payload type of an m-line with all that belongs to it. In a Media it says what the client offers, in a Track
// what was agreed on.
type Codec struct {
	PT     uint8
	Format media.Format
	Rtpmap string // as the client writes it: "OPUS/48000/2"
	Fmtp   string
	RTX    uint8 // payload type of its retransmissions (RFC 4588), 0: none

	NACK, PLI, FIR, TransportCC, REMB bool // RFC 4585, RFC 5104, and two of Google's
}

// CodecNamed finds the codec that a user's word means, as in the query of a WHIP URL; SRS's words are among them.
func CodecNamed(name string) (media.Codec, error) {
	switch strings.ToLower(name) {
	case "h264", "avc":
		return media.H264, nil
	case "h265", "hevc":
		return media.H265, nil
	case "vp8":
		return media.VP8, nil
	case "vp9":
		return media.VP9, nil
	case "av1", "av1x":
		return media.AV1, nil
	case "opus":
		return media.Opus, nil
	case "pcmu", "g711u":
		return media.PCMU, nil
	case "pcma", "g711a":
		return media.PCMA, nil
	default:
		return 0, malformed("there is no codec %q: h264, h265, vp8, vp9, av1, opus, pcmu and pcma are known", shown(name))
	}
}

// payload gathers the attributes of one payload type; fmtp may come before rtpmap.
type payload struct {
	rtpmap, fmtp string
	feedback     feedback
}

// feedback is the set of RTCP messages that one payload type has, as far as oneport knows them.
type feedback struct{ nack, pli, fir, transportCC, remb bool }

// readCodecs finds the payload types that oneport carries, in the order of the m-line.
func readCodecs(kind media.Kind, formats []string, attrs []pion.Attribute) []Codec {
	payloads, common := readPayloads(attrs)
	var codecs []Codec
	repairs := map[uint8]uint8{} // retransmission payload type by the one it repeats
	seen := map[uint8]bool{}
	for _, f := range formats {
		pt, ok := parsePT(f)
		if !ok || seen[pt] {
			continue
		}
		seen[pt] = true
		p := payloads[pt]
		if apt, ok := p.repairs(); ok {
			if repairs[apt] == 0 {
				repairs[apt] = pt
			}
			continue
		}
		c := Codec{PT: pt, Rtpmap: p.encoding(pt), Fmtp: p.fmtp}
		if c.Format, ok = parseFormat(c.Rtpmap, c.Fmtp); !ok || c.Format.Codec.Kind() != kind {
			continue
		}
		c.setFeedback(p.feedback, common)
		codecs = append(codecs, c)
	}
	for i := range codecs {
		codecs[i].RTX = repairs[codecs[i].PT]
	}
	return codecs
}

// readPayloads sorts the attributes by payload type; feedback for "*" is common to all.
func readPayloads(attrs []pion.Attribute) (map[uint8]payload, feedback) {
	payloads := map[uint8]payload{}
	var common feedback
	for _, a := range attrs {
		word, rest, _ := strings.Cut(strings.TrimSpace(a.Value), " ")
		if a.Key == "rtcp-fb" && word == "*" {
			common = common.with(rest)
		}
		if pt, ok := parsePT(word); ok {
			p := payloads[pt]
			p.read(a.Key, strings.TrimSpace(rest))
			payloads[pt] = p
		}
	}
	return payloads, common
}

// read takes in an attribute; of rtpmap and fmtp the first counts.
func (p *payload) read(key, value string) {
	switch {
	case key == "rtpmap" && p.rtpmap == "":
		p.rtpmap = value
	case key == "fmtp" && p.fmtp == "":
		p.fmtp = value
	case key == "rtcp-fb":
		p.feedback = p.feedback.with(value)
	}
}

// parsePT reads an RTP payload type. Those of 64 to 95 would be taken for RTCP on the same port (RFC 5761 section 4).
func parsePT(s string) (uint8, bool) {
	n, err := strconv.ParseUint(s, 10, 8)
	return uint8(n), err == nil && n < 128 && (n < 64 || n > 95)
}

// repairs tells which payload type this one retransmits.
func (p payload) repairs() (uint8, bool) {
	name, _, _ := strings.Cut(p.rtpmap, "/")
	if !strings.EqualFold(name, "rtx") {
		return 0, false
	}
	apt, _ := param(p.fmtp, "apt")
	pt, ok := parsePT(apt)
	return pt, ok
}

// encoding is the rtpmap; the static payload types of RFC 3551 need none.
func (p payload) encoding(pt uint8) string {
	switch {
	case p.rtpmap != "":
		return p.rtpmap
	case pt == 0:
		return "PCMU/8000"
	case pt == 8:
		return "PCMA/8000"
	default:
		return ""
	}
}

// with adds one message, as an a=rtcp-fb line names it.
func (f feedback) with(value string) feedback {
	if len(value) > maxShown {
		return f
	}
	switch strings.ToLower(strings.Join(strings.Fields(value), " ")) {
	case "nack":
		f.nack = true
	case "nack pli":
		f.pli = true
	case "ccm fir":
		f.fir = true
	case "transport-cc":
		f.transportCC = true
	case "goog-remb":
		f.remb = true
	}
	return f
}

func (c *Codec) setFeedback(own, common feedback) {
	c.NACK = own.nack || common.nack
	c.PLI = own.pli || common.pli
	c.FIR = own.fir || common.fir
	c.TransportCC = own.transportCC || common.transportCC
	c.REMB = own.remb || common.remb
}

// parseFormat makes a format of an rtpmap and its fmtp; false for everything that is not carried: other codecs, and
// variants of ours that no viewer could be given, such as interleaved H264.
func parseFormat(rtpmap, fmtp string) (media.Format, bool) {
	name, rest, _ := strings.Cut(rtpmap, "/")
	clock, channels, _ := strings.Cut(rest, "/")
	mono := channels == "" || channels == "1"
	switch strings.ToLower(name) {
	case "opus":
		return media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}, clock == "48000"
	case "pcmu":
		return media.Format{Codec: media.PCMU, ClockRate: 8000, Channels: 1}, clock == "8000" && mono
	case "pcma":
		return media.Format{Codec: media.PCMA, ClockRate: 8000, Channels: 1}, clock == "8000" && mono
	}
	f := media.Format{ClockRate: 90000}
	ok := clock == "90000"
	switch strings.ToLower(name) {
	case "h264":
		f.Codec = media.H264
		f.Profile = profile(fmtp, "profile-level-id", "420010") // RFC 6184 section 8.1: Baseline, level 1
		mode := profile(fmtp, "packetization-mode", "0")
		if mode == "1" {
			f.PacketizationMode = 1
		}
		_, known := parseH264(f.Profile)
		ok = ok && known && (mode == "0" || mode == "1")
	case "h265":
		f.Codec, f.Profile = media.H265, profile(fmtp, "profile-id", "1") // RFC 7798 section 7.1: Main
	case "vp8":
		f.Codec = media.VP8
	case "vp9":
		f.Codec, f.Profile = media.VP9, profile(fmtp, "profile-id", "0")
	case "av1", "av1x":
		f.Codec, f.Profile = media.AV1, profile(fmtp, "profile", "0")
	default:
		ok = false
	}
	return f, ok
}

// profile is a parameter of fmtp in lower case, or what its absence means.
func profile(fmtp, name, absent string) string {
	if v, ok := param(fmtp, name); ok && v != "" && len(v) <= maxShown {
		return strings.ToLower(v)
	}
	return absent
}
