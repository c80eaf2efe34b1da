package sdp

import (
	"slices"
	"strconv"
	"strings"

	"oneport/media"

	pion "github.com/pion/sdp/v3"
)

// Media is one m-line of an offer.
type Media struct {
	Transport // resolved: its own, else the session's, else that of its bundle

	Name      string     // the m-line's word: audio, video, application
	Kind      media.Kind // meaningful for audio and video
	Proto     string
	Formats   []string // everything the m-line lists, for a rejection
	Mid       string   // empty: it has none and cannot be accepted
	Bundled   bool     // Mid is in the BUNDLE group
	Disabled  bool     // port 0 without bundle-only: the client does not want it
	Direction Direction

	RTCPMux, RTCPRsize bool
	MixedExtensions    bool // extmap-allow-mixed, RFC 8285 section 6
	Simulcast          bool // offered; answered without, so that one layer comes

	Codecs     []Codec     // those oneport carries, in the offer's order
	Extensions []Extension // all of them, in the offer's order
	Sources    []Source    // what a=ssrc lines tell; often nothing
}

// Source is a synchronization source that an offer tells of, with the source of its retransmissions (0: none told).
type Source struct{ SSRC, RTX uint32 }

func (m Media) isMedia() bool { return m.Name == "audio" || m.Name == "video" }

// usable says whether the m-line can be accepted at all, whatever its direction and codecs.
func (m Media) usable() bool {
	return m.isMedia() && m.Bundled && !m.Disabled && (strings.HasSuffix(m.Proto, "RTP/SAVPF") || strings.HasSuffix(m.Proto, "RTP/SAVP"))
}

func parseMedia(md *pion.MediaDescription, session Media) (Media, error) {
	m := Media{
		Name:            md.MediaName.Media,
		Proto:           strings.Join(md.MediaName.Protos, "/"),
		Formats:         md.MediaName.Formats,
		Disabled:        md.MediaName.Port.Value == 0,
		Direction:       session.Direction,
		MixedExtensions: session.MixedExtensions,
	}
	if m.Name == "video" {
		m.Kind = media.Video
	}
	if len(m.Formats) > maxFormats {
		return m, malformed("%d formats, over the limit of %d", len(m.Formats), maxFormats)
	}
	for _, a := range md.Attributes {
		if err := m.readAttribute(a.Key, a.Value); err != nil {
			return m, err
		}
	}
	m.Transport = m.Transport.or(session.Transport)
	m.Extensions = append(m.Extensions, session.Extensions...) // its own come first, and the first counts
	m.Codecs = readCodecs(m.Kind, m.Formats, md.Attributes)
	m.Sources = readSources(md.Attributes)
	return m, nil
}

// readCommon reads an attribute that may stand at session level as well as in an m-line.
func (m *Media) readCommon(key, value string) error {
	switch key {
	case "ice-ufrag":
		m.Ufrag = strings.TrimSpace(value)
	case "ice-pwd":
		m.Pwd = strings.TrimSpace(value)
	case "setup":
		m.Setup = strings.ToLower(strings.TrimSpace(value))
	case "extmap":
		return m.readExtension(value)
	case "extmap-allow-mixed":
		m.MixedExtensions = true
	case "fingerprint":
		f, err := parseFingerprint(value)
		if err != nil {
			return err
		}
		if !m.Fingerprint.supported() {
			m.Fingerprint = f
		}
	default:
		if d, ok := parseDirection(key); ok {
			m.Direction = d
		}
	}
	return nil
}

func (m *Media) readAttribute(key, value string) error {
	switch key {
	case "mid":
		m.Mid = strings.TrimSpace(value)
		if len(m.Mid) > maxMid || !isToken(m.Mid) {
			return malformed("mid is not a word of at most %d characters", maxMid)
		}
	case "bundle-only":
		m.Disabled = false
	case "rtcp-mux", "rtcp-mux-only":
		m.RTCPMux = true
	case "rtcp-rsize":
		m.RTCPRsize = true
	case "simulcast":
		m.Simulcast = true
	default:
		return m.readCommon(key, value)
	}
	return nil
}

// readSources collects the sources of a=ssrc lines, retransmissions folded into what they repeat by the FID groups
// (RFC 5576 section 4.2).
func readSources(attrs []pion.Attribute) []Source {
	var sources []Source
	rtx := map[uint32]uint32{} // retransmission source by media source
	var repairs []uint32
	for _, a := range attrs {
		if a.Key != "ssrc-group" || len(repairs) >= maxSources {
			continue
		}
		f := strings.Fields(a.Value)
		if len(f) != 3 || f[0] != "FID" {
			continue
		}
		if primary, repair := parseSSRC(f[1]), parseSSRC(f[2]); primary != 0 && repair != 0 {
			rtx[primary] = repair
			repairs = append(repairs, repair)
		}
	}
	for _, a := range attrs {
		if a.Key != "ssrc" || len(sources) >= maxSources {
			continue
		}
		word, _, _ := strings.Cut(a.Value, " ")
		ssrc := parseSSRC(word)
		known := slices.ContainsFunc(sources, func(s Source) bool { return s.SSRC == ssrc })
		if ssrc != 0 && !known && !slices.Contains(repairs, ssrc) {
			sources = append(sources, Source{SSRC: ssrc, RTX: rtx[ssrc]})
		}
	}
	return sources
}

// parseSSRC gives 0, which no client picks, for what is not a number.
func parseSSRC(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}
