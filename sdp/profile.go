package sdp

import (
	"encoding/hex"

	"oneport/media"
)

// h264 is a profile of H.264 with no regard to the level. A profile that several profile-level-ids spell is named; any other is
// its own idc and constraint flags.
type h264 struct{ name, idc, iop byte }

// h264Profiles is table 5 of RFC 6184: an idc and the flags under mask make a profile, and several rows mean the same one.
var h264Profiles = []struct{ idc, mask, iop, name byte }{
	{0x42, 0x4f, 0x40, constrainedBaseline},
	{0x4d, 0x8f, 0x80, constrainedBaseline},
	{0x58, 0xcf, 0xc0, constrainedBaseline},
	{0x42, 0x4f, 0x00, baseline},
	{0x58, 0xcf, 0x80, baseline},
	{0x4d, 0xaf, 0x00, mainProfile},
	{0x58, 0xcf, 0x00, extended},
	{0x64, 0xff, 0x00, high},
}

const (
	constrainedBaseline = iota + 1
	baseline
	mainProfile
	extended
	high
)

// parseH264 reads a profile-level-id: six hex digits, of which the last two are the level.
func parseH264(profileLevelID string) (h264, bool) {
	b, err := hex.DecodeString(profileLevelID)
	if err != nil || len(b) != 3 {
		return h264{}, false
	}
	for _, row := range h264Profiles {
		if b[0] == row.idc && b[1]&row.mask == row.iop {
			return h264{name: row.name}, true
		}
	}
	return h264{idc: b[0], iop: b[1]}, true
}

// Compatible says whether a viewer that offers the one format surely decodes a stream of the other. H264 profiles are
// compared as RFC 6184 section 8.1 says, levels are not; packetization-mode 1 covers mode 0, but not the other way.
func Compatible(stream, viewer media.Format) bool {
	if stream.Codec != viewer.Codec {
		return false
	}
	switch stream.Codec {
	case media.H264:
		s, okS := parseH264(stream.Profile)
		v, okV := parseH264(viewer.Profile)
		return okS && okV && s == v && viewer.PacketizationMode >= stream.PacketizationMode
	case media.VP9, media.AV1:
		return orZero(stream.Profile) == orZero(viewer.Profile)
	default:
		return true
	}
}

func orZero(profile string) string {
	if profile == "" {
		return "0"
	}
	return profile
}

// Choose finds the codec of the track that carries a stream of format f: one that is Compatible, else for H264 one of the same
// profile_idc, else any that takes its packetization mode, because decoders do more than they offer (a High stream
// sent on 42e01f plays). It is false when the viewer cannot be given the stream.
func (t *Track) Choose(f media.Format) (Codec, bool) {
	best, rank := Codec{}, 0
	for _, c := range t.Codecs {
		if r := suits(f, c.Format); r > rank {
			best, rank = c, r
		}
	}
	return best, rank > 0
}

// suits grades how well a viewer's format serves a stream: 0 not at all, 3 surely.
func suits(stream, viewer media.Format) int {
	switch {
	case Compatible(stream, viewer):
		return 3
	case stream.Codec != media.H264 || viewer.Codec != media.H264 || viewer.PacketizationMode < stream.PacketizationMode:
		return 0
	case len(stream.Profile) == 6 && len(viewer.Profile) == 6 && stream.Profile[:2] == viewer.Profile[:2]:
		return 2
	default:
		return 1
	}
}
