package ts

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// formats are those of frames.
func formatsOf(frames []*media.Frame) (formats [media.Kinds]*media.FrameFormat) {
	for _, f := range slices.Backward(frames) {
		formats[f.Kind()] = f.Format
	}
	return formats
}

// write makes a stream of frames, each at its own time and so much.
func write(t testing.TB, frames []*media.Frame, later time.Duration) []byte {
	t.Helper()
	var w Writer
	b, err := w.Begin(nil, formatsOf(frames))
	for _, f := range frames {
		if err == nil {
			b, err = w.Append(b, f, f.DTS+later)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// audit holds a stream to the rules about its packets: their numbers, and how often tables and clock are told.
func audit(b []byte) error {
	if len(b)%packetSize != 0 {
		return fmt.Errorf("%d bytes are no packets", len(b))
	}
	counters := make(map[uint16]byte)
	clocks, last := 0, int64(0)
	for i := 0; i < len(b); i += packetSize {
		p := b[i : i+packetSize]
		pid := uint16(p[1]&0x1f)<<8 | uint16(p[2])
		if p[0] != syncByte {
			return fmt.Errorf("packet %d does not begin with the sync byte", i/packetSize)
		}
		if p[3]&0x10 != 0 {
			if c, seen := counters[pid]; seen && p[3]&0x0f != (c+1)&0x0f {
				return fmt.Errorf("packet %d of PID %d has number %d after %d", i/packetSize, pid, p[3]&0x0f, c)
			}
			counters[pid] = p[3] & 0x0f
		}
		if p[3]&0x20 != 0 && p[4] > 0 && p[5]&0x10 != 0 {
			pcr := int64(p[6])<<25 | int64(p[7])<<17 | int64(p[8])<<9 | int64(p[9])<<1 | int64(p[10])>>7
			if step := (pcr - last) << 31 >> 31; clocks > 0 && (step < 0 || step > clockRate/5) {
				return fmt.Errorf("the clock goes from %d to %d", last, pcr)
			}
			clocks, last = clocks+1, pcr
		}
	}
	if clocks == 0 {
		return fmt.Errorf("the clock is never told")
	}
	return nil
}

// What was read is written, and read as it was.
func TestWriter(t *testing.T) {
	for _, name := range []string{"h264-aac", "h265-aac", "h264-opus"} {
		t.Run(name, func(t *testing.T) {
			var first, second Reader
			frames := readAll(&first, recorded(t, name), 1316)
			b := write(t, frames, 0)
			if err := audit(b); err != nil {
				t.Error(err)
			}
			again := readAll(&second, b, 1316)
			if stats := second.Stats(); stats.Malformed+stats.Lost+stats.Unsynced+stats.Missing+stats.Jumps > 0 {
				t.Errorf("%+v", stats)
			}
			for _, f := range again {
				f.DTS, f.PTS = f.DTS-duration(lead), f.PTS-duration(lead)
			}
			for _, f := range frames { // what is between the ticks is lost
				f.DTS, f.PTS = duration(ticks(f.DTS)), duration(ticks(f.PTS))
			}
			same(t, byKind(again), byKind(frames))
			decode(t, name+".ts", b, 50)
		})
	}
}

// decode has ffmpeg decode a stream, which must not complain, and counts its pictures.
func decode(t *testing.T, name string, b []byte, pictures int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-map", "0", "-f", "framecrc", "-")
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("ffmpeg: %v\n%s", err, &complaints)
	}
	n := 0
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "0,") {
			n++
		}
	}
	if n != pictures {
		t.Errorf("%d pictures are decoded, want %d", n, pictures)
	}
}

// A day and more of sound and picture, past the end of the time stamps at 26.5 hours, is exact to the tick all the while:
// nothing is added up.
func TestWriterDay(t *testing.T) {
	var recorder, r Reader
	recording := readAll(&recorder, recorded(t, "h264-aac"), 1<<20)
	formats := formatsOf(recording)
	var w Writer
	b, err := w.Begin(nil, formats)
	var frames []*media.Frame
	write := func(f media.Frame, at time.Duration) {
		f.DTS, f.PTS = at, at
		if b, err = w.Append(b, &f, at); err != nil {
			t.Fatal(err)
		}
		frames = r.Read(time.Time{}, frames[:0], b)
		b = b[:0]
		if len(frames) != 1 || frames[0].Kind() != f.Kind() || frames[0].DTS != duration(ticks(at)+lead) {
			t.Fatalf("at %v: %d frames, %+v", at, len(frames), frames)
		}
	}
	picture := *byKind(recording)[media.Video][0]
	heard := media.Frame{Format: formats[media.Audio], Key: true, Data: bytes.Repeat([]byte{1}, 100)}
	const step, rate, inFrame = 7 * time.Second, 48000, 1024
	for at := time.Duration(0); at < 27*time.Hour; at += step {
		write(picture, at)
		n := int64(at/time.Second)*rate/inFrame + 1 // the frame of sound that begins after the picture
		write(heard, time.Duration(n)*inFrame*time.Second/rate)
	}
	if stats := r.Stats(); stats.Jumps+stats.Backwards+stats.Malformed > 0 {
		t.Errorf("%+v", stats)
	}
}

// Rounding to ticks and back loses nothing, and never more than half a tick of a time.
func TestTicks(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 3, 89_999, 90_000, 1<<33 - 1, 1 << 33, 1<<48 + 7} {
		if got := ticks(duration(n)); got != n {
			t.Errorf("%d ticks become %d", n, got)
		}
	}
	for d := time.Duration(0); d < 10*time.Hour; d += 333_333_333*time.Microsecond + 777 {
		if off := (duration(ticks(d)) - d).Abs(); off > time.Second/clockRate/2+1 {
			t.Errorf("%v is off by %v", d, off)
		}
	}
}

// A track that comes later, another codec, and a new segment are told by tables; counters and clock go on.
func TestWriterChanges(t *testing.T) {
	var recorder, r Reader
	recording := byKind(readAll(&recorder, recorded(t, "h264-aac"), 1<<20))
	opus := &media.FrameFormat{Codec: media.Opus, Config: media.OpusHead(2), SampleRate: 48000, Channels: 2}
	var w Writer
	aac := recording[media.Audio][0].Format
	b, err := w.Begin(nil, [media.Kinds]*media.FrameFormat{media.Audio: aac})
	if err != nil || len(b) != 2*packetSize {
		t.Fatalf("the beginning has %d bytes, %v", len(b), err)
	}
	var want []media.Codec
	for i := range 75 {
		at := time.Duration(i) * 40 * time.Millisecond
		list := []media.Frame{{Format: aac, Data: []byte{1, 2, 3}}}
		switch {
		case i >= 50:
			list = []media.Frame{{Format: opus, Data: []byte{0x78, 1}}, *recording[media.Video][i-50]}
		case i >= 25:
			list = append(list, *recording[media.Video][i-25])
		}
		if i == 60 {
			b = w.Segment(b)
		}
		for _, f := range list {
			f.DTS, f.PTS = at, at
			if b, err = w.Append(b, &f, at); err != nil {
				t.Fatal(err)
			}
			want = append(want, f.Format.Codec)
		}
	}
	if err := audit(b); err != nil {
		t.Error(err)
	}
	var got []media.Codec
	for _, f := range readAll(&r, b, 1316) {
		got = append(got, f.Format.Codec)
	}
	if stats := r.Stats(); !slices.Equal(got, want) || stats.Malformed+stats.Lost+stats.Missing+stats.Jumps > 0 {
		t.Errorf("read %v\nwant %v\n%+v", got, want, stats)
	}
}

// What can't be carried is refused by its name.
func TestRefusals(t *testing.T) {
	for _, codec := range []media.Codec{media.VP8, media.VP9, media.AV1, media.PCMU} {
		var w Writer
		for what, err := range map[string]error{"CheckCodec": w.CheckCodec(codec), "ADTS": new(ADTS).CheckCodec(codec)} {
			if err == nil || !strings.Contains(err.Error(), codec.String()) {
				t.Errorf("%s of %v: %v", what, codec, err)
			}
		}
		if _, err := w.Change(nil, &media.FrameFormat{Codec: codec}, 0); err == nil {
			t.Errorf("%v is taken", codec)
		}
	}
	for name, f := range map[string]media.FrameFormat{
		"no AAC":       {Codec: media.AAC},
		"no channels":  {Codec: media.AAC, Config: []byte{0x11, 0x80}},
		"strange rate": {Codec: media.AAC, Config: []byte{0x17, 0x80, 0x12, 0x34, 0x08}},
		"USAC":         {Codec: media.AAC, Config: []byte{0xf9, 0x46, 0x40}},
		"no sets":      {Codec: media.H264},
		"no Opus":      {Codec: media.Opus},
	} {
		var w Writer
		if _, err := w.Change(nil, &f, 0); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	var w Writer
	f := media.FrameFormat{Codec: media.AAC, Config: []byte{0x11, 0x90}}
	for _, codec := range []media.Codec{media.AAC, media.Opus} {
		g := f
		g.Codec, g.Channels = codec, 2
		if _, err := w.Append(nil, &media.Frame{Format: &g, Data: make([]byte, 1<<20)}, 0); err == nil {
			t.Errorf("a huge frame of %v is taken", codec)
		}
	}
}

// Bare AAC is what the reader of AAC reads, also where HE-AAC says so in its configuration.
func TestADTS(t *testing.T) {
	for _, config := range [][]byte{{0x11, 0x90}, {0x2b, 0x11, 0x88, 0x00}, {0x12, 0x08}} {
		f := &media.Frame{Format: &media.FrameFormat{Codec: media.AAC, Config: config}, Data: []byte("a frame of sound")}
		var w ADTS
		b, err := w.Begin(nil, [media.Kinds]*media.FrameFormat{media.Audio: f.Format})
		if err == nil {
			b, err = w.Append(b, f, 0)
		}
		if err != nil || len(b) != adtsSize+len(f.Data) {
			t.Fatalf("%x: %x, %v", config, b, err)
		}
		var r Reader
		e := elementary{codec: media.AAC}
		if got, _, rest := r.cutADTS(&e, b); !bytes.Equal(got, f.Data) || len(rest) > 0 || e.header.profile+1 != aacLC {
			t.Errorf("%x: %q, %+v", config, got, e.header)
		}
	}
}
