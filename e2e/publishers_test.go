package e2e

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"oneport/bench"
)

// A publisher that vanishes is replaced by another once it has been silent, and viewers go on as if it were one stream.
func TestPublisherReplaced(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			first := publish(t, s, "replaced", bench.ClientOptions{Net: network}, bench.SourceOptions{})
			viewers := []*viewer{
				play(t, s, "replaced", bench.ClientOptions{Net: "udp"}),
				play(t, s, "replaced", bench.ClientOptions{Net: "tcp"}),
			}
			for _, v := range viewers {
				v.awaitMore(t, 200)
			}
			old := s.client("replaced", true).ID
			refuseSecond(t, s)
			first.Kill()
			took := eventually(t, 10*3*time.Second, "the silent publisher's place is free", func() bool {
				return tryPublish(t, s, "replaced")
			})
			t.Logf("replaced after %v", took)
			for _, v := range viewers {
				v.awaitMore(t, 200)
				checkSpliced(t, v)
			}
			if ended := s.awaitEnd(old); !strings.Contains(ended["why"], "another publisher") {
				t.Errorf("the old session ended so: %v", ended)
			}
		})
	}
}

// refuseSecond posts a second publisher while the first is sending.
func refuseSecond(t *testing.T, s *server) {
	t.Helper()
	status, _, body := post(t, s.endpoint("whip", "replaced"), handmade(true).offer())
	if status != http.StatusConflict || !strings.Contains(body, "another publisher") {
		t.Errorf("a second publisher got %d %q, want 409", status, body)
	}
}

// tryPublish publishes until the test ends, if the server lets it.
func tryPublish(t *testing.T, s *server, stream string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), joinLimit)
	defer cancel()
	c, err := bench.Dial(ctx, s.endpoint("whip", stream), bench.ClientOptions{Role: bench.Publish})
	if err != nil {
		if !strings.Contains(err.Error(), "409") {
			t.Fatal(err)
		}
		return false
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Publish(ctx, bench.SourceOptions{})
	}()
	t.Cleanup(func() {
		stop()
		<-done
		c.Kill()
	})
	return true
}

// checkSpliced demands two runs behind each other in one continuous numbering, the second from a keyframe, later in RTP time.
func checkSpliced(t *testing.T, v *viewer) {
	t.Helper()
	v.checkNumbers(t)
	if lost := v.lost(t); len(lost) != 0 {
		t.Errorf("gaps in the outgoing numbers: %v", lost)
	}
	video := only(v.sightings(), true)
	runs := 1
	for i := 1; i < len(video); i++ {
		p, last := video[i], video[i-1]
		if p.SSRC != last.SSRC {
			t.Fatalf("SSRC %x follows %x", p.SSRC, last.SSRC)
		}
		if int32(p.Timestamp-last.Timestamp) < 0 {
			t.Fatalf("timestamp %d follows %d", p.Timestamp, last.Timestamp)
		}
		if p.stamp.Run == last.stamp.Run {
			continue
		}
		runs++
		gone := time.Duration(p.Timestamp-last.Timestamp) * time.Second / 90000
		if key := beginsKeyframe(video[i:]); !key || gone > 30*time.Second {
			t.Errorf("the new publisher begins with a keyframe: %v; %v of RTP time later", key, gone)
		}
	}
	if runs != 2 {
		t.Errorf("%d publishers were seen, want 2", runs)
	}
}

// The next publisher has another codec: a viewer that can do both goes on, in the same numbering; one that can't is told to
// go, and the log says why.
func TestCodecChange(t *testing.T) {
	t.Parallel()
	s := start(t)
	h, v := h264(), vp8()
	both := playPion(t, s, "change", pionOptions{network: "tcp", codecs: []*codec{h, v}})
	narrow := play(t, s, "change", bench.ClientOptions{}) // offers H264 alone
	narrowID := sessionAt(t, s, narrow)

	leave(t, s, publishAndCheck(t, s, both, h, 0))
	eventually(t, joinLimit, "both were served", func() bool { return narrow.Stats().Packets > 0 })
	publishAndCheck(t, s, both, v, 20)
	eventually(t, joinLimit, "the viewer that can't is told to go", func() bool { return narrow.Err() != nil })
	if ended := s.awaitEnd(narrowID); !strings.Contains(ended["why"], "VP8") {
		t.Errorf("its session ended so: %v", ended)
	}
	status, _, body := post(t, s.endpoint("whep", "change"), handmade(false).offer())
	if status != http.StatusNotAcceptable {
		t.Errorf("an H264 viewer of a VP8 stream got %d %q, want 406", status, body)
	}
}

// publishAndCheck sends 20 packets as a publisher of one codec, which the viewer must receive after had others.
func publishAndCheck(t *testing.T, s *server, viewer *pion, c *codec, had int) *pion {
	t.Helper()
	p := publishPion(t, s, "change", pionOptions{network: "tcp", codecs: []*codec{c}})
	var sent [][]byte
	for n := range uint64(20) {
		sent = append(sent, p.send(c, n, n == 0, 500, 3000))
	}
	eventually(t, joinLimit, c.name+" arrives", func() bool { return len(viewer.packets(webrtc.RTPCodecTypeVideo)) >= had+20 })
	got := viewer.packets(webrtc.RTPCodecTypeVideo)
	for i, packet := range got[had:] {
		if !bytes.Equal(packet.Payload, sent[i]) || packet.PayloadType != uint8(c.params.PayloadType) {
			t.Fatalf("%s: packet %d has payload type %d", c.name, i, packet.PayloadType)
		}
	}
	for i := 1; i < len(got); i++ {
		if d := got[i].SequenceNumber - got[i-1].SequenceNumber; d != 1 {
			t.Errorf("%s: packet %d is numbered %d more than the one before", c.name, i, d)
		}
	}
	return p
}

// leave ends a session in good order.
func leave(t testing.TB, s *server, p *pion) {
	t.Helper()
	req, err := http.NewRequest(http.MethodDelete, "http://"+s.addr+p.location, nil)
	must(t, err)
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("DELETE: %s", res.Status)
	}
}
