package hls

import (
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// Formats whose configurations are real ones.
var (
	h264Format = &media.FrameFormat{Codec: media.H264, Width: 640, Height: 360, Config: []byte{
		1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 24, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x61, 0x00, 0x00, 0x03, 0x00, 0x01,
		0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48, 1, 0, 4, 0x68, 0xcb, 0x83, 0xcb}}
	aacFormat  = &media.FrameFormat{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
	opusFormat = &media.FrameFormat{Codec: media.Opus, SampleRate: 48000, Channels: 2, Config: media.OpusHead(2)}
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// testOptions are for segments of two seconds.
func testOptions(mp4 bool) Options {
	s := Settings{TSFile: "[app]/[stream]-[seq].ts", FMP4File: "[app]/[stream]-[seq].m4s", UseFMP4: mp4}
	o := Options{
		HLS: true, MP4: mp4, Fragment: 2 * time.Second, Target: 1, Overflow: 2.1, Window: 10 * time.Second,
		Names: Names{App: "live", Stream: "s", Templates: s.Templates()},
	}
	o.Names.Playlist, o.Names.Init, o.Names.Key = "[app]/[stream].m3u8", "[app]/[stream]/init.mp4", "[app]/[stream]-[seq].key"
	o.Names.MPD = "[app]/[stream].mpd"
	return o
}

// source makes the frames of a publication: picture and sound in order of time.
type source struct {
	t      *testing.T
	m      *Muxer
	at     time.Duration // of the next picture
	sounds int           // frames of sound so far
	from   time.Duration // of the sound
	begun  bool
	wall   time.Duration // when the publication began
	mute   bool
	blind  bool
	video  *media.FrameFormat
	audio  *media.FrameFormat
	check  func() // after each frame
}

func newSource(t *testing.T, m *Muxer) *source {
	return &source{t: t, m: m, video: h264Format, audio: aacFormat}
}

func (s *source) expect() {
	var formats [media.Kinds]*media.FrameFormat
	if !s.mute {
		formats[media.Audio] = s.audio
	}
	if !s.blind {
		formats[media.Video] = s.video
	}
	s.m.Expect(formats)
}

func (s *source) push(f *media.Frame) {
	s.t.Helper()
	s.expect()
	item := media.FrameItem{Frame: f}
	if !s.begun {
		s.begun = true
		item.Break, item.From = media.Restarted, f.DTS
	}
	if err := s.m.Push(item); err != nil {
		s.t.Fatal(err)
	}
	if s.check != nil {
		s.check()
	}
}

// picture pushes a picture that lasts so long, after the sound that comes before it.
func (s *source) picture(lasts time.Duration, key bool) {
	s.t.Helper()
	s.sound(s.at)
	nal := []byte{0, 0, 0, 3, 0x41, 1, 2}
	if key {
		nal[4] = 0x65
	}
	s.push(&media.Frame{Arrival: start.Add(s.wall + s.at), Format: s.video, DTS: s.at, PTS: s.at, Key: key, Data: nal})
	s.at += lasts
}

// sound pushes the sound up to a time.
func (s *source) sound(until time.Duration) {
	s.t.Helper()
	for !s.mute {
		at := s.from + time.Duration(s.sounds)*1024*time.Second/48000
		if at >= until {
			return
		}
		s.sounds++
		s.push(&media.Frame{Arrival: start.Add(s.wall + at), Format: s.audio, DTS: at, PTS: at, Key: true, Data: []byte{0x21, 0x10, 4, 0x60, 0x8c, 0x1c}})
	}
}

// groups pushes groups of 25 pictures a second.
func (s *source) groups(n int, length time.Duration) {
	s.t.Helper()
	for range n {
		for i := time.Duration(0); i < length; i += 40 * time.Millisecond {
			s.picture(40*time.Millisecond, i == 0)
		}
	}
}

// tags are the lines of a playlist that begin so.
func tags(playlist, prefix string) (list []string) {
	for line := range strings.Lines(playlist) {
		if rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), prefix); ok {
			list = append(list, rest)
		}
	}
	return list
}
