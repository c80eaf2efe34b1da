package server

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// What a stream has sent never falls, and its rate is true, however viewers come and go and however often it is asked for.
func TestStreamRateWhileViewersChange(t *testing.T) {
	c := configure(t, withFLV(""))
	for _, every := range []time.Duration{2, 10, 15, 30} {
		synctest.Test(t, func(t *testing.T) {
			s := offline(t, c)
			video, audio := h264AndAAC(t)
			synthesize(t, s, "x", video, audio)
			viewers := make([]*viewer, 10)
			for i := range viewers {
				viewers[i] = watching(t, s)
			}
			total, told := 0, uint64(0)
			for second := range time.Duration(300) {
				time.Sleep(time.Second)
				for _, v := range viewers {
					v.sent.Add(125_000)
					total += 125_000
				}
				oldest := &viewers[second%10] // one leaves and one comes each second
				(*oldest).end(errGone)
				*oldest = watching(t, s)
				if (second+1)%every != 0 {
					continue
				}
				x := s.describeStreams()[0]
				if x.SendBytes < told || x.SendBytes != uint64(total) {
					t.Errorf("every %d s: %d bytes are told after %d, of %d", every, x.SendBytes, told, total)
				}
				if told = x.SendBytes; x.Kbps.Send < 9500 || x.Kbps.Send > 10_500 {
					t.Errorf("every %d s: %d kbit/s of 10000 in second %d", every, x.Kbps.Send, second+1)
				}
			}
			for _, v := range viewers {
				v.end(errGone)
			}
		})
	}
}

// watching is a viewer of the stream to whom nothing is sent but what the test says.
func watching(t *testing.T, s *Server) *viewer {
	t.Helper()
	v, err := s.watch(streamName("x"), origin{kind: "flv-play", remote: "192.0.2.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What a viewer by WebRTC was sent stays with the stream, and goes with it.
func TestStreamKeepsWhatSessionsWereSent(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.show(0, 10, 111)
		viewer.pump()
		_, sent := viewer.sess.bytes()
		for _, when := range []string{"while it plays", "when it has left"} {
			if x := s.describeStreams()[0]; x.SendBytes != sent || sent == 0 {
				t.Errorf("%s, of %d bytes %d are told", when, sent, x.SendBytes)
			}
			viewer.sess.close(errKicked)
		}
		publisher.sess.close(errKicked)
		publisher = joined(t, s, "whip", "")
		publisher.show(0, 10, 111)
		if x := s.describeStreams()[0]; x.SendBytes != 0 {
			t.Errorf("another stream of its name is said to have sent %d bytes", x.SendBytes)
		}
		publisher.sess.close(errKicked)
	})
}

// Who comes while the last viewer of a stream leaves finds that stream with all that it has sent, not a new one with any of it.
func TestStreamOfALeavingViewer(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher, viewer := joined(t, s, "whip", ""), joined(t, s, "whep", "")
		publisher.show(0, 10, 111)
		viewer.pump()
		publisher.sess.close(errKicked)
		first := s.describeStreams()[0]
		var next *fakeClient
		viewer.wire.left = func() {
			if viewer.sess.link() == nil && next == nil { // it was told goodbye already
				next = joined(t, s, "whep", "")
			}
		}
		viewer.sess.close(errKicked)
		if x := s.describeStreams()[0]; next == nil || x.ID != first.ID || x.SendBytes < first.SendBytes {
			t.Errorf("%s has sent %d bytes, before it was %s and %d", x.ID, x.SendBytes, first.ID, first.SendBytes)
		}
		next.sess.close(errKicked)
	})
}

// What goes out by HLS is the stream's, whether its viewer is still there, or was never told apart.
func TestStreamCountsSegments(t *testing.T) {
	c := configure(t, withHLS("", ""))
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		video, audio := h264AndAAC(t)
		synthesize(t, s, "x", video, audio)
		request := func(enter bool) {
			t.Helper()
			r := httptest.NewRequest("GET", "/live/x.m3u8", nil)
			q := &segmentRequest{server: s, r: r, key: segmenterKey{name: streamName("x")}}
			if enter {
				if _, err := q.enter(""); err != nil || q.viewer == nil {
					t.Fatal(q.viewer, err)
				}
			}
			q.count(1000)
		}
		request(true)
		request(false)
		for _, viewers := range []int{1, 0} {
			x := s.describeStreams()[0]
			if n := len(s.hlsViewers.ids); n != viewers || x.SendBytes != 2000 || x.Clients != 1+viewers {
				t.Errorf("with %d viewers of %d: %d bytes to %d clients", n, viewers, x.SendBytes, x.Clients)
			}
			time.Sleep(time.Minute)
		}
	})
}
