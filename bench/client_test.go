package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"go.uber.org/goleak"
)

// TestMain lets the test binary be the reading process of a floor, as the real one would.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		os.Exit(Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// within fails the test if the channel gives nothing in ten times of what is expected.
func within[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing within 20 s", what)
		panic("unreachable")
	}
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// publishTo dials a publisher that streams until the test ends.
func publishTo(t *testing.T, s *sfu, o ClientOptions, source SourceOptions) *Client {
	t.Helper()
	o.Role = Publish
	c, err := Dial(t.Context(), s.whip(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Publish(ctx, source) }()
	t.Cleanup(func() {
		cancel()
		if err := within(t, "end of the stream", ended); err != nil {
			t.Errorf("publish: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	until(t, "publisher's track", func() bool { return s.ssrc.Load() != 0 })
	if s.ssrc.Load() != c.ssrc[1] {
		t.Errorf("the server has video SSRC %d, want %d", s.ssrc.Load(), c.ssrc[1])
	}
	return c
}

func TestPublishAndPlay(t *testing.T) {
	for _, test := range []struct {
		name, net    string
		active, lite bool
	}{
		{"tcp, ICE-lite", "tcp", false, true},
		{"udp, ICE-lite", "udp", false, true},
		{"tcp, full agent, DTLS client", "tcp", true, false},
		{"udp, full agent, DTLS client", "udp", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSFU(t, test.active, test.lite)
			publishTo(t, s, ClientOptions{Net: test.net}, SourceOptions{Run: 7})
			play(t, s, test.net)
		})
	}
}

// play looks at everything that passes between a viewer and the server.
func play(t *testing.T, s *sfu, network string) {
	kinds := make(map[bool]int)
	params := make(chan []byte, 64)
	viewer, err := Dial(t.Context(), s.whep(), ClientOptions{
		Net: network, Verify: true, Tick: 50 * time.Millisecond, run: 7,
		OnRTP: func(h Header, payload []byte, _ time.Time) {
			kinds[h.Video]++
			if h.Video && payload[0]&0x1f == nalSTAP {
				select {
				case params <- append([]byte(nil), payload...):
				default:
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	within(t, "first packet", viewer.Started())
	if viewer.JoinTime() <= 0 {
		t.Error("no join time")
	}
	until(t, "500 packets", func() bool { s := viewer.Stats(); return s.Checked >= 500 })
	if err := viewer.PLI(); err != nil {
		t.Error(err)
	}
	if got := within(t, "keyframe", params); !strings.Contains(string(got), "\x67\x42\xe0\x1f") {
		t.Errorf("parameter sets without SPS: %x", got)
	}
	sees(t, s)
	stats := viewer.Stats()
	if stats.Wrong != 0 || stats.Gaps > 0 && network == "tcp" {
		t.Errorf("%d wrong, %d gaps", stats.Wrong, stats.Gaps)
	}
	if p50 := stats.Latency(50); p50 <= 0 || p50 > 10*time.Second {
		t.Errorf("latency %v", p50)
	}
	if want := "AEAD_AES_128_GCM"; viewer.Profile() != want {
		t.Errorf("profile %s, want %s", viewer.Profile(), want)
	}
	if err := viewer.Close(); err != nil {
		t.Error(err)
	}
	if kinds[true] == 0 || kinds[false] == 0 {
		t.Errorf("packets by kind: %v", kinds)
	}
	if id := within(t, "DELETE", s.deleted); !strings.HasSuffix(viewer.Location(), id) {
		t.Errorf("DELETE of %s, want %s", id, viewer.Location())
	}
}

// sees waits until the server has a viewer's report and its wish for a keyframe.
func sees(t *testing.T, s *sfu) {
	seen := make(map[string]bool)
	for !seen["report"] || !seen["pli"] {
		switch p := within(t, "viewer's RTCP", s.reports).(type) {
		case *rtcp.ReceiverReport:
			seen["report"] = seen["report"] || len(p.Reports) > 0
		case *rtcp.PictureLossIndication:
			seen["pli"] = true
		}
	}
}

// A viewer that stalls reads nothing, and goes on later; the publisher and the session live.
func TestStall(t *testing.T) {
	s := newSFU(t, false, true)
	publishTo(t, s, ClientOptions{}, SourceOptions{KBPS: 500})
	viewer, err := Dial(t.Context(), s.whep(), ClientOptions{ReceiveBuffer: 16 << 10, Tick: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	within(t, "first packet", viewer.Started())
	other, err := Dial(t.Context(), s.whep(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	within(t, "first packet of another viewer", other.Started())
	viewer.Stall(true)
	viewer.Stall(true)
	before, begun, seen := viewer.Stats().Packets, time.Now(), other.Stats().Packets
	until(t, "packets at another viewer during the stall", func() bool { return other.Stats().Packets > seen+40 })
	if after := viewer.Stats().Packets; after != before {
		t.Errorf("%d packets came during the stall", after-before)
	}
	stalled := time.Since(begun)
	viewer.Stall(false)
	until(t, "packets after the stall", func() bool { return viewer.Stats().Packets > before+20 })
	if stall := viewer.Stats().Stall; stall < stalled/2 {
		t.Errorf("longest stall %v, but it lasted %v", stall, stalled)
	}
	viewer.Stall(true)
	viewer.Kill() // a stalled reader ends, too
}

// A client that is cut knows it, and goes on over the other network, and from another socket.
// (Over TCP the server of this test never takes a session back: pion ends a candidate with its first connection.)
func TestCutMoveReconnect(t *testing.T) {
	for name, reset := range map[string]bool{"FIN": false, "RST": true} {
		t.Run(name, func(t *testing.T) {
			s := newSFU(t, false, false)
			publishTo(t, s, ClientOptions{}, SourceOptions{KBPS: 500})
			lost := make(chan error, 8)
			viewer, err := Dial(t.Context(), s.whep(), ClientOptions{
				Tick: 50 * time.Millisecond, OnState: func(_ string, err error) { lost <- err },
			})
			if err != nil {
				t.Fatal(err)
			}
			defer viewer.Close()
			within(t, "first packet", viewer.Started())
			flows := func(when string) {
				before := viewer.Stats().Packets
				until(t, "packets "+when, func() bool { return viewer.Stats().Packets > before+20 })
				if err := viewer.Err(); err != nil {
					t.Errorf("%s: %v", when, err)
				}
			}
			if err := viewer.Cut(reset); err != nil {
				t.Fatal(err)
			}
			within(t, "loss of the connection", lost)
			until(t, "error after the cut", func() bool { return viewer.Err() != nil })
			if err := viewer.Cut(reset); !errors.Is(err, errNoPath) {
				t.Errorf("second cut: %v", err)
			}
			if err := viewer.Move(t.Context(), "udp"); err != nil {
				t.Fatal(err)
			}
			if viewer.Network() != "udp" {
				t.Errorf("network %s after the move", viewer.Network())
			}
			flows("after the move")
			if err := viewer.Reconnect(t.Context()); err != nil {
				t.Fatal(err)
			}
			flows("on the second socket")
		})
	}
}

func TestHangup(t *testing.T) {
	s := newSFU(t, false, true)
	publishTo(t, s, ClientOptions{}, SourceOptions{KBPS: 500})
	viewer, err := Dial(t.Context(), s.whep(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	within(t, "first packet", viewer.Started())
	if err := viewer.Hangup(); err != nil {
		t.Fatal(err)
	}
	// The server believes the close_notify: it answers with its own.
	until(t, "end of the session", func() bool { return viewer.Err() != nil })
	if err := viewer.Err(); !errors.Is(err, errByServer) {
		t.Errorf("ended with %v", err)
	}
}

func TestDialFails(t *testing.T) {
	s := newSFU(t, false, true)
	wrong := strings.Repeat("AB:", 31) + "AB"
	for _, test := range []struct {
		name, want string
		url        string
		opt        ClientOptions
		refuse     bool
	}{
		{name: "refused", want: "post: the server says 404 Not Found: no such stream", refuse: true},
		{name: "nobody listens", url: "http://127.0.0.1:1/whep", want: "connection refused"},
		{name: "network", opt: ClientOptions{Net: "sctp"}, want: "neither tcp nor udp"},
		{name: "url", url: "http://[", want: "url: "},
		{name: "dtls", want: "dtls: handshake", opt: ClientOptions{Edit: func(o string) string {
			_, after, _ := strings.Cut(o, "a=fingerprint:sha-256 ")
			value, _, _ := strings.Cut(after, "\r\n")
			return strings.ReplaceAll(o, value, wrong)
		}}},
		{name: "ice", want: "ice: no answer", opt: ClientOptions{CheckTimeout: 300 * time.Millisecond, Edit: func(o string) string {
			return strings.ReplaceAll(o, "a=ice-ufrag:", "a=ice-ufrag:x")
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.url == "" {
				test.url = s.whep()
			}
			s.refuse.Store(test.refuse)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			c, err := Dial(ctx, test.url, test.opt)
			if err == nil {
				c.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want %q in it", err, test.want)
			}
		})
	}
}
