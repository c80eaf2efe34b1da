package bridge

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

const (
	testSPS  = "6764000cac3b50b04b420000030002000003003d08"
	testPPS  = "68ce3880"
	testVPS5 = "40010c01ffff016000000300900000030000030078959809"
	testSPS5 = "420101016000000300900000030000030078a003c08010e596666924cae010000003001000000301e080"
	testPPS5 = "4401c172b46240"
	testAVCC = "0164000cffe10015" + testSPS + "010004" + testPPS + "fdf8f800"
	testHVCC = "01016000000090000000000078f000fcfdf8f800000f03a000010018" + testVPS5 + "a10001002a" + testSPS5 + "a200010007" + testPPS5
	testAV1C = "81080c000a0b00000042a7bfe4600d0040"
	otherSPS = "6742c028d900780227e584000003000400000300f03c60c920" // 1920x1080, where testSPS is 352x288
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type fataler interface {
	Helper()
	Fatal(...any)
}

// frameFormat is the format of a codec that the tests use.
func frameFormat(t fataler, c media.Codec) *media.FrameFormat {
	t.Helper()
	config := map[media.Codec]string{media.H264: testAVCC, media.H265: testHVCC, media.AV1: testAV1C, media.VP9: "010000000029820202020000"}[c]
	b, err := hex.DecodeString(config)
	if err != nil {
		t.Fatal(err)
	}
	if c == media.Opus {
		b = media.OpusHead(2)
	}
	f, err := media.NewFrameFormat(c, b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// coded makes a picture of about that many bytes, cut into that many slices, in the form of Frame.Data; n makes it unlike
// others.
func coded(c media.Codec, key bool, n, size, slices int) (data []byte) {
	if c == media.VP8 || c == media.VP9 {
		size, slices = max(size, 16), 1
	}
	for i := range slices {
		body := make([]byte, max(size/slices, 4))
		for j := range body {
			body[j] = byte(n*31+i*7+j) | 1 // no start codes, no emulation prevention
		}
		body[0] = 0x80 >> min(i, 1) // the first slice says that it is
		switch c {
		case media.H264:
			data = media.AppendNAL(data, append([]byte{pick(key, 0x65, 0x41)}, body...))
		case media.H265:
			data = media.AppendNAL(data, append([]byte{pick(key, 19<<1, 1<<1), 1}, body...))
		case media.AV1:
			body[0] = pick(key, 0x10, 0x30)
			data = media.OBU{Type: media.OBUFrame, Payload: body}.Append(data)
		case media.VP8:
			copy(body, []byte{pick(key, 0, 1), 0, 0, 0x9d, 0x01, 0x2a, 64, 1, 180, 0}[:min(10, len(body))])
			return body
		case media.VP9:
			copy(body, []byte{pick(key, 0x82, 0x86), 0x49, 0x83, 0x42, 0x00, 0x77, 0xf0, 0x32, 0x34, 0x30}[:min(10, len(body))])
			return body
		}
	}
	if c == media.AV1 && key {
		sequence, _ := hex.DecodeString(testAV1C[8:])
		data = append(sequence, data...)
	}
	return data
}

func pick(first bool, a, b byte) byte {
	if first {
		return a
	}
	return b
}

// ms is that many milliseconds after the epoch.
func ms(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }

// push gives packets to a depacketizer, each when it arrives, and returns the frames and how often a keyframe was asked for.
func push(d *Depacketizer, packets ...*media.Packet) (frames []*media.Frame, asks int) {
	for _, pkt := range packets {
		var ask bool
		if frames, ask = d.Push(pkt.Arrival, pkt, frames); ask {
			asks++
		}
	}
	return frames, asks
}

// packet makes a packet of a codec, whose payload says the rest.
func packet(t testing.TB, c media.Codec, seq uint64, ts uint32, marker bool, payload string) *media.Packet {
	t.Helper()
	b := unhex(t, payload)
	rate := uint32(90000)
	if c == media.Opus {
		rate = 48000
	}
	start, key := media.Inspect(c, b)
	return &media.Packet{
		Arrival: epoch.Add(time.Duration(seq) * time.Millisecond), Format: &media.Format{Codec: c, ClockRate: rate},
		Seq: firstSeq + seq, Timestamp: ts, Marker: marker, Start: start, Key: key, Payload: b,
	}
}
