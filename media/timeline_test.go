package media

import (
	"math"
	"testing"
)

func TestTimeline(t *testing.T) {
	const a, v = Audio, Video
	type tag struct {
		kind Kind
		ts   uint64
		want int64
	}
	for _, test := range []struct {
		name             string
		tags             []tag
		backwards, jumps uint64
	}{
		{"from 0", []tag{{v, 0, 0}, {a, 10, 10}, {v, 40, 40}}, 0, 0},
		{"from 5 hours", []tag{{v, 18_000_000, 0}, {a, 18_000_010, 10}, {a, 17_999_990, 11}}, 1, 0},
		{"wrap", []tag{{v, math.MaxUint32 - 9, 0}, {a, math.MaxUint32, 9}, {v, 10, 20}, {a, 33, 43}}, 0, 0},
		{"the same time twice", []tag{{v, 40, 40}, {v, 40, 41}, {v, 80, 80}}, 1, 0},
		{"a small step back", []tag{{v, 100, 100}, {v, 60, 101}, {v, 140, 140}}, 1, 0},
		{"sound behind picture", []tag{{v, 900, 900}, {a, 0, 0}, {v, 940, 940}, {a, 20, 20}}, 0, 0},
		{"a jump back, sound and picture mixed", []tag{{v, 50_000, 0}, {a, 50_010, 10}, {v, 0, 10}, {a, 50_030, 30}, {v, 40, 50}, {a, 50, 60}, {v, 80, 90}}, 0, 1},
		{"a jump ahead", []tag{{v, 0, 0}, {a, 10, 10}, {v, 100_000, 10}, {a, 100_010, 20}, {v, 100_040, 50}}, 0, 1},
		{"a pause", []tag{{v, 0, 0}, {v, 9_000, 9_000}}, 0, 0},
	} {
		var line Timeline
		for i, tag := range test.tags {
			if at, _ := line.Place(Clock{Rate: 1000, Bits: 32}, tag.kind, tag.ts); at != tag.want {
				t.Errorf("%s: tag %d, %v at %d, is put at %d, want %d", test.name, i, tag.kind, tag.ts, at, tag.want)
			}
		}
		if line.Backwards != test.backwards || line.Jumps != test.jumps {
			t.Errorf("%s: %d corrections, %d jumps, want %d, %d", test.name, line.Backwards, line.Jumps, test.backwards, test.jumps)
		}
	}
}
