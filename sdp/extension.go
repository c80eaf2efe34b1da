package sdp

import (
	"strconv"
	"strings"

	"oneport/media"
)

// Extension is an RTP header extension as a client offers it (RFC 8285).
type Extension struct {
	ID        uint8
	URI       string
	Direction Direction // of the offerer
}

// The header extensions that oneport knows.
const (
	uriMid                  = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriTransportCC          = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	uriAudioLevel           = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	uriVideoOrientation     = "urn:3gpp:video-orientation"
	uriPlayoutDelay         = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
	uriDependencyDescriptor = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

// maxMidExtension is the longest mid that a one-byte header extension holds.
const maxMidExtension = 16

func (m *Media) readExtension(value string) error {
	f := strings.Fields(value)
	if len(f) < 2 {
		return malformed("extmap %q has no URI", shown(value))
	}
	word, dir, _ := strings.Cut(f[0], "/")
	e := Extension{URI: f[1]}
	if dir != "" {
		d, ok := parseDirection(dir)
		if !ok {
			return malformed("extmap %q has no such direction", shown(value))
		}
		e.Direction = d
	}
	// RFC 8285 section 7: ids of 4096 and up are offered to be renumbered; nothing real does that, so they are passed over.
	id, err := strconv.ParseUint(word, 10, 16)
	if err != nil || id == 0 {
		return malformed("extmap %q has no id", shown(value))
	}
	if id < 256 && len(m.Extensions) < 256 {
		e.ID = uint8(id)
		m.Extensions = append(m.Extensions, e)
	}
	return nil
}

// forwarded is the meaning of an extension that travels from a publisher to its viewers.
func forwarded(uri string) (media.Extension, bool) {
	switch uri {
	case uriAudioLevel:
		return media.AudioLevel, true
	case uriVideoOrientation:
		return media.VideoOrientation, true
	case uriPlayoutDelay:
		return media.PlayoutDelay, true
	case uriDependencyDescriptor:
		return media.DependencyDescriptor, true
	default:
		return 0, false
	}
}

// idSpace keeps the ids of one bundle unambiguous, as RFC 9143 demands: an id means the same in every m-line. A
// client that breaks the rule loses the extension in the later m-line, nothing else.
type idSpace struct {
	uri map[uint8]string
	id  map[string]uint8
}

func newIDSpace() idSpace { return idSpace{map[uint8]string{}, map[string]uint8{}} }

func (s idSpace) take(e Extension) bool {
	uri, used := s.uri[e.ID]
	id, named := s.id[e.URI]
	if used && uri != e.URI || named && id != e.ID {
		return false
	}
	s.uri[e.ID], s.id[e.URI] = e.URI, e.ID
	return true
}

// acceptExtensions takes from the m-line what the track can use, in the order of the offer.
func (t *Track) acceptExtensions(m *Media, publish bool, ids idSpace) {
	for _, e := range m.Extensions {
		flows := publish && e.Direction.sends() || !publish && e.Direction.receives()
		if !flows || !m.fits(e.ID) || !t.wants(e, publish) || !ids.take(e) {
			continue
		}
		switch f, ok := forwarded(e.URI); {
		case ok:
			t.Ext[f] = e.ID
		case e.URI == uriMid:
			t.MidExt = e.ID
		default:
			t.TransportCCExt = e.ID
		}
		t.extensions = append(t.extensions, e)
	}
}

// fits says whether the id can be written: those above 14 need two-byte headers.
func (m *Media) fits(id uint8) bool { return id < 15 || id > 15 && m.MixedExtensions }

// wants says whether an extension is known and of use to this track, and not accepted already.
func (t *Track) wants(e Extension, publish bool) bool {
	switch e.URI {
	case uriMid:
		return t.MidExt == 0 && len(t.Mid) <= maxMidExtension
	case uriTransportCC:
		return publish && t.TransportCCExt == 0
	case uriDependencyDescriptor:
		return t.Ext[media.DependencyDescriptor] == 0 && t.has(media.AV1)
	}
	f, ok := forwarded(e.URI)
	return ok && t.Ext[f] == 0
}
