package server

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"oneport/stream"
)

func TestParseListen(t *testing.T) {
	for in, want := range map[string]string{
		"8080": "[::]:8080", ":8080": "[::]:8080", "*:8080": "[::]:8080", "0.0.0.0:8080": "[::]:8080", "[::]:8080": "[::]:8080",
		"127.0.0.1:80": "127.0.0.1:80", "[::1]:443": "[::1]:443", "::1:443": "[::1]:443", "65535": "[::]:65535",
		"": "", "0": "", "65536": "", "-1": "", "+80": "", "http": "", "localhost:80": "", "127.0.0.1": "", "127.0.0.1:": "", "80:127.0.0.1": "", "1 2": "",
	} {
		got, err := parseListen(in)
		if err != nil && want != "" || err == nil && got.String() != want {
			t.Errorf("%q is %v, want %q (%v)", in, got, want, err)
		}
		if want == "" && (err == nil || !strings.Contains(err.Error(), "is not [address:]port")) {
			t.Errorf("%q: error %v", in, err)
		}
	}
	for in, want := range map[string]string{"8080": ":8080", "0.0.0.0:8080": ":8080", "127.0.0.1:80": "127.0.0.1:80", "[::1]:80": "[::1]:80"} {
		addr, err := parseListen(in)
		if got := listenText(addr); err != nil || got != want {
			t.Errorf("%q is listened on as %q, want %q", in, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	const good = "http_api { enabled on; } rtc_server { enabled on; }"
	c := configure(t, good)
	for _, test := range []struct {
		want   string
		change func(*Config)
	}{
		{"", func(*Config) {}},
		{"http_api.listen", func(c *Config) { c.HTTPAPI.Listen = "x" }},
		{"", func(c *Config) { c.HTTPAPI.Enabled, c.HTTPAPI.Listen = false, "x" }},
		{"http_server.listen", func(c *Config) { c.HTTPServer.Enabled, c.HTTPServer.Listen = true, "0" }},
		{"rtc_server.listen", func(c *Config) { c.RTC.Listen = "host:80" }},
		{"rtc_server.tcp.listen", func(c *Config) { c.RTC.TCP.Enabled, c.RTC.TCP.Listen = true, "" }},
		{"rtc_server.tcp.enabled", func(c *Config) { c.RTC.Protocol = "tcp" }},
		{"rtc_server.ip_family", func(c *Config) { c.RTC.IPFamily = "ipv5" }},
	} {
		changed := *c
		test.change(&changed)
		switch err := changed.Check(); {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

func TestLooseQuery(t *testing.T) {
	for raw, want := range map[string]url.Values{
		"":                     {},
		"a=1&b=2;c=3":          {"a": {"1"}, "b": {"2"}, "c": {"3"}},
		"a=1&&a=2&":            {"a": {"1", "2"}},
		"session=x+/y:z+=w":    {"session": {"x+/y:z+=w"}},
		"session=x%2B%2Fy%3Az": {"session": {"x+/y:z"}},
		"a=%zz&b=%":            {"a": {"%zz"}, "b": {"%"}},
		"a&=b&c=":              {"a": {""}, "": {"b"}, "c": {""}},
		"%61=%20+":             {"a": {" +"}},
	} {
		if got := looseQuery(raw); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %v, want %v", raw, got, want)
		}
	}
}

func FuzzLooseQuery(f *testing.F) {
	f.Add("a=1&b=%2;;c=+")
	f.Fuzz(func(t *testing.T, raw string) { looseQuery(raw) })
}

func TestParseStreamURL(t *testing.T) {
	for text, want := range map[string]string{
		"webrtc://h/live/show":                  "h live show h",
		"webrtc://h:1985/live/show?vhost=v&k=1": "v live show h",
		"webrtc://h/a/b/show?domain=d":          "d a/b show h",
		"webrtc://[2001:db8::1]:80/live/show":   "2001:db8::1 live show 2001:db8::1",
		"webrtc://h/live/show/":                 "h live show h",
		"webrtc://user@h/live/a%20b":            "h live a b h",
		"http://h/live/show":                    "h live show h",
		"webrtc://h/live/100%":                  "h live 100% h",
		"webrtc://h/live/50%/of%20it":           "h live/50% of%20it h",
		"webrtc://h/live/show#part?vhost=v":     "h live show h",
		"webrtc://h%/live/show":                 "",
		"webrtc:/h/live/show":                   "",
		"h/live/show":                           "",
		"webrtc://h/live":                       "",
		"webrtc://h":                            "",
		"webrtc:///live/show":                   "",
		"/live/show":                            "",
		"":                                      "",
		"webrtc://h\n/live/show":                "",
		"webrtc://[::1/live/show":               "",
	} {
		name, host, err := parseStreamURL(text)
		got := fmt.Sprintf("%s %s %s %s", name.Vhost, name.App, name.Stream, host)
		if want == "" && err == nil || want != "" && (err != nil || got != want) {
			t.Errorf("%q is %q, want %q (%v)", text, got, want, err)
		}
	}
}

func FuzzParseStreamURL(f *testing.F) {
	f.Add("webrtc://h:1985/live/show?vhost=v")
	f.Fuzz(func(t *testing.T, text string) {
		name, _, err := parseStreamURL(text)
		if err == nil && (name.App == "" || name.Stream == "" || name.Vhost == "" || strings.Contains(name.Stream, "/")) {
			t.Errorf("%q is %+v", text, name)
		}
	})
}

func TestCheckName(t *testing.T) {
	for _, n := range []stream.Name{{App: "live", Stream: "a b"}, {App: "a/b", Stream: "ü"}, {App: strings.Repeat("x", 256), Stream: "y."}} {
		if err := checkName(n); err != nil {
			t.Errorf("%v: %v", n, err)
		}
	}
	for _, n := range []stream.Name{
		{App: "", Stream: "x"}, {App: "x", Stream: ""}, {App: "x", Stream: ".."}, {App: "a/../b", Stream: "x"}, {App: "x", Stream: "a\x00"},
		{App: "x", Stream: "a\nb"}, {App: `a\b`, Stream: "x"}, {App: "x", Stream: "\x7f"}, {App: strings.Repeat("x", 257), Stream: "y"},
	} {
		if checkName(n) == nil {
			t.Errorf("%+v is taken", n)
		}
	}
}

func TestEtagIn(t *testing.T) {
	for header, want := range map[string]bool{`"abc"`: true, `abc`: true, `"x", "abc"`: true, ` "abc" `: true, `"ab"`: false, ``: false, `W/"abc"`: false, `"abcd"`: false} {
		if etagIn(header, "abc") != want {
			t.Errorf("%q names abc: %v", header, !want)
		}
	}
}

func TestHosts(t *testing.T) {
	for in, want := range map[string]string{"h": "h", "h:80": "h", "[::1]:80": "::1", "[::1]": "::1", "::1": "::1", "": "", "1.2.3.4:5": "1.2.3.4"} {
		if got := hostOf(in); got != want {
			t.Errorf("host of %q is %q, want %q", in, got, want)
		}
	}
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "a.localhost": true, "localhost.": true, "a.localhost.": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"": false, "localhost.example": false, "10.0.0.1": false, "notlocalhost": false,
	} {
		if isLocalhost(host) != want {
			t.Errorf("%q is this machine: %v", host, !want)
		}
	}
}

// Rates are of the last half minute, as far as somebody asks often enough, and what nobody asks for is forgotten.
func TestRates(t *testing.T) {
	var r rates
	began := time.Unix(1_000_000, 0)
	now := began
	ask := func(after time.Duration, name string, bytes uint64) int64 {
		now = now.Add(after)
		got := r.kbps(now, name, amount{began, bytes}, amount{began, 2 * bytes})
		if got.Send/2 != got.Recv {
			t.Errorf("%+v for twice as much sent", got)
		}
		return got.Recv
	}
	if got := ask(500*time.Millisecond, "a", 62_500); got != 0 {
		t.Errorf("%d after half a second", got)
	}
	if got := ask(500*time.Millisecond, "a", 125_000); got != 1000 {
		t.Errorf("%d after a second of 1 Mbit/s", got)
	}
	if got := ask(0, "first asked after a second", 250_000); got != 2000 {
		t.Errorf("%d after a second of 2 Mbit/s that nobody had asked for", got)
	}
	bytes := uint64(125_000)
	for range 60 { // a minute at 2 Mbit/s
		bytes += 250_000
		ask(time.Second, "a", bytes)
	}
	if got := ask(time.Second, "a", bytes+250_000); got != 2000 {
		t.Errorf("%d after a minute of 2 Mbit/s", got)
	}
	if got := ask(time.Second, "a", 10); got < 1800 || got >= 2000 {
		t.Errorf("%d when the counter has gone back: it stood still for a second of the window", got)
	}
	for i := range uint64(60) {
		ask(time.Second, "a", 10+125_000*(i+1))
	}
	if got := ask(time.Second, "a", 10+125_000*61); got != 1000 {
		t.Errorf("%d a minute after the counter went back", got)
	}
	if got := r.kbps(now, "begun nobody knows when", amount{}, amount{bytes: 1 << 40}); got.Send != 0 {
		t.Errorf("%+v of what came before anybody asked", got)
	}
	if got := r.kbps(now.Add(time.Second), "begun nobody knows when", amount{}, amount{bytes: 1<<40 + 125_000}); got.Send != 1000 {
		t.Errorf("%+v of 1 Mbit in the second since", got)
	}
	// A counter may fall by what somebody had who is gone.
	for i := range uint64(100) {
		sent := 2 * 125_000 * (i + 1)
		if i > 50 {
			sent = 125_000 * (i + 1)
		}
		now = now.Add(time.Second)
		began := now.Add(-time.Second)
		got := r.kbps(now, "stream", amount{began, 125_000 * (i + 1)}, amount{began, sent})
		if i > 0 && (got.Recv != 1000 || got.Send < 1000 || got.Send > 2000) || i > 90 && got.Send != 1000 {
			t.Errorf("second %d: %+v", i, got)
		}
	}
	// Or fall all the time: the rate is of what has come, and does not stand for ever.
	began = now
	for i := range uint64(40) {
		now = now.Add(time.Second)
		if got := r.kbps(now, "fair", amount{began, 0}, amount{began, 10_000_000 - 200_000*i}); i > 35 && got.Send != 0 {
			t.Errorf("second %d: %+v of what falls", i, got)
		}
	}
	ask(time.Hour, "b", 1)
	if _, known := r.of["a"]; known || len(r.of) != 1 {
		t.Errorf("%d rates are kept", len(r.of))
	}
	for i := range maxRates + 10 {
		ask(0, fmt.Sprint(i), 1)
	}
	if len(r.of) > maxRates+1 {
		t.Errorf("%d rates are kept", len(r.of))
	}
}
