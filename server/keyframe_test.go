package server

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// An encoder may repeat its parameter sets before any picture: they are no keyframe. Where one comes, its parameter sets go
// before it to a viewer that begins there, in however many packets they are.
func TestParameterSetsAreNoKeyframe(t *testing.T) {
	sets := [][]byte{{0x67, 0x42, 0xe0, 0x1f}, {0x68, 0xce, 0x38, 0x80}}
	for name, lead := range map[string][][]byte{
		"one by one":      sets,
		"in one (STAP-A)": {slices.Concat([]byte{0x78, 0, 4}, sets[0], []byte{0, 4}, sets[1])},
	} {
		c := bubbled(t, "")
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, c)
			publisher := joined(t, s, "whip", "")
			picture := func(number uint32, slices ...[]byte) {
				for _, payload := range append(lead, slices...) {
					publisher.sendRTP(102, 7, number*1800, payload)
				}
				time.Sleep(20 * time.Millisecond)
			}
			idr := [][]byte{{0x7c, 0x85, 0x88, 1}, {0x7c, 0x45, 2, 3}} // in two fragments
			picture(0, idr...)
			for number := range uint32(150) {
				picture(1+number, []byte{0x41, 0x9a, 0x24})
			}
			viewer := joined(t, s, "whep", "")
			for number := range uint32(100) {
				picture(200+number, []byte{0x41, 0x9a, 0x24})
			}
			viewer.pump()
			publisher.pump()
			if len(viewer.media) != 0 || publisher.asked < 3 {
				t.Errorf("%s: %d packets came without a keyframe, which was asked for %d times", name, len(viewer.media), publisher.asked)
			}
			picture(400, idr...)
			picture(401, []byte{0x41, 0x9a, 0x24})
			synctest.Wait()
			viewer.pump()
			want := slices.Concat(lead, idr, lead, [][]byte{{0x41, 0x9a, 0x24}})
			var got [][]byte
			for _, p := range viewer.media {
				got = append(got, p.Payload)
			}
			if !slices.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s: the viewer got %x, want %x", name, got, want)
			}
			publisher.sess.close(errKicked)
			viewer.sess.close(errKicked)
		})
	}
}
