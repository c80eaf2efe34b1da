package ice

import (
	"bytes"
	"testing"
)

func TestNextFrame(t *testing.T) {
	longest := AppendFrame(nil, make([]byte, MaxFrame))
	for _, test := range []struct {
		name        string
		b           []byte
		frame, rest []byte
		fails       bool
	}{
		{"nothing", nil, nil, nil, false},
		{"half a length", []byte{0}, nil, []byte{0}, false},
		{"length alone", []byte{0, 1}, nil, []byte{0, 1}, false},
		{"incomplete", []byte{0, 3, 7, 8}, nil, []byte{0, 3, 7, 8}, false},
		{"one", []byte{0, 1, 7}, []byte{7}, []byte{}, false},
		{"one and a half", []byte{0, 2, 7, 8, 0}, []byte{7, 8}, []byte{0}, false},
		{"empty", []byte{0, 0, 1}, nil, []byte{0, 0, 1}, true},
		{"longest", longest, longest[2:], []byte{}, false},
		{"too long", []byte{0x05, 0xdd}, nil, []byte{0x05, 0xdd}, true},
	} {
		frame, rest, err := NextFrame(test.b)
		if !bytes.Equal(frame, test.frame) || (frame == nil) != (test.frame == nil) || !bytes.Equal(rest, test.rest) || (err != nil) != test.fails {
			t.Errorf("%s: frame %x, rest %x, %v", test.name, frame, rest, err)
		}
	}
}

func TestFrameTooLongToWrite(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a length that does not fit was written")
		}
	}()
	AppendFrame(nil, make([]byte, 1<<16))
}

// FuzzNextFrame reads any bytes, whole and in two parts, and writes the frames again.
func FuzzNextFrame(f *testing.F) {
	f.Add([]byte{0, 1, 7, 0, 2, 8, 9, 0, 4, 1}, 3)
	f.Add([]byte{0xff, 0xff, 1}, 1)
	f.Add([]byte{0, 0}, 0)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		frames, rest, err := allFrames(b)
		again := []byte{}
		for _, frame := range frames {
			if len(frame) == 0 || len(frame) > MaxFrame {
				t.Fatalf("frame of %d bytes", len(frame))
			}
			again = AppendFrame(again, frame)
		}
		if again = append(again, rest...); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
		if cut < 0 || cut > len(b) {
			return
		}
		first, part, early := allFrames(b[:cut])
		second, _, late := allFrames(append(bytes.Clone(part), b[cut:]...))
		if len(first)+len(second) != len(frames) || early == nil && (late == nil) != (err == nil) {
			t.Fatalf("%d and %d frames in two parts, %d at once", len(first), len(second), len(frames))
		}
	})
}

func allFrames(b []byte) (frames [][]byte, rest []byte, err error) {
	for {
		frame, rest, err := NextFrame(b)
		if frame == nil {
			return frames, rest, err
		}
		frames, b = append(frames, frame), rest
	}
}
