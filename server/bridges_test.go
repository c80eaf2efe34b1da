package server

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oneport/audio"
	"oneport/bench"
	"oneport/bridge"
	"oneport/config"
	"oneport/media"
	"oneport/stream"
)

// camera is a browser that publishes sound, and a picture each 40 ms: a keyframe at first and when it is asked for one.
type camera struct {
	*fakeClient
	tick   int // of 20 ms
	keys   int // that were asked for and made
	sounds [][]byte
	seqs   [media.Kinds]uint16
}

// film publishes for a while.
func (c *camera) film(d time.Duration, between func()) {
	c.t.Helper()
	sets, _, err := media.ReadParameterSets(media.H264, frameFormat(c.t, media.H264, testAVCC).Config)
	if err != nil {
		c.t.Fatal(err)
	}
	for end := time.Now().Add(d); time.Now().Before(end); c.tick++ {
		c.check(c.wire)
		c.seq = c.seqs[media.Video]
		at := uint32(c.tick) * 1800
		if c.tick%2 == 0 {
			key := c.tick == 0 || c.keys < c.asked
			if c.keys = c.asked; key {
				c.sendRTP(102, 7, at, aggregate(sets.All()))
			}
			c.sendRTP(102, 7, at, []byte{pick(key, 0x65, 0x41), 0x80, 0, byte(c.tick)})
		}
		c.seqs[media.Video], c.seq = c.seq, c.seqs[media.Audio]
		if c.tick < len(c.sounds) {
			c.sendRTP(111, 8, uint32(c.tick)*960, c.sounds[c.tick])
		}
		c.seqs[media.Audio] = c.seq
		time.Sleep(20 * time.Millisecond)
		c.pump()
		between()
	}
}

// A publisher by WebRTC is asked for a keyframe as often as pli_for_rtmp says while somebody reads frames, and then only.
func TestKeyframesForFrames(t *testing.T) {
	const lasts = 20 * time.Second
	for _, every := range []time.Duration{2 * time.Second, 5 * time.Second} {
		c := configure(t, withBoth(fmt.Sprintf("enabled on; rtc_to_rtmp on; pli_for_rtmp %d;", every/time.Second)))
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, c)
			browser := &camera{fakeClient: joined(t, s, "whip", "stream=x")}
			ask := func(between func()) int {
				before := browser.asked
				browser.film(lasts, between)
				return browser.asked - before
			}
			if n := ask(func() {}); n != 0 {
				t.Errorf("%v: it is asked %d times though nobody reads frames", every, n)
			}
			reader, err := s.hubs["__defaultVhost__"].SubscribeFrames(time.Now(), streamName("x"), &sleeper{})
			if err != nil {
				t.Fatal(err)
			}
			read := func() { reader.Next(time.Now(), nil, 100) }
			browser.film(time.Second, read) // who comes wants a keyframe at once
			if n, want := ask(read), int(lasts/every); n < want-1 || n > want+1 {
				t.Errorf("%v: it is asked %d times in %v", every, n, lasts)
			}
			reader.Close()
			browser.film(15*time.Second, func() {}) // the bridge stays for those who come back
			if n := ask(func() {}); n != 0 {
				t.Errorf("%v: it is asked %d times when the reader has left", every, n)
			}
			browser.sess.close(errKicked)
		})
	}
}

// noise is an encoder's sound of so many parts.
func noise(t *testing.T, parts int) (frames []*media.Frame) {
	t.Helper()
	format := frameFormat(t, media.AAC, "1190")
	for i := range parts {
		frames = append(frames, aacOf(t, time.Duration(i)*part, 48000, 2, format)...)
	}
	return frames
}

// near demands a rate of bits that is about what a setting says.
func near(t *testing.T, what string, bytes int, d time.Duration, setting int) {
	t.Helper()
	rate := float64(bytes*8) / d.Seconds()
	if math.Abs(rate-float64(setting)) > 0.25*float64(setting) {
		t.Errorf("%s %d makes %.0f bits a second", what, setting, rate)
	}
}

// Sound that is turned into Opus has as many bits a second as opus_bitrate says.
func TestOpusBitrate(t *testing.T) {
	for _, setting := range []int{64000, 160000} {
		c := configure(t, withBoth(fmt.Sprintf("enabled on; rtmp_to_rtc on; opus_bitrate %d;", setting)))
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, c)
			viewer := joined(t, s, "whep", "")
			e := newEncoder(t, s, 0)
			defer e.leave()
			e.sounds = noise(t, 8)
			e.run(8*part, viewer.pump)
			bytes, count := 0, 0
			for _, p := range viewer.media {
				if p.PayloadType == 111 {
					bytes += len(p.Payload)
					count++
				}
			}
			near(t, "opus_bitrate", bytes, time.Duration(count)*20*time.Millisecond, setting)
		})
	}
}

// opusNoise is noise in Opus, a packet each 20 ms.
func opusNoise(t *testing.T, seconds int) (sounds [][]byte) {
	t.Helper()
	encoder, err := audio.New(frameFormat(t, media.AAC, "1190"), media.Opus, 128000)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range noise(t, seconds) {
		made, err := encoder.Push(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range made {
			sounds = append(sounds, f.Data)
		}
	}
	return sounds
}

// Sound that is turned into AAC has as many bits a second as aac_bitrate says.
func TestAACBitrate(t *testing.T) {
	sounds := opusNoise(t, 8)
	for _, setting := range []int{64000, 160000} {
		c := configure(t, withBoth(fmt.Sprintf("enabled on; rtc_to_rtmp on; aac_bitrate %d;", setting)))
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, c)
			browser := &camera{fakeClient: joined(t, s, "whip", "stream=x"), sounds: sounds}
			reader, err := s.hubs["__defaultVhost__"].SubscribeFrames(time.Now(), streamName("x"), &sleeper{})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			var frames []media.FrameItem
			browser.film(8*part, func() { frames = reader.Next(time.Now(), frames, 100) })
			bytes, count := 0, 0
			for _, f := range frames {
				if f.Kind() == media.Audio {
					bytes += len(f.Data)
					count++
				}
			}
			near(t, "aac_bitrate", bytes, time.Duration(count)*1024*time.Second/48000, setting)
			browser.sess.close(errKicked)
		})
	}
}

// What of an encoder's pictures WebRTC can't show is told once, with the settings of encoders that help, however many viewers
// there are; each B-frame is counted.
func TestEncoderIsTold(t *testing.T) {
	c := configure(t, withBoth("enabled on; rtmp_to_rtc on;"))
	synctest.Test(t, func(t *testing.T) {
		s, w := logged(t, c)
		early := joined(t, s, "whep", "")
		e := newEncoder(t, s, 0)
		e.run(time.Second, early.pump)
		late := joined(t, s, "whep", "")
		e.run(2*time.Second, func() { early.pump(); late.pump() })
		want := 0
		for i := range e.picture {
			if i%3 != 1 && i%24 != 0 {
				want++
			}
		}
		if n := int(s.stats.bFrames.Load()); n != want {
			t.Errorf("%d B-frames are counted of %d among %d pictures", n, want, e.picture)
		}
		if body := text(t, local(s, http.MethodGet, "/metrics", "")); !strings.Contains(body, fmt.Sprintf("oneport_b_frames_dropped_total %d\n", want)) {
			t.Error("the metrics don't tell of them")
		}
		if n := strings.Count(w.text(), bridge.BFramesWarning); n != 1 || strings.Contains(w.text(), bridge.OpenGroupsWarning) {
			t.Errorf("B-frames are told of %d times:\n%s", n, w.text())
		}
		video := frameFormat(t, media.H264, testAVCC)
		for i := range 5 { // keyframes that are no IDR pictures
			at := time.Duration(e.picture+i) * 40 * time.Millisecond
			e.push(&media.Frame{Arrival: time.Now(), Format: video, DTS: at, PTS: at + time.Second, Key: true, Data: []byte{0, 0, 0, 6, 0x41, 0x80, 0, 0, 0, byte(i)}})
			time.Sleep(40 * time.Millisecond)
			early.pump()
		}
		if n := strings.Count(w.text(), bridge.OpenGroupsWarning); n != 1 {
			t.Errorf("open groups are told of %d times:\n%s", n, w.text())
		}
		e.leave()
	})
}

// The sound of a publisher by WebRTC is converted once, whoever plays it: all get the same frames of one converter.
func TestSoundIsConvertedOnce(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 300})
	first := watch(t, base(s)+"/live/x.flv")
	all := make(map[string]bool)
	more := func() {
		for _, f := range first.read(10)[media.Audio] {
			all[string(f.Data)] = true
		}
	}
	more()
	second := watch(t, base(s)+"/live/x.flv").read(10)
	player := dialRTMP(t, addrOf(s), "live")
	player.play("x")
	third := player.frames(10)
	fourth := collect(t, call(t, "GET", base(s)+"/live/x.ts", "").Body, 10)
	if n, viewers := s.stats.bridges.Load(), len(s.viewers.all()); n != 1 || viewers != 4 {
		t.Errorf("%d bridges convert for %d viewers", n, viewers)
	}
	for sounds := fourth[media.Audio]; !all[string(sounds[len(sounds)-1].Data)]; {
		more()
	}
	for i, frames := range [][media.Kinds][]*media.Frame{second, third, fourth} {
		for _, f := range frames[media.Audio] {
			if !all[string(f.Data)] {
				t.Fatalf("viewer %d has a sound at %v that the first has not", i+2, f.DTS)
			}
		}
	}
}

// So is the sound of an encoder for its viewers by WebRTC.
func TestSoundOfEncoderIsConvertedOnce(t *testing.T) {
	c := configure(t, withBoth("enabled on; rtmp_to_rtc on;"))
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		first := joined(t, s, "whep", "")
		e := newEncoder(t, s, 0)
		defer e.leave()
		e.sounds = noise(t, 6)
		e.run(part, first.pump)
		others := []*fakeClient{joined(t, s, "whep", ""), joined(t, s, "whep", "")}
		e.run(4*part, func() {
			first.pump()
			for _, c := range others {
				c.pump()
			}
		})
		if n := s.stats.bridges.Load(); n != 1 {
			t.Errorf("%d bridges for three viewers", n)
		}
		all := make(map[string]bool)
		for _, p := range first.media {
			all[string(p.Payload)] = true
		}
		for _, c := range others {
			sounds := 0
			for _, p := range c.media {
				if p.PayloadType != 111 {
					continue
				}
				if sounds++; !all[string(p.Payload)] {
					t.Fatal("a viewer has a sound that the first has not")
				}
			}
			if sounds < 80 {
				t.Errorf("a viewer has %d sounds", sounds)
			}
		}
	})
}

// A stream may ask its publisher for a keyframe before the publisher knows that it has its place: who waits for frames is told
// of them, and asks, as soon as there is somebody to ask.
func TestKeyframeWantedAtOnce(t *testing.T) {
	c := configure(t, withBoth("enabled on; rtc_to_rtmp on;"))
	s := offline(t, c)
	const rounds = 60
	for i := range rounds {
		name := streamName(fmt.Sprint("x", i))
		w := &eager{}
		reader, err := s.hubs[config.DefaultVhost].SubscribeFrames(time.Now(), name, w)
		if err != nil {
			t.Fatal(err)
		}
		w.reader.Store(reader)
		target := "/rtc/v1/whip/?app=live&stream=" + name.Stream
		res := local(s, http.MethodPost, target, offerFile(t, "chromium-publish-H264"), sdpType)
		if res.StatusCode != http.StatusCreated {
			t.Fatal(res.Status, text(t, res))
		}
		reader.Close()
	}
}

// eager reads as soon as it is woken.
type eager struct {
	reader atomic.Pointer[stream.FrameReader]
}

func (e *eager) Wake(*stream.Stream) {
	if r := e.reader.Load(); r != nil {
		r.Next(time.Now(), nil, 1)
	}
}
