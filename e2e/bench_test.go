package e2e

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"oneport/bench"
	"oneport/media"
)

// sighting is one packet that a viewer decrypted.
type sighting struct {
	bench.Header
	stamp bench.Stamp
	ok    bool // the stamp is one, and nothing behind it was altered
	key   bool
	at    time.Time
	age   time.Duration
}

// viewer is a client of the load generator that remembers what it saw.
type viewer struct {
	*bench.Client
	mu   sync.Mutex
	seen []sighting
}

// play joins a stream and need not wait for a publisher.
func play(t testing.TB, s *server, stream string, o bench.ClientOptions) *viewer {
	t.Helper()
	v := new(viewer)
	o.Role, o.Verify, o.OnRTP = bench.Play, true, v.see
	v.Client = dial(t, s.endpoint("whep", stream), o)
	return v
}

func dial(t testing.TB, url string, o bench.ClientOptions) *bench.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), joinLimit)
	defer cancel()
	c, err := bench.Dial(ctx, url, o)
	must(t, err)
	t.Cleanup(c.Kill)
	return c
}

func (v *viewer) see(h bench.Header, payload []byte, at time.Time) {
	stamp, err := bench.ReadStamp(h.Video, payload)
	_, key := media.Inspect(media.H264, payload)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = append(v.seen, sighting{h, stamp, err == nil, key && h.Video, at, stamp.Latency(at)})
}

// beginsKeyframe says whether video, of which the first packet is at hand, begins with the parameter sets of a keyframe and with the
// keyframe behind them.
func beginsKeyframe(video []sighting) bool {
	if video[0].key {
		return false // its parameter sets are missing
	}
	for _, p := range video {
		if p.Timestamp != video[0].Timestamp {
			return false
		}
		if p.key {
			return true
		}
	}
	return false
}

// sightings are all so far.
func (v *viewer) sightings() []sighting {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen[:len(v.seen):len(v.seen)]
}

// awaitMore waits for n packets more than there are.
func (v *viewer) awaitMore(t testing.TB, n int) {
	t.Helper()
	from := len(v.sightings())
	eventually(t, joinLimit, "more packets", func() bool { return len(v.sightings()) >= from+n })
}

// checkWhole demands that nothing was lost, altered, repeated or out of order.
func (v *viewer) checkWhole(t testing.TB) {
	t.Helper()
	if st := v.Stats(); st.Gaps != 0 || st.Missing != 0 || st.Wrong != 0 || st.Late != 0 {
		t.Errorf("of %d packets: %d gaps, %d missing, %d wrong, %d late", st.Packets, st.Gaps, st.Missing, st.Wrong, st.Late)
	}
}

// numbers extends the sequence numbers of all packets and counts how often each came.
func (v *viewer) numbers(t testing.TB) map[uint32]map[uint64]int {
	t.Helper()
	came, highest := map[uint32]map[uint64]int{}, map[uint32]uint64{}
	for _, p := range v.sightings() {
		if !p.ok {
			t.Fatal("a payload was altered")
		}
		high, known := highest[p.SSRC]
		if !known {
			high = 1<<16 + uint64(p.Sequence)
			came[p.SSRC] = map[uint64]int{}
		}
		seq := high + uint64(int64(int16(p.Sequence-uint16(high))))
		came[p.SSRC][seq]++
		highest[p.SSRC] = max(high, seq)
	}
	return came
}

// checkNumbers demands that no (SSRC, index) was ever used for two packets, and that none came twice.
func (v *viewer) checkNumbers(t testing.TB) {
	t.Helper()
	for ssrc, came := range v.numbers(t) {
		for seq, n := range came {
			if n != 1 {
				t.Fatalf("sequence number %d of %x came %d times", uint16(seq), ssrc, n)
			}
		}
	}
}

// lost lists the sequence numbers between the first and the last that never came.
func (v *viewer) lost(t testing.TB) map[uint32][]uint16 {
	t.Helper()
	lost := map[uint32][]uint16{}
	for ssrc, came := range v.numbers(t) {
		all := slices.Sorted(maps.Keys(came))
		for seq := all[0]; seq < all[len(all)-1]; seq++ {
			if came[seq] == 0 {
				lost[ssrc] = append(lost[ssrc], uint16(seq))
			}
		}
	}
	return lost
}

// only is the sightings of one kind.
func only(list []sighting, video bool) []sighting {
	var some []sighting
	for _, p := range list {
		if p.Video == video {
			some = append(some, p)
		}
	}
	return some
}

// publisher is a client of the load generator that sends its synthetic stream.
type publisher struct {
	*bench.Client
	stop context.CancelFunc
}

func publish(t testing.TB, s *server, stream string, o bench.ClientOptions, source bench.SourceOptions) *publisher {
	t.Helper()
	o.Role = bench.Publish
	p := &publisher{Client: dial(t, s.endpoint("whip", stream)+"&codec=h264", o)}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	var running sync.WaitGroup
	running.Go(func() { _ = p.Publish(ctx, source) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return p
}
