package bench

import (
	"testing"
	"time"
)

// A frame is out within its time, in pieces that are neither more than its packets nor too close together.
func TestPieces(t *testing.T) {
	for _, test := range []struct {
		total   int
		spread  time.Duration
		packets int
		pause   time.Duration
	}{
		{11, 0, 11, 0},
		{11, time.Millisecond, 11, time.Millisecond},
		{11, 20 * time.Millisecond, 2, 2 * time.Millisecond},
		{11, 16 * time.Millisecond, 2, 2 * time.Millisecond},
		{11, 40 * time.Millisecond, 1, 40 * time.Millisecond / 11},
		{3, 20 * time.Millisecond, 1, 20 * time.Millisecond / 3},
		{1, 20 * time.Millisecond, 1, 20 * time.Millisecond},
	} {
		s := &source{total: test.total}
		if packets, pause := s.pieces(test.spread); packets != test.packets || pause != test.pause {
			t.Errorf("%d packets over %v: %d each %v, want %d each %v", test.total, test.spread, packets, pause, test.packets, test.pause)
		}
	}
}

// Uneven packets differ from their neighbours, and their bit rate is the same.
func TestUneven(t *testing.T) {
	a := &answer{video: track{pt: 102}}
	sizes := map[bool]int{}
	for _, uneven := range []bool{false, true} {
		s := newSource(SourceOptions{Uneven: uneven}.withDefaults(), a, [2]uint32{1, 2})
		packets := frames(t, s, 50)
		for i, p := range packets {
			sizes[uneven] += len(p.Payload)
			if _, err := ReadStamp(true, p.Payload); err != nil {
				t.Error(err)
			}
			if i > 1 && uneven == (len(p.Payload) == len(packets[i-1].Payload)) && !packets[i-1].Marker {
				t.Errorf("packet %d has %d bytes, as the one before", i, len(p.Payload))
			}
		}
	}
	if d := sizes[true] - sizes[false]; d < 0 || d > sizes[false]/100 {
		t.Errorf("%d bytes uneven, %d even", sizes[true], sizes[false])
	}
}
