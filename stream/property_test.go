package stream

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

// model pushes what a bad network makes of a publisher and checks what readers get against what it knows was taken.
type model struct {
	t    *rapid.T
	now  time.Time
	hub  *Hub
	rng  *rand.Rand
	pub  *Publication
	view []*viewer

	epoch  int
	next   [media.Kinds]uint64
	clock  uint32
	frame  int
	format *media.Format
	flight []*media.Packet // sent by the publisher, not yet here
	pushed map[*media.Packet]place
	here   [media.Kinds][]*media.Packet // taken, of this publication
}

// place is the truth about a packet.
type place struct {
	epoch int
	order int // of arrival
	frame int
	key   bool // its frame is a keyframe
}

// viewer is a reader and what it got.
type viewer struct {
	*Reader
	runs   [media.Kinds]run
	opened opening // of the video run checked last

	h264Only bool // it does not take VP8
}

type opening struct {
	epoch int
	first uint64
}

type run struct {
	begun bool
	epoch int
	first uint64
	top   uint64 // of the publication
	order int    // arrival of the run's newest item
	got   map[uint64]bool
}

func (m *model) publish(t *rapid.T) {
	m.now = m.now.Add(4 * time.Second) // whoever published is silent by now
	pub, err := m.hub.Publish(m.now, testName, &publisher{})
	if err != nil {
		t.Fatal(err)
	}
	old := m.pub
	m.pub, m.flight = pub, nil
	m.epoch++
	for k := range m.here {
		m.here[k] = nil
		// Often the same numbers again, often just before the 16 bits wrap.
		m.next[k] = 1<<16 + rapid.SampledFrom([]uint64{0, 65530, 1 << 20}).Draw(t, "seq")
	}
	m.clock = rapid.SampledFrom([]uint32{0, 1<<32 - 5000}).Draw(t, "timestamp")
	m.format = rapid.SampledFrom([]*media.Format{h264, vp8}).Draw(t, "format")
	if old != nil {
		old.Push(&media.Packet{Arrival: m.now, Format: m.format, Seq: m.next[media.Video], Key: true, Payload: []byte{0}})
	}
}

// send puts a frame and sound into flight, without what gets lost.
func (m *model) send(t *rapid.T) {
	if m.pub == nil {
		return
	}
	n := rapid.IntRange(1, 6).Draw(t, "packets")
	key := rapid.IntRange(0, 4).Draw(t, "key") == 0
	if rapid.IntRange(0, 20).Draw(t, "codec") == 0 {
		m.format, key = rapid.SampledFrom([]*media.Format{h264, vp8}).Draw(t, "format"), true
	}
	loss := rapid.SampledFrom([]float64{0, 0, 0.2}).Draw(t, "loss")
	m.clock += 3600
	m.frame++
	for i := range n {
		m.launch(&media.Packet{
			Format: m.format, Seq: m.next[media.Video], Timestamp: m.clock, Marker: i == n-1, Start: i == 0,
			Key: key && i <= n/2, Payload: make([]byte, 50),
		}, key, loss)
		m.next[media.Video]++
	}
	m.launch(&media.Packet{Format: opus, Seq: m.next[media.Audio], Payload: make([]byte, 20)}, false, loss)
	m.next[media.Audio]++
}

func (m *model) launch(pkt *media.Packet, key bool, loss float64) {
	if m.rng.Float64() < loss {
		return
	}
	m.pushed[pkt] = place{epoch: m.epoch, frame: m.frame, key: key}
	m.flight = append(m.flight, pkt)
}

// arrive pushes what is in flight, in a more or less wrong order, some of it twice.
func (m *model) arrive(t *rapid.T) {
	spread := rapid.SampledFrom([]int{1, 1, 4, 30}).Draw(t, "spread")
	twice := rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "twice")
	stay := rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "stay")
	for len(m.flight) > stay {
		i := m.rng.IntN(min(spread, len(m.flight)))
		pkt := m.flight[i]
		if m.rng.Float64() >= twice {
			m.flight = append(m.flight[:i:i], m.flight[i+1:]...)
		}
		m.push(pkt)
	}
}

func (m *model) push(pkt *media.Packet) {
	k := pkt.Kind()
	before := m.pub.stream.lanes[k].counted.Packets
	arrived := *pkt
	arrived.Arrival = m.now
	m.pub.Push(&arrived)
	if m.pub.stream.lanes[k].counted.Packets == before {
		return
	}
	at := m.pushed[pkt]
	at.order = len(m.pushed)
	m.pushed[&arrived] = at
	m.here[k] = append(m.here[k], &arrived)
}

func (m *model) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 20, 300, 1500, 6000}).Draw(t, "ms")) * time.Millisecond)
}

func (m *model) join(t *rapid.T) {
	if len(m.view) < 4 {
		r, err := m.hub.Subscribe(m.now, testName, nil)
		if err != nil {
			t.Fatal(err)
		}
		v := &viewer{Reader: r, h264Only: rapid.IntRange(0, 3).Draw(t, "picky") == 0}
		if v.h264Only {
			v.Accept(func(f media.Format) bool { return f.Codec != media.VP8 })
		}
		m.view = append(m.view, v)
	}
}

// read lets one reader read, and so stalls the others.
func (m *model) read(t *rapid.T) {
	if len(m.view) == 0 {
		return
	}
	v := rapid.SampledFrom(m.view).Draw(t, "reader")
	m.check(v, v.Next(m.now, nil, rapid.SampledFrom([]int{1, 7, 1000}).Draw(t, "max")))
}

func (m *model) check(v *viewer, items []media.Item) {
	m.checkOpen(v)
	order := -1
	for _, it := range items {
		at, ok := m.pushed[it.Packet]
		if !ok || at.epoch != m.epoch {
			m.t.Fatalf("an item of publication %d in %d", at.epoch, m.epoch)
		}
		if at.order <= order {
			m.t.Fatalf("packet %d comes after %d", at.order, order)
		}
		order = at.order
		r := &v.runs[it.Kind()]
		if it.Break != media.Continues {
			m.checkBegin(r, it, at)
		}
		switch {
		case v.h264Only && it.Format.Codec == media.VP8:
			m.t.Fatal("a format that is not accepted is delivered")
		case !r.begun || r.epoch != at.epoch:
			m.t.Fatal("a publication without a beginning")
		case it.Seq < r.first:
			m.t.Fatalf("%d is below the run's first, %d", it.Seq, r.first)
		case r.got[it.Seq]:
			m.t.Fatalf("%d comes twice", it.Seq)
		case at.order <= r.order:
			m.t.Fatalf("%d comes out of order", it.Seq)
		}
		r.got[it.Seq], r.order, r.top = true, at.order, max(r.top, it.Seq)
		if m.next[it.Kind()]-it.Seq <= minSlots && v.Find(it.Kind(), it.Seq) != it.Packet {
			m.t.Fatalf("%d cannot be found again", it.Seq)
		}
	}
}

// checkBegin checks the first item of a run.
func (m *model) checkBegin(r *run, it media.Item, at place) {
	restarted := !r.begun || r.epoch != at.epoch
	if restarted != (it.Break == media.Restarted) {
		m.t.Fatalf("publication %d after %d is marked %d", at.epoch, r.epoch, it.Break)
	}
	if restarted {
		r.top = 0
	}
	if it.First <= r.top {
		m.t.Fatalf("a run begins with %d after %d was delivered", it.First, r.top)
	}
	*r = run{begun: true, epoch: at.epoch, first: it.First, top: r.top, order: -1, got: map[uint64]bool{}}
	if it.Kind() == media.Audio && it.First != it.Seq {
		m.t.Fatalf("sound begins with %d, not %d", it.Seq, it.First)
	}
}

// checkOpen checks where a video run begins, right after it was chosen: retransmissions that come later may be of a frame
// that was wholly missing before the keyframe, and then belong to the run as well.
func (m *model) checkOpen(v *viewer) {
	c := &v.cursors[media.Video]
	if !c.open || v.opened == (opening{m.epoch, c.first}) {
		return
	}
	v.opened = opening{m.epoch, c.first}
	var lowest *media.Packet
	for _, pkt := range m.here[media.Video] {
		if pkt.Seq >= c.first && (lowest == nil || pkt.Seq < lowest.Seq) {
			lowest = pkt
		}
	}
	frame := m.pushed[lowest]
	if !frame.key {
		m.t.Fatalf("video begins with %d of frame %d, which is no keyframe", lowest.Seq, frame.frame)
	}
	for _, pkt := range m.here[media.Video] {
		if m.pushed[pkt].frame == frame.frame && pkt.Seq < c.first {
			m.t.Fatalf("video begins in the middle of frame %d", frame.frame)
		}
	}
}

// finish lets every reader read all, and checks that a run which never skipped has all that belongs to it.
func (m *model) finish() {
	for _, v := range m.view {
		m.check(v, v.Next(m.now, nil, 1<<20))
		if n := len(v.Next(m.now, nil, 1)); n != 0 {
			m.t.Fatal("there is more after all was read")
		}
		r := &v.runs[media.Video]
		if v.Stats().Skips == 0 && !v.h264Only && r.begun && r.epoch == m.epoch {
			for _, pkt := range m.here[media.Video] {
				if pkt.Seq >= r.first && !r.got[pkt.Seq] {
					m.t.Fatalf("%d of the run from %d on was not delivered", pkt.Seq, r.first)
				}
			}
		}
		v.Close()
	}
	if m.pub != nil {
		m.pub.Close()
	}
	if n := len(m.hub.Streams()); n != 0 || m.hub.readers != 0 {
		m.t.Fatalf("%d streams, %d readers left", n, m.hub.readers)
	}
}

// Whatever is lost, reordered, doubled, replaced or not read in time: each reader's runs are whole.
func TestReadersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := testConfig()
		config.Play.RingMaxPackets = rapid.SampledFrom([]int{64, 128, 1 << 14}).Draw(t, "ring")
		config.Play.GopCache = rapid.Bool().Draw(t, "gop_cache")
		m := &model{
			t: t, now: time.Now(), hub: NewHub(config), pushed: map[*media.Packet]place{},
			rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
		}
		m.join(t)
		m.publish(t)
		flow := func(t *rapid.T) { m.send(t); m.arrive(t) }
		t.Repeat(map[string]func(*rapid.T){
			"send": m.send, "arrive": m.arrive, "flow": flow, "flow2": flow, "read": m.read, "read2": m.read,
			"wait": m.wait, "join": m.join,
			"publish": func(t *rapid.T) {
				if rapid.IntRange(0, 5).Draw(t, "again") == 0 {
					m.publish(t)
				}
			},
		})
		m.finish()
	})
}
