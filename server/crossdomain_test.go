package server

import (
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const elsewhere = "Origin: http://elsewhere.example"

// playable are paths of one of everything that a server has of a stream which is published to it: a playlist and what it
// lists, a manifest, and the stream in each container.
func playable(t *testing.T, s *Server) (paths []string) {
	t.Helper()
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 2)
	playlist, _ := fetch(t, base(s)+"/live/x.m3u8")
	names := listed(playlist)
	paths = []string{"x.m3u8", "x.flv", "x.ts", "x.aac", names[len(names)-1]}
	for _, tag := range []string{"PART", "MAP", "KEY"} {
		if uri := regexp.MustCompile(`#EXT-X-` + tag + `:.*URI="([^"]+)"`).FindStringSubmatch(playlist); uri != nil {
			paths = append(paths, uri[1])
		}
	}
	if strings.Contains(playlist, "m4s") {
		paths = append(paths, "x.mpd")
	}
	return paths
}

// Pages of other sites may load whatever is played, and ask before whether they may, unless crossdomain is off.
func TestCrossdomainOfStreams(t *testing.T) {
	for _, kind := range []struct {
		settings, sections string
		paths              int
	}{
		{"hls_low_latency on; hls_part_duration 200; hls_ctx off;", "dash { enabled on; }", 8},
		{"hls_keys on; hls_ctx off;", "", 6},
	} {
		for _, on := range []bool{true, false} {
			text := withHLS(kind.settings, kind.sections)
			want := "*"
			if !on {
				text, want = strings.Replace(text, "http_server {", "http_server { crossdomain off; ", 1), ""
			}
			s := open(t, configure(t, text))
			paths := playable(t, s)
			if len(paths) != kind.paths {
				t.Errorf("there are %v", paths)
			}
			for _, path := range paths {
				url := base(s) + "/live/" + path
				got := call(t, http.MethodGet, url, "", elsewhere)
				asked := call(t, http.MethodOptions, url, "", elsewhere, "Access-Control-Request-Method: GET")
				if got.StatusCode != http.StatusOK || asked.StatusCode/100 != 2 {
					t.Errorf("%s: %s, and OPTIONS %s", path, got.Status, asked.Status)
				}
				for _, res := range []*http.Response{got, asked} {
					if allowed := res.Header.Get("Access-Control-Allow-Origin"); allowed != want {
						t.Errorf("%s of %s with crossdomain %v allows %q", res.Request.Method, path, on, allowed)
					}
				}
				if methods := asked.Header.Get("Access-Control-Allow-Methods"); strings.Contains(methods, "GET") != on {
					t.Errorf("%s: the methods %q are allowed", path, methods)
				}
			}
		}
	}
}

// A page of another site may open a WebSocket to a stream unless crossdomain is off; a page of ours always may.
func TestCrossdomainOfSockets(t *testing.T) {
	for _, test := range []struct {
		setting, origin string
		status          int
	}{
		{"", "http://elsewhere.example", http.StatusSwitchingProtocols},
		{"", "", http.StatusSwitchingProtocols},
		{"crossdomain off;", "http://elsewhere.example", http.StatusForbidden},
		{"crossdomain off;", "", http.StatusSwitchingProtocols},
	} {
		s := open(t, configure(t, strings.Replace(withRTMP(""), "http_server {", "http_server { "+test.setting, 1)))
		publishing(t, s, "x")
		origin := test.origin
		if origin == "" {
			origin = base(s)
		}
		conn, res, err := websocket.Dial(within(t), base(s)+"/live/x.flv", &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {origin}}})
		if res == nil || res.StatusCode != test.status {
			t.Errorf("%q, from %q: %v", test.setting, test.origin, err)
		}
		if err != nil {
			continue
		}
		if _, b, err := conn.Read(within(t)); err != nil || !strings.HasPrefix(string(b), "FLV") {
			t.Errorf("%q, from %q: %.10q, %v", test.setting, test.origin, b, err)
		}
		conn.CloseNow()
	}
}

// A WebSocket whose handshake fails is refused once, in the handshake's own words, also where the stream was only being waited for.
func TestRefusedSockets(t *testing.T) {
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	log := &lateLog{}
	s, err := Open(configure(t, strings.Replace(withRTMP(""), "http_server {", "http_server { crossdomain off;", 1)),
		slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what    string
		headers []string
		status  int
		says    string
	}{
		{"of another site", []string{key, "Sec-WebSocket-Version: 13", elsewhere}, http.StatusForbidden, "is not authorized for Host"},
		{"without a key", []string{"Sec-WebSocket-Version: 13"}, http.StatusBadRequest, "missing Sec-WebSocket-Key"},
		{"of another version", []string{key, "Sec-WebSocket-Version: 7"}, http.StatusBadRequest, "unsupported WebSocket protocol version"},
	} {
		res := call(t, http.MethodGet, base(s)+"/live/none.flv", "", append(test.headers, "Connection: Upgrade", "Upgrade: websocket")...)
		said := text(t, res)
		if res.StatusCode != test.status || !strings.Contains(said, test.says) || strings.Count(said, "\n") != 1 {
			t.Errorf("%s: %s, %q", test.what, res.Status, said)
		}
	}
	s.Close() // no handler is at work any more
	if strings.Contains(log.text(), "superfluous") {
		t.Error("it is answered twice")
	}
}

// What an answer allows depends on the Origin, so a cache must tell them apart: every answer says so, also to who has none.
func TestVaryOrigin(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_keys on; hls_ctx off;", "")))
	paths := []string{"/", "/players/whip.html", "/api/v1/versions", "/api/v1/streams", "/rtc/v1/whip/", "/rtc/v1/play/", "/a/..b", "/none"}
	for _, path := range playable(t, s) {
		paths = append(paths, "/live/"+path)
	}
	off := configure(t, withHLS("hls_keys on; hls_ctx off;", ""))
	off.HTTPAPI.Crossdomain = false
	closed := open(t, off)
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for _, headers := range [][]string{nil, {elsewhere}} {
				res := call(t, method, base(s)+path, "", headers...)
				if vary := strings.Join(res.Header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") {
					t.Errorf("%s %s %v: Vary %q", method, path, headers, vary)
				}
			}
		}
	}
	res := call(t, "GET", base(s)+"/players/whip.html", "")
	if vary := strings.Join(res.Header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Encoding") {
		t.Errorf("a page that may be packed has Vary %q", vary)
	}
	if vary := call(t, "GET", base(closed)+"/api/v1/versions", "", elsewhere).Header.Get("Vary"); vary != "" {
		t.Errorf("Vary %q though nothing depends on the Origin", vary)
	}
}

// The headers of CORS stand on every answer that a page needs them on.
func TestCrossdomainOfSessions(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "chromium-publish-H264")
	joined := post(t, base(s)+"/rtc/v1/whip/", offer, elsewhere)
	at := resource(t, s, joined)
	ufrag, pwd := credentialsOf(offer)
	tag := "If-Match: " + joined.Header.Get("ETag")
	for name, res := range map[string]*http.Response{
		"POST":    joined,
		"refused": call(t, "POST", base(s)+"/rtc/v1/whip/", offer, sdpType, elsewhere),
		"GET":     call(t, "GET", at, "", elsewhere),
		"trickle": call(t, "PATCH", at, fragmentOf(ufrag, pwd), fragmentType, tag, elsewhere),
		"restart": call(t, "PATCH", at, fragmentOf("fresh", "freshfreshfreshfreshfresh"), fragmentType, tag, elsewhere),
		"stale":   call(t, "PATCH", at, fragmentOf(ufrag, pwd), fragmentType, tag, elsewhere),
		"DELETE":  call(t, "DELETE", at, "", elsewhere),
	} {
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: %s, Access-Control-Allow-Origin %q", name, res.Status, got)
		}
		exposed := strings.Split(res.Header.Get("Access-Control-Expose-Headers"), ", ")
		for _, header := range []string{"Location", "ETag", "Link", "Accept-Patch", "Retry-After"} {
			if !slices.Contains(exposed, header) {
				t.Errorf("%s: %s is not exposed: %v", name, header, exposed)
			}
		}
	}
}

// Each of the two switches is for what it belongs to, on a port that both share as on ports of their own.
func TestCrossdomainSwitches(t *testing.T) {
	paths := map[string]bool{ // whether they are the API's
		"/": false, "/players/whip.html": false, "/live/none.m3u8": false, "/apiary": false, "/rtc/show.flv": false, "/api/x.m3u8": false,
		"/api/v1/versions": true, "/api/v1/streams": true, "/rtc/v1/whip/": true, "/rtc/v1/play": true, "/metrics": true,
	}
	for _, on := range []struct{ api, pages bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		c := configure(t, withHLS("", ""))
		c.HTTPAPI.Crossdomain, c.HTTPServer.Crossdomain = on.api, on.pages
		s := open(t, c)
		for path, ofAPI := range paths {
			want := on.pages
			if ofAPI {
				want = on.api
			}
			res := call(t, http.MethodGet, base(s)+path, "", elsewhere)
			if got := res.Header.Get("Access-Control-Allow-Origin") == "*"; got != want {
				t.Errorf("%+v: %s: %s, allowed %v", on, path, res.Status, got)
			}
		}
	}
}
