package server

import (
	"path"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"oneport/bridge"
	"oneport/flv"
	"oneport/hls"
	"oneport/media"
	"oneport/ts"
)

// Through the whole chain, from a browser's packets to what a player of each protocol reads and back to packets, time goes
// on without a jump and sound and picture stay together, where the numbers that tell it begin anew: RTP's 32 bits, soon after
// the beginning and again after 13 hours of picture, the 33 bits of MPEG-TS after 26.5 hours, the 32 of FLV after 49.7 days.
// The sound card has a clock of its own.
func TestDaysThroughTheChain(t *testing.T) {
	for _, tc := range []struct {
		name        string
		since, long time.Duration // for how long there was nothing to see, and how long there is
	}{
		{"fourteen hours from the beginning", 0, 14 * time.Hour},
		{"the twenty-seventh hour", 26 * time.Hour, time.Hour},
		{"an hour of the fiftieth day", 49*24*time.Hour + 16*time.Hour + 30*time.Minute, time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChain(t, tc.since)
			for i := range int(tc.long / chainStep) {
				c.advance(i)
			}
			c.check(int(tc.long / chainStep))
		})
	}
}

// chainStep is from one frame of a track to the next: less than what is taken for a jump.
const chainStep = 9 * time.Second

var chainBegan = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// chain is a publication by WebRTC with a player of each protocol, in virtual time.
type chain struct {
	t        *testing.T
	in       *bridge.Depacketizer
	payloads [media.Kinds][]byte
	picture  *media.FrameFormat // as the bridge finds it among the packets
	sound    *media.FrameFormat // as the bridge turns it into AAC
	players  []*chainPlayer
}

// chainPlayer is what one player makes of the frames that it is sent.
type chainPlayer struct {
	name   string
	coarse time.Duration // what its protocol rounds times by
	read   func(*media.Frame) []reading
	count  [media.Kinds]int
	off    [media.Kinds]time.Duration // by which the last frame was later than when it was captured
}

// reading is a frame as a player has read it.
type reading struct {
	kind media.Kind
	at   time.Duration
}

func newChain(t *testing.T, since time.Duration) *chain {
	c := &chain{t: t, in: bridge.NewDepacketizer(chainBegan.Add(-since))}
	c.picture, c.sound = h264AndAAC(t)
	sets, _, err := media.ReadParameterSets(media.H264, c.picture.Config)
	c.must(err)
	picture := []byte{24} // a STAP-A
	for _, nal := range append(sets.All(), []byte{0x65, 0x88, 0x84, 0, 1}) {
		picture = append(append(picture, 0, byte(len(nal))), nal...)
	}
	c.payloads = [media.Kinds][]byte{media.Audio: {0xfc, 1, 2, 3}, media.Video: picture}
	const millisecond, tick = time.Millisecond, time.Second / 90000
	c.players = []*chainPlayer{
		{name: "HTTP-FLV", coarse: millisecond, read: c.byFLV()},
		{name: "RTMP", coarse: millisecond, read: c.byRTMP()},
		{name: "HTTP-TS", coarse: tick, read: c.byTS()},
		{name: "HLS", coarse: tick, read: c.byHLS(false)},
		{name: "HLS of MP4", coarse: tick, read: c.byHLS(true)},
		{name: "WebRTC, of what RTMP brings back", coarse: millisecond, read: c.byWebRTC()},
	}
	return c
}

// advance has the publisher send the i-th frame of each track, which it captures at once, and says when by its clocks.
func (c *chain) advance(i int) {
	c.t.Helper()
	captured := time.Duration(i) * chainStep
	for k, rate := range [media.Kinds]int64{media.Audio: 48000, media.Video: 90000} {
		kind := media.Kind(k)
		told := captured
		format := &media.Format{Codec: media.H264, ClockRate: 90000}
		if kind == media.Audio {
			told += captured / 20000 // 50 ppm fast
			format = &media.Format{Codec: media.Opus, ClockRate: 48000}
		}
		ts := uint32(1<<32 - 1000*rate + int64(told/time.Millisecond)*rate/1000)
		arrival := chainBegan.Add(captured + time.Duration(i*7919%30)*time.Millisecond)
		pkt := &media.Packet{Arrival: arrival, Format: format, Seq: 1<<16 + uint64(i), Timestamp: ts, Marker: true, Start: true, Key: true, Payload: c.payloads[k]}
		frames, _ := c.in.Push(arrival, pkt, nil)
		c.in.SetTiming(kind, media.Timing{RTP: ts, At: chainBegan.Add(captured)})
		if len(frames) != 1 {
			c.t.Fatalf("%v: %d frames of %v, %+v", captured, len(frames), kind, c.in.Stats())
		}
		c.play(frames[0])
	}
}

// play sends a frame to all players, the sound as AAC at the same times: that they are, the tests of package audio say.
func (c *chain) play(f *media.Frame) {
	c.t.Helper()
	if f.Kind() == media.Audio {
		f.Format = c.sound
	}
	flv.Encode(f)
	for _, p := range c.players {
		for _, r := range p.read(f) {
			p.judge(c.t, r)
		}
	}
}

// judge compares a frame with when it was captured, with the frame before it, and with the other track.
func (p *chainPlayer) judge(t *testing.T, r reading) {
	t.Helper()
	captured := time.Duration(p.count[r.kind]) * chainStep
	off := r.at - captured
	// The sound's clock leads, which is fast by 200 µs a step; picture follows it by at most a millisecond a frame.
	most := time.Millisecond + 200*time.Microsecond + p.coarse
	if step := off - p.off[r.kind]; p.count[r.kind] > 0 && step.Abs() > most {
		t.Fatalf("%s: after %v %v jumps by %v", p.name, captured, r.kind, step)
	}
	p.off[r.kind] = off
	p.count[r.kind]++
	if apart := p.off[media.Audio] - p.off[media.Video]; p.count[media.Audio] == p.count[media.Video] && captured > time.Minute && apart.Abs() > most {
		t.Fatalf("%s: after %v sound and picture are %v apart", p.name, captured, apart)
	}
}

// check demands that every player has had all, but for what waits for what follows it.
func (c *chain) check(steps int) {
	c.t.Helper()
	for _, p := range c.players {
		for k, n := range p.count {
			if n > steps || n < steps-10 {
				c.t.Errorf("%s: %d frames of %v, of %d", p.name, n, media.Kind(k), steps)
			}
		}
	}
	if s := c.in.Stats(); s.Jumps > 0 || s.Backwards > 0 {
		c.t.Errorf("of the packets it is said: %+v", s)
	}
}

// byFLV plays what a player by HTTP gets that was there from the publication's beginning.
func (c *chain) byFLV() func(*media.Frame) []reading {
	var mux flv.Muxer
	var r flv.Reader
	var known [media.Kinds]*media.FrameFormat
	return func(f *media.Frame) []reading {
		at := f.DTS
		var b []byte
		var err error
		if known[f.Kind()] != f.Format {
			known[f.Kind()] = f.Format
			b, err = mux.Change(b, f.Format, at)
			c.must(err)
		}
		b, err = mux.Append(b, f, at)
		c.must(err)
		var frames []*media.Frame
		for len(b) > 0 {
			tag, rest, ok, err := flv.CutTag(b)
			c.must(err)
			if b = rest; !ok {
				c.t.Fatal("half a tag")
			}
			frame, err := r.Read(f.Arrival, tag)
			c.must(err)
			if frame != nil {
				frames = append(frames, frame)
			}
		}
		return readings(frames)
	}
}

// viaRTMP is what a client of RTMP reads, whose time is the stream's.
func (c *chain) viaRTMP() func(*media.Frame) []*media.Frame {
	var r flv.Reader
	var known [media.Kinds]*media.FrameFormat
	return func(f *media.Frame) (frames []*media.Frame) {
		var tags []flv.Tag
		if known[f.Kind()] != f.Format {
			known[f.Kind()] = f.Format
			tag, err := flv.ConfigTag(f.Format, f.DTS)
			c.must(err)
			tags = append(tags, tag)
		}
		tag, err := flv.FrameTag(f)
		c.must(err)
		for _, tag := range append(tags, tag) {
			frame, err := r.Read(f.Arrival, tag)
			c.must(err)
			if frame != nil {
				frames = append(frames, frame)
			}
		}
		return frames
	}
}

func (c *chain) byRTMP() func(*media.Frame) []reading {
	via := c.viaRTMP()
	return func(f *media.Frame) []reading { return readings(via(f)) }
}

// byWebRTC plays what an RTMP client has read and published, by the timestamps of its packets.
func (c *chain) byWebRTC() func(*media.Frame) []reading {
	via, out := c.viaRTMP(), bridge.NewPacketizer(bridge.PacketizerOptions{})
	opus := &media.FrameFormat{Codec: media.Opus, SampleRate: 48000, Channels: 2, Config: media.OpusHead(2)}
	var ticks [media.Kinds]int64
	return func(f *media.Frame) (list []reading) {
		for _, frame := range via(f) {
			rate := int64(90000)
			if frame.Kind() == media.Audio {
				rate, frame.Format = 48000, opus
			}
			packets, err := out.Push(frame, nil)
			c.must(err)
			k, ts := frame.Kind(), packets[0].Timestamp
			ticks[k] += int64(int32(ts - uint32(ticks[k])))
			list = append(list, reading{k, span(ticks[k], rate)})
		}
		return list
	}
}

// byTS plays what a player by HTTP gets that was there from the publication's beginning.
func (c *chain) byTS() func(*media.Frame) []reading {
	var w ts.Writer
	var r ts.Reader
	begun := false
	return func(f *media.Frame) []reading {
		var b []byte
		var err error
		if !begun {
			begun = true
			b, err = w.Begin(b, [media.Kinds]*media.FrameFormat{})
			c.must(err)
		}
		b, err = w.Append(b, f, f.DTS)
		c.must(err)
		return readings(r.Read(f.Arrival, nil, b))
	}
}

// byHLS plays all segments, one after the other.
func (c *chain) byHLS(mp4 bool) func(*media.Frame) []reading {
	settings := hls.Settings{
		UseFMP4: mp4, Fragment: 10 * time.Second, Window: 30 * time.Second, TDRatio: 1, AOFRatio: 2.1, Path: "x",
		M3U8File: "[app]/[stream].m3u8", TSFile: "[app]/[stream]-[seq].ts", FMP4File: "[app]/[stream]-[seq].m4s", InitFile: "[app]/[stream]/init-[seq].mp4",
	}
	options := settings.Options()
	options.Names.App, options.Names.Stream = "live", "x"
	m := hls.New(options, 0)
	var transport ts.Reader
	begun := false
	return func(f *media.Frame) (list []reading) {
		item := media.FrameItem{Frame: f}
		if !begun {
			m.Expect([media.Kinds]*media.FrameFormat{media.Audio: c.sound, media.Video: c.picture})
			item.Break, item.From, begun = media.Restarted, f.DTS, true
		}
		c.must(m.Push(item))
		for _, change := range m.Changes() {
			for _, b := range change.Pieces {
				switch path.Ext(change.Name) {
				case ".ts":
					list = append(list, readings(transport.Read(f.Arrival, nil, b))...)
				case ".m4s":
					list = append(list, c.fragments(b)...)
				}
			}
			m.Written(change)
		}
		if s := m.Stats(); s.Turns+s.Forced+s.Late+s.Unwritten > 0 {
			c.t.Fatalf("the segments: %+v", s)
		}
		return list
	}
}

// fragments reads a segment of MP4.
func (c *chain) fragments(b []byte) (list []reading) {
	var parts fmp4.Parts
	c.must(parts.Unmarshal(b))
	for _, part := range parts {
		for _, track := range part.Tracks {
			kind, rate := media.Kind(track.ID-1), int64(90000)
			if kind == media.Audio {
				rate = 48000
			}
			at := int64(track.BaseTime)
			for _, sample := range track.Samples {
				list = append(list, reading{kind, span(at, rate)})
				at += int64(sample.Duration)
			}
		}
	}
	return list
}

func (c *chain) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func readings(frames []*media.Frame) (list []reading) {
	for _, f := range frames {
		list = append(list, reading{f.Kind(), f.DTS})
	}
	return list
}

// span is how long so many ticks take.
func span(ticks, rate int64) time.Duration {
	return time.Duration(ticks/rate)*time.Second + time.Duration(ticks%rate)*time.Second/time.Duration(rate)
}
