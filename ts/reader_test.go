package ts

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"oneport/media"
)

// recorded is a stream that ffmpeg made: 2 s of a test picture at 25 Hz and of a tone.
func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".ts")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads a stream in pieces of a size.
func readAll(r *Reader, b []byte, size int) (frames []*media.Frame) {
	for len(b) > 0 {
		n := min(size, len(b))
		frames = r.Read(time.Time{}, frames, b[:n])
		b = b[n:]
	}
	return r.Flush(time.Time{}, frames)
}

// byKind takes frames of sound and picture apart.
func byKind(frames []*media.Frame) (kinds [media.Kinds][]*media.Frame) {
	for _, f := range frames {
		kinds[f.Kind()] = append(kinds[f.Kind()], f)
	}
	return kinds
}

// What ffmpeg writes is read frame by frame, however it is cut into pieces.
func TestReader(t *testing.T) {
	for _, test := range []struct {
		name         string
		video, audio media.Codec
		pictures     int
		sounds       int
		length       time.Duration // of a frame of sound
		late         time.Duration // the most that a picture is shown after it is decoded
	}{
		{"h264-aac", media.H264, media.AAC, 50, 95, 1024 * time.Second / 48000, 160 * time.Millisecond},
		{"h265-aac", media.H265, media.AAC, 50, 95, 1024 * time.Second / 48000, 240 * time.Millisecond},
		{"h264-opus", media.H264, media.Opus, 50, 101, 20 * time.Millisecond, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r Reader
			kinds := byKind(readAll(&r, recorded(t, test.name), 1<<20))
			stats := r.Stats()
			if errs := r.Refused(); len(errs) > 0 || stats.Malformed+stats.Lost+stats.Unsynced+stats.Missing+stats.Backwards+stats.Jumps > 0 {
				t.Errorf("%v, %+v", errs, stats)
			}
			video, sound := kinds[media.Video], kinds[media.Audio]
			if len(video) != test.pictures || len(sound) < test.sounds-1 || len(sound) > test.sounds+1 {
				t.Fatalf("%d pictures, %d frames of sound; want %d and %d", len(video), len(sound), test.pictures, test.sounds)
			}
			if f := video[0]; f.Format.Codec != test.video || !f.Key || f.Format.Width != 96 || f.Format.Height != 64 {
				t.Errorf("it begins with %+v, key %v", f.Format, f.Key)
			}
			if f := sound[0].Format; f.Codec != test.audio || f.SampleRate != 48000 {
				t.Errorf("the sound is %+v", f)
			}
			late, keys := time.Duration(0), 0
			for i, f := range video {
				if i > 0 && f.DTS-video[i-1].DTS != 40*time.Millisecond {
					t.Errorf("picture %d comes %v after the one before", i, f.DTS-video[i-1].DTS)
				}
				if f.Format != video[0].Format {
					t.Errorf("picture %d has another format: %+v", i, f.Format)
				}
				if f.Key {
					keys++
				}
				late = max(late, f.PTS-f.DTS)
			}
			if late != test.late || keys != 2 {
				t.Errorf("pictures are shown up to %v after they are decoded, %d of them are keyframes", late, keys)
			}
			for i, f := range sound[1:] {
				if off := (f.DTS - sound[i].DTS - test.length).Abs(); off > time.Second/clockRate+1 {
					t.Errorf("frame %d of sound comes %v after the one before", i+1, f.DTS-sound[i].DTS)
				}
			}
			for _, size := range []int{1, 7, 188, 1316, 1500} {
				var pieces Reader
				same(t, byKind(readAll(&pieces, recorded(t, test.name), size)), kinds)
			}
		})
	}
}

// An encoder with open groups of pictures sends one IDR picture, and recovery points later: those are keyframes too.
func TestOpenGroups(t *testing.T) {
	var r Reader
	var keys []int
	for i, f := range readAll(&r, recorded(t, "h264-opengop"), 1<<20) {
		if f.Key {
			keys = append(keys, i)
		}
	}
	if !slices.Equal(keys, []int{0, 25}) {
		t.Errorf("the keyframes are %v", keys)
	}
}

// same compares what was read.
func same(t *testing.T, got, want [media.Kinds][]*media.Frame) {
	t.Helper()
	for k := range want {
		if len(got[k]) != len(want[k]) {
			t.Errorf("%d frames of %v, want %d", len(got[k]), media.Kind(k), len(want[k]))
			return
		}
		for i, f := range got[k] {
			w := want[k][i]
			if f.DTS != w.DTS || f.PTS != w.PTS || f.Key != w.Key || !bytes.Equal(f.Data, w.Data) || !bytes.Equal(f.Format.Config, w.Format.Config) {
				t.Errorf("frame %d of %v differs: at %v, want %v", i, media.Kind(k), f.DTS, w.DTS)
				return
			}
		}
	}
}
