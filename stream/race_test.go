package stream

import (
	"errors"
	"sync"
	"testing"
	"time"

	"oneport/media"
)

// Everything at once, for the race detector: publishers that replace one another, readers that come, read and go.
func TestConcurrency(t *testing.T) {
	config := testConfig()
	config.Publish.PublisherSilence = 0
	config.Publish.KeyframeInterval = time.Microsecond
	h := NewHub(config)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for range 20 {
				p, err := h.Publish(time.Now(), testName, &publisher{})
				if errors.Is(err, ErrBusy) {
					continue // the other publisher was faster
				}
				s := &source{Publication: p, format: h264, video: 1 << 16, audio: 1 << 16}
				for i := range 50 {
					s.frame(time.Now(), i%10 == 0)
					s.sound(time.Now())
					s.SetTiming(media.Video, media.Timing{At: time.Now()})
				}
				s.Close()
			}
		})
	}
	delivered := make([]int, 4)
	for i := range delivered {
		group.Go(func() {
			w := &waker{}
			for range 20 {
				r := subscribe(t, h, time.Now(), w)
				r.Accept(func(media.Format) bool { return true })
				for range 100 {
					for _, it := range r.Next(time.Now(), nil, 16) {
						delivered[i]++
						r.Find(it.Kind(), it.Seq)
					}
					r.RequestKeyframe(time.Now())
					r.Stats()
					r.Timing(media.Video)
					r.Expired(time.Now())
					r.Refused(media.Video)
					h.Streams()
				}
				r.Close()
			}
		})
	}
	group.Wait()
	if len(h.Streams()) != 0 || h.readers != 0 {
		t.Errorf("%d streams, %d readers left", len(h.Streams()), h.readers)
	}
	total := 0
	for _, n := range delivered {
		total += n
	}
	if total == 0 {
		t.Error("nothing was delivered")
	}
}
