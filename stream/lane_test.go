package stream

import (
	"testing"
	"time"

	"oneport/media"
)

func (l *lane) pushSeq(now time.Time, seq uint64, size int, bounds *Play) bool {
	return l.push(&media.Packet{Arrival: now, Format: h264, Seq: seq, Payload: make([]byte, size)}, l.head, bounds)
}

func TestLaneBounds(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Play)
		step   time.Duration
		held   uint64
	}{
		{"by count", func(p *Play) { p.RingMaxPackets = 300 }, 0, 256},
		{"by count, least", func(p *Play) { p.RingMaxPackets = 1 }, 0, minSlots},
		{"by bytes", func(p *Play) { p.RingMaxBytes = 1050 }, 0, 10},
		{"by bytes, the newest always stays", func(p *Play) { p.RingMaxBytes = 10 }, 0, 1},
		{"by age", func(p *Play) {}, 100 * time.Millisecond, 51},
	} {
		bounds, now := testConfig().Play, time.Now()
		test.change(&bounds)
		var l lane
		l.base, l.tail, l.head = 7, 7, 7
		for i := range uint64(1000) {
			now = now.Add(test.step)
			if !l.pushSeq(now, 1<<16+i, 100, &bounds) {
				t.Fatalf("%s: packet %d is refused", test.name, i)
			}
		}
		if held := l.head - l.tail; held != test.held {
			t.Errorf("%s: %d packets held; want %d", test.name, held, test.held)
		}
		kept := 0
		for _, s := range l.slots {
			if s.pkt != nil {
				kept++
			}
		}
		if kept != int(test.held) {
			t.Errorf("%s: %d packets are kept from the collector", test.name, kept)
		}
		for seq := uint64(1 << 16); seq < 1<<16+1000; seq++ {
			pos, ok, _ := l.find(seq)
			if want := seq >= 1<<16+1000-test.held; ok != want || ok && l.at(pos).pkt.Seq != seq {
				t.Fatalf("%s: find %d says %v", test.name, seq, ok)
			}
		}
	}
}

func TestLaneRefuses(t *testing.T) {
	bounds, now := testConfig().Play, time.Now()
	bounds.RingMaxPackets = minSlots
	var l lane
	push := func(seq uint64, want bool) {
		t.Helper()
		if got := l.pushSeq(now, 1<<16+seq, 1, &bounds); got != want {
			t.Errorf("push of %d says %v", seq, got)
		}
	}
	push(1, true)
	push(1, false)
	push(3, true)
	push(2, true)
	push(3, false)
	push(2+minSlots, true)
	push(2, false) // its place in the index is taken by a newer one
	push(4, true)
	for i := range uint64(minSlots) {
		push(1000+i, true)
	}
	push(4, false)          // gone
	push(2+minSlots, false) // gone
	push(3+minSlots, false) // nobody can tell: its place in the index is taken by a newer one
	if c := l.counted; c.Duplicates != 2 || c.Late != 4 {
		t.Errorf("counted %+v", c)
	}
}

// What was evicted for its age is still known to have been there.
func TestLaneRefusesWhatIsGone(t *testing.T) {
	bounds, now := testConfig().Play, time.Now()
	var l lane
	for seq := range uint64(5) {
		l.pushSeq(now, 1<<16+seq, 1, &bounds)
	}
	now = now.Add(time.Minute)
	l.pushSeq(now, 1<<16+20, 1, &bounds)
	if l.pushSeq(now, 1<<16+3, 1, &bounds) || l.counted.Late != 1 {
		t.Error("a packet is taken again after a minute")
	}
	if !l.pushSeq(now, 1<<16+10, 1, &bounds) {
		t.Error("a packet that never came is refused")
	}
}

// However far apart the sequence numbers are, growing keeps every packet.
func TestLaneGrowsWithGaps(t *testing.T) {
	bounds, now := testConfig().Play, time.Now()
	var l lane
	for i := range uint64(1000) {
		l.pushSeq(now, 1<<16+i*7, 1, &bounds)
		if l.pushSeq(now, 1<<16+i*7, 1, &bounds) {
			t.Fatalf("packet %d is taken twice", i)
		}
	}
	if l.head-l.tail != 1000 || l.counted.Packets != 1000 {
		t.Errorf("%d packets held", l.head-l.tail)
	}
}
