package stream

import (
	"fmt"
	"testing"
	"time"

	"oneport/media"
)

// film is packets made beforehand: 11 of video a frame, 1,200 bytes each, and two of sound, as at 2.5 Mbit/s.
type film struct {
	pkts []media.Packet
	now  time.Time
	seq  uint64
	ts   uint32
}

const filmFrame = 13

func newFilm(frames int) *film {
	f := &film{now: time.Now(), seq: 1 << 16}
	payload := make([]byte, 1200)
	for i := range frames {
		f.now, f.ts = f.now.Add(40*time.Millisecond), f.ts+3600
		for j := range filmFrame {
			pkt := media.Packet{Arrival: f.now, Format: h264, Timestamp: f.ts, Marker: j == filmFrame-1, Payload: payload}
			pkt.Start, pkt.Key = j == 2, j == 2 && i%50 == 0
			if j < 2 {
				pkt.Format, pkt.Payload = opus, payload[:80]
			}
			pkt.Seq = f.seq
			f.seq++
			f.pkts = append(f.pkts, pkt)
		}
	}
	return f
}

// again moves the film behind its own end. It makes new packets, as a publisher does, since readers may hold the old ones.
func (f *film) again() {
	frames := len(f.pkts) / filmFrame
	pkts := make([]media.Packet, len(f.pkts))
	for i, pkt := range f.pkts {
		pkt.Seq += uint64(len(pkts))
		pkt.Timestamp += uint32(frames) * 3600
		pkt.Arrival = pkt.Arrival.Add(time.Duration(frames) * 40 * time.Millisecond)
		pkts[i] = pkt
	}
	f.pkts = pkts
}

func BenchmarkPush(b *testing.B) {
	h := NewHub(testConfig())
	s := publish(b, h, time.Now(), &publisher{})
	subscribe(b, h, time.Now(), silent{})
	f := newFilm(250)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(f.pkts) {
			b.StopTimer()
			f.again()
			i = 0
			b.StartTimer()
		}
		s.Push(&f.pkts[i])
	}
}

type silent struct{}

func (silent) Wake(*Stream) {}

// One frame is pushed and every reader reads it: the cost of a packet and reader is what is reported.
func BenchmarkNext(b *testing.B) {
	for _, readers := range []int{1, 300} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			h := NewHub(testConfig())
			s := publish(b, h, time.Now(), &publisher{})
			f := newFilm(250)
			var all []*Reader
			for range readers {
				r := subscribe(b, h, f.pkts[0].Arrival, silent{})
				drain(r, f.pkts[0].Arrival)
				all = append(all, r)
			}
			dst := make([]media.Item, 0, 64)
			items, at := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				if at == len(f.pkts) {
					b.StopTimer()
					f.again()
					at = 0
					b.StartTimer()
				}
				for range filmFrame {
					s.Push(&f.pkts[at])
					at++
				}
				for _, r := range all {
					items += len(r.Next(f.pkts[at-1].Arrival, dst, 64))
				}
			}
			if items != b.N*filmFrame*readers {
				b.Fatalf("%d items of %d", items, b.N*filmFrame*readers)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(items), "ns/item")
		})
	}
}

func BenchmarkNextNothingNew(b *testing.B) {
	h := NewHub(testConfig())
	f := newFilm(1)
	s := publish(b, h, f.now, &publisher{})
	for i := range f.pkts {
		s.Push(&f.pkts[i])
	}
	r := subscribe(b, h, f.now, nil)
	drain(r, f.now)
	b.ReportAllocs()
	for b.Loop() {
		r.Next(f.now, nil, 64)
	}
}

// In the steady state neither pushing nor reading allocates.
func TestNoAllocations(t *testing.T) {
	h := NewHub(testConfig())
	s := publish(t, h, time.Now(), &publisher{})
	f := newFilm(250)
	r := subscribe(t, h, f.pkts[0].Arrival, silent{})
	dst := make([]media.Item, 0, 64)
	at, items := 0, 0
	frame := func() {
		for range filmFrame {
			s.Push(&f.pkts[at])
			at++
		}
		items += len(r.Next(f.pkts[at-1].Arrival, dst, 64))
	}
	for range 150 { // until the ring has grown to what it holds
		frame()
	}
	if n := testing.AllocsPerRun(50, frame); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
	if items < 200*filmFrame-2 {
		t.Errorf("%d items", items)
	}
}
