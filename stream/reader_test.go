package stream

import (
	"testing"
	"testing/synctest"
	"time"

	"oneport/media"
)

func TestStartAtFreshKeyframe(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	s.frame(now, true)
	s.frame(now, false)
	s.sound(now)
	s.frame(now, true)
	s.frame(now, false)
	r := subscribe(t, h, now, nil)
	items := drain(r, now.Add(time.Second))
	expect(t, "at the newest keyframe, and no old sound", items, "v6! v7 v8 v9 v10 v11")
	if items[0].First != 1<<16+106 {
		t.Errorf("First is %d", items[0].First)
	}
	s.sound(now.Add(time.Second))
	s.frame(now.Add(time.Second), false)
	items = drain(r, now.Add(time.Second))
	expect(t, "then what comes, in order", items, "a1! v12 v13 v14")
	expect(t, "and nothing twice", drain(r, now.Add(time.Second)), "")
}

func TestStartWaitsForKeyframe(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Config)
		age    time.Duration
		begins bool
	}{
		{"fresh", func(c *Config) {}, 2 * time.Second, true},
		{"too old", func(c *Config) {}, 2*time.Second + 1, false},
		{"too much", func(c *Config) { c.Play.GopMaxBytes = 3*framePackets*100 - 1 }, 0, false},
		{"just not too much", func(c *Config) { c.Play.GopMaxBytes = 3 * framePackets * 100 }, 0, true},
		{"no cache", func(c *Config) { c.Play.GopCache = false }, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			config := testConfig()
			test.change(&config)
			h, pub := NewHub(config), &publisher{}
			s := publish(t, h, now, pub)
			s.frame(now, true)
			s.frame(now, false)
			s.frame(now, false)
			now = now.Add(test.age)
			r := subscribe(t, h, now, nil)
			items := drain(r, now)
			if begins := len(items) > 0; begins != test.begins || r.Stats().Waiting == test.begins {
				t.Fatalf("read %q, waiting %v", script(items), r.Stats().Waiting)
			}
			if test.begins {
				return
			}
			if pub.requests() != 1 {
				t.Errorf("%d keyframe requests", pub.requests())
			}
			s.sound(now)
			s.frame(now, false)
			expect(t, "waiting, sound comes alone", drain(r, now), "a0!")
			s.frame(now, true)
			expect(t, "the keyframe", drain(r, now), "v12! v13 v14")
		})
	}
}

// Viewers that come before the publisher get the publication from its beginning, sound too.
func TestReaderBeforePublisher(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	r := subscribe(t, h, now, nil)
	expect(t, "nothing", drain(r, now), "")
	if !r.Stats().Waiting {
		t.Error("not waiting for a publisher")
	}
	s := publish(t, h, now, &publisher{})
	s.sound(now)
	s.frame(now, true)
	s.sound(now)
	expect(t, "all", drain(r, now), "a0! v0! v1 v2 a1")
	if r.Stats().Waiting {
		t.Error("still waiting")
	}
}

// Who comes when the publisher has just left is given none of what it left behind, nor judged by it: it waits for another.
func TestReaderAfterPublisher(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	there := subscribe(t, h, now, nil)
	drain(there, now)
	first := publish(t, h, now, &publisher{})
	first.frame(now, true)
	first.sound(now)
	first.Close()
	r := subscribe(t, h, now, nil)
	r.Accept(func(f media.Format) bool { return f != *h264 })
	now = now.Add(time.Second)
	expect(t, "nobody publishes", drain(r, now), "")
	if f, refused := r.Refused(media.Video); refused || !r.Stats().Waiting || r.Stats().Lag != 0 {
		t.Errorf("%v is refused: %v; the stats are %+v", f, refused, r.Stats())
	}
	expect(t, "who was there reads to the end", drain(there, now), "v0! v1 v2 a0!")
	second := publish(t, h, now, &publisher{})
	second.format = vp8
	second.sound(now)
	second.frame(now, true)
	expect(t, "another, from its beginning", drain(r, now), "a0! v0! v1 v2")
}

func TestNextHonoursMax(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	s.frame(now, true)
	s.frame(now, false)
	r := subscribe(t, h, now, nil)
	expect(t, "none", r.Next(now, nil, 0), "")
	expect(t, "four", r.Next(now, nil, 4), "v0! v1 v2 v3")
	dst := make([]media.Item, 1, 8)
	if dst = r.Next(now, dst, 4); len(dst) != 3 || dst[1].Seq != 1<<16+104 {
		t.Errorf("the rest is not appended: %d items", len(dst))
	}
}

// Law 1: who does not read takes nothing away from who does.
func TestStalledReaderHarmsNobody(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	stalled, reading := subscribe(t, h, now, nil), subscribe(t, h, now, nil)
	s.frame(now, true)
	drain(stalled, now)
	got := drain(reading, now)
	for range 5000 {
		now = now.Add(10 * time.Millisecond)
		s.frame(now, false)
		s.sound(now)
		got = append(got, drain(reading, now)...)
	}
	if want := framePackets + 5000*(framePackets+1); len(got) != want {
		t.Errorf("the reader got %d packets of %d", len(got), want)
	}
	if stats := reading.Stats(); stats != (ReaderStats{}) {
		t.Errorf("the reader's stats are %+v", stats)
	}
	if lag := stalled.Stats().Lag; lag != h.config.Play.RingMaxAge {
		t.Errorf("the stalled reader's lag is %v", lag)
	}
}

func TestLatePacketsOfAnotherRunAreLeftOut(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	old := s.nextFrame(now, false)
	s.Push(old[0])
	s.Push(old[2])
	s.frame(now, true)
	r := subscribe(t, h, now, nil)
	expect(t, "start", drain(r, now), "v3! v4 v5")
	s.Push(old[1]) // the retransmission comes at last
	s.frame(now, false)
	expect(t, "go on", drain(r, now), "v6 v7 v8")
}

func TestRestart(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	first := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	first.frame(now, true)
	first.sound(now)
	drain(r, now)
	first.frame(now, false)
	first.Close()
	expect(t, "the end of the first", drain(r, now), "v3 v4 v5")
	if !r.Stats().Waiting {
		t.Error("not waiting for a publisher")
	}
	second := publish(t, h, now, &publisher{})
	second.format = vp8
	second.frame(now, false)
	second.sound(now)
	expect(t, "the second, from a keyframe on", drain(r, now), "a0!")
	second.frame(now, true)
	items := drain(r, now)
	expect(t, "the second's keyframe", items, "v3! v4 v5")
	if items[0].Format != vp8 || items[0].First != items[0].Seq {
		t.Errorf("the item is %+v", items[0])
	}
}

func TestAccept(t *testing.T) {
	now := time.Now()
	h, pub := NewHub(testConfig()), &publisher{}
	s := publish(t, h, now, pub)
	s.format = vp8
	r := subscribe(t, h, now, nil)
	judged := 0
	r.Accept(func(f media.Format) bool {
		judged++
		return f.Codec != media.VP8
	})
	for range 10 {
		s.frame(now, true)
		s.sound(now)
		drain(r, now)
	}
	if f, refused := r.Refused(media.Video); !refused || f != *vp8 {
		t.Errorf("Refused says %v, %v", f, refused)
	}
	if f, refused := r.Refused(media.Audio); refused {
		t.Errorf("%v is refused", f)
	}
	if judged != 2 || pub.requests() != 0 {
		t.Errorf("%d formats judged, %d keyframes asked for", judged, pub.requests())
	}
	s.format = h264
	s.frame(now, false)
	s.sound(now)
	expect(t, "another codec needs a keyframe", drain(r, now), "a10")
	s.frame(now, true)
	expect(t, "and has it", drain(r, now), "v33! v34 v35")
	if f, refused := r.Refused(media.Video); refused {
		t.Errorf("%v is still refused", f)
	}
	s.format = vp8
	s.frame(now, true)
	expect(t, "the lane stops", drain(r, now), "")
	r.Accept(nil)
	s.sound(now)
	expect(t, "until the reader takes all", drain(r, now), "v36/ v37 v38 a11")
	r.Accept(func(media.Format) bool { return false })
	s.sound(now)
	s.frame(now, false)
	expect(t, "nothing is taken", drain(r, now), "")
	r.Accept(nil)
	expect(t, "the keyframe is not given twice", drain(r, now), "")
}

// The newest keyframe may be of a codec that is not sent any more.
func TestStartNeedsKeyframeOfCodec(t *testing.T) {
	now := time.Now()
	h, pub := NewHub(testConfig()), &publisher{}
	s := publish(t, h, now, pub)
	s.frame(now, true)
	s.format = vp8
	s.frame(now, false)
	r := subscribe(t, h, now, nil)
	expect(t, "no keyframe of the new codec", drain(r, now), "")
	if pub.requests() != 1 {
		t.Errorf("%d keyframes asked for", pub.requests())
	}
	s.frame(now, true)
	expect(t, "its keyframe", drain(r, now), "v6! v7 v8")
}

func TestFind(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	s.frame(now, false)
	key := s.frame(now, true)
	r := subscribe(t, h, now, nil)
	found := func(seq uint64) bool {
		pkt := r.Find(media.Video, seq)
		if pkt != nil && pkt.Seq != seq {
			t.Errorf("Find gives %d for %d", pkt.Seq, seq)
		}
		return pkt != nil
	}
	if found(key) {
		t.Error("a packet is found before it was delivered")
	}
	r.Next(now, nil, 2)
	if !found(key) || !found(key+1) || found(key+2) || found(key-1) || found(0) {
		t.Error("not exactly the packets delivered are found")
	}
	if r.Find(media.Audio, key) != nil || r.Find(media.Kinds, key) != nil {
		t.Error("a packet is found in another lane")
	}
	s.Close()
	second := publish(t, h, now, &publisher{})
	second.frame(now, true)
	if found(key) {
		t.Error("another publication's packet of that number is found")
	}
	second.frame(now, true)
	drain(r, now)
	if !found(key) || found(key-1) {
		t.Error("the new run's packets are not found")
	}
}

func TestFindForgetsWithTheRing(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	key := s.frame(now, true)
	r := subscribe(t, h, now, nil)
	drain(r, now)
	for range 51 {
		now = now.Add(100 * time.Millisecond)
		s.frame(now, false)
		drain(r, now)
	}
	if r.Find(media.Video, key) != nil {
		t.Error("a packet is found that is older than the ring")
	}
	if r.Find(media.Video, key+framePackets) == nil {
		t.Error("a packet is not found that is as old as the ring")
	}
}

func TestTiming(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	s := publish(t, h, now, &publisher{})
	r := subscribe(t, h, now, nil)
	s.frame(now, true)
	drain(r, now)
	want := media.Timing{RTP: 7, At: now}
	s.SetTiming(media.Video, want)
	s.SetTiming(media.Kinds, want)
	if got, ok := r.Timing(media.Video); !ok || got != want {
		t.Errorf("Timing says %v, %v", got, ok)
	}
	if _, ok := r.Timing(media.Audio); ok {
		t.Error("sound has a timing")
	}
	s.Close()
	s = publish(t, h, now, &publisher{})
	s.SetTiming(media.Video, want)
	if _, ok := r.Timing(media.Video); ok {
		t.Error("the new publication's timing is told before its packets")
	}
	s.sound(now)
	s.frame(now, false)
	expect(t, "sound before the keyframe", drain(r, now), "a0!")
	if _, ok := r.Timing(media.Video); ok {
		t.Error("the new publication's timing is told while its picture waits for a keyframe")
	}
	s.frame(now, true)
	drain(r, now)
	if _, ok := r.Timing(media.Video); !ok {
		t.Error("the new publication has no timing")
	}
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(testConfig())
		r := subscribe(t, h, time.Now(), nil)
		expired := func() bool {
			expired, reason := r.Expired(time.Now())
			if expired != (reason != "") {
				t.Errorf("expired %v, because %q", expired, reason)
			}
			return expired
		}
		time.Sleep(3*time.Minute - 1)
		if expired() {
			t.Error("expired before its time")
		}
		s := publish(t, h, time.Now(), &publisher{})
		time.Sleep(time.Hour)
		if expired() {
			t.Error("expired while somebody publishes")
		}
		s.Close()
		time.Sleep(3*time.Minute - 1)
		if expired() {
			t.Error("expired before its time after the publisher left")
		}
		late := subscribe(t, h, time.Now(), nil)
		time.Sleep(1)
		if !expired() {
			t.Error("not expired")
		}
		if expired, _ := late.Expired(time.Now()); expired {
			t.Error("expired because another reader did")
		}
	})
}
