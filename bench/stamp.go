package bench

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Stamp is what every synthetic payload carries behind the few bytes that its codec demands.
type Stamp struct {
	Run     uint32 // tells streams apart
	Counter uint64 // of the packets of one track; 42 bits
	Sent    int64  // nanoseconds, see stampTime
}

// started anchors the clock of stamps.
var started = time.Now()

// stampTime reads the clock of stamps: monotonic, and yet nearly Unix time, so that another process of the machine can compare.
func stampTime(t time.Time) int64 { return started.UnixNano() + int64(t.Sub(started)) }

// Latency is the time from the sending of the packet to at.
func (s Stamp) Latency(at time.Time) time.Duration { return time.Duration(stampTime(at) - s.Sent) }

// The magic is a slice header as well (H.264 §7.3.3): first_mb_in_slice 0, slice_type I, picture parameter set 0.
const (
	magic     = "\xb8oPb"
	runSize   = 5 // bytes of seven bits each
	countSize = 6
	sentSize  = 9
	stampSize = len(magic) + runSize + countSize + sentSize
)

// append appends the stamp. Every byte of the numbers has its top bit set: no start code of H.264 can come about inside.
func (s Stamp) append(b []byte) []byte {
	b = append(b, magic...)
	b = append7(b, uint64(s.Run), runSize)
	b = append7(b, s.Counter, countSize)
	return append7(b, uint64(s.Sent), sentSize)
}

func append7(b []byte, v uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		b = append(b, 0x80|byte(v>>(7*i)))
	}
	return b
}

func read7(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<7 | uint64(c&0x7f)
	}
	return v
}

// fillSize is the longest payload that can be filled.
const fillSize = 1460

// fill holds the bytes behind a stamp: 1..251 over and over, never a zero. Each packet begins at another place in it.
var fill = func() (f [251 + fillSize]byte) {
	for i := range f {
		f[i] = byte(1 + i%251)
	}
	return f
}()

func (s Stamp) fill(n int) []byte { return fill[s.Counter%251:][:n] }

// The codec's part of a payload. An IDR is led by one STAP-A packet of SPS (42e01f, 640x360), PPS and an SEI
// (user data unregistered) that holds the stamp; slices are FU-A fragments or, if one packet is enough, single NAL units.
const (
	opusTOC  = "\xfc" // CELT, full band, 20 ms, stereo, one frame (RFC 6716 §3.1)
	stapHead = "\x78" + "\x00\x0a\x67\x42\xe0\x1f\xda\x02\x80\xbf\xe5\x40" + "\x00\x04\x68\xce\x3c\x80"
	seiHead  = "\x06\x05"
)

const (
	nalSlice = 0x61 // type 1, nal_ref_idc 3
	nalIDR   = 0x65 // type 5, nal_ref_idc 3
	nalSTAP  = 24
	nalFU    = 28
)

// appendParameters appends the STAP-A that leads a keyframe.
func appendParameters(b []byte, s Stamp) []byte {
	const sei = len(seiHead) + 1 + stampSize + 1 // size byte and trailing bits
	b = append(b, stapHead...)
	b = append(b, 0, byte(sei))
	b = append(b, seiHead...)
	b = append(b, byte(stampSize))
	b = s.append(b)
	return append(b, 0x80)
}

// stampOffset tells where the stamp of a payload begins and how many bytes may follow the fill.
func stampOffset(video bool, payload []byte) (offset, tail int) {
	switch {
	case !video:
		return len(opusTOC), 0
	case payload[0]&0x1f == nalSTAP:
		return len(stapHead) + 2 + len(seiHead) + 1, 1
	case payload[0]&0x1f == nalFU:
		return 2, 0
	}
	return 1, 0
}

// ReadStamp finds the stamp of a synthetic payload, and checks every byte behind it.
func ReadStamp(video bool, payload []byte) (Stamp, error) {
	if len(payload) == 0 {
		return Stamp{}, errors.New("stamp: empty payload")
	}
	at, tail := stampOffset(video, payload)
	if len(payload) < at+stampSize+tail {
		return Stamp{}, fmt.Errorf("stamp: payload of %d bytes is too short", len(payload))
	}
	s, rest, ok := readStamp(payload[at : len(payload)-tail])
	if !ok {
		return Stamp{}, errors.New("stamp: not a payload of ours")
	}
	if len(rest) > fillSize || !bytes.Equal(rest, s.fill(len(rest))) {
		return s, fmt.Errorf("stamp: packet %d was altered on its way", s.Counter)
	}
	return s, nil
}

// readStamp reads the stamp that b begins with.
func readStamp(b []byte) (s Stamp, rest []byte, ok bool) {
	if len(b) < stampSize || string(b[:len(magic)]) != magic {
		return Stamp{}, nil, false
	}
	run, b := b[len(magic):], b[len(magic)+runSize:]
	s = Stamp{
		Run:     uint32(read7(run[:runSize])),
		Counter: read7(b[:countSize]),
		Sent:    int64(read7(b[countSize:][:sentSize])),
	}
	return s, b[countSize+sentSize:], true
}
