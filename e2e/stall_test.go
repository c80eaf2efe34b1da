package e2e

import (
	"testing"
	"time"

	"oneport/bench"
)

// Of 20 viewers of 2,000 packets a second one stands still for 4 s. Nobody else misses a packet; it goes on at a keyframe,
// live, and not with what it missed.
func TestStalledViewer(t *testing.T) {
	const (
		others  = 19
		rate    = 2000 // video packets a second, in frames of 80
		stall   = 4
		backlog = 1000 // packets that the kernel may hold: about a megabyte
		live    = 1500 * time.Millisecond
	)
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
		v.checkWhole(t)
		st := v.Stats()
		if st.Stall > stall*time.Second {
			t.Errorf("another viewer waited %v", st.Stall)
		}
	}
	st := watching[0].Stats()
	t.Logf("others: %d packets each, latency p50 %v p99 %v, longest pause %v", st.Packets, st.Latency(50), st.Latency(99), st.Stall)
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
		if !p.key || p.age > live || i > backlog {
			t.Errorf("resumed after %d old packets, keyframe: %v, age %v", i, p.key, p.age)
		}
		if last := video[len(video)-1]; last.age > live {
			t.Errorf("%v behind at last", last.age)
		}
		return
	}
	t.Error("nothing was skipped")
}
