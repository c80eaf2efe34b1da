package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"

	"oneport/audio"
	"oneport/media"
)

// aacFrames are n frames of silence in AAC.
func aacFrames(t *testing.T, n int) (frames []*media.Frame) {
	t.Helper()
	format := &media.FrameFormat{Codec: media.Opus, SampleRate: 48000, Channels: 2}
	encoder, err := audio.New(format, media.AAC, 64000)
	if err != nil {
		t.Fatal(err)
	}
	for at := time.Duration(0); len(frames) < n; at += 20 * time.Millisecond {
		made, err := encoder.Push(&media.Frame{Format: format, DTS: at, PTS: at, Key: true, Data: []byte{0xfc, 0xff, 0xfe}})
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, made...)
	}
	return frames[:n]
}

// encoder is a publisher of frames as they come from an encoder with B-frames: 25 pictures a second, a keyframe a second.
type encoder struct {
	*testing.T
	*ingest
	began   time.Time
	picture int
	sounds  []*media.Frame
}

func newEncoder(t *testing.T, s *Server, sounds int) *encoder {
	t.Helper()
	i, err := s.publishFrames(livestream, origin{kind: "fmle-publish", ip: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return &encoder{T: t, ingest: i, began: time.Now(), sounds: aacFrames(t, sounds)}
}

// leave ends the publication.
func (e *encoder) leave() { e.end(context.Canceled) }

// run sends what belongs to the next d. Of three pictures two are B-frames.
func (e *encoder) run(d time.Duration, between func()) {
	e.Helper()
	video := frameFormat(e.T, media.H264, testAVCC)
	for end := time.Now().Add(d); time.Now().Before(end); {
		now := time.Now()
		at := time.Duration(e.picture) * 40 * time.Millisecond
		shown := at + []time.Duration{0, 80, -40}[e.picture%3]*time.Millisecond + 80*time.Millisecond
		f := &media.Frame{Arrival: now, Format: video, DTS: at, PTS: shown, Data: []byte{0, 0, 0, 6, 0x41, 0x80, 0, 0, 0, byte(e.picture)}}
		if e.picture%24 == 0 {
			f.Key, f.Data[4] = true, 0x65
		}
		e.push(f)
		e.picture++
		for len(e.sounds) > 0 && e.sounds[0].DTS <= at {
			sound := *e.sounds[0]
			sound.Arrival = now
			e.push(&sound)
			e.sounds = e.sounds[1:]
		}
		time.Sleep(40 * time.Millisecond)
		between()
	}
}

// withBoth is allOnOne with bridges both ways.
func withBoth(switches string) string {
	return strings.Replace(allOnOne, "enabled on; } }", switches+" } }", 1)
}

// A viewer by WebRTC gets what an encoder publishes: pictures that are not B-frames, each with the parameters before a
// keyframe, and the sound in Opus; sound and picture on one clock.
func TestWebRTCOfFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, configure(t, withBoth("enabled on; rtmp_to_rtc on;")))
		early := joined(t, s, "whep", "")
		e := newEncoder(t, s, 200)
		e.run(1500*time.Millisecond, early.pump)
		late := joined(t, s, "whep", "")
		e.run(2500*time.Millisecond, func() { early.pump(); late.pump() })
		for name, c := range map[string]*fakeClient{"early": early, "late": late} {
			var sets, keys, sounds int
			for _, p := range c.media {
				switch {
				case p.PayloadType == 111:
					sounds++
				case p.Payload[0]&0x1f == 24: // STAP-A: parameter sets and all
					sets++
					keys++
				case p.Payload[0]&0x1f == 5:
					keys++
				}
			}
			if len(c.media) == 0 || c.media[0].PayloadType == 102 && c.media[0].Payload[0]&0x1f != 24 {
				t.Fatalf("%s: %d packets, which do not begin with parameter sets", name, len(c.media))
			}
			if pictures := len(c.media) - sounds; sets < 3 || keys != sets || pictures > 45 || pictures < 20 || sounds < 100 || sounds > 210 {
				t.Errorf("%s: %d pictures, %d keyframes, %d with parameters, %d sounds", name, pictures, keys, sets, sounds)
			}
		}
		if n := s.stats.bFrames.Load(); n < 40 || n > 70 {
			t.Errorf("%d B-frames were left out of %d pictures", n, e.picture)
		}
		if n := s.stats.bridges.Load(); n != 1 || s.stats.soundErrors.Load() != 0 {
			t.Errorf("%d bridges, %d errors of sound", n, s.stats.soundErrors.Load())
		}
		early.sess.close(errKicked)
		late.sess.close(errKicked)
		e.run(15*time.Second, func() {})
		if n := s.stats.bridges.Load(); n != 0 {
			t.Errorf("%d bridges though nobody watches", n)
		}
		e.leave()
	})
}

// A viewer stays when a publisher of frames takes over from a browser, and the other way.
func TestWebRTCOfFramesAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, configure(t, withBoth("enabled on; rtmp_to_rtc on;")))
		viewer := joined(t, s, "whep", "")
		for range 2 {
			browser := joined(t, s, "whip", "")
			browser.sendFrame(1, true)
			viewer.live(100 * time.Millisecond)
			browser.sess.close(errKicked)
			before := len(viewer.media)
			if numbers, keys := viewer.frames(); keys == 0 {
				t.Fatalf("nothing of the browser: %v", numbers)
			}
			viewer.media = nil
			e := newEncoder(t, s, 20)
			e.run(time.Second, viewer.pump)
			e.leave()
			if len(viewer.media) < 10 {
				t.Fatalf("%d packets of the browser, %d of the encoder", before, len(viewer.media))
			}
			viewer.live(100 * time.Millisecond)
			viewer.media = nil
		}
		if viewer.over() {
			t.Error("the viewer is gone")
		}
	})
}

// Where rtmp_to_rtc is off, a viewer is told so: at once, or when the publisher comes.
func TestWebRTCOfFramesOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, configure(t, withBoth("enabled on; rtmp_to_rtc off;")))
		waiting := joined(t, s, "whep", "")
		e := newEncoder(t, s, 20)
		e.run(200*time.Millisecond, waiting.pump)
		for range 10 {
			waiting.live(time.Second)
		}
		if !waiting.over() {
			t.Error("who waited is not told")
		}
		if c, res := offered(t, s, "whep", ""); c != nil || res.StatusCode != http.StatusNotAcceptable || !strings.Contains(text(t, res), "rtmp_to_rtc") {
			t.Errorf("who comes is answered %s", res.Status)
		}
		e.leave()
	})
}

// What a viewer did not offer is refused by name, also of a stream of frames.
func TestWebRTCOfFramesRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, configure(t, withBoth("enabled on; rtmp_to_rtc on;")))
		e := newEncoder(t, s, 20)
		e.run(200*time.Millisecond, func() {})
		c, res := offered(t, s, "whep", "", "H264/90000", "VP8/90000", "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n", "")
		if c != nil || res.StatusCode != http.StatusNotAcceptable || !strings.Contains(text(t, res), "H264") {
			t.Errorf("answered %s", res.Status)
		}
		e.leave()
	})
}

// The sender reports keep sound and picture together also while the server follows an encoder whose frames come late at first,
// and where pictures are rare.
func TestClocksOfFramesMoveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, configure(t, withBoth("enabled on; rtmp_to_rtc on;")))
		e := newEncoder(t, s, 150)
		defer e.leave()
		reader, err := s.hubs[e.name.Vhost].Subscribe(time.Now(), e.name, &sleeper{})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		video := frameFormat(t, media.H264, testAVCC)
		time.Sleep(500 * time.Millisecond)
		moved := time.Duration(0)
		var first time.Time
		for i, sound := range e.sounds {
			if i%40 == 0 {
				e.push(&media.Frame{Arrival: time.Now(), Format: video, DTS: sound.DTS, PTS: sound.DTS, Key: true, Data: []byte{0, 0, 0, 2, 0x65, 0x80}})
			}
			sound.Arrival = time.Now()
			e.push(sound)
			time.Sleep(15 * time.Millisecond) // it catches up
			reader.Next(time.Now(), nil, 100)
			heard, ok := reader.Timing(media.Audio)
			seen, both := reader.Timing(media.Video)
			if !ok || !both {
				continue
			}
			began := heard.At.Add(-time.Duration(heard.RTP) * time.Second / 48000)
			apart := began.Sub(seen.At.Add(-time.Duration(seen.RTP) * time.Second / 90000))
			if apart.Abs() > 50*time.Microsecond {
				t.Fatalf("frame %d: the reports put sound and picture %v apart", i, apart)
			}
			if first.IsZero() {
				first = began
			}
			moved = began.Sub(first)
		}
		if moved > -50*time.Millisecond {
			t.Errorf("the wall clock was followed by %v only", moved)
		}
	})
}

// An encoder whose pictures change their size is followed: the new parameter sets come before the keyframe, to a viewer who was
// there and to one who comes.
func TestParametersOfEncoderChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, configure(t, withBoth("enabled on; rtmp_to_rtc on;")))
		viewer := joined(t, s, "whep", "")
		e := newEncoder(t, s, 0)
		defer e.leave()
		var sets media.ParameterSets
		for _, nal := range []string{"6742c028d900780227e584000003000400000300f03c60c920", "68ce3880"} { // of 1920x1080
			b, _ := hex.DecodeString(nal)
			sets.Put(media.H264, b)
		}
		large, err := media.NewFrameFormat(media.H264, sets.Config(media.H264))
		if err != nil {
			t.Fatal(err)
		}
		formats := []*media.FrameFormat{frameFormat(t, media.H264, testAVCC), large}
		send := func(i int, key bool, format *media.FrameFormat) {
			at := time.Duration(i) * 40 * time.Millisecond
			f := &media.Frame{Arrival: time.Now(), Format: format, DTS: at, PTS: at, Key: key, Data: []byte{0, 0, 0, 4, 0x41, 0x80, 0, byte(i)}}
			if key {
				f.Data[4] = 0x65
			}
			e.push(f)
			time.Sleep(40 * time.Millisecond)
			viewer.pump()
		}
		for i := range 20 {
			send(i, i%10 == 0, formats[i/10])
		}
		late := joined(t, s, "whep", "")
		send(20, true, formats[1])
		late.pump()
		want, _, _ := media.ReadParameterSets(media.H264, large.Config)
		brings := func(p rtp.Packet) bool { return p.Payload[0]&0x1f == 24 && bytes.Contains(p.Payload, want.SPS[0]) }
		if n := len(viewer.media); n != 21 || brings(viewer.media[0]) || !brings(viewer.media[10]) {
			t.Errorf("of %d packets the new sets are not in the eleventh", n)
		}
		if n := len(late.media); n == 0 || !brings(late.media[n-1]) {
			t.Errorf("who comes then has %d packets, without the new sets before a keyframe", n)
		}
	})
}

// Where srt_to_rtmp is off, what is published by SRT is played by SRT alone, and every other viewer is told so.
func TestOnlyBySRT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text1 := strings.Replace(withBoth("enabled on; rtmp_to_rtc on;"), "rtmp_to_rtc on; }", "rtmp_to_rtc on; } srt { enabled on; srt_to_rtmp off; } hls { enabled on; }", 1)
		s := offline(t, configure(t, text1))
		waiting := joined(t, s, "whep", "")
		i, err := s.publishFrames(livestream, origin{kind: "srt-publish", ip: "192.0.2.1"})
		if err != nil {
			t.Fatal(err)
		}
		e := &encoder{T: t, ingest: i, began: time.Now(), sounds: aacFrames(t, 50)}
		e.run(2*time.Second, waiting.pump)
		if len(waiting.media) > 0 {
			t.Errorf("%d packets of it go to WebRTC", len(waiting.media))
		}
		for range 10 {
			waiting.live(time.Second)
		}
		if !waiting.over() {
			t.Error("who waited by WebRTC is not told")
		}
		if c, res := offered(t, s, "whep", ""); c != nil || res.StatusCode != http.StatusNotAcceptable || !strings.Contains(text(t, res), "srt_to_rtmp") {
			t.Errorf("who comes by WebRTC is answered %s", res.Status)
		}
		if res := local(s, http.MethodGet, "/live/livestream.m3u8", ""); res.StatusCode != http.StatusNotAcceptable || !strings.Contains(text(t, res), "srt_to_rtmp") {
			t.Errorf("who comes by HLS is answered %s", res.Status)
		}
		e.leave()
	})
}
