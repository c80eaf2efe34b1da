package server

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What a segmenter is late for, while a slow disk holds it up, is counted, and told once with what to do about it.
func TestFramesLateForSegmentsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := filepath.Join(t.TempDir(), "hls"), &lateLog{}
		g := gate{slog.NewTextHandler(log, nil), "segments can't be written", &passage{}}
		s, err := start(configure(t, withHLS("hls_ctx off; hls_path "+dir+";", "play { queue_length 10; }")), slog.New(g))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		video, audio := h264AndAAC(t)
		f := synthesize(t, s, "x", video, audio)
		feed := func(seconds int) {
			for range seconds {
				f.feed(1)
				time.Sleep(time.Second)
			}
			synctest.Wait()
		}
		feed(5)
		if n := lateFrames(t, s); n != 0 {
			t.Errorf("%d frames were late before the disk was slow", n)
		}
		const perSecond = 25 + 46 // pictures and sounds
		for i := range 2 {
			if err := os.RemoveAll(dir + "-before"); err != nil {
				t.Fatal(err)
			}
			g.open = make(chan struct{})
			g.fail(t, dir, func() { feed(3) })
			feed(30)
			close(g.open)
			feed(3)
			if n, least := lateFrames(t, s), (i+1)*15*perSecond; n < least {
				t.Errorf("%d frames are counted, and at least %d were late", n, least)
			}
		}
		if n := strings.Count(log.text(), "level=WARN"); n != 1 || !strings.Contains(log.text(), "the disk at hls_path is too slow") {
			t.Errorf("it is told %d times:\n%s", n, log.text())
		}
	})
}

// lateFrames is what the metrics tell.
func lateFrames(t *testing.T, s *Server) int {
	t.Helper()
	found := regexp.MustCompile(`(?m)^oneport_segments_frames_late_total (\d+)$`).FindStringSubmatch(text(t, ask(site(s), "GET", "/metrics", "")))
	if found == nil {
		t.Fatal("late frames are not counted")
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
