package stream

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

var (
	avcFrames = &media.FrameFormat{Codec: media.H264, Config: []byte{1}}
	aacFrames = &media.FrameFormat{Codec: media.AAC, Config: []byte{2}}
)

// bridged is a stream with a publisher of packets and a bridge that the test writes by.
type bridged struct {
	t      failer
	hub    *Hub
	pub    *Publication
	asks   *publisher
	bridge *FrameBridge
	opened int
	woken  *countingWaker
	now    time.Time
}

type countingWaker struct{ n int }

func (w *countingWaker) Wake(*Stream) { w.n++ }

// failer is a test, or one run of a property.
type failer interface {
	Helper()
	Fatal(...any)
}

func newBridged(t failer, change func(*Config)) *bridged {
	b := &bridged{t: t, now: time.Now(), woken: &countingWaker{}, asks: &publisher{}}
	config := testConfig()
	config.FrameBridge = func(s *Stream) { b.bridge, b.opened = s.OpenFrameBridge(b.now, b.woken), b.opened+1 }
	if change != nil {
		change(&config)
	}
	b.hub = NewHub(config)
	return b
}

func (b *bridged) publish() {
	b.t.Helper()
	var err error
	if b.pub, err = b.hub.Publish(b.now, testName, b.asks); err != nil {
		b.t.Fatal(err)
	}
	b.turn()
}

// turn lets the bridge find the publication.
func (b *bridged) turn() {
	if b.bridge != nil {
		b.bridge.Next(b.now, nil, 100)
		b.bridge.Turn()
	}
}

func (b *bridged) subscribe() *FrameReader {
	b.t.Helper()
	r, err := b.hub.SubscribeFrames(b.now, testName, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.stream.pub != nil {
		b.turn()
	}
	return r
}

// push writes a frame that arrives now: K or P, a picture, or s, sound, of a time in ms.
func (b *bridged) push(kind byte, at int) *media.Frame {
	f := &media.Frame{Arrival: b.now, Format: avcFrames, DTS: time.Duration(at) * time.Millisecond, Data: []byte{kind}}
	if f.Key = kind != 'P'; kind == 's' {
		f.Format = aacFrames
	}
	f.PTS = f.DTS
	b.bridge.Push(f)
	return f
}

// script writes frames that arrive 20 ms apart.
func (b *bridged) script(steps ...func()) {
	for _, step := range steps {
		step()
		b.now = b.now.Add(20 * time.Millisecond)
	}
}

func (b *bridged) frame(kind byte, at int) func() { return func() { b.push(kind, at) } }

// got is what a reader has, as letters.
func (b *bridged) got(r *FrameReader) (kinds string, items []media.FrameItem) {
	items = r.Next(b.now, nil, 1000)
	for _, item := range items {
		kinds += string(item.Data)
	}
	return kinds, items
}

// Of an open group of pictures a reader that begins there is not given those that are shown before its keyframe: they build on
// the group before. One that has that is given all.
func TestOpenGroups(t *testing.T) {
	b := newBridged(t, nil)
	early := b.subscribe()
	b.publish()
	show := func(kind byte, at, shown int) {
		f := &media.Frame{Arrival: b.now, Format: avcFrames, DTS: time.Duration(at), PTS: time.Duration(shown), Key: kind == 'K', Data: []byte{kind}}
		b.bridge.Push(f)
	}
	show('K', 0, 2)
	show('P', 1, 4)
	show('B', 2, 3)
	begun, _ := b.got(early)
	show('K', 3, 7)
	show('l', 4, 5)
	show('l', 5, 6)
	late := b.subscribe()
	show('P', 6, 10)
	show('B', 7, 8)
	show('B', 8, 9)
	if kinds, _ := b.got(early); begun+kinds != "KPBKllPBB" {
		t.Errorf("the early reader has %s and %s", begun, kinds)
	}
	if kinds, _ := b.got(late); kinds != "KPBB" {
		t.Errorf("the late reader has %s", kinds)
	}
}

// A reader begins at the newest keyframe, with the sound that is not earlier, also what came before the keyframe did.
func TestFrameStart(t *testing.T) {
	b := newBridged(t, nil)
	first := b.subscribe()
	if b.opened != 0 {
		t.Fatal("a bridge without a publisher")
	}
	b.publish()
	b.turn()
	if b.opened != 1 {
		t.Fatal("no bridge though somebody reads")
	}
	b.script(b.frame('s', 0), b.frame('s', 20), b.frame('K', 15), b.frame('P', 35), b.frame('s', 40))
	kinds, items := b.got(first)
	if kinds != "sKPs" || items[0].Break != media.Restarted || items[0].From != 15*time.Millisecond || items[1].Break != media.Continues {
		t.Errorf("the first viewer has %s, %+v", kinds, items[0])
	}
	b.script(b.frame('s', 60), b.frame('s', 80), b.frame('s', 100), b.frame('P', 55), b.frame('K', 75), b.frame('s', 70), b.frame('s', 120))
	if kinds, _ := b.got(first); kinds != "sssPKss" {
		t.Errorf("the first viewer goes on with %s", kinds)
	}
	second := b.subscribe()
	if kinds, items = b.got(second); kinds != "ssKs" || items[0].DTS != 80*time.Millisecond || items[0].From != 75*time.Millisecond {
		t.Errorf("the second viewer has %s from %v", kinds, items[0].From)
	}
	if b.opened != 1 {
		t.Errorf("%d bridges", b.opened)
	}
}

// Without a keyframe nothing is delivered and one is asked for; sound alone begins when there has been no picture for long.
func TestFrameStartWithoutKeyframe(t *testing.T) {
	t.Run("no group kept", func(t *testing.T) {
		b := newBridged(t, func(c *Config) { c.Play.GopCache = false })
		b.publish()
		b.subscribe()
		b.script(b.frame('K', 0), b.frame('P', 20))
		r := b.subscribe()
		if kinds, _ := b.got(r); kinds != "" || len(b.asks.asked) == 0 {
			t.Errorf("%q came, and %d requests for a keyframe were made", kinds, len(b.asks.asked))
		}
		b.script(b.frame('s', 40), b.frame('P', 40), b.frame('K', 60), b.frame('P', 80))
		if kinds, _ := b.got(r); kinds != "KP" {
			t.Errorf("then came %q", kinds)
		}
	})
	t.Run("no group kept, but it came later", func(t *testing.T) {
		b := newBridged(t, func(c *Config) { c.Play.GopCache = false })
		b.publish()
		r := b.subscribe()
		b.script(b.frame('K', 0), b.frame('P', 20))
		if kinds, _ := b.got(r); kinds != "KP" {
			t.Errorf("to who was there before came %q", kinds)
		}
	})
	t.Run("sound alone", func(t *testing.T) {
		b := newBridged(t, nil)
		b.publish()
		r := b.subscribe()
		for at := range 50 {
			b.script(b.frame('s', 20*at))
			if kinds, _ := b.got(r); kinds != "" {
				t.Fatalf("sound came after %d ms, when a picture could still come", 20*at)
			}
		}
		b.script(b.frame('s', 1000))
		if kinds, _ := b.got(r); kinds != "s" {
			t.Errorf("after a second there is %q", kinds)
		}
		b.script(b.frame('s', 1020), b.frame('P', 1020), b.frame('K', 1040), b.frame('P', 1060))
		if kinds, _ := b.got(r); kinds != "sKP" {
			t.Errorf("when the picture comes there is %q", kinds)
		}
	})
}

// A reader that lags by more than the limit goes on at the newest keyframe, others do not notice; the group that new
// viewers begin with is kept however old it is.
func TestFrameLag(t *testing.T) {
	b := newBridged(t, func(c *Config) { c.Play.QueueLength = time.Second })
	b.publish()
	slow, quick := b.subscribe(), b.subscribe()
	b.script(b.frame('K', 0), b.frame('P', 20))
	b.got(slow)
	sent := ""
	for at := 2; at < 100; at++ { // two seconds, a keyframe in the middle
		kind := byte('P')
		if at == 60 {
			kind = 'K'
		}
		b.script(b.frame(kind, 20*at))
		kinds, _ := b.got(quick)
		sent += kinds
	}
	if len(sent) != 100 {
		t.Errorf("the quick viewer has %d frames", len(sent))
	}
	kinds, items := b.got(slow)
	if len(kinds) != 40 || kinds[0] != 'K' || items[0].Break != media.Skipped || items[0].From != 1200*time.Millisecond {
		t.Errorf("the slow one has %s, %+v", kinds, items[0])
	}
	if stats := slow.Stats(); stats.Skips != 1 || stats.SkippedFrames != 58 || stats.Lag != 0 {
		t.Errorf("%+v", stats)
	}
	for at := 100; at < 300; at++ {
		b.script(b.frame('P', 20*at))
	}
	late := b.subscribe()
	if kinds, _ := b.got(late); len(kinds) != 240 || kinds[0] != 'K' {
		t.Errorf("a new viewer has %d frames of the group of 240", len(kinds))
	}
	if kinds, _ := b.got(quick); len(kinds) != 200 {
		t.Errorf("one that is late without a newer keyframe has %d frames of 200", len(kinds))
	}
}

// Bytes and count bound the ring, whatever the group.
func TestFrameRingBounds(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Play.GopMaxFrames = 100 },
		func(c *Config) { c.Play.RingMaxBytes = 100 },
	} {
		b := newBridged(t, change)
		b.publish()
		r := b.subscribe()
		b.script(b.frame('K', 0))
		for at := range 1000 {
			b.script(b.frame('P', 20*at+20))
		}
		ring := &r.stream.frames
		if n := ring.head - ring.tail; n != 100 || len(ring.slots) > 128 {
			t.Errorf("%d frames are kept in %d slots", n, len(ring.slots))
		}
		if kinds, _ := b.got(r); kinds != "" || len(b.asks.asked) == 0 {
			t.Errorf("without the group's keyframe come %d frames, after %d requests", len(kinds), len(b.asks.asked))
		}
	}
}

// The bridge ends when nobody has read for a while, or the publisher has gone; the next reader gets another one.
func TestBridgeLife(t *testing.T) {
	b := newBridged(t, nil)
	b.publish()
	r := b.subscribe()
	bridge := b.bridge
	if info := b.hub.Streams()[0]; info.Readers != 1 || !info.Bridged {
		t.Errorf("%+v", info)
	}
	if bridge.Finish(b.now) || !bridge.Deadline().IsZero() {
		t.Error("it ends though somebody reads")
	}
	woken := b.woken.n
	r.Close()
	r.Close()
	if b.woken.n != woken+1 {
		t.Errorf("the last reader's end is told %d times", b.woken.n-woken)
	}
	if bridge.Finish(time.Now()) || !bridge.Finish(time.Now().Add(linger)) {
		t.Error("it does not linger as it should")
	}
	b.subscribe()
	if b.opened != 2 {
		t.Error("no bridge for the next reader")
	}
	b.pub.Close()
	status := b.subscribe().Status()
	if status.Live || b.bridge.Finish(time.Now()) {
		t.Error("it ends with the publisher though somebody waits for the next")
	}
	b.push('K', 0)
	if n := b.hub.Streams()[0].Frames.Ignored; n != 1 {
		t.Errorf("%d frames ignored", n)
	}
}

// A publisher of frames needs no bridge, and one that runs ends when such a publisher comes.
func TestFramePublisher(t *testing.T) {
	b := newBridged(t, nil)
	b.publish()
	r := b.subscribe()
	b.now = b.now.Add(4 * time.Second) // the publisher of packets is silent by now
	p, err := b.hub.PublishFrames(b.now, testName, &publisher{})
	if err != nil {
		t.Fatal(err)
	}
	b.push('K', 0) // the bridge is late
	key := &media.Frame{Arrival: b.now, Format: avcFrames, Key: true, Data: []byte{'K'}}
	p.PushFrame(key)
	if !b.bridge.Finish(b.now) {
		t.Error("the bridge goes on beside a publisher of frames")
	}
	_, items := b.got(r)
	if len(items) != 1 || items[0].Frame != key || items[0].Break != media.Restarted || r.Status().Packets {
		t.Errorf("%+v", items)
	}
	p.Close()
	p.PushFrame(key)
	if b.opened != 1 || p.Ignored() != 1 {
		t.Errorf("%d bridges, %d frames ignored", b.opened, p.Ignored())
	}
}

// Whatever frames come and whenever readers read, a run begins with its keyframe, nothing of it is earlier, and within it
// no frame of a kind is missing.
func TestFramesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := func(c *Config) {
			c.Play.QueueLength = rapid.SampledFrom([]time.Duration{100 * time.Millisecond, time.Second}).Draw(t, "queue")
			c.Play.GopMaxFrames = rapid.IntRange(3, 60).Draw(t, "frames")
			c.Play.GopCache = rapid.Bool().Draw(t, "cache")
		}
		b := newBridged(t, config)
		b.publish()
		var readers []*FrameReader
		var runs []*frameRun
		var sent []*media.Frame
		clock := [media.Kinds]int{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				readers, runs = append(readers, b.subscribe()), append(runs, &frameRun{})
			case 1, 2:
				for i, r := range readers {
					if rapid.Bool().Draw(t, "reads") {
						runs[i].check(t, sent, r.Next(b.now, nil, rapid.IntRange(1, 50).Draw(t, "max")))
					}
				}
			case 3:
				b.now = b.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "pause")) * time.Millisecond)
			default:
				if b.bridge == nil {
					continue
				}
				kind := rapid.SampledFrom([]byte("KPPPPsss")).Draw(t, "kind")
				k := media.Video
				if kind == 's' {
					k = media.Audio
				}
				clock[k] += rapid.IntRange(1, 40).Draw(t, "step")
				sent = append(sent, b.push(kind, clock[k]))
				b.now = b.now.Add(10 * time.Millisecond)
			}
		}
	})
}

// frameRun is what a reader has had.
type frameRun struct {
	begun bool
	from  time.Duration
	last  [media.Kinds]int // index of the newest frame of a kind, of all that were sent; -1: none in this run
}

func (r *frameRun) check(t *rapid.T, sent []*media.Frame, items []media.FrameItem) {
	for _, item := range items {
		if item.Break != media.Continues {
			r.begun, r.from, r.last = true, item.From, [media.Kinds]int{-1, -1}
		}
		i, k := slices.Index(sent, item.Frame), item.Kind()
		switch {
		case !r.begun:
			t.Fatal("the first item begins no run")
		case item.DTS < r.from:
			t.Fatalf("a frame of %v in a run from %v", item.DTS, r.from)
		case k == media.Video && r.last[k] < 0 && !item.Key:
			t.Fatal("a run's picture begins without a keyframe")
		}
		for j := r.last[k] + 1; r.last[k] >= 0 && j < i; j++ {
			if sent[j].Kind() == k {
				t.Fatalf("a frame is missing before %d", i)
			}
		}
		if r.last[k] >= i {
			t.Fatal("a frame comes twice, or out of order")
		}
		r.last[k] = i
	}
}
