package server

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"oneport/hls"
	"oneport/media"
	"oneport/stream"
)

// withHLS is allOnOne with HLS; more is put into its settings, and other sections behind them.
func withHLS(more, sections string) string {
	vhost := "vhost __defaultVhost__ { rtc { enabled on; rtc_to_rtmp on; } http_remux { enabled on; } hls { enabled on; hls_fragment 1; hls_window 5; " + more + " } " + sections + " }"
	return strings.Replace(allOnOne, "vhost __defaultVhost__ { rtc { enabled on; } }", vhost, 1)
}

var h264Config = []byte{
	1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 24, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01,
	0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48, 1, 0, 4, 0x68, 0xcb, 0x83, 0xcb}

// synthetic pushes frames of picture and sound, a group of pictures a second, as fast as it can: time is the frames' own.
type synthetic struct {
	t      *testing.T
	name   stream.Name
	in     *ingest
	end    func()
	at     time.Duration
	sounds int
	group  time.Duration // from one keyframe to the next
	size   int           // of a picture
	video  *media.FrameFormat
	audio  *media.FrameFormat
}

// synthesize publishes a stream.
func synthesize(t *testing.T, s *Server, name string, video, audio *media.FrameFormat) *synthetic {
	t.Helper()
	in, err := s.publishFrames(streamName(name), origin{kind: "fmle-publish"})
	if err != nil {
		t.Fatal(err)
	}
	f := &synthetic{t: t, name: streamName(name), in: in, group: time.Second, size: 2000, video: video, audio: audio}
	f.end = sync.OnceFunc(func() { in.end(errGone) })
	t.Cleanup(f.end)
	return f
}

func h264AndAAC(t *testing.T) (video, audio *media.FrameFormat) {
	t.Helper()
	return formatOf(t, media.H264, h264Config), formatOf(t, media.AAC, []byte{0x11, 0x90})
}

func formatOf(t *testing.T, c media.Codec, b []byte) *media.FrameFormat {
	t.Helper()
	f, err := media.NewFrameFormat(c, b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// feed pushes so many seconds.
func (f *synthetic) feed(seconds int) { f.feedFor(time.Duration(seconds) * time.Second) }

func (f *synthetic) feedFor(length time.Duration) {
	for end := f.at + length; f.at < end; f.at += 40 * time.Millisecond {
		for f.audio != nil {
			at, data := time.Duration(f.sounds)*1024*time.Second/48000, []byte{0x21, 0x10, 4, 0x60, 0x8c, 0x1c}
			if f.audio.Codec == media.Opus {
				at, data = time.Duration(f.sounds)*20*time.Millisecond, []byte{0xfc, 0xff, 0xfe}
			}
			if at > f.at {
				break
			}
			f.sounds++
			f.in.push(&media.Frame{Arrival: time.Now(), Format: f.audio, DTS: at, PTS: at, Key: true, Data: data})
		}
		if f.video == nil {
			continue
		}
		data := append(binary.BigEndian.AppendUint32(nil, uint32(f.size)), 0x41)
		data = append(data, make([]byte, f.size-1)...)
		key := f.at%f.group == 0
		if key {
			data[4] = 0x65
		}
		f.in.push(&media.Frame{Arrival: time.Now(), Format: f.video, DTS: f.at, PTS: f.at, Key: key, Data: data})
	}
}

// live pushes as time passes, to the end of the test. However late it is, nothing is missing.
func (f *synthetic) live(every time.Duration) {
	stop := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			f.feedFor(every)
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	f.t.Cleanup(func() {
		close(stop)
		feeding.Wait()
	})
}

// play asks for a playlist and, when the request waits, pushes so many seconds for it, and waits until there are as many segments:
// the last second is that of the next one.
func (f *synthetic) play(s *Server, path string, seconds int) string {
	f.t.Helper()
	f.feed(1)
	var playlist string
	var asked sync.WaitGroup
	asked.Go(func() { playlist, _ = fetch(f.t, base(s)+path) })
	until(f.t, "the request to wait", func() bool { return s.segmenters.waits.Load() == 1 && f.cut(s).Frames > 0 })
	f.feed(seconds)
	asked.Wait()
	until(f.t, "all segments", func() bool { return f.cut(s).Segments >= uint64(seconds) })
	return playlist
}

// cut is what was made of the frames.
func (f *synthetic) cut(s *Server) hls.Stats {
	g := s.segmenters.find(segmenterKey{f.name, false})
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mux.Stats()
}
