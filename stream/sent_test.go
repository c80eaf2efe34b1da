package stream

import (
	"testing"
	"time"
)

// What was sent to those who left is the stream's, and goes with it.
func TestSentGoesWithTheStream(t *testing.T) {
	h := NewHub(Config{MaxStreams: 2, MaxReaders: 2})
	name := Name{App: "live", Stream: "x"}
	h.CountSent(name, 5) // of nothing
	for range 2 {
		before := time.Now()
		r, err := h.Subscribe(before, name, nil)
		if err != nil {
			t.Fatal(err)
		}
		h.CountSent(name, 3)
		h.CountSent(name, 4)
		h.CountSent(Name{App: "live", Stream: "y"}, 6)
		if all := h.Streams(); len(all) != 1 || all[0].Sent != 7 || all[0].Made.Before(before) {
			t.Errorf("%+v", all)
		}
		r.Close()
	}
	if all := h.Streams(); len(all) != 0 {
		t.Errorf("%+v are left", all)
	}
}

// What a reader was sent is its own stream's, even if that has ended by then and another one has its name.
func TestSentIsNotTheNextStreams(t *testing.T) {
	now := time.Now()
	h := NewHub(testConfig())
	first := subscribe(t, h, now, nil)
	framed, err := h.SubscribeFrames(now, testName, nil)
	if err != nil {
		t.Fatal(err)
	}
	first.CountSent(1)
	framed.CountSent(2)
	if all := h.Streams(); len(all) != 1 || all[0].Sent != 3 {
		t.Errorf("%+v", all)
	}
	first.Close()
	framed.Close()
	next := subscribe(t, h, now, nil)
	defer next.Close()
	first.CountSent(4)
	framed.CountSent(5)
	if all := h.Streams(); len(all) != 1 || all[0].Sent != 0 {
		t.Errorf("%+v", all)
	}
}
