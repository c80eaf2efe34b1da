package stream

import (
	"errors"
	"testing"
	"time"

	"oneport/media"
)

func TestName(t *testing.T) {
	for _, test := range []struct {
		name Name
		want string
	}{
		{Name{defaultVhost, "live", "livestream"}, "/live/livestream"},
		{Name{"", "live", "livestream"}, "/live/livestream"},
		{Name{"example.com", "a/b", "c"}, "/example.com/a/b/c"},
	} {
		if got := test.name.String(); got != test.want {
			t.Errorf("%#v is %q; want %q", test.name, got, test.want)
		}
	}
}

func TestBusyAndReplaced(t *testing.T) {
	for _, test := range []struct {
		name    string
		silence time.Duration
		dead    bool
		busy    bool
	}{
		{"sending", 0, false, true},
		{"short pause", 3*time.Second - 1, false, true},
		{"silent", 3 * time.Second, false, false},
		{"without a path", 0, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			h, old, pub := NewHub(testConfig()), &publisher{}, &publisher{}
			first := publish(t, h, now, old)
			now = now.Add(time.Hour)
			first.frame(now, true)
			now = now.Add(test.silence)
			old.dead = test.dead
			second, err := h.Publish(now, testName, pub)
			if test.busy {
				var busy *BusyError
				if !errors.Is(err, ErrBusy) || !errors.As(err, &busy) || old.replaced != 0 {
					t.Fatalf("Publish says %v, the old one was told %d times", err, old.replaced)
				}
				if _, err := h.Publish(now.Add(busy.Silence-1), testName, pub); !errors.Is(err, ErrBusy) {
					t.Errorf("before %v have passed, Publish says %v", busy.Silence, err)
				}
				if _, err := h.Publish(now.Add(busy.Silence), testName, pub); err != nil {
					t.Errorf("after %v of silence, Publish says %v", busy.Silence, err)
				}
				return
			}
			if err != nil || old.replaced != 1 || pub.replaced != 0 {
				t.Fatalf("Publish says %v, the old one was told %d times", err, old.replaced)
			}
			first.frame(now, true)
			first.SetTiming(media.Video, media.Timing{RTP: 1})
			if info := h.Streams()[0]; first.Ignored() != framePackets || info.Lanes[media.Video].Packets != 0 {
				t.Errorf("%d packets ignored, %d taken", first.Ignored(), info.Lanes[media.Video].Packets)
			}
			first.Close()
			if !h.Streams()[0].Live {
				t.Error("the old one's end ended the new one")
			}
			second.Close()
			second.Close()
			if n := len(h.Streams()); n != 0 {
				t.Errorf("%d streams left", n)
			}
		})
	}
}

// leaver is a publisher that leaves, and is succeeded, just while it is asked whether it is alive.
type leaver struct {
	publisher
	leave func()
}

func (l *leaver) Alive(time.Time) time.Duration {
	l.leave()
	return 0
}

// comer is a publisher that has until then to find a path.
type comer struct {
	publisher
	until time.Time
}

func (c *comer) Alive(now time.Time) time.Duration { return c.until.Sub(now) }

// A newcomer is told no longer a time than the other one has, be it to send or to find a path.
func TestBusyWithoutAPath(t *testing.T) {
	silence := testConfig().Publish.PublisherSilence
	for _, has := range []time.Duration{-time.Second, 0, 1, silence / 2, silence, 2 * silence} {
		now := time.Now()
		h := NewHub(testConfig())
		publish(t, h, now, &comer{until: now.Add(has)})
		_, err := h.Publish(now, testName, &publisher{})
		var busy *BusyError
		if has <= 0 {
			if err != nil {
				t.Errorf("of one that has %v: %v", has, err)
			}
			continue
		}
		if want := min(has, silence); !errors.As(err, &busy) || busy.Silence != want {
			t.Errorf("of one that has %v: %v, %+v", has, err, busy)
			continue
		}
		if _, err := h.Publish(now.Add(busy.Silence), testName, &publisher{}); err != nil {
			t.Errorf("after %v: %v", busy.Silence, err)
		}
	}
}

// Of two newcomers at the same time, one gets the stream.
func TestPublishRace(t *testing.T) {
	now := time.Now()
	h, old, fast := NewHub(testConfig()), &leaver{}, &publisher{}
	first := publish(t, h, now, old)
	old.leave = func() {
		first.Close()
		publish(t, h, now, fast)
	}
	var busy *BusyError
	if _, err := h.Publish(now, testName, &publisher{}); !errors.As(err, &busy) || busy.Silence != testConfig().Publish.PublisherSilence {
		t.Errorf("the slower one: %v", err)
	}
	if old.replaced != 0 || fast.replaced != 0 || len(h.Streams()) != 1 {
		t.Errorf("%d and %d times replaced", old.replaced, fast.replaced)
	}
}

func TestPublishAfterClose(t *testing.T) {
	now := time.Now()
	h, old := NewHub(testConfig()), &publisher{}
	first := publish(t, h, now, old)
	r := subscribe(t, h, now, nil)
	first.frame(now, true)
	first.Close()
	publish(t, h, now, &publisher{})
	if old.replaced != 0 {
		t.Error("who left by itself is told that it was replaced")
	}
	r.Close()
}

func TestStreamLivesWhileUsed(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	r := subscribe(t, h, now, nil)
	id := h.Streams()[0].ID
	s := publish(t, h, now, &publisher{})
	if _, err := h.Publish(now, testName, &publisher{}); !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	r.Close()
	if infos := h.Streams(); len(infos) != 1 || infos[0].ID != id || infos[0].Readers != 0 {
		t.Errorf("with its publisher alone the stream is %+v", infos)
	}
	s.Close()
	if len(h.Streams()) != 0 {
		t.Error("the stream outlives its users")
	}
	expect(t, "closed", drain(r, now), "")
	r = subscribe(t, h, now, nil)
	if h.Streams()[0].ID == id {
		t.Error("another stream has the same id")
	}
	r.Close()
}

func TestCaps(t *testing.T) {
	now := time.Now()
	config := testConfig()
	config.MaxStreams, config.MaxReaders = 1, 2
	h := NewHub(config)
	a, b := subscribe(t, h, now, nil), subscribe(t, h, now, nil)
	if _, err := h.Subscribe(now, testName, nil); !errors.Is(err, ErrFull) {
		t.Errorf("a third reader: %v", err)
	}
	b.Close()
	other := Name{Stream: "other"}
	if _, err := h.Subscribe(now, other, nil); !errors.Is(err, ErrFull) {
		t.Errorf("a second stream to read: %v", err)
	}
	if _, err := h.Publish(now, other, &publisher{}); !errors.Is(err, ErrFull) {
		t.Errorf("a second stream to publish: %v", err)
	}
	a.Close()
	if _, err := h.Publish(now, other, &publisher{}); err != nil {
		t.Errorf("a stream after the first is gone: %v", err)
	}
}

func TestInfo(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	s.format = vp8
	pkts := s.nextFrame(now, true)
	pkts[0].Payload = []byte{0x10, 0x50, 0x42, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1, 0}
	for _, pkt := range pkts {
		s.Push(pkt)
		s.Push(pkt)
	}
	s.frame(now, false)
	s.sound(now)
	other, err := h.Subscribe(now, Name{App: "a", Stream: "b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	infos := h.Streams()
	if len(infos) != 2 || infos[0].Name.App != "a" || infos[0].Live || infos[0].Readers != 1 {
		t.Fatalf("the streams are %+v", infos)
	}
	info := infos[1]
	if info.Name != testName || !info.Live || info.Since != now || info.Width != 640 || info.Height != 480 {
		t.Errorf("the stream is %+v", info)
	}
	want := LaneInfo{
		Format: *vp8, Counters: Counters{Packets: 6, Bytes: 512, Frames: 2, Keyframes: 1, Duplicates: 3}, Held: 6, HeldBytes: 512,
	}
	if info.Lanes[media.Video] != want {
		t.Errorf("the video is %+v; want %+v", info.Lanes[media.Video], want)
	}
	if sound := info.Lanes[media.Audio]; sound.Format != *opus || sound.Packets != 1 || sound.Frames != 1 {
		t.Errorf("the sound is %+v", sound)
	}
}

// The picture's size is told by parameter sets that are in a packet of their own too.
func TestInfoOfParameterSets(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	pkts := s.nextFrame(now, false)
	pkts[0].Payload = []byte{0x67, 0x64, 0, 0x0c, 0xac, 0x3b, 0x50, 0xb0, 0x4b, 0x42, 0, 0, 3, 0, 2, 0, 0, 3, 0, 0x3d, 8}
	s.Push(pkts[0])
	if info := h.Streams()[0]; info.Width != 352 || info.Height != 288 {
		t.Errorf("the picture is %d by %d", info.Width, info.Height)
	}
}

func TestFormats(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	r := subscribe(t, h, now, nil)
	defer r.Close()
	s := publish(t, h, now, &publisher{})
	if list := h.Formats(testName); len(list) != 0 {
		t.Errorf("before the first packet: %v", list)
	}
	s.frame(now, true)
	s.sound(now)
	if list := h.Formats(testName); len(list) != 2 || list[media.Audio] != *opus || list[media.Video] != *h264 {
		t.Errorf("published: %v", list)
	}
	s.Close()
	if list := h.Formats(testName); list != nil {
		t.Errorf("after the end: %v", list)
	}
	if list := h.Formats(Name{Stream: "unknown"}); list != nil {
		t.Errorf("unknown: %v", list)
	}
	if r.Stream().Name() != testName || r.Stream().id == "" || s.stream != r.Stream() {
		t.Error("the reader's stream is another one")
	}
}
