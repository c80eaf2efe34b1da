package e2e

import (
	"slices"
	"sync"
	"testing"
	"time"

	"oneport/bench"
)

// Of 20 viewers of 2,000 packets a second one stands still for 4 s. Nobody else misses a packet or waits for one; it goes on at
// a keyframe, live, and not with what it missed.
func TestStalledViewer(t *testing.T) {
	const (
		others  = 19
		rate    = 2000 // video packets a second, in frames of 80
		stall   = 4
		backlog = 1000 // packets that the kernel may hold: about a megabyte
		live    = 1500 * time.Millisecond
		wait    = 2 * time.Second // of anyone else, at most
	)
	beats := beat(t)
	s := start(t)
	var watching []*viewer
	for range others {
		watching = append(watching, play(t, s, "stall", bench.ClientOptions{}))
	}
	stalled := play(t, s, "stall", bench.ClientOptions{ReceiveBuffer: 32 << 10})
	id := sessionAt(t, s, stalled)
	publish(t, s, "stall", bench.ClientOptions{}, bench.SourceOptions{KBPS: rate * 1160 * 8 / 1000, Keyframe: time.Minute})
	stalled.awaitMore(t, rate/2)

	stalled.Stall(true)
	watching[0].awaitMore(t, stall*rate)
	for _, v := range watching { // Nobody's packets wait for the stall to end.
		v.awaitUpTo(t, watching[0])
	}
	before := len(stalled.sightings())
	if lag := clientOf(t, s, id).LagMS; lag < 500 {
		t.Errorf("the API shows a lag of %d ms: the viewer does not stall", lag)
	}
	stalled.Stall(false)
	stalled.awaitMore(t, rate+backlog)

	checkSkipped(t, stalled.sightings()[before:], backlog, live)
	stalled.checkNumbers(t)
	if st := stalled.Stats(); st.Gaps != 0 || st.Wrong != 0 {
		t.Errorf("stalled: %d gaps, %d wrong of %d", st.Gaps, st.Wrong, st.Packets)
	}
	c := clientOf(t, s, id)
	if c.Skips < 1 || c.Skipped < stall*rate/2 || c.LagMS > live.Milliseconds() {
		t.Errorf("the API shows %d skips of %d packets and a lag of %d ms", c.Skips, c.Skipped, c.LagMS)
	}
	t.Logf("API: %d skips, %d packets skipped", c.Skips, c.Skipped)
	for _, v := range watching {
		v.awaitMore(t, 1) // ends the last pause
	}
	clock, longest := beats(), time.Duration(0)
	for _, v := range watching {
		v.checkWhole(t)
		pause := v.longestPause(clock)
		if pause > wait {
			t.Errorf("another viewer waited %v", pause)
		}
		longest = max(longest, pause)
	}
	st := watching[0].Stats()
	t.Logf("others: %d packets each, latency p50 %v p99 %v, longest pause %v by the clock, %v without what this process stood still",
		st.Packets, st.Latency(50), st.Latency(99), st.Stall, longest)
}

const beatPeriod = 10 * time.Millisecond

// beat begins to count the time in which this process runs: on a machine that is too busy it stands still at times, with its
// publisher and its viewers, and a pause of theirs is none of the server's. The function returned gives the beats so far.
func beat(t testing.TB) func() []time.Time {
	var mu sync.Mutex
	var beats []time.Time
	ticker, ended := time.NewTicker(beatPeriod), make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C: // which drops what it could not deliver
				mu.Lock()
				beats = append(beats, time.Now())
				mu.Unlock()
			}
		}
	})
	t.Cleanup(func() {
		ticker.Stop()
		close(ended)
		running.Wait()
	})
	return func() []time.Time {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(beats)
	}
}

// awaitUpTo waits for the newest picture's packet that another viewer has by now.
func (v *viewer) awaitUpTo(t testing.TB, other *viewer) {
	t.Helper()
	newest := other.newest()
	eventually(t, joinLimit, "the newest packet of another viewer", func() bool { return v.newest() >= newest })
}

// newest is the highest number of a picture's packet so far.
func (v *viewer) newest() uint64 {
	for _, p := range slices.Backward(v.sightings()) {
		if p.Video {
			return p.stamp.Counter
		}
	}
	return 0
}

// longestPause is the longest time between two packets of one kind, by the beats of this process.
func (v *viewer) longestPause(beats []time.Time) time.Duration {
	most := 0
	for _, video := range []bool{false, true} {
		before, counted := 0, false
		for _, p := range only(v.sightings(), video) {
			now, _ := slices.BinarySearchFunc(beats, p.at, time.Time.Compare)
			if counted {
				most = max(most, now-before)
			}
			before, counted = now, true
		}
	}
	return time.Duration(most) * beatPeriod
}

// checkSkipped finds the place where video was skipped, and demands a keyframe there, and a young one.
func checkSkipped(t testing.TB, after []sighting, backlog int, live time.Duration) {
	t.Helper()
	video := only(after, true)
	for i := 1; i < len(video); i++ {
		p := video[i]
		if p.stamp.Counter == video[i-1].stamp.Counter+1 {
			continue
		}
		t.Logf("after %d old packets, the last %v old, %d were skipped; then one %v old", i, video[i-1].age,
			p.stamp.Counter-video[i-1].stamp.Counter-1, p.age)
		if key := beginsKeyframe(video[i:]); !key || p.age > live || i > backlog {
			t.Errorf("resumed after %d old packets, keyframe: %v, age %v", i, key, p.age)
		}
		if last := video[len(video)-1]; last.age > live {
			t.Errorf("%v behind at last", last.age)
		}
		return
	}
	t.Error("nothing was skipped")
}
