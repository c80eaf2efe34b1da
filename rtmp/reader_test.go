package rtmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// header is a chunk's basic and message header, as a client may send it.
func header(format, id byte, fields ...byte) []byte { return append([]byte{format<<6 | id}, fields...) }

// full is a header of format 0.
func full(id byte, time uint32, length int, typ byte, stream uint32) []byte {
	b := append24(nil, min(time, 0xffffff))
	b = append24(b, uint32(length))
	b = binary.LittleEndian.AppendUint32(append(b, typ), stream)
	if time >= 0xffffff {
		b = binary.BigEndian.AppendUint32(b, time)
	}
	return header(0, id, b...)
}

func joined(parts ...[]byte) []byte { return slices.Concat(parts...) }

// What is written is read back, whatever the sizes, and with chunks of several streams mixed.
func TestMessagesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{1, 5, 128, 4096, 60000}).Draw(t, "chunk size")
		var wire []byte
		var sent []Message
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			m := Message{
				Type: typeVideo, Stream: rapid.Uint32().Draw(t, "stream"), Time: rapid.Uint32().Draw(t, "time"),
				Body: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body"),
			}
			wire = appendMessage(wire, byte(rapid.IntRange(2, 63).Draw(t, "chunk stream")), m, size)
			sent = append(sent, m)
		}
		r := NewReader(bytes.NewReader(wire))
		if err := r.SetChunkSize(uint32(size)); err != nil {
			t.Fatal(err)
		}
		for i, want := range sent {
			m, err := r.Next()
			if err != nil || m.Type != want.Type || m.Stream != want.Stream || m.Time != want.Time || !bytes.Equal(m.Body, want.Body) {
				t.Fatalf("message %d is %+v (%v), sent %+v", i, m, err, want)
			}
		}
		if _, err := r.Next(); err != io.EOF || r.pending != 0 || r.Received() != uint64(len(wire)) {
			t.Fatalf("at the end: %v, %d bytes pending, %d of %d received", err, r.pending, r.Received(), len(wire))
		}
	})
}

// The headers that leave something out, with the times that follow from them.
func TestHeaders(t *testing.T) {
	long := uint32(0x01000000)
	extended := binary.BigEndian.AppendUint32(nil, long)
	for _, test := range []struct {
		name  string
		wire  []byte
		times []uint32
	}{
		{"deltas", joined(full(4, 100, 1, 9, 1), []byte{1}, header(1, 4, 0, 0, 40, 0, 0, 1, 9), []byte{2}, header(2, 4, 0, 0, 20), []byte{3}, header(3, 4), []byte{4}),
			[]uint32{100, 140, 160, 180}},
		{"a time becomes the delta", joined(full(4, 30, 1, 9, 1), []byte{1}, header(3, 4), []byte{2}), []uint32{30, 60}},
		{"the extended time is repeated", joined(full(4, long, 130, 9, 1), make([]byte, 128), header(3, 4, extended...), []byte{1, 2}), []uint32{long}},
		{"the extended time is not repeated", joined(full(4, long, 134, 9, 1), make([]byte, 128), header(3, 4), []byte{1, 2, 3, 4, 5, 6}), []uint32{long}},
		{"an extended delta", joined(full(4, 5, 1, 9, 1), []byte{1}, header(2, 4, 255, 255, 255), extended, []byte{2}), []uint32{5, 5 + long}},
		{"the first header is short", joined(header(1, 2, 0, 0, 7, 0, 0, 4, typeAck), []byte{1, 2, 3, 4}), []uint32{7}},
		{"times wrap", joined(full(4, 0xfffffff0, 1, 9, 1), []byte{1}, header(1, 4, 0, 0, 32, 0, 0, 1, 9), []byte{2}), []uint32{0xfffffff0, 16}},
		{"chunk streams of two and three bytes", joined([]byte{0, 10, 0, 0, 1, 0, 0, 1, 9, 1, 0, 0, 0, 7}, []byte{1, 10, 1, 0, 0, 2, 0, 0, 1, 9, 1, 0, 0, 0, 7}), []uint32{1, 2}},
		{"mixed", joined(full(4, 1, 130, 8, 1), make([]byte, 128), full(6, 2, 1, 9, 1), []byte{1}, header(3, 4), []byte{1, 2}), []uint32{2, 1}},
		{"an empty message", joined(full(4, 1, 0, 8, 1), full(4, 2, 0, 8, 1)), []uint32{1, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(test.wire))
			for i, want := range test.times {
				if m, err := r.Next(); err != nil || m.Time != want {
					t.Fatalf("message %d is at %d (%v), not at %d", i, m.Time, err, want)
				}
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("behind the last: %v", err)
			}
		})
	}
}

// What is wrong ends the connection with a word on why, and costs no memory.
func TestBadChunks(t *testing.T) {
	var crowd []byte
	for id := range byte(maxChunkStreams + 1) {
		crowd = append(crowd, 0, id)
		crowd = append(crowd, full(3, 0, 0, 8, 1)[1:]...)
	}
	for _, test := range []struct {
		name string
		wire []byte
		want string
	}{
		{"no header", header(3, 4), "without a header"},
		{"half a header", header(2, 4, 0, 0, 1), "without a header"},
		{"a message in a message", joined(full(4, 0, 200, 9, 1), make([]byte, 128), full(4, 0, 1, 9, 1)), "inside of another"},
		{"too long", full(4, 0, MaxControl+1, 9, 1), "message of 65537 bytes"},
		{"as long as can be said", full(4, 0, MaxMedia, 9, 1), "message of 16777215 bytes"},
		{"many unfinished", joined(full(4, 0, MaxControl, 9, 1), make([]byte, 128), full(5, 0, MaxControl, 9, 1), make([]byte, 128), full(6, 0, 1, 9, 1)), "unfinished"},
		{"many chunk streams", crowd, "chunk streams"},
		{"half a message", joined(full(4, 0, 100, 9, 1), make([]byte, 50)), "EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(test.wire))
			var err error
			for err == nil {
				_, err = r.Next()
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %q, it does not speak of %q", err, test.want)
			}
		})
	}
}

func TestChunkSizes(t *testing.T) {
	r := NewReader(nil)
	for _, zero := range []uint32{0, 1 << 31} {
		if err := r.SetChunkSize(zero); !errors.Is(err, errChunkSize) {
			t.Errorf("size %d: %v", zero, err)
		}
	}
	if err := r.SetChunkSize(1<<31 - 1); err != nil || r.chunkSize != MaxMedia {
		t.Errorf("2 GB become %d, %v", r.chunkSize, err)
	}
}

// A message's memory is paid for in bytes received: announcing 16 MB costs little.
func TestAnnouncedIsNotAllocated(t *testing.T) {
	wire := joined(full(4, 0, MaxMedia, 9, 1), make([]byte, 128))
	var r *Reader
	got := testing.AllocsPerRun(1, func() {
		r = NewReader(bytes.NewReader(wire))
		r.SetLimit(MaxMedia)
		r.Next()
	})
	if size := cap(r.streams[4].Body); size > firstBuffer {
		t.Errorf("128 bytes of 16 MB take %d bytes (%v allocations)", size, got)
	}
}

func TestAbort(t *testing.T) {
	r := NewReader(bytes.NewReader(joined(full(4, 0, 200, 9, 1), make([]byte, 128), full(2, 0, 4, typeAbort, 0), []byte{0, 0, 0, 4}, full(4, 9, 1, 8, 1), []byte{7})))
	if m, err := r.Next(); err != nil || m.Type != typeAbort {
		t.Fatal(m, err)
	}
	r.Abort(4)
	r.Abort(99)
	if m, err := r.Next(); err != nil || m.Time != 9 || r.pending != 0 {
		t.Errorf("behind what was given up comes %+v, %v, %d bytes pending", m, err, r.pending)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(appendMessage(nil, 4, Message{Type: typeVideo, Time: 1 << 25, Body: make([]byte, 300)}, 128))
	f.Add(joined(full(4, 100, 1, 9, 1), []byte{1}, header(1, 4, 0, 0, 40, 0, 0, 1, 9), []byte{2}, header(3, 4), []byte{4}))
	f.Add([]byte{1, 255, 255, 255})
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := NewReader(bytes.NewReader(wire))
		for {
			m, err := r.Next()
			if err != nil {
				break
			}
			if len(m.Body) > MaxControl {
				t.Fatalf("a message of %d bytes", len(m.Body))
			}
			if m.Type == typeSetChunkSize && len(m.Body) == 4 {
				r.SetChunkSize(binary.BigEndian.Uint32(m.Body))
			}
		}
		held, announced := 0, 0
		for _, s := range r.streams {
			held += cap(s.Body)
			if s.open {
				announced += s.length
			}
		}
		if r.pending != announced || held > MaxControl+MaxControl || len(r.streams) > maxChunkStreams {
			t.Fatalf("%d bytes held, %d announced, counted as %d, of %d streams", held, announced, r.pending, len(r.streams))
		}
	})
}
