package sdp

import (
	"oneport/media"
)

// Local is what the caller puts into an answer. Nothing in it is made here: whoever needs random numbers brings them.
type Local struct {
	ID          uint64 // of the session, for the o= line
	Credentials Credentials
	Fingerprint Fingerprint // of the server's certificate
	Candidates  []string    // values of a=candidate lines, with or without the leading "candidate:"

	// Stream names the stream, "app/stream": it becomes the id of the MediaStream that a viewer's page sees.
	Stream string

	// VideoCodec and AudioCodec are what a publisher is asked to send; 0: the server's own choice.
	VideoCodec, AudioCodec media.Codec

	// Live are the formats that the stream has when a viewer comes, if it is live: what the viewer cannot be given is
	// refused, and what it can comes first in the answer.
	Live []media.Format
	// Sources are a viewer's tracks by kind, with RTX zero for none; Cname is common to them (RFC 7022).
	Sources [media.Kinds]Source
	Cname   string
}

// Session is what was agreed on: all that a peer is built from. The server is always ICE-lite.
type Session struct {
	Publish     bool // the client sends; else it receives
	Remote      Credentials
	Fingerprint Fingerprint // of the client's certificate
	Active      bool        // we begin the DTLS handshake, because the client insists on being its server
	Audio       *Track      // nil: not carried
	Video       *Track

	videoFirst bool // in the order of the BUNDLE group
}

// setup is our side of the handshake (RFC 8842). As its server we choose the SRTP profile, so that is what we like to be.
func (s *Session) setup() string {
	if s.Active {
		return "active"
	}
	return "passive"
}

// Tracks are those carried, in the order of the BUNDLE group.
func (s *Session) Tracks() []*Track {
	pair := []*Track{s.Audio, s.Video}
	if s.videoFirst {
		pair[0], pair[1] = pair[1], pair[0]
	}
	tracks := pair[:0]
	for _, t := range pair {
		if t != nil {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

// Track is one accepted m-line.
type Track struct {
	Kind   media.Kind
	Mid    string
	Codecs []Codec // agreed on, preferred first; a publisher sends the first and only video codec

	// Ids of the header extensions agreed on, 0 for none. MixedExtensions: one-byte and two-byte headers may be mixed
	// (RFC 8285 section 6), so that elements over 16 bytes can be written.
	MidExt, TransportCCExt uint8
	Ext                    [media.Extensions]uint8
	MixedExtensions        bool

	// Sources are what a publisher told of, often nothing.
	Sources []Source

	// SSRC, RTXSSRC (0: none), Cname and Msid ("stream track") are what a viewer was told.
	SSRC, RTXSSRC uint32
	Cname, Msid   string

	extensions []Extension // accepted, in the order of the offer
}

func (t *Track) has(codec media.Codec) bool {
	for _, c := range t.Codecs {
		if c.Format.Codec == codec {
			return true
		}
	}
	return false
}

func (t *Track) hasRTX() bool {
	for _, c := range t.Codecs {
		if c.RTX != 0 {
			return true
		}
	}
	return false
}
