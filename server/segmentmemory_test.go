package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/media"
)

// A publisher that sends pictures without end and no keyframe fills no more memory than hls_max_bytes, whoever plays; the log says
// why pictures are left out, and a counter how many.
func TestSegmentsHaveBoundedMemory(t *testing.T) {
	const most = 8 << 20 // hls_max_bytes
	for name, path := range map[string]string{"HLS": "/live/x.m3u8", "DASH": "/live/x.mpd"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				c := configure(t, withHLS("hls_ctx off; hls_max_bytes 8388608;", "dash { enabled on; }"))
				s, err := start(c, slog.New(slog.NewTextHandler(&log, nil)))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.Close)
				video, _ := h264AndAAC(t)
				f := synthesize(t, s, "x", video, nil)
				f.feed(1)
				go ask(site(s), "GET", path, "")
				time.Sleep(2 * time.Second) // sound is waited for, no longer
				synctest.Wait()
				data := append([]byte{0, 1, 0, 0, 0x41}, make([]byte, 1<<16-1)...)
				for range 1000 {
					f.at += time.Millisecond
					f.in.push(&media.Frame{Arrival: time.Now(), Format: video, DTS: f.at, PTS: f.at, Data: data})
					synctest.Wait()
					if n := s.segmenters.list()[0].bytes(); n > most {
						t.Fatalf("%d bytes in memory", n)
					}
				}
				if n := s.stats.unreadyFrames.Load(); n < 500 {
					t.Errorf("%d frames are counted", n)
				}
				if n := strings.Count(log.String(), "hls_max_bytes=8388608"); n != 1 {
					t.Errorf("the log says it %d times", n)
				}
				time.Sleep(firstSegment) // the request ends
			})
		})
	}
}
