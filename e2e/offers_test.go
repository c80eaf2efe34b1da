package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// Offers that can't be answered get a 4xx with the reason, and leave nothing behind.
func TestBadOffers(t *testing.T) {
	t.Parallel()
	s := start(t)
	before := s.footprint()
	without := func(line string) string {
		var kept []string
		for l := range strings.Lines(handmade(true).offer()) {
			if !strings.HasPrefix(l, line) {
				kept = append(kept, l)
			}
		}
		return strings.Join(kept, "")
	}
	whole := handmade(true).offer()
	head, _, _ := strings.Cut(whole, "m=video")
	for _, tc := range []struct {
		name, offer string
		status      int
		says        string
	}{
		{"empty", "", http.StatusBadRequest, ""},
		{"not sdp", "hello", http.StatusBadRequest, ""},
		{"huge", whole + strings.Repeat("a=x:y\r\n", 50_000), http.StatusRequestEntityTooLarge, "larger than"},
		{"no BUNDLE", without("a=group"), http.StatusBadRequest, "BUNDLE"},
		{"no ice-ufrag", without("a=ice-ufrag"), http.StatusBadRequest, "ice-ufrag"},
		{"no ice-pwd", without("a=ice-pwd"), http.StatusBadRequest, "ice-pwd"},
		{"no fingerprint", without("a=fingerprint"), http.StatusBadRequest, "fingerprint"},
		{"no rtcp-mux", without("a=rtcp-mux"), http.StatusBadRequest, "rtcp-mux"},
		{"no codec in common", strings.NewReplacer("H264", "H261", "opus", "G728").Replace(whole), http.StatusNotAcceptable, "codec"},
		{"data channel only", strings.ReplaceAll(head, "audio 9 UDP/TLS/RTP/SAVPF 111", "application 9 UDP/DTLS/SCTP webrtc-datachannel"), http.StatusNotAcceptable, "data channel"},
		{"wrong direction", handmade(false).offer(), http.StatusBadRequest, "sends nothing"},
		{"many lines", head + strings.Repeat("m=video 9 UDP/TLS/RTP/SAVPF 102\r\n", 5000), http.StatusBadRequest, ""},
	} {
		status, _, body := post(t, s.endpoint("whip", "bad"), tc.offer)
		if status != tc.status || !strings.Contains(body, tc.says) || len(strings.TrimSpace(body)) < 10 || strings.Count(strings.TrimSpace(body), "\n") > 0 {
			t.Errorf("%s: %d %.200q, want %d with %q", tc.name, status, body, tc.status, tc.says)
		}
	}
	if n := s.metric("oneport_sessions") + s.metric("srs_streams"); n != 0 {
		t.Errorf("%v sessions and streams are left", n)
	}
	s.checkRecovers(t, before, slack)
}

// A client may have four TCP connections; with a fifth the one it will miss least is closed, never the one in use.
func TestManyConnections(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := handmade(false)
	c.join(t, s, "many")
	inUse := c.connect(t, s)
	var rest []*wire
	for range 20 {
		w := dialWire(t, s)
		w.send(t, c.request(false))
		if reply := w.receive(t); reply[0] != 1 {
			t.Fatalf("answer %x", reply)
		}
		rest = append(rest, w)
	}
	for i, w := range rest[:len(rest)-3] {
		if d := w.awaitEnd(t, joinLimit); d > joinLimit/2 {
			t.Errorf("connection %d was closed only after %v", i, d)
		}
	}
	for _, w := range append(rest[len(rest)-3:], inUse) {
		w.send(t, c.request(false))
		if reply := w.receive(t); reply[0] != 1 {
			t.Errorf("answer %x", reply)
		}
	}
	if got := s.client("many", false); got.Remote != inUse.LocalAddr().String() {
		t.Errorf("the path leads to %s, not to %s", got.Remote, inUse.LocalAddr())
	}
}
