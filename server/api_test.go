package server

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// masks stand for what differs from run to run.
var masks = []struct{ pattern, with string }{
	{`"server":"vid-[a-z2-7]{7}"`, `"server":"SERVER"`},
	{`"service":"[a-z2-7]{8}"`, `"service":"SERVICE"`},
	{`"pid":"[0-9]+"`, `"pid":"PID"`},
	{`"sdp":"v=0\\r\\n[^"]*"`, `"sdp":"SDP"`},
	{`"sessionid":"[0-9a-z]{8}:[^"]+"`, `"sessionid":"OURS:THEIRS"`},
	{`"(id|stream)":"vid-[a-z2-7]{7}"`, `"$1":"STREAM"`},
	{`"vhost":"vid-[a-z2-7]{7}"`, `"vhost":"VHOST"`},
	{`"id":"[a-z2-7]{8}"`, `"id":"CLIENT"`},
	{`"cid":"[a-z2-7]{8}"`, `"cid":"CLIENT"`},
	{`"live_ms":[0-9]{12,13}\b`, `"live_ms":NOW`},
	{`"alive":[0-9.e-]+`, `"alive":SECONDS`},
}

func masked(body string) string {
	for _, m := range masks {
		body = regexp.MustCompile(m.pattern).ReplaceAllString(body, m.with)
	}
	return body
}

const envelopeText = `{"code":0,"server":"SERVER","service":"SERVICE","pid":"PID"`

// expectJSON compares an answer, with what varies masked, to the exact text.
func expectJSON(t *testing.T, res *http.Response, want string) {
	t.Helper()
	body := text(t, res)
	if got := masked(body); res.StatusCode != 200 || got != want {
		t.Errorf("%s\n got %s\nwant %s", res.Status, got, want)
	}
	if typ := res.Header.Get("Content-Type"); typ != "application/json" {
		t.Errorf("Content-Type %q", typ)
	}
}

func rtcBody(t *testing.T, url, offer string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"api": "http://localhost:8080/rtc/v1/play/", "tid": "a1b2c3", "streamurl": url, "clientip": nil, "sdp": offer})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRTCAPI(t *testing.T) {
	publish, play := offerFile(t, "chromium-publish-H264"), offerFile(t, "chromium-play-default")
	const success = envelopeText + `,"sdp":"SDP","sessionid":"OURS:THEIRS"}`
	tests := []struct{ name, path, body, want string }{ // refusals are wanted with a word of their reason
		{"publish", "publish/", rtcBody(t, "webrtc://localhost/live/one", publish), success},
		{"play", "play/", rtcBody(t, "webrtc://localhost:8080/live/one", play), success},
		{"play before publish", "play/", rtcBody(t, "webrtc://localhost/live/none", play), success},
		{"without the slash", "play", rtcBody(t, "webrtc://localhost/live/none", play), success},
		{"deep app", "play/", rtcBody(t, "webrtc://localhost/a/b/c", play), success},
		{"virtual host", "play/", rtcBody(t, "webrtc://localhost/live/one?vhost=example.com&k=v", play), success},
		{"busy", "publish/", rtcBody(t, "webrtc://localhost/live/one", publish), "another publisher"},
		{"not JSON", "publish/", "hello", "not the JSON"},
		{"empty", "publish/", "", "not the JSON"},
		{"a list", "publish/", "[]", "not the JSON"},
		{"no SDP", "publish/", rtcBody(t, "webrtc://localhost/live/two", ""), "offer is empty"},
		{"no stream", "publish/", rtcBody(t, "webrtc://localhost/live", publish), "no app and stream"},
		{"no app", "publish/", rtcBody(t, "webrtc://localhost//two", publish), "no app and stream"},
		{"no URL", "publish/", rtcBody(t, "", publish), "webrtc://host"},
		{"broken URL", "publish/", rtcBody(t, "webrtc://[::1/live/two", publish), "webrtc://host"},
		{"climbing", "publish/", rtcBody(t, "webrtc://localhost/live/..", publish), "must not hold"},
		{"huge", "publish/", rtcBody(t, "webrtc://localhost/live/two", strings.Repeat("v", 1<<20)), "too large"},
	}
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) { // where the publisher, which has no path, does not lose its place with time
		s := offline(t, c)
		for _, test := range tests {
			t.Log(test.name)
			res := local(s, http.MethodPost, "/rtc/v1/"+test.path, test.body)
			if test.want == success {
				expectJSON(t, res, success)
				continue
			}
			var failure struct {
				Code   int
				Reason string
			}
			body := text(t, res)
			if err := json.Unmarshal([]byte(body), &failure); err != nil || res.StatusCode != 200 || failure.Code != 400 || len(failure.Reason) < 10 || !strings.Contains(failure.Reason, test.want) {
				t.Errorf("%s: %s", res.Status, body)
			}
		}
		if n := len(s.sessions.all()); n != 6 {
			t.Errorf("%d sessions, want 6", n)
		}
	})
}

// The HTTP query, not streamurl, tells candidates.
func TestRTCAPICandidates(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	play := offerFile(t, "chromium-play-default")
	for query, want := range map[string]string{
		"?eip=198.51.100.7":           " 198.51.100.7 ",
		"?eip=198.51.100.7:4321":      " 198.51.100.7 4321 ",
		"?candidate=198.51.100.8":     " 198.51.100.8 ",
		"?eip=198.51.100.7%3A4321":    " 198.51.100.7 4321 ",
		"?candidate=edge.example.com": " edge.example.com ",
	} {
		res := call(t, http.MethodPost, base(s)+"/rtc/v1/play/"+query, rtcBody(t, "webrtc://localhost/live/one?eip=192.0.2.99", play))
		body := text(t, res)
		if !strings.Contains(body, want) || strings.Contains(body, "192.0.2.99") {
			t.Errorf("%s: no %q in %s", query, want, body)
		}
	}
}

func TestVersions(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	expectJSON(t, call(t, http.MethodGet, base(s)+"/api/v1/versions", ""),
		envelopeText+`,"data":{"major":0,"minor":1,"revision":0,"version":"0.1.0"}}`)
	for _, path := range []string{"/api/", "/api/v1/"} {
		if body := text(t, call(t, http.MethodGet, base(s)+path, "")); !strings.HasPrefix(masked(body), envelopeText+`,"urls":{`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestStreamsAndClients(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		get := func(path string) *http.Response { return local(s, http.MethodGet, path, "", "Host: example.com") }
		expectJSON(t, get("/api/v1/streams/"), envelopeText+`,"streams":[]}`)
		expectJSON(t, get("/api/v1/clients/"), envelopeText+`,"clients":[]}`)
		publisher, viewer := joined(t, s, "whip", "stream=show"), joined(t, s, "whep", "stream=show")
		publisher.sendRTP(111, 5, 960, []byte{1, 2, 3, 4})
		publisher.sendFrame(0, true)
		time.Sleep(100 * time.Millisecond)
		viewer.pump()

		const stream = `{"id":"STREAM","name":"show","vhost":"VHOST","app":"live","tcUrl":"webrtc://__defaultVhost__/live",` +
			`"url":"/live/show","live_ms":NOW,"clients":2,"frames":1,"send_bytes":SENT,"recv_bytes":10,"kbps":{"recv_30s":0,"send_30s":0},` +
			`"publish":{"active":true,"cid":"CLIENT"},` +
			`"video":{"codec":"H264","profile":"Baseline","level":"3.1","width":0,"height":0},` +
			`"audio":{"codec":"Opus","sample_rate":48000,"channel":2,"profile":""}}`
		shown := text(t, get("/api/v1/streams/"))
		sent := regexp.MustCompile(`"send_bytes":([0-9]+)`).FindStringSubmatch(shown)[1]
		want := strings.ReplaceAll(stream, "SENT", sent)
		if got := masked(shown); got != envelopeText+`,"streams":[`+want+`]}` {
			t.Errorf("streams\n got %s\nwant %s", got, want)
		}
		id := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(shown)[1]
		expectJSON(t, get("/api/v1/streams/"+id), envelopeText+`,"stream":`+want+`}`)
		expectJSON(t, get("/api/v1/streams/nobody"), `{"code":2048}`)
		if all := text(t, get("/api/v1/clients/")); strings.Count(all, `"stream":"`+id+`"`) != 2 {
			t.Errorf("the clients of stream %s are not told to be its: %s", id, all)
		}
		vhost := regexp.MustCompile(`"vhost":"([^"]+)"`).FindStringSubmatch(shown)[1]
		if all := text(t, get("/api/v1/clients/")); strings.Count(all, `"vhost":"`+vhost+`"`) != 2 {
			t.Errorf("the clients of virtual host %s are not told to be its: %s", vhost, all)
		}

		const client = `{"id":"CLIENT","vhost":"VHOST","stream":"STREAM","ip":"192.0.2.1","pageUrl":"","swfUrl":"","tcUrl":"",` +
			`"url":"/live/show","name":"show","type":"TYPE","publish":WHO,"alive":SECONDS,"send_bytes":SENT,"recv_bytes":RECEIVED,` +
			`"kbps":{"recv_30s":0,"send_30s":0},"transport":"tcp","local":"203.0.113.1:8080","remote":"192.0.2.1:1","rtt_ms":0,` +
			`"srtp":"SRTP_AEAD_AES_128_GCM","lag_ms":0,"skips":0,"skipped_packets":0,"packets":2,"lost":0,"resent":0,"withheld":0,"oversized":0,"refused":0,"sessionid":"OURS:THEIRS"}`
		received := regexp.MustCompile(`"recv_bytes":([0-9]+)`).FindStringSubmatch(text(t, get("/api/v1/clients/"+publisher.sess.info.id)))[1]
		asPublisher := strings.NewReplacer("TYPE", "rtc-publish", "WHO", "true", "SENT", "0", "RECEIVED", received).Replace(client)
		asViewer := strings.NewReplacer("TYPE", "rtc-play", "WHO", "false", "SENT", sent, "RECEIVED", "0").Replace(client)
		expectJSON(t, get("/api/v1/clients/"), envelopeText+`,"clients":[`+asPublisher+`,`+asViewer+`]}`)
		expectJSON(t, get("/api/v1/clients/"+viewer.sess.info.id), envelopeText+`,"client":`+asViewer+`}`)
		expectJSON(t, get("/api/v1/clients/nobody"), `{"code":2049}`)

		expectJSON(t, local(s, http.MethodDelete, "/api/v1/clients/nobody", ""), `{"code":2049}`)
		expectJSON(t, local(s, http.MethodDelete, "/api/v1/clients/"+viewer.sess.info.id, ""), envelopeText+`}`)
		viewer.pump()
		if !viewer.over() || viewer.goodbye == nil {
			t.Errorf("a kicked viewer: over %v, told %v", viewer.over(), viewer.goodbye)
		}
		kick := local(s, http.MethodGet, "/api/v1/clients/"+publisher.sess.info.id+"?callback=cb.f_1-x&method=DELETE", "")
		if body := masked(text(t, kick)); body != "cb.f_1-x("+envelopeText+"})" || kick.Header.Get("Content-Type") != "text/javascript" {
			t.Errorf("%s: %s", kick.Header.Get("Content-Type"), body)
		}
		nothingLeft(t, s)
	})
}

func TestJSONP(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for callback, want := range map[string]string{
		"f":                     `f(` + envelopeText + `,"streams":[]})`,
		"a.b-c_9":               `a.b-c_9(` + envelopeText + `,"streams":[]})`,
		"alert(1)":              `{"code":4058}`,
		"<script>":              `{"code":4058}`,
		"f%0a":                  `{"code":4058}`,
		"%C3%BC":                `{"code":4058}`,
		strings.Repeat("x", 65): `{"code":4058}`,
	} {
		res := call(t, http.MethodGet, base(s)+"/api/v1/streams/?callback="+callback, "")
		if body := masked(text(t, res)); body != want {
			t.Errorf("callback %s: %s, want %s", callback, body, want)
		}
	}
	// Only JSONP may say its method in the query.
	post(t, base(s)+"/rtc/v1/whep/", offerFile(t, "chromium-play-default"))
	id := s.sessions.all()[0].info.id
	call(t, http.MethodGet, base(s)+"/api/v1/clients/"+id+"?method=DELETE", "")
	if s.sessions.byID(id) == nil {
		t.Error("a GET without callback has deleted a client")
	}
}

// Pages of a list: start, and count of at least 10; numbers beyond every measure break nothing.
func TestPages(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	site := site(s)
	for range 25 {
		if res := ask(site, http.MethodPost, "/rtc/v1/whep/", offerFile(t, "gst-play-h264"), sdpType); res.StatusCode != 201 {
			t.Fatal(res.Status)
		}
	}
	for query, want := range map[string]int{
		"": 25, "?start=0": 25, "?start=20": 5, "?start=25": 0, "?start=26": 0, "?start=-1": 25, "?start=x": 25,
		"?count=12": 12, "?count=3": 10, "?count=-1": 10, "?start=20&count=10": 5, "?start=5&count=10": 10, "?count=x": 25,
		"?start=1&count=9223372036854775807": 24, "?start=9223372036854775807&count=9223372036854775807": 0,
		"?start=99999999999999999999": 0, "?count=99999999999999999999": 25,
	} {
		var reply struct{ Clients []struct{ ID string } }
		body := text(t, ask(site, http.MethodGet, "/api/v1/clients/"+query, ""))
		if err := json.Unmarshal([]byte(body), &reply); err != nil || len(reply.Clients) != want {
			t.Errorf("%q: %d clients, want %d (%v)", query, len(reply.Clients), want, err)
		}
	}
}

// The address a client is shown with is what proxies in front tell.
func TestClientIP(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	for want, headers := range map[string][]string{
		"192.0.2.1":    nil,
		"198.51.100.1": {"X-Forwarded-For: 198.51.100.1, 10.0.0.1"},
		"198.51.100.2": {"X-Real-IP: 198.51.100.2:99"},
		"2001:db8::1":  {"X-Real-IP: 2001:db8::1"},
		"2001:db8::2":  {"X-Real-IP: [2001:db8::2]:99"},
		"198.51.100.3": {"X-Forwarded-For: 198.51.100.3", "X-Real-IP: 198.51.100.4"},
	} {
		local(s, http.MethodPost, "/rtc/v1/whep/", offerFile(t, "gst-play-h264"), append(headers, sdpType)...)
		sess := s.sessions.all()[0]
		if sess.info.ip != want || sess.info.from.String() != "192.0.2.1" {
			t.Errorf("%v: shown %s, counted %s", headers, sess.info.ip, sess.info.from)
		}
		sess.close(errKicked)
	}
}

// What can be got can be asked for by HEAD, and a refusal's Allow names both.
func TestHead(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	post(t, base(s)+"/rtc/v1/whep/", offerFile(t, "gst-play-h264"))
	id := s.sessions.all()[0].info.id
	for _, path := range []string{"versions", "streams/", "clients/", "clients/" + id} {
		res := call(t, "HEAD", base(s)+"/api/v1/"+path, "")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" || text(t, res) != "" {
			t.Errorf("HEAD %s: %s", path, res.Status)
		}
		refused := call(t, "PUT", base(s)+"/api/v1/"+path, "")
		if allow := strings.Split(refused.Header.Get("Allow"), ", "); refused.StatusCode != 405 || !slices.Contains(allow, "GET") || !slices.Contains(allow, "HEAD") {
			t.Errorf("PUT %s: %s, Allow %v", path, refused.Status, allow)
		}
	}
	if n := len(s.sessions.all()); n != 1 {
		t.Errorf("%d sessions after HEAD", n)
	}
}

// exposition reads the Prometheus text format: the values by name and labels, and every name with a type.
func exposition(t *testing.T, body string) (values, types map[string]string) {
	t.Helper()
	values, types = make(map[string]string), make(map[string]string)
	sample := regexp.MustCompile(`^([a-z_]+)((?:\{(?:[a-z_]+="[^"\\]*",?)+\})?) ([0-9.e+-]+)$`)
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if word := strings.Fields(line); len(word) == 4 && word[0] == "#" && word[1] == "TYPE" {
			types[word[2]] = word[3]
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("not Prometheus text: %q", line)
		}
		if types[m[1]] == "" {
			t.Errorf("%s has no type", m[1])
		}
		values[m[1]+m[2]] = m[3]
	}
	return values, types
}

func TestMetrics(t *testing.T) {
	s := open(t, configure(t, allOnOne))
	post(t, base(s)+"/rtc/v1/whip/", offerFile(t, "chromium-publish-H264"))
	call(t, http.MethodPost, base(s)+"/rtc/v1/whip/", "nonsense", sdpType)
	res := call(t, http.MethodGet, base(s)+"/metrics", "")
	if typ := res.Header.Get("Content-Type"); !strings.HasPrefix(typ, "text/plain; version=0.0.4; charset=utf-8") {
		t.Errorf("Content-Type %q", typ)
	}
	shown := text(t, res)
	values, types := exposition(t, shown)
	for typ, names := range map[string][]string{
		"gauge": {"srs_node_uname_info", "srs_build_info", "srs_cpu_percent", "srs_memory", "srs_streams", "srs_clients", "oneport_sessions", "oneport_uptime_seconds", "oneport_goroutines"},
		"counter": {
			"srs_send_bytes_total", "srs_receive_bytes_total", "srs_clients_total", "srs_clients_errs_total",
			"oneport_sessions_ended_total", "oneport_packets_received_total", "oneport_packets_sent_total", "oneport_packets_lost_total",
			"oneport_viewer_skips_total", "oneport_datagrams_unrouted_total", "oneport_connections_strange_total",
			"oneport_connections_total", "oneport_connections_silent_total", "oneport_feedback_dropped_total", "oneport_udp_send_errors_total",
		},
	} {
		for _, name := range names {
			if types[name] != typ {
				t.Errorf("%s is a %q, want a %s", name, types[name], typ)
			}
		}
	}
	for name, want := range map[string]string{
		"srs_clients": "1", "srs_clients_total": "1", "srs_clients_errs_total": "1", "srs_streams": "1",
		`oneport_sessions{role="publish",transport="none"}`:                                "1",
		`oneport_connections_total{kind="HTTP",port="` + s.ports[0].Addr().String() + `"}`: "3",
	} {
		if values[name] != want {
			t.Errorf("%s is %s, want %s", name, values[name], want)
		}
	}
	if kb, err := strconv.Atoi(values["srs_memory"]); err != nil || kb < 1<<10 || kb > 8<<20 {
		t.Errorf("%s KB of memory", values["srs_memory"])
	}
	for name, want := range map[string]string{
		"srs_build_info":      `srs_build_info{build_date="[^"]+",code="oneport",go="go[^"]+",major="0",pid="\d+",server="vid-.{7}",service=".{8}",version="0.1.0"} 1`,
		"srs_node_uname_info": `srs_node_uname_info{machine="[^"]+",nodename="[^"]+",release="[^"]+",sysname="[^"]+",version="[^"]+"} 1`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(shown) {
			t.Errorf("%s is not as it should be:\n%s", name, shown)
		}
	}
}

// The load is that of the time since it was asked last, which is a second at least.
func TestLoad(t *testing.T) {
	var l load
	started := time.Unix(1_000_000, 0)
	for _, ask := range []struct {
		at, used time.Duration
		want     float64
	}{
		{10 * time.Second, 5 * time.Second, 50},
		{10*time.Second + 900*time.Millisecond, 6 * time.Second, 50},
		{12 * time.Second, 8 * time.Second, 150},
		{22 * time.Second, 8 * time.Second, 0},
	} {
		if got := l.cpu(started.Add(ask.at), started, ask.used); got != ask.want {
			t.Errorf("at %v: %v %%, want %v", ask.at, got, ask.want)
		}
	}
}
