package server

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What makes an offer of H264 and Opus one of other codecs.
var (
	withPCMU  = []string{"SAVPF 111", "SAVPF 0", "a=rtpmap:111 opus/48000/2", "a=rtpmap:0 PCMU/8000"}
	withMode0 = []string{"packetization-mode=1", "packetization-mode=0"}
	noVideo   = []string{"m=video 9", "m=video 0"}
)

// show publishes n pictures, the first a keyframe, each with sound of a payload type.
func (c *fakeClient) show(from uint32, n int, sound uint8) {
	c.t.Helper()
	for i := range uint32(n) {
		c.sendFrame(from+i, i == 0)
		c.sendRTP(sound, 9, (from+i)*160, []byte{0x78, 1, 2})
		time.Sleep(20 * time.Millisecond)
	}
	synctest.Wait()
}

// heard is how many packets of sound came.
func (c *fakeClient) heard() (n int) {
	for _, p := range c.media {
		if p.PayloadType != 102 {
			n++
		}
	}
	return n
}

// A viewer that can't be given the stream's sound sees it, whatever publishers come and go, and hears those that it can.
func TestDeafViewer(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		early := joined(t, s, "whep", "")
		var late *fakeClient
		for round, sound := range []struct {
			pt    uint8
			edits []string
			heard int
		}{{0, withPCMU, 0}, {111, nil, 150}, {0, withPCMU, 0}} {
			publisher := joined(t, s, "whip", "", sound.edits...)
			if round == 0 {
				publisher.show(0, 1, sound.pt)
				late = joined(t, s, "whep", "")
			}
			for _, viewer := range []*fakeClient{early, late} {
				viewer.pump()
				viewer.media = nil
			}
			publisher.show(1000, 150, sound.pt) // longer than the reports that look for what is refused are apart
			for name, viewer := range map[string]*fakeClient{"early": early, "late": late} {
				viewer.check(viewer.wire)
				viewer.pump()
				if seen, _ := viewer.frames(); len(seen) != 150 || viewer.heard() != sound.heard || viewer.over() {
					t.Errorf("round %d: the %s viewer saw %d, heard %d; over: %v, %v", round, name, len(seen), viewer.heard(), viewer.over(), viewer.goodbye)
				}
			}
			publisher.sess.close(errKicked)
		}
		early.sess.close(errKicked)
		late.sess.close(errKicked)
		nothingLeft(t, s)
	})
}

// A viewer of sound alone has nothing to stay for where it can't be given the sound, and the log says so.
func TestDeafListener(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s, log := logged(t, c)
		listener := joined(t, s, "whep", "", noVideo...)
		publisher := joined(t, s, "whip", "", withPCMU...)
		publisher.show(0, 100, 0)
		listener.pump()
		if !listener.over() || listener.goodbye == nil {
			t.Errorf("over %v, told %v", listener.over(), listener.goodbye)
		}
		if want := "the stream's audio is PCMU, which the offer cannot receive"; !strings.Contains(log.text(), want) {
			t.Errorf("the log does not say %q: %s", want, log.text())
		}
		if client, res := offered(t, s, "whep", "", noVideo...); client != nil || res.StatusCode != http.StatusNotAcceptable {
			t.Errorf("another while it is live: %s", res.Status)
		}
		publisher.sess.close(errKicked)
	})
}

// A stream that cuts its slices (packetization-mode 1) is nothing for a viewer that takes whole ones alone, whether it comes
// before the publisher or after; one that does not is something for both.
func TestPacketizationModes(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s, log := logged(t, c)
		early, able := joined(t, s, "whep", "", withMode0...), joined(t, s, "whep", "")
		publisher := joined(t, s, "whip", "")
		publisher.show(0, 100, 111)
		early.pump()
		able.pump()
		if seen, _ := early.frames(); !early.over() || early.goodbye == nil || len(seen) != 0 {
			t.Errorf("the viewer of mode 0: over %v, told %v, saw %d", early.over(), early.goodbye, len(seen))
		}
		if want := "the stream's video is H264/42e01f of packetization-mode 1, which the offer cannot receive"; !strings.Contains(log.text(), want) {
			t.Errorf("the log does not say %q: %s", want, log.text())
		}
		if seen, _ := able.frames(); len(seen) != 100 || able.over() {
			t.Errorf("the viewer of mode 1 saw %d, over %v", len(seen), able.over())
		}
		if client, res := offered(t, s, "whep", "", withMode0...); client != nil || res.StatusCode != http.StatusNotAcceptable {
			t.Errorf("a viewer of mode 0 while mode 1 is live: %s", res.Status)
		}
		publisher.sess.close(errKicked)

		early = joined(t, s, "whep", "", withMode0...)
		publisher = joined(t, s, "whip", "", withMode0...)
		able.media = nil
		publisher.show(1000, 50, 111)
		for name, viewer := range map[string]*fakeClient{"0": early, "1": able} {
			viewer.pump()
			if seen, _ := viewer.frames(); len(seen) != 50 || viewer.over() {
				t.Errorf("of a stream of mode 0 the viewer of mode %s saw %d, over %v", name, len(seen), viewer.over())
			}
			viewer.sess.close(errKicked)
		}
		publisher.sess.close(errKicked)
	})
}
