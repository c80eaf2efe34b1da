// Package media holds the words everyone passes on: codecs, formats, packets, and facts about their bitstreams.
package media

import (
	"fmt"
	"time"
)

// Kind tells sound from picture.
type Kind uint8

const (
	Audio Kind = iota
	Video
	Kinds // the number of kinds
)

func (k Kind) String() string {
	if k == Audio {
		return "audio"
	}
	return "video"
}

// Codec is a coding of sound or picture that oneport carries.
type Codec uint8

const (
	H264 Codec = iota + 1
	H265
	VP8
	VP9
	AV1
	Opus
	PCMU
	PCMA
	AAC // in frames only: RTP of ours never carries it
)

var codecNames = [...]string{H264: "H264", H265: "H265", VP8: "VP8", VP9: "VP9", AV1: "AV1", Opus: "Opus", PCMU: "PCMU", PCMA: "PCMA", AAC: "AAC"}

func (c Codec) String() string {
	if c == 0 || int(c) >= len(codecNames) {
		return fmt.Sprintf("codec %d", uint8(c))
	}
	return codecNames[c]
}

// Kind says whether the codec carries sound or picture.
func (c Codec) Kind() Kind {
	if c >= Opus {
		return Audio
	}
	return Video
}

// Format says how the payloads of a track are coded. It is a plain value: two equal formats are interchangeable.
type Format struct {
	Codec     Codec
	ClockRate uint32 // ticks of the RTP timestamp a second
	Channels  uint8  // of sound; 0 for pictures

	// Profile is the codec's own word for its profile: profile-level-id of H264 in lower case ("42e01f"),
	// profile-id of VP9 and H265, profile of AV1. Empty where the codec has none or none was said.
	Profile string
	// PacketizationMode is RFC 6184's, for H264 alone.
	PacketizationMode uint8
}

func (f Format) String() string {
	if f.Profile != "" {
		return f.Codec.String() + "/" + f.Profile
	}
	return f.Codec.String()
}

// Extension is the meaning of an RTP header extension that travels from a publisher to its viewers.
type Extension uint8

const (
	AudioLevel           Extension = iota // RFC 6464
	VideoOrientation                      // 3GPP TS 26.114 (CVO)
	PlayoutDelay                          // webrtc.org
	DependencyDescriptor                  // AV1 RTP specification, appendix A
	Extensions                            // the number of forwarded extensions
)

// Packet is one RTP packet as a publisher sent it, decrypted. It is immutable once pushed into a stream and shared by
// every reader; whoever must change a header writes it into a buffer of its own.
type Packet struct {
	Arrival   time.Time // when the server received it
	Format    *Format   // shared by the track's packets; never nil
	Seq       uint64    // extended sequence number; the first of a track is at least 1<<16, so that small steps back are safe
	Timestamp uint32    // in the publisher's RTP clock
	Marker    bool      // RTP marker: for video, the frame's last packet
	Start     bool      // the payload begins a frame, as far as its own bytes tell
	Key       bool      // the payload makes its frame a keyframe: an IDR slice, a recovery point, a VP8/VP9/AV1 key start
	Payload   []byte

	// Ext holds the forwarded header extensions, nil where the packet has none.
	Ext [Extensions][]byte
}

// Kind is the packet's lane: sound or picture.
func (p *Packet) Kind() Kind { return p.Format.Codec.Kind() }

// Break says how an item continues what its reader got before it.
type Break uint8

const (
	Continues Break = iota // the same run of sequence numbers goes on
	Skipped                // whole frames were left out, or this is the reader's first item of a run: renumber, same clock
	Restarted              // another publication: sequence numbers and timestamps have nothing to do with those before
)

// Item is a packet as one reader gets it. When Break is not Continues, First is the lowest extended sequence number that
// belongs to the new run: packets of the same kind below it must not be sent any more.
type Item struct {
	*Packet
	Break Break
	First uint64
}

// Timing pins a track's RTP clock to the server's wall clock (from a sender report): timestamp RTP was sampled at At.
// All tracks of a publication share one mapping, so that differences between them are the publisher's own.
type Timing struct {
	RTP uint32
	At  time.Time
}
