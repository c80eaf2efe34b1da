package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oneport/api"
)

// What a browser publishes is heard and seen together by viewers of every other protocol, from the first second on.
func TestSyncOfWebRTC(t *testing.T) {
	t.Parallel()
	s, c := start(t), newClip(t, 8*time.Second, smallSize)
	everywhere := []string{"flv", "ts", "rtmp", "hls"}
	for _, tc := range []struct {
		name    string
		environ []string // of a server of its own
		long    time.Duration
		players []string
		how     performance
		judge   func(t *testing.T, file string)
	}{
		{"udp", nil, 8 * time.Second, append(everywhere, "dash"), performance{network: "udp"}, together},
		{"mp4", []string{"SRS_VHOST_HLS_HLS_USE_FMP4=on"}, 8 * time.Second, []string{"hls", "dash"}, performance{network: "udp"}, together},
		{"parts", []string{"SRS_VHOST_HLS_HLS_LOW_LATENCY=on"}, 8 * time.Second, []string{"hls", "ll-hls", "dash"}, performance{network: "udp"}, together},
		{"tcp", nil, 6 * time.Second, []string{"flv"}, performance{network: "tcp"}, together},
		{"late", nil, 8 * time.Second, everywhere, performance{network: "udp", late: 0.2}, together},
		{"lossy", nil, 8 * time.Second, everywhere, performance{network: "udp", loss: 0.03, late: 0.02}, broken(25)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := s
			if tc.environ != nil {
				s = start(t, tc.environ...)
			}
			recordings := s.record(t, tc.name, tc.players...)
			perform(t, s, tc.name, c.first(tc.long), tc.how)
			for _, file := range recordings() {
				tc.judge(t, file)
			}
		})
	}
	t.Cleanup(func() {
		for _, counter := range []string{"oneport_bridge_packets_lost_total", "oneport_bridge_pictures_incomplete_total", "oneport_bridge_pictures_skipped_total"} {
			if s.metric(counter) == 0 {
				t.Errorf("%s does not tell of what was lost", counter)
			}
		}
	})
}

// What depends on when packets arrive does not share the machine with other tests of the package: what is sent again has a fifth of
// a second to come, and without reports the first packets say how far apart sound and picture are.
func TestSyncByArrival(t *testing.T) {
	s, c := start(t), newClip(t, 10*time.Second, smallSize)
	for _, tc := range []struct {
		name    string
		long    time.Duration
		players []string
		how     performance
		judge   func(t *testing.T, file string)
	}{
		{"silent", 10 * time.Second, []string{"flv"}, performance{network: "udp", silent: 5 * time.Second, skew: 70 * time.Millisecond}, approaching},
		{"mended", 8 * time.Second, []string{"flv", "ts", "rtmp"}, performance{network: "udp", loss: 0.03, late: 0.02, resends: true}, broken(120)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // with the other one
			recordings := s.record(t, tc.name, tc.players...)
			perform(t, s, tc.name, c.first(tc.long), tc.how)
			for _, file := range recordings() {
				tc.judge(t, file)
			}
		})
	}
}

// together judges a recording of what was published with the clocks told at once.
func together(t *testing.T, file string) {
	saw := watched(t, file)
	saw.checkTogether(t, filepath.Base(file), 5)
	saw.checkSteady(t, filepath.Base(file))
	checkDecodes(t, file)
}

// broken judges a recording of what was published over a network that loses packets: what is seen is whole, and is where it
// belongs beside the sound, which goes on. So many pictures survive at least; a keyframe comes once a second only.
func broken(least int) func(t *testing.T, file string) {
	return func(t *testing.T, file string) {
		saw := watched(t, file)
		saw.checkTogether(t, filepath.Base(file), 4)
		saw.checkSound(t, filepath.Base(file))
		checkDecodes(t, file)
		t.Logf("%s: %d pictures", filepath.Base(file), len(saw.pictures))
		if len(saw.pictures) < least {
			t.Errorf("%d pictures are whole, fewer than %d", len(saw.pictures), least)
		}
	}
}

// approaching judges a recording of what was published with the clocks told after five seconds: what arrives together is
// together before, and no frame moves by more than a millisecond to where it belongs, 70 ms further.
func approaching(t *testing.T, file string) {
	saw := watched(t, file)
	saw.checkSteady(t, filepath.Base(file))
	checkDecodes(t, file)
	if len(saw.flashes) < 8 {
		t.Fatalf("%d flashes", len(saw.flashes))
	}
	first := saw.flashes[0]
	for _, flash := range saw.flashes[1:] {
		beep, ok := nearest(saw.beeps, flash)
		if !ok {
			t.Fatalf("there is no beep at the flash at %v", flash)
		}
		t.Logf("beep after flash at %v: %v", flash, beep-flash)
		switch at := flash - first; {
		case at < 5*time.Second && (beep-flash).Abs() > farthestApart:
			t.Errorf("the beep is %v after the flash at %v", beep-flash, flash)
		case at > 8500*time.Millisecond && (beep-flash-70*time.Millisecond).Abs() > 15*time.Millisecond:
			t.Errorf("the beep is %v after the flash at %v, and should be 70 ms", beep-flash, flash)
		}
	}
}

// first is the beginning of a clip.
func (c *clip) first(long time.Duration) *clip {
	return &clip{pictures: c.pictures[:long/pictureStep], sounds: c.sounds}
}

// record has players of those protocols record a stream, and waits until those are there that wait for a publisher. What it
// returns waits for the stream's end.
func (s *server) record(t *testing.T, stream string, protocols ...string) (files func() []string) {
	t.Helper()
	dir := t.TempDir()
	var running sync.WaitGroup
	var made []string
	at, waiting := "http://"+s.addr+"/live/"+stream, len(s.viewers(stream))
	for _, protocol := range protocols {
		file := filepath.Join(dir, protocol+".flv")
		switch protocol {
		case "ll-hls":
			file = filepath.Join(dir, protocol+".mp4")
			running.Go(func() { check(t, recordLowLatency(t.Context(), at+".m3u8", file)) })
		case "dash":
			running.Go(func() { check(t, recordDASH(t.Context(), at+".mpd", file)) })
		default:
			if protocol != "hls" {
				waiting++
			}
			running.Go(func() {
				if protocol == "hls" {
					check(t, awaitPlaylist(t.Context(), at+".m3u8"))
				}
				args := append(s.source(at, protocol), "-c", "copy", file)
				if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil { // the stream's end is no good end to some
					t.Logf("%s: %v: %s", protocol, err, out)
				}
			})
		}
		made = append(made, file)
	}
	eventually(t, joinLimit, "the viewers wait", func() bool { return len(s.viewers(stream)) >= waiting })
	return func() []string {
		running.Wait()
		return made
	}
}

// viewers are the sessions of those who play a stream, or wait for it.
func (s *server) viewers(stream string) (list []api.Client) {
	s.t.Helper()
	for _, c := range s.clients() {
		if c.Name == stream && !c.Publish {
			list = append(list, c)
		}
	}
	return list
}

// source are the arguments of an ffmpeg that plays by a protocol.
func (s *server) source(at, protocol string) []string {
	args := []string{"-nostdin", "-v", "error"}
	switch protocol {
	case "rtmp":
		return append(args, "-i", "rtmp"+strings.TrimPrefix(at, "http"))
	case "hls":
		return append(args, "-live_start_index", "0", "-t", strconv.FormatFloat(recordedSpan.Seconds(), 'f', -1, 64), "-i", at+".m3u8")
	}
	return append(args, "-i", at+"."+protocol)
}

// check is must for a goroutine of the test.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

const smallSize, largeSize = "320x180", "640x360"

// A browser that sends larger pictures from some keyframe on is followed by the viewers of every other protocol: each decodes
// the small and the large ones without a complaint.
func TestSizeChanges(t *testing.T) {
	t.Parallel()
	s := start(t)
	const half = 4 * time.Second
	small, large := newClip(t, half, smallSize), newClip(t, half, largeSize)
	joined := &clip{pictures: slices.Concat(small.pictures, large.pictures), sounds: slices.Concat(small.sounds[:half/soundStep], large.sounds)}
	var watching sync.WaitGroup
	for _, protocol := range []string{"flv", "ts", "m3u8"} {
		url := "http://" + s.addr + "/live/x." + protocol
		watching.Go(func() {
			args := []string{"-v", "error", "-select_streams", "v", "-show_entries", "frame=width,height", "-of", "csv=p=0:s=x"}
			if protocol == "m3u8" {
				check(t, awaitPlaylist(t.Context(), url))
				args = append(args, "-live_start_index", "0", "-read_intervals", "%+5.8") // it is long until a playlist ends
			}
			out, err := exec.CommandContext(t.Context(), "ffprobe", append(args, url)...).CombinedOutput()
			counts := map[string]int{}
			for line := range strings.Lines(string(out)) {
				if size := strings.TrimRight(line, "x\n"); size != "" {
					counts[size]++
				}
			}
			// One that reads segments leaves what comes last.
			if err != nil || counts[smallSize] < 60 || counts[largeSize] < 40 || len(counts) > 2 {
				t.Errorf("%s: %v, %v", protocol, counts, err)
			}
			t.Logf("%s: %v", protocol, counts)
		})
	}
	eventually(t, joinLimit, "those that wait for a publisher are there", func() bool { return len(s.viewers("x")) == 2 })
	perform(t, s, "x", joined, performance{network: "udp"})
	watching.Wait()
}
