package audio

import (
	"testing"
	"time"

	"oneport/media"
)

const ms = time.Millisecond

// stub is a codec of frames that hold nothing.
type stub struct{ hz, in, out, late, ahead int }

func (s stub) rate() int                        { return s.hz }
func (s stub) channels() int                    { return 1 }
func (s stub) lead() int                        { return s.late }
func (s stub) conceal(dst sound, n int)         { dst.silence(n) }
func (s stub) decode(dst sound, _ []byte) error { dst.silence(s.in); return nil }
func (s stub) samples() int                     { return s.out }
func (s stub) delay() int                       { return s.ahead }
func (s stub) encode(sound) ([]byte, error)     { return []byte{1}, nil }

func (s stub) transcoder() (*Transcoder, *media.FrameFormat) {
	from := &media.FrameFormat{Codec: media.Opus}
	return newTranscoder(from, s, s, &media.FrameFormat{Codec: media.AAC, Channels: 1}), from
}

// TestDayWithoutDrift runs the arithmetic for a day, with timestamps as they come: exact, and rounded to milliseconds.
func TestDayWithoutDrift(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stub  stub
		round time.Duration
	}{
		{"Opus to AAC", stub{hz: 48000, in: 960, out: 1024, late: 312, ahead: 2}, 1},
		{"AAC of 48 kHz to Opus", stub{hz: 48000, in: 1024, out: 960}, 1},
		{"AAC of 44.1 kHz to Opus", stub{hz: 44100, in: 1024, out: 960}, 1},
		{"AAC of 44.1 kHz in FLV to Opus", stub{hz: 44100, in: 1024, out: 960}, ms},
		{"AAC of 22.05 kHz in FLV to Opus", stub{hz: 22050, in: 1024, out: 960}, ms},
	} {
		line := timeline{rate: tt.stub.hz}
		var out, resampled int64
		const day = 24 * time.Hour
		for in := int64(0); ; in += int64(tt.stub.in) {
			pts := duration(in, tt.stub.hz).Round(tt.round)
			if pts > day {
				break
			}
			at := pts - duration(int64(tt.stub.late), tt.stub.hz)
			line.start(at, tt.stub.late)
			if v := line.arrive(at); v != (verdict{}) {
				t.Fatalf("%s: the frame at %v gets %+v", tt.name, pts, v)
			}
			line.take(tt.stub.in)
			for resampled = line.in * outRate / int64(tt.stub.hz); resampled-out >= int64(tt.stub.out); out += int64(tt.stub.out) {
				want := duration(out, outRate)
				if got := line.cut(tt.stub.out); got != want {
					t.Fatalf("%s: sample %d is heard at %v, not %v", tt.name, out, got, want)
				}
			}
		}
		if end := duration(out, outRate); end < day-50*ms {
			t.Errorf("%s: a day has given %v", tt.name, end)
		}
	}
}

// TestClockThatRunsWrong follows timestamps of a publisher whose sound is longer or shorter than they say.
func TestClockThatRunsWrong(t *testing.T) {
	for _, ppm := range []int64{-300, -20, 20, 300} {
		s := stub{hz: 48000, in: 960, out: 1024}
		tr, from := s.transcoder()
		last := time.Duration(-1 << 60)
		for i := int64(0); i < 15*60*50; i++ {
			exact := time.Duration(i) * 20 * ms
			pts := exact + exact*time.Duration(ppm)/1e6
			frames, err := tr.Push(&media.Frame{Format: from, PTS: pts})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range frames {
				if gap := f.PTS - last; i > 1 && last > 0 && (gap < 20*ms || gap > 23*ms) {
					t.Fatalf("%d ppm: frames are %v apart", ppm, gap)
				}
				last = f.PTS
			}
			if len(frames) > 0 {
				if d := pts + 20*ms - last - duration(int64(tr.pending.len()+1024), 48000); d > 3*ms || d < -3*ms {
					t.Fatalf("%d ppm: after %v the sound is %v off", ppm, exact, d)
				}
			}
		}
	}
}

// TestJumps tables what becomes of timestamps that are not what the samples say. Frames of 20 ms go in and come out.
func TestJumps(t *testing.T) {
	type at []time.Duration
	for _, tt := range []struct {
		name     string
		in, want at
	}{
		{"in order", at{0, 20, 40, 60}, at{0, 20, 40, 60}},
		{"rounded", at{0, 21, 39, 61, 79}, at{0, 20, 40, 60, 80}},
		{"from a second on", at{1000, 1020, 1040}, at{1000, 1020, 1040}},
		{"from before the beginning", at{-40, -20, 0}, at{-40, -20, 0}},
		{"one lost", at{0, 20, 60, 80}, at{0, 20, 40, 60, 80}},
		{"three lost", at{0, 80, 100}, at{0, 20, 40, 60, 80, 100}},
		{"a gap that is no whole frame", at{0, 47, 67}, at{0, 20, 40, 60}}, // 27 ms of it are made up for
		{"more than a second lost", at{0, 20, 4980, 5000, 5020}, at{0, 20, 5000, 5020}},
		{"one that lies", at{0, 20, 99000, 60, 80}, at{0, 20, 40, 60, 80}},
		{"two that lie, not alike", at{0, 20, 99000, -5000, 80, 100}, at{0, 20, 40, 60, 80, 100}},
		{"twice", at{0, 20, 20, 40, 60}, at{0, 20, 40, 60}},
		{"late by two", at{0, 20, 40, 0, 20, 60}, at{0, 20, 40, 60}},
		{"half a second back", at{0, 500, 20, 520, 540}, at{0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 260, 280, 300, 320, 340,
			360, 380, 400, 420, 440, 460, 480, 500, 520, 540}},
		{"an hour back", at{3600000, 3600020, 0, 20, 40, 60}, at{3600000, 3600020, 3600040, 3600060, 3600080}},
		{"an hour back, and on", at{3600000, 0, 20, 3600040, 3600060, 3600080}, at{3600000, 3600020, 3600060, 3600080}},
	} {
		tr, from := stub{hz: 48000, in: 960, out: 960}.transcoder()
		var got at
		for _, pts := range tt.in {
			frames, _ := tr.Push(&media.Frame{Format: from, PTS: pts * ms}) // the first of a jump is an error
			for _, f := range frames {
				if f.DTS != f.PTS {
					t.Errorf("%s: DTS is %v, PTS %v", tt.name, f.DTS, f.PTS)
				}
				got = append(got, f.PTS/ms)
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %v give %v, not %v", tt.name, tt.in, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: %v give %v, not %v", tt.name, tt.in, got, tt.want)
				break
			}
		}
	}
}

// TestCorrectionIsSoft moves the timestamps by 10 ms, as a bridge does once it knows the sender's clock: no frame is moved by
// more than a millisecond, no sound is lost or made up, and in the end the frames are where they belong.
func TestCorrectionIsSoft(t *testing.T) {
	for _, shift := range []time.Duration{10 * ms, -10 * ms} {
		tr, from := stub{hz: 48000, in: 960, out: 960}.transcoder()
		var last time.Duration
		for i := range 200 {
			pts := time.Duration(i) * 20 * ms
			if i >= 50 {
				pts += shift
			}
			frames, err := tr.Push(&media.Frame{Format: from, PTS: pts})
			if err != nil || len(frames) != 1 {
				t.Fatalf("frame %d gives %d frames, %v", i, len(frames), err)
			}
			got := frames[0].PTS
			if step := got - last - 20*ms; i > 0 && (step > ms || step < -ms) {
				t.Fatalf("frame %d is moved by %v", i, step)
			}
			last = got
			if off := got - pts; i > 100 && (off > slack || off < -slack) {
				t.Fatalf("frame %d is still %v off", i, off)
			}
		}
	}
}

// TestCountsNeverOverflow has the counts of a stream that runs for ten years.
func TestCountsNeverOverflow(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	if got := duration(int64(years/time.Second)*48000+1, 48000); got != years+time.Second/48000 {
		t.Errorf("ten years and a sample are %v", got)
	}
	if got := duration(-312, 48000); got != -6500*time.Microsecond {
		t.Errorf("312 samples back are %v", got)
	}
}
