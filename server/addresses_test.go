package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What is bounded for an address is bounded for a /64 of IPv6, which is the least that a subscriber has.
func TestAddressOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":                      "192.0.2.1",
		"[::ffff:192.0.2.1]:80":             "192.0.2.1",
		"[::1]:80":                          "::",
		"[2001:db8:1:2:3:4:5:6]:80":         "2001:db8:1:2::",
		"[2001:db8:1:2:ffff:ffff:ffff:1]:9": "2001:db8:1:2::",
		"[2001:db8:1:3::]:80":               "2001:db8:1:3::",
		"[fe80::1%eth0]:80":                 "fe80::",
		"nonsense":                          "invalid IP",
	} {
		if got := addressOf(remote).String(); got != want {
			t.Errorf("%s counts as %s, want %s", remote, got, want)
		}
	}
}

// A client with a network of IPv6 has no more sessions by it than with one address.
func TestSessionsOfOneNetwork(t *testing.T) {
	s := offline(t, bubbled(t, "max_sessions_per_address 2;"))
	site, offer := site(s), offerFile(t, "gst-publish-h264")
	for i, test := range []struct {
		from string
		want int
	}{
		{"[2001:db8::1]:1", http.StatusCreated},
		{"[2001:db8::2]:1", http.StatusCreated},
		{"[2001:db8::ffff:3]:1", http.StatusTooManyRequests},
		{"[2001:db8:0:1::1]:1", http.StatusCreated},
		{"192.0.2.1:1", http.StatusCreated},
		{"192.0.2.2:1", http.StatusCreated},
		{"192.0.2.2:2", http.StatusCreated},
		{"192.0.2.2:3", http.StatusTooManyRequests},
	} {
		r := httptest.NewRequest(http.MethodPost, "/rtc/v1/whip/?stream="+string(rune('a'+i)), strings.NewReader(offer))
		r.Header.Set("Content-Type", "application/sdp")
		r.RemoteAddr = test.from
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d: %s", test.from, w.Code, test.want, w.Body)
		}
	}
}
