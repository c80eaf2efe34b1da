package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oneport/port/porttest"
	"oneport/server"
)

// told is output that may be read while it is written.
type told struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *told) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(b)
}

func (w *told) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// ended runs a command that ends by itself.
func ended(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs told
	result := make(chan int, 1)
	go func() { result <- command(args, environ, &out, &errs) }()
	select {
	case code = <-result:
	case <-time.After(20 * time.Second):
		t.Fatalf("oneport %v runs on:\n%s%s", args, out.String(), errs.String())
	}
	return code, out.String(), errs.String()
}

// running starts a command that serves and returns how to stop it by a signal.
func running(t *testing.T, environ []string, args ...string) (stdout, stderr *told, stop func() int) {
	t.Helper()
	stdout, stderr = new(told), new(told)
	result := make(chan int, 1)
	go func() { result <- command(args, environ, stdout, stderr) }()
	greeted := func() bool { return strings.Count(stdout.String(), "\n") >= 2 }
	for end := time.Now().Add(20 * time.Second); !greeted(); time.Sleep(5 * time.Millisecond) {
		select {
		case code := <-result:
			t.Fatalf("exit code %d: %s", code, stderr.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("no greeting: %s%s", stdout.String(), stderr.String())
		}
	}
	stop = sync.OnceValue(func() int {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGTERM) // caught: the greeting comes after the handler is in place
		}
		if err != nil {
			t.Error(err)
			return -1
		}
		return <-result
	})
	t.Cleanup(func() { stop() })
	return stdout, stderr, stop
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVersionAndHelp(t *testing.T) {
	for _, flag := range []string{"-v", "-V"} {
		if code, out, errs := ended(t, nil, flag); code != 0 || !strings.HasPrefix(out, "oneport "+server.Version()+" (go") || errs != "" {
			t.Errorf("%s: code %d, %q, %q", flag, code, out, errs)
		}
	}
	for _, flag := range []string{"-g", "-G"} {
		if code, out, errs := ended(t, nil, flag); code != 0 || out != "oneport/"+server.Version()+"\n" || errs != "" {
			t.Errorf("%s: code %d, %q, %q", flag, code, out, errs)
		}
	}
	for _, flag := range []string{"-h", "-help", "-?"} {
		code, _, errs := ended(t, nil, flag)
		if code != 0 {
			t.Errorf("%s: code %d", flag, code)
		}
		for _, want := range []string{
			"Usage: oneport", "-c FILE", "-t", "-e", "bench", "WebRTC", "RTMP", "SRT", "HTTP-FLV", "HTTP-TS", "HLS", "DASH", "TLS", "pages", "API",
		} {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: no %q in %s", flag, want, errs)
			}
		}
	}
}

// The greeting names addresses that are listened on.
func TestGreeting(t *testing.T) {
	for _, test := range []struct{ listen, https, open, others string }{
		{"127.0.0.1:", "off", "http://127.0.0.1:", ""},
		{"127.0.0.1:", "on", "http://127.0.0.1:", ""},
		{"127.0.0.2:", "on", "http://127.0.0.2:", ""},
		{"", "on", "http://localhost:", "https://ADDRESS:"},
	} {
		port := porttest.Free(t)
		key := filepath.Join(t.TempDir(), "key")
		stdout, _, stop := running(t, nil, "-c", file(t, "http_server { enabled on; listen "+test.listen+port+"; https { enabled "+test.https+
			"; listen shared; key "+key+"; cert "+key+".crt; } }"))
		stop()
		said := stdout.String()
		if !strings.Contains(said, "open "+test.open+port+"/ to publish") {
			t.Errorf("%+v: %s", test, said)
		}
		if strings.Contains(said, "from other machines") != (test.others != "") || !strings.Contains(said, test.others) {
			t.Errorf("%+v: other machines are told of %s", test, said)
		}
	}
}

// What can't be done ends with exit code 1 and one sentence that names the setting and the place.
func TestFailures(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer takenUDP.Close()
	missing := filepath.Join(t.TempDir(), "missing.conf")
	for _, test := range []struct {
		name    string
		text    string
		environ []string
		args    []string
		want    []string
	}{
		{name: "missing file", args: []string{"-c", missing}, want: []string{"-c", missing}},
		{name: "missing file of the environment", environ: []string{"SRS_CONFIG_FILE=" + missing}, want: []string{"SRS_CONFIG_FILE", missing}},
		{name: "a directory", args: []string{"-c", t.TempDir()}, want: []string{"-c"}},
		{name: "unknown directive", text: "http_api {\n  enbled on;\n}", want: []string{":2:3:", "enbled", "did you mean `enabled`"}},
		{name: "syntax", text: "http_api {\n  enabled on\n}", want: []string{"test.conf:"}},
		{name: "unclosed", text: "http_api {", want: []string{"test.conf:1"}},
		{name: "empty", text: " # nothing\n", want: []string{"empty"}},
		{name: "bad port", text: "http_api { enabled on; listen 80x80; }", want: []string{"test.conf:1:", "http_api.listen", "80x80"}},
		{name: "bad number", text: "rtc_server { max_sessions many; }", want: []string{"test.conf:1:", "max_sessions", "many"}},
		{name: "unsafe", text: "http_api { enabled on; auth { enabled on; username u; password p; } }", want: []string{"test.conf:1:", "auth", "unsupported"}},
		{name: "bad environment", environ: []string{"SRS_HTTP_API_LISTEN=x"}, want: []string{"SRS_HTTP_API_LISTEN", "http_api.listen"}},
		{name: "contradiction", text: "rtc_server { enabled on; protocol tcp; }", want: []string{"rtc_server.protocol", "rtc_server.tcp.enabled"}},
		{name: "nothing on", args: []string{"-e"}, want: []string{"nothing is switched on", "http_api"}},
		{name: "port in use", text: "http_api { enabled on; listen " + taken.Addr().String() + "; }", want: []string{taken.Addr().String(), "http_api.listen"}},
		{name: "UDP port in use", text: "rtc_server { enabled on; listen " + takenUDP.LocalAddr().String() + "; }", want: []string{takenUDP.LocalAddr().String(), "rtc_server.listen"}},
		{name: "an empty -c", args: []string{"-c", ""}, want: []string{"-c", "empty"}},
		{name: "a file without end", args: []string{"-c", "/dev/zero"}, want: []string{"/dev/zero", "the limit is"}},
		{name: "port of the environment in use", environ: []string{"SRS_HTTP_API_ENABLED=on", "SRS_HTTP_API_LISTEN=" + taken.Addr().String()}, args: []string{"-e"},
			want: []string{"http_api.listen (SRS_HTTP_API_LISTEN)"}},
		{name: "a part switched off", environ: []string{"SRS_HTTP_SERVER_ENABLED=off"}, want: []string{"http_server.https.enabled", "or this off", "SRS_HTTP_SERVER_HTTPS_ENABLED"}},
		{name: "a word too many", args: []string{"start"}, want: []string{`"start"`, "oneport -h"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := test.args
			if test.text != "" {
				args = append(args, "-c", file(t, test.text))
			}
			code, out, errs := ended(t, test.environ, args...)
			var sentences []string
			for line := range strings.Lines(errs) {
				if strings.HasPrefix(line, "oneport: ") {
					sentences = append(sentences, line)
				}
			}
			if code != 1 || out != "" || len(sentences) != 1 {
				t.Fatalf("code %d, %q, %q", code, out, errs)
			}
			for _, want := range test.want {
				if !strings.Contains(sentences[0], want) {
					t.Errorf("no %q in %q", want, sentences[0])
				}
			}
		})
	}
	if code, _, errs := ended(t, nil, "-x"); code != 1 || !strings.Contains(errs, "-x") {
		t.Errorf("unknown flag: code %d, %q", code, errs)
	}
}

// dockerConf has the content of SRS's conf/docker.conf.
const dockerConf = `# main config for srs.
# @see full.conf for detail config.

listen              1935;
max_connections     1000;
srs_log_tank        console;
daemon              off;
http_api {
    enabled         on;
    listen          1985;
}
http_server {
    enabled         on;
    listen          8080;
    dir             ./objs/nginx/html;
}
rtc_server {
    enabled on;
    listen 8000; # UDP port
    # @see https://ossrs.net/lts/zh-cn/docs/v4/doc/webrtc#config-candidate
    candidate $CANDIDATE;
}
vhost __defaultVhost__ {
    hls {
        enabled         on;
    }
    http_remux {
        enabled     on;
        mount       [vhost]/[app]/[stream].flv;
    }
    rtc {
        enabled     on;
        rtmp_to_rtc on;
        rtc_to_rtmp on;
    }
}
`

// recipe is the announced recipe of WebRTC over one TCP port, on a port that is free here.
func recipe(port string) []string {
	return []string{
		"SRS_DAEMON=off", "SRS_IN_DOCKER=on", "CANDIDATE=203.0.113.5", "SRS_HTTP_API_LISTEN=" + port, "SRS_RTC_SERVER_TCP_ENABLED=on",
		"SRS_RTC_SERVER_TCP_LISTEN=" + port, "SRS_RTC_SERVER_PROTOCOL=tcp",
		"SRS_HTTP_SERVER_LISTEN=" + port, // 8080 in the recipe, where the file has it already
	}
}

func TestRecipe(t *testing.T) {
	for _, test := range []struct {
		name     string
		args     func(*testing.T) []string
		warnings []string
	}{
		{"docker.conf", func(t *testing.T) []string { return []string{"-c", file(t, dockerConf)} },
			[]string{"`dir`"}},
		{"built-in", func(*testing.T) []string { return nil }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			port, rtmp, srt := porttest.Free(t), porttest.Free(t), porttest.Free(t)
			stdout, stderr, stop := running(t, append(recipe(port), "SRS_LISTEN="+rtmp, "SRS_SRT_SERVER_LISTEN="+srt, "SRS_LISTN=1935"), test.args(t)...)
			for _, path := range []string{"/", "/players/whip.html?autostart=true&api=" + port, "/api/v1/versions"} {
				res, err := get("http://127.0.0.1:" + port + path)
				if err != nil || res.StatusCode != 200 {
					t.Fatalf("%s: %v, %v", path, res, err)
				}
			}
			answer := join(t, port)
			if !strings.Contains(answer, " tcp ") || strings.Contains(answer, " udp ") || !strings.Contains(answer, "203.0.113.5 "+port+" typ host tcptype passive") {
				t.Errorf("candidates of the answer:\n%s", answer)
			}
			if out := stdout.String(); strings.Count(out, "TCP ") != 2 || !strings.Contains(out, "TCP :"+rtmp+"  RTMP\n") || regexp.MustCompile(`UDP .*WebRTC`).MatchString(out) || !strings.Contains(out, "http://localhost:"+port+"/") {
				t.Errorf("greeting:\n%s", out)
			}
			for _, want := range append(test.warnings, "SRS_LISTN") {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("no warning with %q in\n%s", want, stderr.String())
				}
			}
			for _, name := range []string{"SRS_DAEMON", "SRS_IN_DOCKER", "SRS_HTTP_API_LISTEN"} {
				if strings.Contains(stderr.String(), name) {
					t.Errorf("a warning about %s:\n%s", name, stderr.String())
				}
			}
			began := time.Now()
			if code := stop(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v to stop", took)
			}
			if !strings.Contains(stderr.String(), "stopping") || !strings.Contains(stderr.String(), "session ended") {
				t.Errorf("log of the end:\n%s", stderr.String())
			}
		})
	}
}

// -e takes the environment alone.
func TestEnvironmentOnly(t *testing.T) {
	port := porttest.Free(t)
	_, _, stop := running(t, []string{"SRS_HTTP_API_ENABLED=on", "SRS_HTTP_API_LISTEN=127.0.0.1:" + port}, "-e")
	if res, err := get("http://127.0.0.1:" + port + "/api/v1/versions"); err != nil || res.StatusCode != 200 {
		t.Fatalf("%v, %v", res, err)
	}
	if res, err := get("http://127.0.0.1:" + port + "/players/whip.html"); err != nil || res.StatusCode != 404 {
		t.Errorf("a page though http_server is off: %v, %v", res, err)
	}
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
}

func get(url string) (*http.Response, error) {
	res, err := client().Get(url)
	if err == nil {
		res.Body.Close()
	}
	return res, err
}

// join publishes by WHIP as far as the answer, which it returns.
func join(t *testing.T, port string) string {
	t.Helper()
	offer, err := os.Open("sdp/testdata/chromium-publish-H264.offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	defer offer.Close()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://127.0.0.1:"+port+"/rtc/v1/whip/?app=live&stream=livestream", offer)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "198.51.100.7" // which is offered too
	req.Header.Set("Content-Type", "application/sdp")
	res, err := client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", res.Status, answer)
	}
	return string(answer)
}
