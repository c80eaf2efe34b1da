package server

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/sdp"
)

// Every recorded offer of a publisher and of a viewer gets a session whose answer the offering side's rules allow.
func TestRecordedOffers(t *testing.T) {
	files, err := filepath.Glob("../sdp/testdata/*.offer.sdp")
	if err != nil || len(files) < 33 {
		t.Fatalf("%d recorded offers: %v", len(files), err)
	}
	s := open(t, configure(t, allOnOne))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".offer.sdp")
		t.Run(name, func(t *testing.T) {
			offer, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			endpoint, kind := "whip", "whip"
			if strings.Contains(name, "play") {
				endpoint, kind = "whep", "whep"
			}
			res := post(t, base(s)+"/rtc/v1/"+endpoint+"/?app=live&stream="+name, string(offer))
			answer := text(t, res)
			for _, want := range []string{"a=ice-lite", "a=group:BUNDLE", "a=fingerprint:sha-256", " udp ", " tcp ", "tcptype passive"} {
				if !strings.Contains(answer, want) {
					t.Errorf("the answer of %s lacks %q:\n%s", kind, want, answer)
				}
			}
			for header, want := range map[string]string{
				"Content-Type": "application/sdp", "Accept-Patch": "application/trickle-ice-sdpfrag", "Cache-Control": "no-store",
			} {
				if got := res.Header.Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
			if etag := res.Header.Get("ETag"); len(etag) < 3 || etag[0] != '"' || etag[len(etag)-1] != '"' {
				t.Errorf("ETag is %s", etag)
			}
			deleted := call(t, http.MethodDelete, resource(t, s, res), "", `If-Match: "whatever"`)
			if deleted.StatusCode != http.StatusOK {
				t.Errorf("DELETE: %s", deleted.Status)
			}
			nothingLeft(t, s)
		})
	}
}

// resource is the absolute URL of a Location, whose form is SRS's.
func resource(t *testing.T, s *Server, res *http.Response) string {
	t.Helper()
	location := res.Header.Get("Location")
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/rtc/v1/whip/" || q.Get("action") != "delete" || len(q.Get("token")) != 9 || !strings.Contains(q.Get("session"), ":") {
		t.Fatalf("Location is %s", location)
	}
	return base(s) + location
}

func TestOptions(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for _, path := range []string{"/rtc/v1/whip/", "/rtc/v1/whep/", "/rtc/v1/whip", "/rtc/v1/whep", "/rtc/v1/whip-play/", "/rtc/v1/whip/?a=b"} {
		res := call(t, http.MethodOptions, base(s)+path, "", "Origin: http://elsewhere", "Access-Control-Request-Method: PATCH",
			"Access-Control-Request-Private-Network: true")
		if res.StatusCode != http.StatusOK || res.Header.Get("Accept-Post") != "application/sdp" {
			t.Errorf("OPTIONS %s: %s, Accept-Post %q", path, res.Status, res.Header.Get("Accept-Post"))
		}
		for header, words := range map[string][]string{
			"Access-Control-Allow-Origin":          {"*"},
			"Access-Control-Allow-Methods":         {"POST", "PATCH", "DELETE"},
			"Access-Control-Allow-Headers":         {"Authorization", "Content-Type", "If-Match"},
			"Access-Control-Expose-Headers":        {"Location", "ETag", "Link"},
			"Access-Control-Allow-Private-Network": {"true"},
		} {
			got := strings.FieldsFunc(res.Header.Get(header), func(r rune) bool { return r == ',' || r == ' ' })
			for _, word := range words {
				if !slices.Contains(got, word) {
					t.Errorf("OPTIONS %s: %s lacks %s: %v", path, header, word, got)
				}
			}
		}
	}
	if res := call(t, http.MethodOptions, base(s)+"/rtc/v1/whip/", ""); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS headers though no Origin asked for them")
	}
	c := configure(t, allOnOne+"")
	c.HTTPAPI.Crossdomain = false
	closed := open(t, c)
	if res := call(t, http.MethodOptions, base(closed)+"/rtc/v1/whip/", "", "Origin: http://elsewhere"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS headers though crossdomain is off")
	}
}

// The errors of a POST carry CORS headers too: else a page of another site could not show the reason.
func TestCrossdomainErrors(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	res := call(t, http.MethodPost, base(s)+"/rtc/v1/whip/", "nonsense", "Origin: http://elsewhere", sdpType)
	if res.StatusCode != 400 || res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%s, Access-Control-Allow-Origin %q", res.Status, res.Header.Get("Access-Control-Allow-Origin"))
	}
}

const fragmentType = "Content-Type: application/trickle-ice-sdpfrag"

// fragmentOf is a fragment of the offer's own credentials, or of others for a restart.
func fragmentOf(ufrag, pwd string) string {
	return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" +
		"a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host\r\na=end-of-candidates\r\n"
}

// credentialsOf reads them from an SDP.
func credentialsOf(text string) (ufrag, pwd string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			ufrag = v
		}
		if v, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok {
			pwd = v
		}
	}
	return ufrag, pwd
}

func TestPatch(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "chromium-publish-H264")
	ufrag, pwd := credentialsOf(offer)
	const newUfrag, newPwd = "fresh", "freshfreshfreshfreshfresh"
	res := post(t, base(s)+"/rtc/v1/whip/?eip=203.0.113.9:7777", offer)
	at, etag := resource(t, s, res), res.Header.Get("ETag")
	answer := text(t, res)

	for _, test := range []struct {
		name, url, body string
		headers         []string
		status          int
	}{
		{"trickle", at, fragmentOf(ufrag, pwd), []string{fragmentType, "If-Match: " + etag}, 204},
		{"trickle without credentials", at, "a=end-of-candidates\r\n", []string{fragmentType, "If-Match: " + etag}, 204},
		{"trickle with one of several tags", at, fragmentOf(ufrag, pwd), []string{fragmentType, `If-Match: "other", ` + etag}, 204},
		{"no If-Match", at, fragmentOf(ufrag, pwd), []string{fragmentType}, 428},
		{"stale If-Match", at, fragmentOf(ufrag, pwd), []string{fragmentType, `If-Match: "stale"`}, 412},
		{"content type", at, fragmentOf(ufrag, pwd), []string{sdpType, "If-Match: " + etag}, 415},
		{"no content type", at, fragmentOf(ufrag, pwd), []string{"If-Match: " + etag}, 415},
		{"too large", at, strings.Repeat("a=candidate:1 1 udp 1 192.0.2.7 5 typ host\r\n", 2000), []string{fragmentType, "If-Match: " + etag}, 413},
		{"restart without password", at, "a=ice-ufrag:fresh\r\n", []string{fragmentType, "If-Match: *"}, 400},
		{"wrong token", strings.Replace(at, "token=", "token=x", 1), fragmentOf(ufrag, pwd), []string{fragmentType, "If-Match: *"}, 403},
		{"no session", base(s) + "/rtc/v1/whip/?session=who:is", fragmentOf(ufrag, pwd), []string{fragmentType, "If-Match: *"}, 404},
		{"no session named", base(s) + "/rtc/v1/whip/", fragmentOf(ufrag, pwd), []string{fragmentType, "If-Match: *"}, 400},
	} {
		got := call(t, http.MethodPatch, test.url, test.body, test.headers...)
		if got.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", test.name, got.Status, test.status)
		}
		if got.StatusCode >= 400 && len(text(t, got)) < 10 {
			t.Errorf("%s: no reason", test.name)
		}
	}

	got := call(t, http.MethodPatch, at, fragmentOf(newUfrag, newPwd), fragmentType, "If-Match: *")
	fragment := text(t, got)
	newTag := got.Header.Get("ETag")
	if got.StatusCode != 200 || newTag == etag || newTag == "" || got.Header.Get("Content-Type") != "application/trickle-ice-sdpfrag" {
		t.Fatalf("restart: %s, ETag %s after %s: %s", got.Status, newTag, etag, fragment)
	}
	oldLocal, _ := credentialsOf(answer)
	newLocal, newLocalPwd := credentialsOf(fragment)
	if newLocal == oldLocal || newLocal == "" || len(newLocalPwd) < 22 || !strings.Contains(fragment, "a=ice-lite") {
		t.Errorf("restart's fragment:\n%s", fragment)
	}
	if !strings.Contains(fragment, "203.0.113.9 7777") {
		t.Errorf("the restart has lost the candidate that the POST asked for:\n%s", fragment)
	}
	for _, u := range []string{oldLocal, newLocal} { // both valid until the new pair is nominated
		if s.sessions.byUfrag(u) == nil {
			t.Errorf("ufrag %s of the restart is unknown", u)
		}
	}
	if got := call(t, http.MethodPatch, at, fragmentOf(newUfrag, newPwd), fragmentType, "If-Match: "+etag); got.StatusCode != 412 {
		t.Errorf("the tag of before the restart: %s, want 412", got.Status)
	}
	if got := call(t, http.MethodPatch, at, fragmentOf(newUfrag, newPwd), fragmentType, "If-Match: "+newTag); got.StatusCode != 204 {
		t.Errorf("trickle after the restart: %s, want 204", got.Status)
	}
	call(t, http.MethodDelete, at, "")
	nothingLeft(t, s)
}

// A client that restarts again and again leaves no more than two names in the table.
func TestManyRestarts(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	at := resource(t, s, post(t, base(s)+"/rtc/v1/whep/", offerFile(t, "chromium-play-default")))
	for i := range 20 {
		ufrag := "fresh" + string(rune('a'+i))
		if res := call(t, http.MethodPatch, at, fragmentOf(ufrag, "freshfreshfreshfreshfresh"), fragmentType, "If-Match: *"); res.StatusCode != 200 {
			t.Fatal(res.Status)
		}
	}
	s.sessions.mu.RLock()
	if n := len(s.sessions.ufrags); n != 2 {
		t.Errorf("%d ufrags of one session", n)
	}
	s.sessions.mu.RUnlock()
	call(t, http.MethodDelete, at, "")
	nothingLeft(t, s)
}

func TestDelete(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	at := resource(t, s, post(t, base(s)+"/rtc/v1/whip/", offerFile(t, "chromium-publish-H264")))
	for _, test := range []struct {
		name, url string
		status    int
	}{
		{"unknown session", base(s) + "/rtc/v1/whip/?session=who:is&token=none", 200},
		{"no session named", base(s) + "/rtc/v1/whip/", 400},
		{"wrong token", strings.Replace(at, "token=", "token=x", 1), 403},
		{"no token", base(s) + "/rtc/v1/whip/?session=" + strings.Split(at, "session=")[1], 403},
		{"by the other endpoint", strings.Replace(at, "/whip/", "/whep/", 1), 200},
		{"again", at, 200},
	} {
		if res := call(t, http.MethodDelete, test.url, ""); res.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", test.name, res.Status, test.status)
		}
	}
	nothingLeft(t, s)
}

// A Location stands in for its session whatever the stream is called.
func TestLocationOfOddNames(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for _, name := range []string{"a&session=other", "a b", "a+b", "a=b;c", "ünï", "a%26b", `"quoted"`, "a/b"} {
		res := post(t, base(s)+"/rtc/v1/whep/?stream="+url.PathEscape(strings.ReplaceAll(name, "&", "%26")), offerFile(t, "chromium-play-default"))
		if got := call(t, http.MethodDelete, base(s)+res.Header.Get("Location"), ""); got.StatusCode != 200 {
			t.Errorf("%s: %s", name, got.Status)
		}
		if left := leftovers(s); left != "" {
			t.Errorf("%s: DELETE of %s left %s", name, res.Header.Get("Location"), left)
		}
	}
}

// Bad input is answered with a status of its own and a reason in plain text, and leaves nothing behind.
func TestBadPosts(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	publish, play := offerFile(t, "chromium-publish-H264"), offerFile(t, "chromium-play-default")
	without := func(offer, prefix string) string {
		var b strings.Builder
		for line := range strings.Lines(offer) {
			if !strings.HasPrefix(line, prefix) {
				b.WriteString(line)
			}
		}
		return b.String()
	}
	dataOnly := "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" +
		"c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdabcdabcdabcdabcdabcd\r\na=fingerprint:sha-256 " +
		strings.Repeat("AA:", 31) + "AA\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n"
	for _, test := range []struct {
		name, path, body, contentType string
		status                        int
	}{
		{"empty", "whip", "", "application/sdp", 400},
		{"not SDP", "whip", "<html>", "application/sdp", 400},
		{"binary", "whip", strings.Repeat("\x00\xff", 500), "application/sdp", 400},
		{"huge", "whip", publish + strings.Repeat("a=x:"+strings.Repeat("y", 1000)+"\r\n", 300), "application/sdp", 413},
		{"exactly at the limit", "whip", publish + strings.Repeat("x", sdp.MaxOffer-len(publish)), "application/sdp", 400},
		{"wrong type", "whip", publish, "application/json", 415},
		{"no type", "whip", publish, "", 415},
		{"broken type", "whip", publish, ";;;", 415},
		{"type with a parameter", "whip", "", "application/sdp; charset=utf-8", 400},
		{"no BUNDLE", "whip", without(publish, "a=group:BUNDLE"), "application/sdp", 400},
		{"no ice-ufrag", "whip", without(publish, "a=ice-ufrag"), "application/sdp", 400},
		{"no ice-pwd", "whip", without(publish, "a=ice-pwd"), "application/sdp", 400},
		{"no fingerprint", "whip", without(publish, "a=fingerprint"), "application/sdp", 400},
		{"forged ufrag", "whip", strings.ReplaceAll(publish, "a=ice-ufrag:", "a=ice-ufrag:a&b c"), "application/sdp", 400},
		{"no codec in common", "whip", strings.NewReplacer("opus/", "speex/", "H264/", "H261/", "VP8/", "VPX/", "VP9/", "VPX/", "AV1/", "AVX/",
			"H265/", "HX/", "PCMU/", "X/", "PCMA/", "X/", "PCM", "X").Replace(publish), "application/sdp", 406},
		{"data channel only", "whip", dataOnly, "application/sdp", 406},
		{"a publisher that only receives", "whip", play, "application/sdp", 400},
		{"a viewer that only sends", "whep", publish, "application/sdp", 400},
		{"unknown codec asked for", "whip/?codec=h999", publish, "application/sdp", 400},
		{"an audio codec for the video", "whip/?vcodec=opus", publish, "application/sdp", 400},
		{"control characters in the name", "whip/?stream=a%0d%0ab", publish, "application/sdp", 400},
		{"climbing name", "whip/?app=..%2f..", publish, "application/sdp", 400},
		{"backslash in the name", "whip/?app=a%5cb", publish, "application/sdp", 400},
		{"long name", "whip/?stream=" + strings.Repeat("n", 257), publish, "application/sdp", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := test.path
			if !strings.Contains(path, "/") {
				path += "/"
			}
			headers := []string{}
			if test.contentType != "" {
				headers = append(headers, "Content-Type: "+test.contentType)
			}
			res := call(t, http.MethodPost, base(s)+"/rtc/v1/"+path, test.body, headers...)
			reason := text(t, res)
			if res.StatusCode != test.status || len(reason) < 10 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
				t.Errorf("%s, want %d: %q (%s)", res.Status, test.status, reason, res.Header.Get("Content-Type"))
			}
			if res.Header.Get("Location") != "" || strings.ContainsAny(strings.TrimSpace(reason), "\r\n") {
				t.Errorf("Location %q, reason %q", res.Header.Get("Location"), reason)
			}
			nothingLeft(t, s)
		})
	}
	if got := s.stats.refused.Load(); got == 0 {
		t.Error("refusals are not counted")
	}
}

func TestWhereWebRTCIsOff(t *testing.T) {
	offer := offerFile(t, "chromium-publish-H264")
	for _, test := range []struct {
		name   string
		change func(*Config)
		query  string
		text   string
		status int
	}{
		{name: "rtc_server off", change: func(c *Config) { c.RTC.Enabled = false }, text: allOnOne, status: 403},
		{name: "rtc off in the virtual host", text: strings.Replace(allOnOne, "rtc { enabled on; }", "rtc { enabled off; }", 1), status: 403},
		{name: "no virtual host", text: strings.Replace(allOnOne, "__defaultVhost__", "only.example", 1), query: "?vhost=other.example", status: 404},
		{name: "its own virtual host", text: strings.Replace(allOnOne, "__defaultVhost__", "only.example", 1), query: "?vhost=only.example", status: 201},
		{name: "by domain", text: strings.Replace(allOnOne, "__defaultVhost__", "only.example", 1), query: "?domain=only.example", status: 201},
		{name: "virtual host off", text: strings.Replace(allOnOne, "vhost __defaultVhost__ {", "vhost __defaultVhost__ { enabled off;", 1), status: 404},
		{name: "any other name is the default one", text: allOnOne, query: "?vhost=other.example", status: 201},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := configure(t, test.text)
			if test.change != nil {
				test.change(c)
			}
			s := open(t, c)
			res := call(t, http.MethodPost, base(s)+"/rtc/v1/whip/"+test.query, offer, sdpType)
			if res.StatusCode != test.status {
				t.Errorf("%s, want %d: %s", res.Status, test.status, text(t, res))
			}
			if res.StatusCode != 201 {
				nothingLeft(t, s)
			}
		})
	}
}

// A publisher that may still come holds the name; where it has been silent from the start, the next one takes its place.
func TestBusy(t *testing.T) {
	for _, silence := range []string{"3000", "20000"} { // of which one without a path has 3 s
		c := configure(t, strings.Replace(strings.Replace(bubbledText, "EXTRA", "", 1), "vhost __defaultVhost__ {",
			"vhost __defaultVhost__ { publish { publisher_silence "+silence+"; }", 1))
		synctest.Test(t, func(t *testing.T) { testBusy(t, offline(t, c)) })
	}
}

func testBusy(t *testing.T, s *Server) {
	offer := offerFile(t, "chromium-publish-H264")
	publish := func(query string) *http.Response {
		return local(s, http.MethodPost, "/rtc/v1/whip/?"+query, offer, sdpType)
	}
	first := publish("stream=one")
	res := publish("stream=one")
	if first.StatusCode != http.StatusCreated || res.StatusCode != http.StatusConflict || !strings.Contains(text(t, res), "another publisher") {
		t.Errorf("first publisher: %s, second publisher: %s", first.Status, res.Status)
	}
	again := local(s, http.MethodPost, "/rtc/v1/publish/", rtcBody(t, "webrtc://localhost/live/one", offer))
	if body := text(t, again); again.StatusCode != http.StatusOK || !strings.Contains(body, `"code":400`) || !strings.Contains(body, "another publisher") {
		t.Errorf("by the JSON API: %s %s", again.Status, body)
	}
	for _, res := range []*http.Response{res, again} { // Its own stream may be busy for one who comes back.
		if after := res.Header.Get("Retry-After"); after != "3" {
			t.Errorf("%s: Retry-After is %q, want what is left to the first one", res.Status, after)
		}
	}
	if n := len(s.sessions.all()); n != 1 {
		t.Errorf("%d sessions after a refusal", n)
	}
	for _, other := range []string{"stream=two", "stream=one&vhost=elsewhere&app=other"} {
		if res := publish(other); res.StatusCode != http.StatusCreated {
			t.Errorf("%s: %s", other, res.Status)
		}
	}
	time.Sleep(3 * time.Second)
	if res := publish("stream=one"); res.StatusCode != http.StatusCreated {
		t.Errorf("after as long as was told: %s", res.Status)
	}
}

// Paths: without their last slash, climbing, and methods nobody takes.
func TestPaths(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	offer := offerFile(t, "chromium-play-default")
	for _, test := range []struct {
		method, path     string
		status           int
		location, header string
	}{
		{"GET", "/api/v1/streams?start=1&x=%2f", 302, "/api/v1/streams/?start=1&x=%2f", ""},
		{"HEAD", "/api/v1/clients", 302, "/api/v1/clients/", ""},
		{"GET", "/api", 302, "/api/", ""},
		{"GET", "/api/v1", 302, "/api/v1/", ""},
		{"GET", "/rtc/v1/whip", 302, "/rtc/v1/whip/", ""},
		{"POST", "/rtc/v1/whep", 201, "", sdpType},
		{"POST", "/rtc/v1/whip-play/", 201, "", sdpType},
		{"POST", "/rtc/v1/whip/?action=play", 201, "", sdpType},
		{"GET", "/rtc/v1/whip/", 405, "", ""},
		{"PUT", "/rtc/v1/whep/", 405, "", ""},
		{"GET", "/rtc/v1/play/", 405, "", ""},
		{"POST", "/api/v1/versions", 405, "", ""},
		{"PUT", "/api/v1/clients/", 405, "", ""},
		{"DELETE", "/api/v1/streams/", 405, "", ""},
		{"DELETE", "/api/v1/clients/", 405, "", ""},
		{"GET", "/api/v1/versions/", 404, "", ""},
		{"GET", "/api/v1/nothing", 404, "", ""},
		{"GET", "/a/..b", 400, "", ""},
		{"GET", "/..%2f..%2fetc/passwd", 400, "", ""},
		{"GET", "/%2e%2e/", 400, "", ""},
		{"OPTIONS", "/api/v1/clients/", 200, "", ""},
		{"OPTIONS", "/api/v1/versions", 200, "", ""},
		{"OPTIONS", "/rtc/v1/publish/", 200, "", ""},
	} {
		headers := []string{}
		if test.header != "" {
			headers = append(headers, test.header)
		}
		res := call(t, test.method, base(s)+test.path, offer, headers...)
		if res.StatusCode != test.status || test.location != "" && res.Header.Get("Location") != test.location {
			t.Errorf("%s %s: %s, Location %q", test.method, test.path, res.Status, res.Header.Get("Location"))
		}
		if res.StatusCode == 405 && res.Header.Get("Allow") == "" {
			t.Errorf("%s %s: 405 without Allow", test.method, test.path)
		}
		if got := res.Header.Get("Server"); !strings.HasPrefix(got, "oneport/") {
			t.Errorf("%s %s: Server %q", test.method, test.path, got)
		}
	}
}

// A token in the request stays with the session.
func TestBearer(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for header, want := range map[string]string{
		"Bearer s3cret": "s3cret", "bearer s3cret": "s3cret", "BEARER  s3cret": "s3cret", "Basic dXNlcjpwdw==": "", "Bearers3cret": "", "": "",
	} {
		res := post(t, base(s)+"/rtc/v1/whep/", offerFile(t, "chromium-play-default"), "Authorization: "+header)
		at := resource(t, s, res)
		if got := s.sessions.all()[0].info.bearer; got != want {
			t.Errorf("of %q the session keeps %q", header, got)
		}
		call(t, http.MethodDelete, at, "")
	}
}
