package main

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"time"
)

var errEnough = errors.New("all that was asked for has been copied")

// The identifiers of Matroska's elements (RFC 9559).
const (
	idHeader     = 0x1A45DFA3
	idDocType    = 0x4282
	idSegment    = 0x18538067
	idInfo       = 0x1549A966
	idScale      = 0x2AD7B1
	idTracks     = 0x1654AE6B
	idTrack      = 0xAE
	idNumber     = 0xD7
	idUID        = 0x73C5
	idType       = 0x83
	idCodec      = 0x86
	idPrivate    = 0x63A2
	idVideo      = 0xE0
	idWidth      = 0xB0
	idHeight     = 0xBA
	idAudio      = 0xE1
	idRate       = 0xB5
	idChannels   = 0x9F
	idCluster    = 0x1F43B675
	idTime       = 0xE7
	idBlock      = 0xA3
	videoTrack   = 1
	audioTrack   = 2
	unknownSize  = 0x01FFFFFFFFFFFFFF
	microseconds = 1000 // a tick of the file, in nanoseconds
)

// matroska writes what is played as a file that can be read while it grows. Each frame has a cluster of its own.
type matroska struct {
	to     io.Writer
	length time.Duration // of what is written
	began  bool
	first  time.Duration
	tracks []byte
}

// video adds the track of the picture. The codec's private data may be left out where the stream has it.
func (m *matroska) video(codec string, private []byte) {
	m.track(videoTrack, codec, private, element(idVideo, join(number(idWidth, 16), number(idHeight, 16)))) // the decoder knows better
}

func (m *matroska) audio(codec string, private []byte, rate float64, channels int) {
	m.track(audioTrack, codec, private, element(idAudio, join(float(idRate, rate), number(idChannels, uint64(channels)))))
}

func (m *matroska) track(n uint64, codec string, private, kind []byte) {
	body := join(number(idNumber, n), number(idUID, n), number(idType, n), element(idCodec, []byte(codec)), kind)
	if private != nil {
		body = append(body, element(idPrivate, private)...)
	}
	m.tracks = append(m.tracks, element(idTrack, body)...)
}

// frame writes a frame that is shown or heard at a time. It returns errEnough after the last.
func (m *matroska) frame(track byte, at time.Duration, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if !m.began {
		m.began, m.first = true, at
		if err := m.begin(); err != nil {
			return err
		}
	}
	if at -= m.first; at > m.length {
		return errEnough
	}
	block := join([]byte{0x80 | track, 0, 0, 0x80}, data)
	_, err := m.to.Write(element(idCluster, join(number(idTime, uint64(max(at, 0)/microseconds)), element(idBlock, block))))
	return err
}

func (m *matroska) begin() error {
	_, err := m.to.Write(join(
		element(idHeader, element(idDocType, []byte("matroska"))),
		binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, idSegment), unknownSize),
		element(idInfo, number(idScale, microseconds)),
		element(idTracks, m.tracks),
	))
	return err
}

// element is an element of EBML (RFC 8794); its size always takes eight bytes.
func element(id uint32, body []byte) []byte {
	var b []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if v := id >> shift; v != 0 {
			b = append(b, byte(v))
		}
	}
	b = binary.BigEndian.AppendUint64(b, 1<<56|uint64(len(body)))
	return append(b, body...)
}

func number(id uint32, n uint64) []byte { return element(id, binary.BigEndian.AppendUint64(nil, n)) }

func float(id uint32, v float64) []byte { return number(id, math.Float64bits(v)) }

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
