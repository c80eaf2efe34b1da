package audio

import (
	"bytes"
	"errors"
	"math"
	"math/rand"
	"testing"
	"time"

	"oneport/media"
)

// TestDamagedFrames: each is an error of its own; the timeline goes on without a hole, and so does the sound.
func TestDamagedFrames(t *testing.T) {
	t.Parallel()
	for _, d := range directions {
		frames := coded(t, d.from, tones(2*d.rate, d.rate, 440, 440), d.rate, 0)
		tr := transcoder(t, frames[0].Format, d.to)
		var out []*media.Frame
		errs := 0
		for i, f := range frames {
			if i == 20 || i == 21 || i == 40 {
				f = &media.Frame{Format: f.Format, PTS: f.PTS, Data: [][]byte{nil, {0xff}, {0xff, 0xff, 0xff}}[i%3]}
			}
			got, err := tr.Push(f)
			if err != nil {
				errs++
			}
			out = append(out, got...)
		}
		if errs != 3 {
			t.Errorf("%s: three damaged frames are %d errors", d.name, errs)
		}
		contiguous(t, d.name, out)
		s := played(t, out)
		if got := amplitude(s[0][48000:76800], 48000, 440); math.Abs(got-0.5) > 0.02 {
			t.Errorf("%s: afterwards the tone has amplitude %.3f", d.name, got)
		}
		if step := steepest(s[0][4800:76800]); step > 0.15 { // 440 Hz has 0.03 from sample to sample
			t.Errorf("%s: there is a click of %.2f", d.name, step)
		}
	}
}

// TestLostFrames: what is lost is made up for, and what follows is where it belongs.
func TestLostFrames(t *testing.T) {
	t.Parallel()
	for _, d := range directions {
		for _, lost := range []int{1, 5, 30} {
			in := sweep(2*d.rate, d.rate, 200, 4000)
			frames := coded(t, d.from, in, d.rate, 0)
			frames = append(frames[:20:20], frames[20+lost:]...)
			out := pushAll(t, transcoder(t, frames[0].Format, d.to), frames)
			contiguous(t, d.name, out)
			got, want := played(t, out)[0], sweep(2*48000, 48000, 200, 4000)[0]
			from, to := 72000, 81600
			if shift := lag(want[from:to], got[from:to], 96); shift < -24 || shift > 24 {
				t.Errorf("%s: after %d lost frames the sound is %d samples late", d.name, lost, shift)
			}
			if step := steepest(got[4800:48000]); step > 0.35 {
				t.Errorf("%s: at %d lost frames there is a click of %.2f", d.name, lost, step)
			}
		}
	}
}

// TestSilentSender has an Opus sender that sends a byte a packet and then one packet in 400 ms while nobody speaks (RFC 6716,
// section 2.1.9): neither is damage.
func TestSilentSender(t *testing.T) {
	frames := speech(t, 1)
	at := frames[len(frames)-1].PTS
	for range 5 {
		at += 20 * ms
		frames = append(frames, &media.Frame{Format: frames[0].Format, PTS: at, Data: frames[0].Data[:1]})
	}
	for range 5 {
		at += 400 * ms
		frames = append(frames, &media.Frame{Format: frames[0].Format, PTS: at, Data: frames[0].Data[:1]})
	}
	out := pushAll(t, transcoder(t, frames[0].Format, media.AAC), frames)
	contiguous(t, "a silent sender", out)
	if end := out[len(out)-1].PTS; end < at-80*ms || end > at+20*ms {
		t.Errorf("%v of packets give %v", at, end)
	}
	if got := energy(played(t, out)[0][48000:96000]); got > 1e-3 {
		t.Errorf("the silence has an energy of %v", got)
	}
}

// contiguous holds frames to follow each other without a hole, but for the rounding of a nanosecond and a correction.
func contiguous(t *testing.T, name string, frames []*media.Frame) {
	t.Helper()
	size := map[media.Codec]int64{media.AAC: 1024, media.Opus: 960}[frames[0].Format.Codec]
	for i := 1; i < len(frames); i++ {
		d := frames[i].PTS - frames[i-1].PTS - duration(size, outRate)
		if d < -step || d > step+1 {
			t.Errorf("%s: frame %d is %v off", name, i, d)
		}
	}
}

// steepest is the greatest step between two samples.
func steepest(x []float32) (most float64) {
	for i := 1; i < len(x); i++ {
		most = max(most, math.Abs(float64(x[i]-x[i-1])))
	}
	return most
}

// TestPacketsChangeChannels has mono and stereo packets in one Opus stream, as a browser sends them.
func TestPacketsChangeChannels(t *testing.T) {
	stereo := coded(t, media.Opus, tones(2*48000, 48000, 440, 440), 48000, 0)
	mono := coded(t, media.Opus, tones(2*48000, 48000, 440), 48000, 0)
	tr := transcoder(t, stereo[0].Format, media.AAC)
	var out []*media.Frame
	for i := range stereo {
		data := stereo[i].Data
		if i/25%2 == 1 {
			data = mono[i].Data
		}
		got, err := tr.Push(&media.Frame{Format: stereo[0].Format, PTS: stereo[i].PTS, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, got...)
	}
	contiguous(t, "mono and stereo", out)
	for c, x := range played(t, out) {
		if got := amplitude(x[4800:86400], 48000, 440); math.Abs(got-0.5) > 0.05 {
			t.Errorf("channel %d has amplitude %.3f", c, got)
		}
	}
}

// TestFormatChanges follows a stream whose encoder is set to another rate and other channels, and one that goes bad and good
// again: the output's format stays, and so does the timeline.
func TestFormatChanges(t *testing.T) {
	stereo := coded(t, media.AAC, tones(44100, 44100, 440, 440), 44100, 0)
	end := stereo[len(stereo)-1].PTS + duration(1024, 44100)
	mono := coded(t, media.AAC, tones(48000, 48000, 440), 48000, end)
	tr := transcoder(t, stereo[0].Format, media.Opus)
	out := pushAll(t, tr, stereo)
	bad := &media.FrameFormat{Codec: media.AAC, Config: []byte{0x11, 0xb0}}
	for range 2 {
		if got, err := tr.Push(&media.Frame{Format: bad, PTS: end}); err == nil || got != nil {
			t.Fatalf("5.1 gives %d frames, %v", len(got), err)
		}
	}
	out = append(out, pushAll(t, tr, mono)...)
	contiguous(t, "another format", out)
	for _, f := range out {
		if f.Format != tr.Format() {
			t.Fatal("the output's format has changed")
		}
	}
	for c, x := range played(t, out) {
		for _, part := range [][]float32{x[4800:43200], x[50400:88800]} {
			if got := amplitude(part, 48000, 440); math.Abs(got-0.5) > 0.02 {
				t.Errorf("channel %d has amplitude %.3f", c, got)
			}
		}
	}
}

// TestFormatsThatAreEqual: a format that is told again, in another place of memory, changes nothing.
func TestFormatsThatAreEqual(t *testing.T) {
	frames := coded(t, media.AAC, tones(44100, 44100, 440), 44100, 0)
	want := pushAll(t, transcoder(t, frames[0].Format, media.Opus), frames)
	for _, f := range frames {
		again := *f.Format
		f.Format = &again
	}
	got := pushAll(t, transcoder(t, frames[0].Format, media.Opus), frames)
	if len(got) != len(want) {
		t.Fatalf("%d frames, not %d", len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].PTS != want[i].PTS {
			t.Fatalf("frame %d differs", i)
		}
	}
}

// Noise that makes the AAC encoder's library panic costs the frames at that place; the sound goes on.
func TestLibraryPanics(t *testing.T) {
	format := &media.FrameFormat{Codec: media.Opus, SampleRate: 48000, Channels: 2}
	tr := transcoder(t, format, media.AAC)
	noise := rand.New(rand.NewSource(26))
	panics, after := 0, 0
	for i := range 200 {
		data := make([]byte, 160)
		noise.Read(data)
		data[0] = 0xfc // 20 ms of CELT, stereo
		at := time.Duration(i) * 20 * time.Millisecond
		frames, err := tr.Push(&media.Frame{Format: format, DTS: at, PTS: at, Key: true, Data: data})
		if errors.Is(err, errPanic) {
			panics++
		} else if panics > 0 {
			after += len(frames)
		}
	}
	if panics != 1 || after < 25 {
		t.Errorf("the library panicked %d times, and %d frames came afterwards", panics, after)
	}
}

// What panics is an error like any other.
func TestGuarded(t *testing.T) {
	var table [4]int
	for i := range 6 {
		err := guarded(func() error {
			table[i]++
			return nil
		})
		if errors.Is(err, errPanic) != (i >= len(table)) {
			t.Errorf("index %d: %v", i, err)
		}
	}
	if err := guarded(func() error { return errors.ErrUnsupported }); err != errors.ErrUnsupported {
		t.Errorf("an error has become %v", err)
	}
}
