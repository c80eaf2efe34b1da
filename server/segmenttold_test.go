package server

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// That a publisher's keyframes come too rarely is logged once, and each segment that ended without one is counted; so is what
// segments are made without.
func TestSegmentsWithoutKeyframeAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, err := start(configure(t, withHLS("hls_ctx off; hls_path "+t.TempDir()+";", "")), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		video, audio := h264AndAAC(t)
		f := synthesize(t, s, "x", video, audio)
		for range 4 {
			f.feed(1)
			synctest.Wait()
		}
		metrics := func() string { return text(t, ask(site(s), "GET", "/metrics", "")) }
		const forced, dropped = "\noneport_segments_without_keyframe_total ", "\noneport_segments_frames_dropped_total "
		if got := metrics(); !strings.Contains(got, forced+"0\n") || !strings.Contains(got, dropped+"0\n") {
			t.Error(got)
		}
		f.group = time.Hour
		for range 12 {
			f.feed(1)
			synctest.Wait()
		}
		g := s.segmenters.list()[0]
		g.mu.Lock()
		want := g.mux.Stats().Forced
		g.mu.Unlock()
		if got := metrics(); want < 5 || !strings.Contains(got, forced+strconv.FormatUint(want, 10)+"\n") {
			t.Errorf("%d segments ended without a keyframe:\n%s", want, got)
		}
		f.at, f.sounds = time.Second, 0 // a jump back; the next keyframe is far
		f.feed(1)
		synctest.Wait()
		if got := metrics(); strings.Contains(got, dropped+"0\n") || !strings.Contains(got, dropped) {
			t.Error(got)
		}
		f.end()
		s.Close()
		if n := strings.Count(log.String(), "a segment ended without a keyframe"); n != 1 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("it is logged %d times:\n%s", n, log.String())
		}
	})
}
