package stream

import (
	"testing"
	"time"

	"oneport/media"
)

// live publishes 25 frames and 50 sounds a second, with a keyframe each gop frames (0: never), and calls read after each
// frame.
func live(s *source, now *time.Time, frames, gop int, read func(frame int)) {
	for i := range frames {
		*now = now.Add(20 * time.Millisecond)
		s.sound(*now)
		*now = now.Add(20 * time.Millisecond)
		s.sound(*now)
		s.frame(*now, gop > 0 && i%gop == 0)
		read(i)
	}
}

func kinds(items []media.Item) (of [media.Kinds]int) {
	for _, it := range items {
		of[it.Kind()]++
	}
	return of
}

// A reader that stands still for four seconds goes on with a keyframe, live, not with what it missed.
func TestStallThenResumeAtKeyframe(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	live(s, &now, 10, 50, func(int) { drain(r, now) })
	live(s, &now, 110, 50, func(int) {}) // keyframes at 0, 50 and 100: the last 400 ms ago
	if lag := r.Stats().Lag; lag < 4*time.Second {
		t.Errorf("the lag is %v", lag)
	}
	items := drain(r, now)
	if want := [media.Kinds]int{media.Video: 10 * framePackets}; kinds(items) != want {
		t.Errorf("%v packets of sound and picture; want %v", kinds(items), want)
	}
	first := items[0]
	if !first.Key || first.Break != media.Skipped || first.First != first.Seq {
		t.Errorf("video goes on with %+v", first)
	}
	stats := r.Stats()
	if want := uint64(100*framePackets + 220); stats.Skips != 1 || stats.SkippedPackets != want || stats.Waiting || stats.Lag != 0 {
		t.Errorf("the stats are %+v; want 1 skip of %d packets", stats, want)
	}
	sound := s.sound(now)
	if items = drain(r, now); len(items) != 1 || items[0].Break != media.Skipped || items[0].First != sound {
		t.Errorf("sound goes on with %q", script(items))
	}
}

func TestStallThenWaitForKeyframe(t *testing.T) {
	now := time.Now()
	h, pub := NewHub(testConfig()), &publisher{}
	s := publish(t, h, now, pub)
	r := subscribe(t, h, now, nil)
	s.frame(now, true)
	drain(r, now)
	live(s, &now, 5, 1, func(int) {})
	live(s, &now, 100, 0, func(int) {}) // the newest keyframe is four seconds old
	expect(t, "nothing is fresh", drain(r, now), "")
	if stats := r.Stats(); stats.Skips != 1 || !stats.Waiting {
		t.Errorf("the stats are %+v", stats)
	}
	if pub.requests() != 1 {
		t.Errorf("%d keyframes asked for", pub.requests())
	}
	skipped := r.Stats().SkippedPackets
	s.frame(now, false)
	expect(t, "still waiting", drain(r, now), "")
	if n := r.Stats().SkippedPackets - skipped; n != framePackets {
		t.Errorf("%d more packets skipped", n)
	}
	key := s.frame(now, true)
	items := drain(r, now)
	if len(items) != framePackets || items[0].Seq != key || items[0].Break != media.Skipped {
		t.Errorf("video goes on with %q", script(items))
	}
	if r.Stats().Skips != 1 {
		t.Error("waiting is counted as another skip")
	}
}

// A reader whose link is too slow for the video loses whole frames of it and no sound.
func TestSlowReaderKeepsSound(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	drain(r, now)
	var items []media.Item
	live(s, &now, 1000, 50, func(int) { items = r.Next(now, items, 3) }) // of 5 packets that come
	got := kinds(items)
	if sound := uint64(2000); uint64(got[media.Audio]) < sound*95/100 {
		t.Errorf("%d of %d sounds delivered", got[media.Audio], sound)
	}
	if stats := r.Stats(); stats.Skips == 0 || stats.Lag > 1100*time.Millisecond {
		t.Errorf("the stats are %+v", stats)
	}
	checkRuns(t, items)
}

// checkRuns checks that video is whole within its runs and that each begins with a keyframe.
func checkRuns(t *testing.T, items []media.Item) {
	t.Helper()
	var last *media.Packet
	for _, it := range items {
		if it.Kind() == media.Audio {
			continue
		}
		switch {
		case it.Break != media.Continues && (!it.Key || it.First != it.Seq):
			t.Errorf("a run begins with %+v", it)
		case it.Break == media.Continues && it.Seq != last.Seq+1:
			t.Errorf("%d follows %d", it.Seq, last.Seq)
		}
		last = it.Packet
	}
}

// What a reader begins with may be older than the limit, until it has been read.
func TestBacklogOfStartIsNoLag(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	live(s, &now, 49, 100, func(int) {}) // the keyframe is 1.92 s old
	r := subscribe(t, h, now, nil)
	items := r.Next(now, nil, 10)
	live(s, &now, 20, 0, func(int) { items = r.Next(now, items, 10) })
	if stats := r.Stats(); stats.Skips != 0 || stats.Lag == 0 || len(items) != 210 {
		t.Errorf("%d packets delivered, stats %+v", len(items), stats)
	}
	checkRuns(t, items)
	drain(r, now)
	live(s, &now, 26, 0, func(int) {})
	if drain(r, now); r.Stats().Skips != 1 {
		t.Error("having caught up once, the reader may still lag by more than the limit")
	}
}

// A ring too small for the limit skips all the same, and delivers no half frame.
func TestOverrun(t *testing.T) {
	now := time.Now()
	config := testConfig()
	config.Play.RingMaxPackets = minSlots
	h := NewHub(config)
	s := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	s.frame(now, true)
	s.sound(now)
	drain(r, now)
	for i := range 40 {
		s.frame(now, i == 35)
		s.sound(now)
	}
	items := drain(r, now)
	if want := [media.Kinds]int{media.Audio: 40, media.Video: 5 * framePackets}; kinds(items) != want {
		t.Errorf("%v packets; want %v", kinds(items), want)
	}
	checkRuns(t, append([]media.Item{}, items...))
	if stats := r.Stats(); stats.Skips != 1 || stats.SkippedPackets != 35*framePackets {
		t.Errorf("the stats are %+v", stats)
	}
}

// A keyframe that the reader is in the middle of is not one to skip to.
func TestSkipOutOfKeyframe(t *testing.T) {
	now := time.Now()
	h, pub := NewHub(testConfig()), &publisher{}
	s := publish(t, h, now, pub)
	r := subscribe(t, h, now, nil)
	s.frame(now, true)
	expect(t, "a part", r.Next(now, nil, 2), "v0! v1")
	now = now.Add(time.Second + 1)
	s.frame(now, false)
	expect(t, "not its tail", drain(r, now), "")
	if pub.requests() != 1 {
		t.Errorf("%d keyframes asked for", pub.requests())
	}
	s.frame(now, true)
	expect(t, "the next keyframe", drain(r, now), "v6/ v7 v8")
}

// A reader that fell behind means to be live: what is fresh enough for a new one is too old for it.
func TestSkipNeedsFresherKeyframeThanStart(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	s.frame(now, true)
	drain(r, now)
	s.frame(now, false)
	now = now.Add(500 * time.Millisecond)
	s.frame(now, true)
	now = now.Add(time.Second + 1)
	s.frame(now, false)
	expect(t, "1.0 s is too old", drain(r, now), "")
	expect(t, "but not for a new reader", drain(subscribe(t, h, now, nil), now), "v6! v7 v8 v9 v10 v11")
}

// Sound that was left out and sound that comes late have no place in the run after it.
func TestLateSoundAfterSkip(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	drain(r, now)
	s.sound(now)
	late := s.audio
	s.audio++
	s.sound(now)
	s.sound(now)
	expect(t, "with a gap", drain(r, now), "a0! a2 a3")
	s.sound(now)
	now = now.Add(time.Hour)
	expect(t, "a stall", drain(r, now), "")
	next := s.audio
	s.audio = late
	s.sound(now)
	expect(t, "late", drain(r, now), "")
	s.audio = next
	s.sound(now)
	expect(t, "live", drain(r, now), "a5/")
}
