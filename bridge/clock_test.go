package bridge

import (
	"testing"
	"time"

	"oneport/media"
)

// Pictures that were captured closer than a millisecond, or at whose place the correction would put the one before, keep
// times that every container tells apart: MP4 counts in ticks of 90 kHz, FLV in milliseconds.
func TestTimesAreApart(t *testing.T) {
	c := &clock{origin: epoch}
	var last time.Duration
	for i, ts := range []uint32{90000, 90001, 90002, 90091, 93000, 93001} {
		at, ok := c.place(media.Video, ts, 90000, epoch.Add(time.Duration(i)*time.Microsecond))
		if !ok {
			t.Fatalf("the picture at %d is left out", ts)
		}
		if i > 0 && at-last < time.Millisecond {
			t.Errorf("the picture at %d is %v after the one before", ts, at-last)
		}
		last = at
	}
}
