package server

import (
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	aac "github.com/tphakala/go-aac"

	"oneport/media"
	"oneport/stream"
)

// part is how long an encoder's sound is of one kind.
const part = 600 * time.Millisecond

// aacOf are the frames of a part of noise in AAC, from a time on, said to be of that format.
func aacOf(t *testing.T, from time.Duration, rate, channels int, format *media.FrameFormat) (frames []*media.Frame) {
	t.Helper()
	enc, err := aac.NewEncoder(aac.EncoderConfig{SampleRate: rate, Channels: channels, Bitrate: 48000 * channels})
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([][]float32, channels)
	seed := uint32(1)
	for c := range pcm {
		pcm[c] = make([]float32, 1024)
	}
	for i := 0; i*1024 < rate*6/10; i++ {
		for c := range pcm {
			for j := range pcm[c] {
				seed = seed*1664525 + 1013904223
				pcm[c][j] = float32(int32(seed)) / (1 << 33)
			}
		}
		data, err := enc.EncodeFrame(nil, pcm)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			continue // it wants to see the next one first
		}
		at := from + time.Duration(i*1024)*time.Second/time.Duration(rate)
		frames = append(frames, &media.Frame{Format: format, DTS: at, PTS: at, Key: true, Data: data})
	}
	return frames
}

// logged is a server whose log can be read.
func logged(t *testing.T, c *Config) (*Server, *lateLog) {
	t.Helper()
	w := &lateLog{}
	s := offline(t, c)
	s.log = slog.New(slog.NewTextHandler(w, nil))
	s.crowd = newCrowdLog(s.log)
	return s, w
}

// A part of an encoder's sound is damaged, of another rate, or of a kind that can't be converted; before and after it is
// good. The picture goes on all the time and the sound comes back; the log speaks of it once.
func TestSoundOfEncoderGoesBad(t *testing.T) {
	good := frameFormat(t, media.AAC, "1190")
	for _, test := range []struct {
		name   string
		bad    func(t *testing.T, from time.Duration) []*media.Frame
		sounds int    // least of the three parts that a viewer hears
		says   string // in the log, empty: nothing
	}{
		{"nothing", func(t *testing.T, from time.Duration) []*media.Frame { return aacOf(t, from, 48000, 2, good) }, 80, ""},
		{"damage", func(t *testing.T, from time.Duration) []*media.Frame {
			frames := aacOf(t, from, 48000, 2, good)
			for i := 0; i < len(frames); i += 5 {
				frames[i].Data = []byte(strings.Repeat("\xff\x17\x00", 1+i))
			}
			return frames
		}, 80, "some of the sound"},
		{"44.1 kHz mono", func(t *testing.T, from time.Duration) []*media.Frame {
			return aacOf(t, from, 44100, 1, frameFormat(t, media.AAC, "1208"))
		}, 80, ""},
		{"HE-AAC", func(t *testing.T, from time.Duration) []*media.Frame {
			return aacOf(t, from, 44100, 2, frameFormat(t, media.AAC, "2b118800"))
		}, 50, "HE-AAC"},
		{"5.1", func(t *testing.T, from time.Duration) []*media.Frame {
			return aacOf(t, from, 48000, 2, frameFormat(t, media.AAC, "11b0"))
		}, 50, "6 channels"},
	} {
		for _, first := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s, w := logged(t, configure(t, withBoth("enabled on; rtmp_to_rtc on;")))
				viewer := joined(t, s, "whep", "")
				e := newEncoder(t, s, 0)
				defer e.leave()
				parts := [3]func(*testing.T, time.Duration) []*media.Frame{}
				for i := range parts {
					if parts[i] = (func(t *testing.T, from time.Duration) []*media.Frame { return aacOf(t, from, 48000, 2, good) }); first == (i == 0) && i < 2 {
						parts[i] = test.bad
					}
					e.sounds = append(e.sounds, parts[i](t, time.Duration(i)*part)...)
				}
				e.run(3*part+100*time.Millisecond, viewer.pump)
				pictures, sounds, late := 0, 0, 0
				for _, p := range viewer.media {
					if p.PayloadType != 111 {
						pictures++
						continue
					}
					if sounds++; p.Timestamp > 48000*13/10 {
						late++
					}
				}
				if pictures < 14 || sounds < test.sounds || late < 18 {
					t.Errorf("%s, first %v: %d pictures, %d sounds, %d of them in the last part", test.name, first, pictures, sounds, late)
				}
				said := strings.Count(w.text(), "sound can't be converted")
				if want := min(1, len(test.says)); said != want || !strings.Contains(w.text(), test.says) {
					t.Errorf("%s, first %v: the log says it %d times:\n%s", test.name, first, said, w.text())
				}
				if n := s.stats.soundErrors.Load(); (n > 0) != (test.says != "") {
					t.Errorf("%s, first %v: %d errors of sound are counted", test.name, first, n)
				}
			})
		}
	}
}

// Packets of a browser's sound are damaged, or change between mono and stereo and in their length: viewers of frames get the
// picture and sound without a hole.
func TestSoundOfBrowserGoesBad(t *testing.T) {
	silence := []byte{0xfc, 0xff, 0xfe} // 20 ms, stereo
	mono := []byte{0xf8, 0xff, 0xfe}
	long := []byte{0xfd, 0xff, 0xfe, 0xff, 0xfe} // two frames of 20 ms
	for _, test := range []struct {
		name   string
		packet func(i int) (payload []byte, samples uint32)
		errors bool
	}{
		{"damage", func(i int) ([]byte, uint32) {
			if i%5 == 3 {
				return []byte{0xff, 0xff, 0x00, byte(i)}, 960
			}
			return silence, 960
		}, true},
		{"mono and stereo", func(i int) ([]byte, uint32) { return [][]byte{silence, mono}[i/10%2], 960 }, false},
		{"lengths", func(i int) ([]byte, uint32) {
			if i/10%2 == 1 {
				return long, 1920
			}
			return silence, 960
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, w := logged(t, configure(t, withBoth("enabled on; rtc_to_rtmp on;")))
			browser := joined(t, s, "whip", "")
			reader, err := s.hubs["__defaultVhost__"].SubscribeFrames(time.Now(), stream.Name{Vhost: "__defaultVhost__", App: "live", Stream: "livestream"}, &sleeper{})
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			sets, _, err := media.ReadParameterSets(media.H264, frameFormat(t, media.H264, testAVCC).Config)
			if err != nil {
				t.Fatal(err)
			}
			var frames []media.FrameItem
			ts, seqs := uint32(0), [media.Kinds]uint16{}
			for i := range 150 {
				browser.check(browser.wire)
				payload, samples := test.packet(i)
				browser.seq = seqs[media.Video]
				if i%50 == 0 {
					browser.sendRTP(102, 7, uint32(i)*1800, aggregate(sets.All()))
				}
				if i%2 == 0 {
					browser.sendRTP(102, 7, uint32(i)*1800, []byte{pick(i%50 == 0, 0x65, 0x41), 0x80, 0, byte(i)})
				}
				seqs[media.Video], browser.seq = browser.seq, seqs[media.Audio]
				browser.sendRTP(111, 8, ts, payload)
				seqs[media.Audio] = browser.seq
				ts += samples
				time.Sleep(time.Duration(samples) * time.Second / 48000)
				browser.pump()
				frames = reader.Next(time.Now(), frames, 100)
			}
			pictures, sounds, last := 0, 0, time.Duration(0)
			for _, f := range frames {
				if f.Kind() == media.Video {
					pictures++
					continue
				}
				if step := f.DTS - last - 1024*time.Second/48000; sounds > 0 && step.Abs() > time.Millisecond {
					t.Errorf("%s: sound %d is %v off", test.name, sounds, step)
				}
				last = f.DTS
				sounds++
			}
			if least := int(ts/1024) - 12; pictures < 70 || sounds < least {
				t.Errorf("%s: %d pictures, %d sounds, fewer than %d\n%s", test.name, pictures, sounds, least, w.text())
			}
			if n := s.stats.soundErrors.Load(); (n > 0) != test.errors {
				t.Errorf("%s: %d errors of sound are counted", test.name, n)
			}
			browser.sess.close(errKicked)
		})
	}
}

// sleeper is a reader that looks for itself.
type sleeper struct{}

func (*sleeper) Wake(*stream.Stream) {}

// aggregate makes a STAP-A (RFC 6184, section 5.7.1).
func aggregate(nals [][]byte) []byte {
	b := []byte{0x78}
	for _, nal := range nals {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(nal))), nal...)
	}
	return b
}

func pick(first bool, a, b byte) byte {
	if first {
		return a
	}
	return b
}
