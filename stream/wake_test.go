package stream

import (
	"testing"
	"testing/synctest"
	"time"

	"oneport/media"
)

// elapsed lets virtual time pass and what is due happen.
func elapsed(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestWakeAtFrameEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := NewHub(testConfig()), &waker{}
		s := publish(t, h, time.Now(), &publisher{})
		r := subscribe(t, h, time.Now(), w)
		pkts := s.nextFrame(time.Now(), true)
		s.Push(pkts[0])
		s.Push(pkts[1])
		if w.count() != 0 {
			t.Error("woken in the middle of a frame")
		}
		s.Push(pkts[2])
		if w.count() != 1 {
			t.Error("not woken at the frame's end")
		}
		s.Push(pkts[2])
		if w.count() != 1 {
			t.Error("woken by a duplicate")
		}
		elapsed(time.Hour)
		if w.count() != 1 {
			t.Error("woken again by nothing")
		}
		r.Close()
		s.Close()
	})
}

// A frame that takes long to come is told in parts, each 5 ms after its first packet came.
func TestWakeAfterBatchAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := NewHub(testConfig()), &waker{}
		s := publish(t, h, time.Now(), &publisher{})
		subscribe(t, h, time.Now(), w)
		began := time.Now()
		for i := range 4 {
			pkts := s.nextFrame(time.Now(), i == 0)
			s.Push(pkts[0])
			elapsed(3 * time.Millisecond)
			pkts[1].Arrival = time.Now()
			s.Push(pkts[1])
			elapsed(3 * time.Millisecond)
			pkts[2].Arrival = time.Now()
			s.Push(pkts[2])
			elapsed(94 * time.Millisecond)
		}
		var want []time.Duration
		for i := range time.Duration(4) {
			want = append(want, i*100*time.Millisecond+5*time.Millisecond, i*100*time.Millisecond+6*time.Millisecond)
		}
		if len(w.calls) != len(want) {
			t.Fatalf("woken %d times; want %d", len(w.calls), len(want))
		}
		for i, at := range w.calls {
			if at.Sub(began) != want[i] {
				t.Errorf("call %d comes at %v; want %v", i, at.Sub(began), want[i])
			}
		}
	})
}

func TestWakeAtBatchBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := NewHub(testConfig()), &waker{}
		s := publish(t, h, time.Now(), &publisher{})
		subscribe(t, h, time.Now(), w)
		for i := range 64 {
			s.Push(&media.Packet{Arrival: time.Now(), Format: h264, Seq: 1<<16 + uint64(i), Timestamp: 1, Payload: make([]byte, 1<<10)})
			if want := (i + 1) / 32; w.count() != want {
				t.Fatalf("woken %d times after %d KB", w.count(), i+1)
			}
		}
	})
}

func TestWakeForSound(t *testing.T) {
	for _, test := range []struct {
		latency, frameAfter, want time.Duration
	}{
		{0, time.Second, 0},
		{20 * time.Millisecond, time.Second, 20 * time.Millisecond},
		{20 * time.Millisecond, 7 * time.Millisecond, 7 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			config, w := testConfig(), &waker{}
			config.Play.MWLatency = test.latency
			h := NewHub(config)
			s := publish(t, h, time.Now(), &publisher{})
			subscribe(t, h, time.Now(), w)
			began := time.Now()
			s.sound(began)
			elapsed(test.frameAfter)
			s.frame(time.Now(), true)
			if first := w.calls[0].Sub(began); first != test.want {
				t.Errorf("mw_latency %v, a frame after %v: woken after %v; want %v", test.latency, test.frameAfter, first, test.want)
			}
			if frame := w.calls[len(w.calls)-1].Sub(began); frame != test.frameAfter {
				t.Errorf("woken for the frame after %v", frame)
			}
		})
	}
}

// The timer follows the earliest of what waits.
func TestWakeForTheEarliest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, pub, w := testConfig(), &publisher{}, &waker{}
		config.Play.MWLatency = 350 * time.Millisecond
		h := NewHub(config)
		s := publish(t, h, time.Now(), pub)
		r := subscribe(t, h, time.Now(), w)
		began := time.Now()
		r.RequestKeyframe(began)
		elapsed(450 * time.Millisecond)
		s.sound(time.Now())
		elapsed(time.Millisecond)
		r.RequestKeyframe(time.Now())
		elapsed(100 * time.Millisecond)
		if len(pub.asked) != 2 || pub.asked[1].Sub(began) != 500*time.Millisecond {
			t.Errorf("asked at %v", pub.asked)
		}
		s.Push(s.nextFrame(time.Now(), true)[0])
		elapsed(time.Hour)
		if len(w.calls) != 1 || w.calls[0].Sub(began) != 556*time.Millisecond {
			t.Errorf("woken at %v", w.calls)
		}
		r.Close()
		s.Close()
	})
}

// The cost of a batch is that of the distinct wakers, not of the readers.
func TestWakersAreShared(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	a, b := &waker{}, &waker{}
	var readers []*Reader
	for range 50 {
		readers = append(readers, subscribe(t, h, now, a), subscribe(t, h, now, b), subscribe(t, h, now, nil))
	}
	s.frame(now, true)
	if a.count() != 1 || b.count() != 1 {
		t.Errorf("the wakers were called %d and %d times", a.count(), b.count())
	}
	for i, r := range readers {
		if i%3 == 1 || i < 3*49 {
			r.Close()
			r.Close()
		}
	}
	s.frame(now, false)
	if a.count() != 2 || b.count() != 1 {
		t.Errorf("with one reader left the wakers were called %d and %d times", a.count(), b.count())
	}
}

func TestKeyframeRequestsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, pub := NewHub(testConfig()), &publisher{}
		r := subscribe(t, h, time.Now(), nil)
		r.RequestKeyframe(time.Now()) // nobody to ask
		s := publish(t, h, time.Now(), pub)
		count := func(when string, want int) {
			t.Helper()
			if pub.requests() != want {
				t.Errorf("%s: %d requests; want %d", when, pub.requests(), want)
			}
		}
		for range 100 {
			r.RequestKeyframe(time.Now())
		}
		count("the first", 1)
		elapsed(500*time.Millisecond - 1)
		count("in the hold-off", 1)
		elapsed(1)
		count("at its end, for the other 99", 2)
		elapsed(time.Hour)
		count("and no more", 2)

		r.RequestKeyframe(time.Now())
		r.RequestKeyframe(time.Now())
		s.frame(time.Now(), true)
		elapsed(time.Hour)
		count("one of two, for a keyframe came meanwhile", 3)

		r.RequestKeyframe(time.Now())
		s.Close()
		r.RequestKeyframe(time.Now())
		elapsed(time.Hour)
		count("nobody publishes", 4)
		r.Close()
	})
}

// A new publisher is asked at once, however recently the old one was.
func TestNewPublisherIsAskedAtOnce(t *testing.T) {
	now := time.Now()
	h, old, pub := NewHub(testConfig()), &publisher{}, &publisher{}
	publish(t, h, now, old)
	r := subscribe(t, h, now, nil)
	r.RequestKeyframe(now)
	r.RequestKeyframe(now)
	old.dead = true
	publish(t, h, now, pub)
	r.RequestKeyframe(now)
	if old.requests() != 1 || pub.requests() != 1 {
		t.Errorf("%d requests to the old one, %d to the new one", old.requests(), pub.requests())
	}
}

// A waiting reader goes on asking, for a request may be lost.
func TestWaitingReaderAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, pub := NewHub(testConfig()), &publisher{}
		s := publish(t, h, time.Now(), pub)
		r := subscribe(t, h, time.Now(), nil)
		for range 50 {
			s.frame(time.Now(), false)
			expect(t, "no keyframe", drain(r, time.Now()), "")
			elapsed(40 * time.Millisecond)
		}
		if pub.requests() != 5 { // at 0, 0.5, 1, 1.5 and 2 s
			t.Errorf("%d requests in two seconds", pub.requests())
		}
		r.Close()
		s.Close()
	})
}

// Viewers on thin links, of a publisher that sends keyframes when it is asked alone, don't make everybody pay: one keyframe in
// two seconds is for them. They go on at each, also at those that others ask for, who wait no longer than ever.
func TestLagAsksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, pub := NewHub(testConfig()), &publisher{}
		s := publish(t, h, time.Now(), pub)
		s.frame(time.Now(), true)
		var thin []*Reader
		for range 10 {
			thin = append(thin, subscribe(t, h, time.Now(), nil))
		}
		answered, keys := 0, 0
		second := func(frames int) {
			for range frames {
				elapsed(40 * time.Millisecond)
				key := pub.requests() > answered
				if answered = pub.requests(); key {
					keys++
				}
				s.frame(time.Now(), key)
				for i, r := range thin {
					r.Next(time.Now(), nil, 1+i%2) // of three packets
				}
			}
		}
		second(60 * 25)
		if n := pub.requests(); n < 20 || n > 30 {
			t.Errorf("%d requests in a minute", n)
		}
		for i, at := range pub.asked[1:] {
			if d := at.Sub(pub.asked[i]); d < 2*time.Second {
				t.Errorf("asked again after %v", d)
			}
		}
		for i, r := range thin {
			if n := r.Stats().Skips; n < uint64(keys)/4 {
				t.Errorf("viewer %d has gone on %d times at %d keyframes", i, n, keys)
			}
		}
		before := pub.requests()
		thin[0].RequestKeyframe(time.Now()) // with a lost packet
		thin[0].RequestKeyframe(time.Now())
		elapsed(500 * time.Millisecond)
		if n := pub.requests() - before; n < 1 || n > 2 || time.Since(pub.asked[len(pub.asked)-1]) > 500*time.Millisecond {
			t.Errorf("%d requests for one that lost packets, the last %v ago", n, time.Since(pub.asked[len(pub.asked)-1]))
		}
		for _, r := range thin {
			r.Close()
		}
		s.Close()
	})
}

// A request that waits because of lag does not hold back one that need not wait.
func TestLossAsksBeforeLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, pub := NewHub(testConfig()), &publisher{}
		s := publish(t, h, time.Now(), pub)
		slow, other := subscribe(t, h, time.Now(), nil), subscribe(t, h, time.Now(), nil)
		s.frame(time.Now(), true)
		drain(slow, time.Now())
		s.frame(time.Now(), false)
		elapsed(1100 * time.Millisecond)
		other.RequestKeyframe(time.Now())
		s.frame(time.Now(), false)
		expect(t, "too late", drain(slow, time.Now()), "")
		if n := pub.requests(); n != 1 {
			t.Errorf("%d requests at once", n)
		}
		elapsed(400 * time.Millisecond)
		other.RequestKeyframe(time.Now())
		slow.Next(time.Now(), nil, 1)
		elapsed(100 * time.Millisecond)
		if n := pub.requests(); n != 2 {
			t.Errorf("%d requests after 0.5 s", n)
		}
		elapsed(time.Hour)
		if n := pub.requests(); n != 2 {
			t.Errorf("%d requests in all: the second was for both", n)
		}
		slow.Close()
		other.Close()
		s.Close()
	})
}

// The end of a stream is the end of its timer.
func TestTimerEndsWithStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, w := NewHub(testConfig()), &waker{}
		s := publish(t, h, time.Now(), &publisher{})
		r := subscribe(t, h, time.Now(), w)
		s.Push(s.nextFrame(time.Now(), true)[0])
		r.Close()
		s.Close()
		elapsed(time.Hour)
		if w.count() != 0 {
			t.Error("woken after the end")
		}
	})
}
