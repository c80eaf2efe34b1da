// Package ts turns frames into MPEG transport streams (ISO/IEC 13818-1), and transport streams into frames.
//
// H264, H265, AAC and Opus are written and read.
package ts

import (
	"errors"
	"fmt"
	"time"

	"oneport/media"
)

const (
	packetSize = 188
	headSize   = 4
	syncByte   = 0x47

	patPID   = 0
	pmtPID   = 0x1000
	videoPID = 0x100
	audioPID = 0x101
	nullPID  = 0x1fff

	noTime = -1 << 62 // earlier than any
)

// Types of streams in a program's map.
const (
	typeMP1     = 0x03 // MPEG-1 audio
	typeMP2     = 0x04 // MPEG-2 audio
	typePrivate = 0x06 // what it is, the descriptors say
	typeADTS    = 0x0f
	typeLATM    = 0x11
	typeH264    = 0x1b
	typeH265    = 0x24
	typeAC3     = 0x81
	typeEAC3    = 0x87
)

// Identifiers of streams in the packets' headers.
const (
	idPrivate = 0xbd
	idAudio   = 0xc0
	idVideo   = 0xe0
)

var (
	errProfile = errors.New("ts: this kind of AAC cannot be carried; publish AAC-LC")
	errSize    = errors.New("ts: a frame of sound is too large")
	errOpus    = errors.New("ts: Opus of so many channels cannot be carried")
)

// CheckCodec says whether a transport stream can carry a codec; the error names it.
func CheckCodec(c media.Codec) error {
	switch c {
	case media.H264, media.H265, media.AAC, media.Opus:
		return nil
	}
	if c.Kind() == media.Video {
		return unsupported("ts", c, "H264 or H265")
	}
	return unsupported("ts", c, "AAC or Opus")
}

func unsupported(what string, c media.Codec, instead string) error {
	return fmt.Errorf("%s: %v cannot be carried; publish %s", what, c, instead)
}

// clockRate is how many ticks of a time stamp make a second; a clock reference counts in units of a 300th of that.
const clockRate = 90_000

// clockMask is what a time stamp has room for: it begins anew after 26.5 hours.
const clockMask = 1<<33 - 1

// ticks rounds a time to what a time stamp can say. It never adds up: each one is as exact as can be.
func ticks(d time.Duration) int64 {
	const unit = time.Second / 10_000 // 9 ticks
	whole, rest := int64(d/unit)*9, int64(d%unit)*9
	return whole + (rest+int64(unit)/2)/int64(unit)
}
