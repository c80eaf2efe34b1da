package stream

import (
	"strings"
	"testing"
	"time"

	"oneport/media"
)

// packeted is a stream with a publisher of frames and a bridge that makes a packet of each.
type packeted struct {
	*testing.T
	hub    *Hub
	pub    *Publication
	bridge *PacketBridge
	opened int
	woken  countingWaker
	now    time.Time
	seq    uint64
}

var vp8Packets = &media.Format{Codec: media.VP8, ClockRate: 90000}
var opusPackets = &media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}

func newPacketed(t *testing.T) *packeted {
	p := &packeted{T: t, now: time.Now(), seq: 1 << 16}
	config := testConfig()
	config.PacketBridge = func(s *Stream) { p.bridge, p.opened = s.OpenPacketBridge(p.now, &p.woken), p.opened+1 }
	p.hub = NewHub(config)
	p.publish()
	return p
}

func (p *packeted) publish() {
	p.Helper()
	var err error
	if p.pub, err = p.hub.PublishFrames(p.now, testName, &publisher{}); err != nil {
		p.Fatal(err)
	}
}

func (p *packeted) subscribe() *Reader {
	p.Helper()
	r, err := p.hub.Subscribe(p.now, testName, nil)
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// write lets the publisher write frames that arrive 20 ms apart: K or P, a picture, or s, sound.
func (p *packeted) write(kinds string) {
	for _, kind := range []byte(kinds) {
		f := &media.Frame{Arrival: p.now, Format: avcFrames, Key: kind != 'P', Data: []byte{kind}}
		if kind == 's' {
			f.Format = aacFrames
		}
		p.pub.PushFrame(f)
		p.now = p.now.Add(20 * time.Millisecond)
	}
}

// convey lets the bridge turn what there is into packets, and tells which frames those were.
func (p *packeted) convey() (kinds string) {
	got := p.bridge.Next(nil, 1000)
	p.bridge.Turn()
	for _, f := range got {
		kinds += string(f.Data)
		pkt := &media.Packet{Arrival: p.now, Format: vp8Packets, Seq: p.seq, Timestamp: uint32(p.seq), Payload: f.Data, Marker: true, Start: true, Key: f.Key}
		if f.Kind() == media.Audio {
			pkt.Format = opusPackets
		}
		p.seq++
		p.bridge.Push([]*media.Packet{pkt})
	}
	return kinds
}

func (p *packeted) read(r *Reader) (kinds string) {
	for _, item := range r.Next(p.now, nil, 1000) {
		kinds += string(item.Payload)
	}
	return kinds
}

// A bridge that somebody calls for begins at a fresh keyframe and at the sound of now; an old keyframe is not begun at.
func TestPacketBridgeBegins(t *testing.T) {
	for name, c := range map[string]struct {
		before  string
		pause   time.Duration
		after   string
		conveys string
	}{
		"fresh":      {"sPKsP", 0, "sPs", "KPsPs"},
		"old":        {"sPKsP", 5 * time.Second, "sPK", "sK"},
		"no picture": {"sss", 0, "sPK", "sK"}, // the picture that comes builds on nothing
		"nothing":    {"", 0, "sPK", "sK"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPacketed(t)
			p.write(c.before)
			p.now = p.now.Add(c.pause)
			if p.opened != 0 {
				t.Fatal("a bridge without a viewer")
			}
			r := p.subscribe()
			if p.opened != 1 {
				t.Fatal("no bridge though somebody watches")
			}
			p.read(r)
			p.write(c.after)
			if got := p.convey(); got != c.conveys {
				t.Errorf("the bridge conveys %q, want %q", got, c.conveys)
			}
			if got := p.read(r); got != c.conveys {
				t.Errorf("the viewer gets %q, want %q", got, c.conveys)
			}
			if second := p.read(p.subscribe()); p.opened != 1 || !strings.HasPrefix(second, "K") {
				t.Error("a second viewer does not begin at the newest keyframe of the same bridge")
			}
			woken := p.woken.n
			if p.write("P"); p.woken.n == woken {
				t.Error("the bridge was not woken by a frame")
			}
		})
	}
}

// The bridge ends a while after its last viewer; the next viewer calls for another, which no old packet comes from.
func TestPacketBridgeEnds(t *testing.T) {
	p := newPacketed(t)
	r := p.subscribe()
	p.write("KP")
	p.convey()
	if p.bridge.Finish(p.now) {
		t.Fatal("the bridge ends though somebody watches")
	}
	r.Close()
	if left := time.Now(); p.bridge.Finish(left) || p.bridge.Deadline().Before(left) {
		t.Error("the bridge ends at once")
	}
	if !p.bridge.Finish(p.bridge.Deadline()) {
		t.Fatal("the bridge does not end")
	}
	p.now = p.now.Add(time.Minute)
	r = p.subscribe()
	if got := p.read(r); got != "" || p.opened != 2 {
		t.Errorf("the next viewer begins with %q, by bridge %d", got, p.opened)
	}
	p.write("PK")
	if p.convey(); p.read(r) != "K" {
		t.Error("the next viewer does not begin at the next keyframe")
	}
	p.bridge.Close()
	p.bridge.Close()
	if streams := p.hub.Streams(); len(streams) != 1 || streams[0].Readers != 1 {
		t.Errorf("a bridge that ends twice takes the stream along: %+v", streams)
	}
	r.Close()
	p.pub.Close()
	if streams := p.hub.Streams(); len(streams) != 0 {
		t.Errorf("left: %+v", streams)
	}
}

// A publisher of packets that takes the place needs no bridge; its viewers stay, and another publisher of frames gets one.
func TestPacketBridgeGivesWay(t *testing.T) {
	p := newPacketed(t)
	r := p.subscribe()
	p.write("K")
	p.convey()
	p.read(r)
	first := p.bridge
	p.pub.Close()
	var err error
	if p.pub, err = p.hub.Publish(p.now, testName, &publisher{}); err != nil {
		t.Fatal(err)
	}
	if got := p.convey(); got != "" || !first.Finish(p.now) {
		t.Fatalf("the bridge conveys %q of a publisher of packets, or does not end", got)
	}
	p.pub.Push(&media.Packet{Arrival: p.now, Format: vp8Packets, Seq: 1 << 16, Payload: []byte("V"), Marker: true, Start: true, Key: true})
	if got := p.read(r); got != "V" {
		t.Errorf("the viewer goes on with %q", got)
	}
	p.pub.Close()
	p.publish()
	if p.opened != 2 {
		t.Fatal("no bridge for the second publisher of frames")
	}
	p.write("Ks")
	if p.convey(); p.read(r) != "Ks" {
		t.Error("the viewer does not go on with the frames")
	}
}

// What a bridge made of a publication is not taken for the next one's.
func TestPacketBridgeTurns(t *testing.T) {
	p := newPacketed(t)
	r := p.subscribe()
	p.write("K")
	p.convey()
	stale := p.bridge.Next(nil, 10)
	p.pub.Close()
	p.publish()
	p.bridge.Push([]*media.Packet{{Arrival: p.now, Format: vp8Packets, Seq: p.seq, Payload: []byte("x"), Start: true, Key: true, Marker: true}})
	if len(stale) != 0 || p.read(r) != "" {
		t.Error("a packet of the publication that ended is delivered")
	}
	p.write("K")
	got := p.bridge.Next(nil, 10)
	if _, turned := p.bridge.Turn(); !turned || len(got) != 1 {
		t.Errorf("turned: %v, %d frames", turned, len(got))
	}
	if _, turned := p.bridge.Turn(); turned {
		t.Error("it turns twice")
	}
}

func TestUnbridged(t *testing.T) {
	hub := NewHub(testConfig())
	r, err := hub.Subscribe(time.Now(), testName, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Unbridged() {
		t.Error("unbridged before anybody publishes")
	}
	pub, err := hub.PublishFrames(time.Now(), testName, &publisher{})
	if err != nil {
		t.Fatal(err)
	}
	pub.PushFrame(&media.Frame{Arrival: time.Now(), Format: avcFrames, Key: true, Data: []byte{'K'}})
	if !r.Unbridged() || hub.Streams()[0].Formats[media.Video] != avcFrames || !hub.Streams()[0].Framed {
		t.Errorf("unbridged: %v, %+v", r.Unbridged(), hub.Streams()[0])
	}
}

// A reader that has media to read when a bridge ends, and what the bridge wrote goes, can still be asked how it fares.
func TestStatsAfterTheBridge(t *testing.T) {
	p := newPacketed(t)
	r := p.subscribe()
	p.read(r)
	p.write("KP")
	p.convey()
	r.Next(p.now, nil, 1)
	p.bridge.Close()
	if lag := r.Stats().Lag; lag != 0 {
		t.Errorf("a lag of %v behind nothing", lag)
	}
	b := newBridged(t, nil)
	b.publish()
	f := b.subscribe()
	b.script(b.frame('K', 0), b.frame('P', 20), b.frame('P', 40))
	f.Next(b.now, nil, 1)
	b.bridge.Close()
	if lag := f.Stats().Lag; lag != 0 {
		t.Errorf("a lag of %v behind nothing", lag)
	}
}
