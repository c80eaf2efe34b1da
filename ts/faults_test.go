package ts

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// damage is what can happen to a stream on its way.
type damage struct {
	name   string
	do     func(b []byte) []byte
	loses  int // frames at most
	counts func(Stats) bool
}

// packetAt is the number of the first packet, from a place on, that begins a unit of a PID.
func packetAt(b []byte, from int, pid uint16) int {
	for i := from; i < len(b); i += packetSize {
		if b[i+1]&0x40 != 0 && uint16(b[i+1]&0x1f)<<8|uint16(b[i+2]) == pid {
			return i
		}
	}
	return len(b)
}

// Whatever happens to some packets costs the frames they carry, and no others.
func TestReaderDamage(t *testing.T) {
	whole := recorded(t, "h264-aac")
	middle := packetAt(whole, len(whole)/packetSize/2*packetSize, videoPID)
	garbage := make([]byte, 10_000)
	rng := rand.NewChaCha8([32]byte{1})
	rng.Read(garbage)
	cut := func(from, to int) func([]byte) []byte {
		return func(b []byte) []byte { return slices.Delete(b, from, to) }
	}
	for _, test := range []damage{
		{"garbage before", func(b []byte) []byte { return append(slices.Clone(garbage), b...) }, 0, func(s Stats) bool { return true }},
		{"garbage within", func(b []byte) []byte { return slices.Insert(b, middle, garbage...) }, 1, func(s Stats) bool { return s.Unsynced > 0 }},
		{"some bytes lost", cut(middle+10, middle+33), 2, func(s Stats) bool { return s.Unsynced > 0 && s.Lost > 0 }},
		{"a packet lost", cut(middle, middle+packetSize), 2, func(s Stats) bool { return s.Lost == 1 }},
		{"a packet twice", func(b []byte) []byte { return slices.Insert(b, middle, b[middle:middle+packetSize]...) }, 0, func(s Stats) bool { return s.Lost == 0 }},
		{"a packet marked broken", func(b []byte) []byte { b[middle+1] |= 0x80; return b }, 2, func(s Stats) bool { return s.Lost == 1 }},
		{"a long adaptation field", func(b []byte) []byte { b[middle+3] |= 0x20; b[middle+4] = 200; return b }, 2, func(s Stats) bool { return s.Malformed > 0 }},
		{"no start code", func(b []byte) []byte { i := bytes.Index(b[middle:], []byte{0, 0, 1, 0xe0}); b[middle+i] = 1; return b }, 1, func(s Stats) bool { return s.Malformed == 1 }},
		{"a wrong sum of the tables", func(b []byte) []byte {
			for i := packetAt(b, 5*packetSize, patPID); i < len(b); i = packetAt(b, i+packetSize, patPID) {
				b[i+10] ^= 1
			}
			return b
		}, 0, func(s Stats) bool { return s.Malformed > 0 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var undamaged, r Reader
			want := readAll(&undamaged, slices.Clone(whole), 1316)
			got := readAll(&r, test.do(slices.Clone(whole)), 1316)
			if lost := len(want) - len(got); lost < 0 || lost > test.loses {
				t.Errorf("%d frames are lost, %d at most should be", lost, test.loses)
			}
			if stats := r.Stats(); !test.counts(stats) || stats.Jumps > 0 {
				t.Errorf("counted %+v", stats)
			}
			known := make(map[string]bool)
			for _, f := range want {
				known[string(f.Data)] = true
			}
			for _, f := range got {
				if !known[string(f.Data)] {
					t.Errorf("a frame of %v at %v is not what was sent", f.Kind(), f.DTS)
				}
			}
		})
	}
}

// An encoder that starts again, or whose clock jumps, is played on from where it was, sound and picture together.
func TestReaderJumps(t *testing.T) {
	var recorder Reader
	frames := readAll(&recorder, recorded(t, "h264-aac"), 1<<20)
	for _, later := range []time.Duration{0, 20 * time.Hour, 26*time.Hour + 30*time.Minute} {
		var r Reader
		both := append(write(t, frames, 12*time.Hour), write(t, frames, later)...)
		got := byKind(readAll(&r, both, 1316))
		for k, list := range got {
			if want := 2 * len(byKind(frames)[k]); len(list) != want {
				t.Errorf("later by %v: %d frames of %v, want %d", later, len(list), media.Kind(k), want)
			}
			for i, f := range list[1:] {
				if step := f.DTS - list[i].DTS; step <= 0 || step > 200*time.Millisecond {
					t.Errorf("later by %v: frame %d of %v comes %v after the one before", later, i+1, media.Kind(k), step)
				}
			}
		}
		if stats := r.Stats(); stats.Jumps != 1 {
			t.Errorf("later by %v: %+v", later, stats)
		}
	}
}

// Times that wrap are no jump.
func TestReaderWrap(t *testing.T) {
	var recorder, r Reader
	frames := readAll(&recorder, recorded(t, "h264-aac"), 1<<20)
	got := readAll(&r, write(t, frames, duration(1<<33)-2*time.Second-300*time.Millisecond), 1316)
	if stats := r.Stats(); len(got) != len(frames) || stats.Jumps+stats.Lost > 0 {
		t.Errorf("%d frames of %d, %+v", len(got), len(frames), stats)
	}
}

// Codecs that can't be taken are named once, and what can be taken beside them is.
func TestReaderRefuses(t *testing.T) {
	kinds := map[byte]string{typeMP1: "MP2, MP3", typeMP2: "MP2, MP3", typeLATM: "LATM", typeAC3: "AC-3", typeEAC3: "E-AC-3", 0x02: "MPEG-2 video", 0x33: "H266"}
	for kind, name := range kinds {
		var r Reader
		whole := recorded(t, "h264-aac")
		for i := 0; i < len(whole); i += packetSize {
			if uint16(whole[i+1]&0x1f)<<8|uint16(whole[i+2]) != pmtPID {
				continue
			}
			table := whole[i+5:]
			at := bytes.Index(table, []byte{typeADTS, 0xe1})
			table[at] = kind
			size := 3 + int(table[1]&0x0f)<<8 | 3 + int(table[2])
			sum := crc32(table[:size-4])
			copy(table[size-4:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
		}
		frames := byKind(readAll(&r, whole, 1316))
		errs := r.Refused()
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), name) || len(r.Refused()) > 0 {
			t.Errorf("%#x: %v", kind, errs)
		}
		if len(frames[media.Video]) != 50 || len(frames[media.Audio]) > 0 {
			t.Errorf("%#x: %d pictures, %d frames of sound", kind, len(frames[media.Video]), len(frames[media.Audio]))
		}
	}
}

// A picture, sound and tables that never end are given up, and take no memory for long.
func TestReaderBounds(t *testing.T) {
	for _, pid := range []uint16{videoPID, audioPID, pmtPID} {
		var r Reader
		whole := recorded(t, "h264-aac")
		r.Read(time.Time{}, nil, whole[:packetAt(whole, 0, audioPID)])
		tr := track{pid: pid, counter: 1}
		var b []byte
		for i := range 50_000 {
			b = appendHead(b[:0], &tr, i == 0, adaptation{}, 0, true)
			if b = append(b, 0, 0, 1, 0xe0, 0, 0); pid == pmtPID {
				b = append(b[:4], 0, 2, 0xb3, 0xfd)
			}
			b = append(b, make([]byte, packetSize-len(b))...)
			r.Read(time.Time{}, nil, b)
			held := cap(r.pmt.b) + cap(r.tracks[0].unit) + cap(r.tracks[1].unit)
			if held > 2*maxPicture+2*maxUnit+4*maxSection {
				t.Fatalf("PID %d: %d bytes are held", pid, held)
			}
		}
		if stats := r.Stats(); stats.Malformed == 0 && pid != pmtPID {
			t.Errorf("PID %d: %+v", pid, stats)
		}
	}
}

// FuzzReader: whatever comes, in whatever pieces, frames are sound and their times go on.
func FuzzReader(f *testing.F) {
	for _, name := range []string{"h264-aac", "h265-aac", "h264-opus"} {
		b := recorded(f, name)
		f.Add(b[:20*packetSize], uint16(188))
		f.Add(b[len(b)/packetSize/2*packetSize:][:20*packetSize], uint16(1000))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		var whole, pieces Reader
		frames := readAll(&whole, b, max(len(b), 1))
		same(t, byKind(readAll(&pieces, b, int(size)+1)), byKind(frames))
		var last [media.Kinds]time.Duration
		for i, f := range frames {
			k := f.Kind()
			if f.DTS < 0 || f.PTS < f.DTS || i > 0 && f.DTS < last[k] || len(f.Data) == 0 {
				t.Fatalf("frame %d: %v from %v to %v, %d bytes", i, k, f.DTS, f.PTS, len(f.Data))
			}
			last[k] = f.DTS
		}
		var w Writer
		out, err := w.Begin(nil, formatsOf(frames))
		for _, f := range frames {
			if err != nil {
				break
			}
			out, err = w.Append(out, f, f.DTS)
		}
		if len(out)%packetSize != 0 {
			t.Fatalf("%d bytes are written", len(out))
		}
	})
}
