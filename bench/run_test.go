package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			s := newSFU(t, false, true)
			var out, progress bytes.Buffer
			code := Main([]string{"-whip", s.whip(), "-whep", s.whep(), "-n", "6", "-net", network, "-d", "1500ms",
				"-verify", "2", "-kbps", "500", "-pid", strconv.Itoa(os.Getpid()), "-json"}, &out, &progress)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, progress.String())
			}
			var r Result
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if r.Joined != 6 || len(r.Failed) != 0 || len(r.Lost) != 0 || r.Verified != 3 || r.Wrong != 0 || r.Checked == 0 {
				t.Errorf("%+v", r)
			}
			if r.Packets < 6*100 || r.Seconds < 1.5 || r.Join.P50 <= 0 || r.Latency.Max < r.Latency.P50 || r.SRTP != "AEAD_AES_128_GCM" {
				t.Errorf("%+v", r)
			}
			if r.Server == nil || r.Server.RSSKB <= 0 || r.Server.PID != os.Getpid() {
				t.Errorf("server %+v", r.Server)
			}
			if !strings.Contains(progress.String(), "joined 6/6") {
				t.Errorf("progress:\n%s", progress.String())
			}
			for i := range 7 { // the viewers and the publisher
				within(t, "DELETE "+strconv.Itoa(i), s.deleted)
			}
		})
	}
}

// Each publisher has its own stream and its own stamps, and viewers are spread over them.
func TestRunStreams(t *testing.T) {
	one, two := newSFU(t, false, true), newSFU(t, false, true)
	mux := http.NewServeMux()
	mux.Handle("/1/", http.StripPrefix("/1", one.Config.Handler))
	mux.Handle("/2/", http.StripPrefix("/2", two.Config.Handler))
	mux.HandleFunc("DELETE /session/", func(w http.ResponseWriter, r *http.Request) {
		one.Config.Handler.ServeHTTP(httptest.NewRecorder(), r)
		two.Config.Handler.ServeHTTP(w, r)
	})
	both := httptest.NewServer(mux)
	defer both.Close()
	var out, progress bytes.Buffer
	code := Main([]string{"-whip", both.URL + "/{stream}/whip", "-whep", both.URL + "/{stream}/whep", "-streams", "2", "-n", "2", "-net", "udp", "-pubnet", "tcp",
		"-d", "1s", "-verify", "1", "-kbps", "500", "-srtp", "cm80", "-pace", "10ms", "-uneven", "-json"}, &out, &progress)
	var r Result
	if err := json.Unmarshal(out.Bytes(), &r); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, progress.String())
	}
	if r.Streams != 2 || r.Joined != 4 || r.Verified != 4 || r.Checked < 4*50 || r.Wrong != 0 || r.SRTP != "AES_CM_128_HMAC_SHA1_80" {
		t.Errorf("%+v", r)
	}
	if got := r.transport(); got != "udp, published by tcp, AES_CM_128_HMAC_SHA1_80" {
		t.Errorf("it says that it ran by %q", got)
	}
	if len(one.deleted) != 6 || len(two.deleted) != 6 { // each is told of all
		t.Errorf("%d and %d sessions ended, want 6", len(one.deleted), len(two.deleted))
	}
}

// An interrupt ends a run at once, and what was measured is still printed.
func TestRunInterrupted(t *testing.T) {
	s := newSFU(t, false, true)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	progress := sight{"joined 2/2", cancel}
	r, err := Run(ctx, Options{WHIP: s.whip(), WHEP: s.whep(), N: 2, KBPS: 500, Duration: time.Hour, Progress: progress}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if r.Joined != 2 || r.Seconds > 60 || !strings.Contains(out.String(), "joined           2 of 2") {
		t.Errorf("%+v\n%s", r, out.String())
	}
}

// sight is a writer that does something at the sight of a text.
type sight struct {
	of string
	do func()
}

func (s sight) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.of) {
		s.do()
	}
	return len(b), nil
}

func TestRunRefused(t *testing.T) {
	s := newSFU(t, false, true)
	s.refuse.Store(true)
	var out, stderr bytes.Buffer
	if code := Main([]string{"-whep", s.whep(), "-n", "2"}, &out, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if got := stderr.String(); !strings.Contains(got, "no viewer joined: post: the server says 404 Not Found: no such stream") {
		t.Errorf("stderr: %s", got)
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args string
		code int
		want string
	}{
		{"-h", 0, "oneport bench publishes"},
		{"-n", 2, "flag needs an argument"},
		{"-n 1 more", 2, `"more" is not a flag`},
		{"", 1, "give -whip URL"},
		{"-whip localhost:8080", 1, "is not a URL like"},
		{"-whep http://h/ -n 0", 1, "give 1 or more"},
		{"-whep http://h/ -net sctp", 1, "neither tcp nor udp"},
		{"-whep http://h/ -pubnet sctp", 1, "-pubnet: \"sctp\" is neither tcp nor udp"},
		{"-whep http://h/ -flv http://h/", 1, "one of -whep, -flv and -hls at a time"},
		{"-whep http://h/ -srtp none", 1, "neither gcm nor cm80"},
		{"-whep http://h/ -streams 0", 2, "-streams: 0 is not more than zero"},
		{"-whep http://h/ -streams 2", 1, "-whep needs {stream}"},
		{"-whep http://h/ -pace -1s", 2, "-pace: -1s is less than zero"},
		{"-whep http://h/ -d 0", 2, "-d: 0s is not more than zero"},
		{"-whep http://h/ -kbps -5", 2, "-kbps: -5 is not"},
		{"-whep http://h/ -pid 1073741824", 1, "-pid: can't read"},
	} {
		var out, stderr bytes.Buffer
		if code := Main(strings.Fields(test.args), &out, &stderr); code != test.code || !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%q: exit code %d, want %d: %s", test.args, code, test.code, stderr.String())
		}
	}
}

func TestTable(t *testing.T) {
	r := Result{Protocol: "whep", Unit: "packet", Net: "tcp", SRTP: "x", Viewers: 3, Joined: 2, Failed: map[string]int{"timed out": 1}, Checked: 1, Server: &ServerCost{USPerPacket: 1.5}}
	table := r.table()
	for _, want := range []string{"2 of 3", "  failed         1: timed out", "1.50 us/packet", "0 wrong, 0 missing"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}
