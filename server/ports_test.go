package server

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"oneport/bench"
	"oneport/ice"
)

// Each port carries exactly the services that are configured to listen on it, however they are combined.
func TestPorts(t *testing.T) {
	for _, test := range []struct {
		name, api, pages, rtc string // PORT words, or empty: off
		protocol              string
	}{
		{name: "all on one", api: "127.0.0.1:PORT1", pages: "127.0.0.1:PORT1", rtc: "127.0.0.1:PORT1"},
		{name: "all apart", api: "127.0.0.1:PORT1", pages: "127.0.0.1:PORT2", rtc: "127.0.0.1:PORT3"},
		{name: "API and media", api: "127.0.0.1:PORT1", pages: "127.0.0.1:PORT2", rtc: "127.0.0.1:PORT1"},
		{name: "API and pages", api: "127.0.0.1:PORT1", pages: "127.0.0.1:PORT1", rtc: "127.0.0.1:PORT2"},
		{name: "pages and media", api: "127.0.0.1:PORT1", pages: "127.0.0.1:PORT2", rtc: "127.0.0.1:PORT2"},
		{name: "API alone", api: "127.0.0.1:PORT1"},
		{name: "pages alone", pages: "127.0.0.1:PORT1"},
		{name: "media alone", rtc: "127.0.0.1:PORT1"},
		{name: "no media over TCP", api: "127.0.0.1:PORT1", rtc: "127.0.0.1:PORT1", protocol: "udp"},
		{name: "addresses told apart", api: "127.0.0.2:PORT1", pages: "127.0.0.1:PORT1", rtc: "127.0.0.1:PORT1"},
		{name: "equal, but written in two ways", api: "0.0.0.0:PORT1", pages: "PORT1", rtc: "[::]:PORT1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "vhost __defaultVhost__ { rtc { enabled on; } }\n"
			for section, listen := range map[string]string{"http_api": test.api, "http_server": test.pages} {
				if listen != "" {
					text += section + " { enabled on; listen " + listen + "; }\n"
				}
			}
			protocol := test.protocol
			if protocol == "" {
				protocol = "tcp"
			}
			if test.rtc != "" {
				text += "rtc_server { enabled on; listen 127.0.0.1:PORT4; protocol " + protocol + "; tcp { enabled on; listen " + test.rtc + "; } }\n"
			}
			s := open(t, configure(t, text))
			plan, err := s.plan()
			if err != nil {
				t.Fatal(err)
			}
			if len(plan) != len(s.ports) {
				t.Fatalf("%d ports for a plan of %d", len(s.ports), len(plan))
			}
			services := 0
			for _, p := range plan {
				addr := p.addr.String()
				if p.addr.Addr().IsUnspecified() {
					addr = net.JoinHostPort("127.0.0.1", addr[strings.LastIndexByte(addr, ':')+1:])
				}
				probe(t, s, addr, p.plain, p.rtc)
				for _, on := range []bool{p.plain.api, p.plain.pages, p.rtc} {
					if on {
						services++
					}
				}
			}
			want := 0
			for _, on := range []bool{test.api != "", test.pages != "", test.rtc != "" && protocol == "tcp"} {
				if on {
					want++
				}
			}
			if services != want {
				t.Errorf("%d services on the ports, want %d", services, want)
			}
		})
	}
}

// probe asks an address for each service.
func probe(t *testing.T, s *Server, addr string, h httpPlan, rtc bool) {
	t.Helper()
	for path, on := range map[string]bool{"/api/v1/versions": h.api, "/rtc/v1/whip/": h.api, "/metrics": h.api, "/players/whip.html": h.pages} {
		served := false
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		res, err := client.Get("http://" + addr + path)
		if err == nil {
			served = res.StatusCode == 200 || res.StatusCode == 405
			res.Body.Close()
		}
		if served != on {
			t.Errorf("%s on %s: served %v, want %v (%v)", path, addr, served, on, err)
		}
	}
	if got := speaksRTC(t, s, addr); got != rtc {
		t.Errorf("media on %s: %v, want %v", addr, got, rtc)
	}
}

// speaksRTC sends framed checks of an unknown session: a media port counts each and waits for a better one, any other closes.
func speaksRTC(t *testing.T, s *Server, addr string) (counted bool) {
	t.Helper()
	before := s.stats.unrouted.Load()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := ice.AppendRequest(nil, [12]byte{1}, ice.Credentials{Ufrag: "them"}, ice.Credentials{Ufrag: "nobody", Pwd: "none"}, 1, true)
	conn.Write(bytes.Repeat(ice.AppendFrame(nil, request), 2))
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		conn.Read(make([]byte, 1))
	}()
	until(t, "an end, or checks that are counted", func() bool {
		counted = s.stats.unrouted.Load() == before+2
		select {
		case <-closed:
			return true
		default:
			return counted
		}
	})
	return counted
}

// Media flows where the API, the pages and the media have a port each.
func TestMediaOnItsOwnPort(t *testing.T) {
	s := open(t, configure(t, `
		http_api { enabled on; listen 127.0.0.1:PORT1; }
		http_server { enabled on; listen 127.0.0.1:PORT2; }
		rtc_server { enabled on; listen 127.0.0.1:PORT4; protocol all; candidate 127.0.0.1; tcp { enabled on; listen 127.0.0.1:PORT3; } }
		vhost __defaultVhost__ { rtc { enabled on; } }`))
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			publish(t, s, network, bench.ClientOptions{Net: network}, bench.SourceOptions{KBPS: 300})
			viewer := play(t, s, network, bench.ClientOptions{Net: network, Verify: true})
			until(t, "packets", func() bool { return viewer.Stats().Checked > 50 })
			if st := viewer.Stats(); st.Wrong != 0 {
				t.Errorf("%d wrong packets", st.Wrong)
			}
		})
	}
}

// What can't be opened is told with the setting that asked for it.
func TestPortInUse(t *testing.T) {
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
	for _, test := range []struct{ config, want string }{
		{`http_api { enabled on; listen TAKEN; }`, "http_api.listen"},
		{`http_api { enabled on; listen 127.0.0.1:PORT1; } http_server { enabled on; listen TAKEN; }`, "http_server.listen"},
		{`rtc_server { enabled on; protocol tcp; tcp { enabled on; listen TAKEN; } }`, "rtc_server.tcp.listen"},
		{`rtc_server { enabled on; listen UDP; }`, "rtc_server.listen"},
		{`rtc_server { enabled on; listen UDP; }`, "is in use by another program: stop it, or choose another port with rtc_server.listen (SRS_RTC_SERVER_LISTEN)"},
		{`srt_server { enabled on; listen UDP; }`, "is in use by another program: stop it, or choose another port with srt_server.listen (SRS_SRT_SERVER_LISTEN)"},
		{`rtc_server { enabled on; listen 192.0.2.1:8000; }`, "port: UDP 192.0.2.1:8000 is not an address of this machine: choose another with rtc_server.listen"},
		{`srt_server { enabled on; listen 192.0.2.1:8000; }`, "port: UDP 192.0.2.1:8000 is not an address of this machine: choose another with srt_server.listen"},
		{`http_api { enabled on; listen 127.0.0.1:PORT1; } rtmp { listen TAKEN; }`, "choose another port with rtmp.listen (SRS_RTMP_LISTEN)$"},
		{`http_api { enabled on; listen 127.0.0.1:PORT1; } listen TAKEN;`, "choose another port with listen (SRS_LISTEN)$"},
		{`listen shared; http_server { enabled on; listen TAKEN; https { enabled on; listen shared; } }`,
			"choose another port with http_server.listen (SRS_HTTP_SERVER_LISTEN)$"},
	} {
		text := strings.NewReplacer("TAKEN", taken.Addr().String(), "UDP", takenUDP.LocalAddr().String()).Replace(test.config)
		s, err := Open(configure(t, text), logTo(t))
		if err == nil {
			s.Close()
			t.Errorf("%s: no error", test.config)
			continue
		}
		if want, end := strings.CutSuffix(test.want, "$"); !strings.Contains(err.Error(), want) || end && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", test.config, err, test.want)
		}
	}
}

// What nobody serves ends in good order, and is told once: pseudo-TLS and the PROXY protocol, whatever else the port has.
func TestKindsNobodyServes(t *testing.T) {
	log := &lateLog{}
	s, err := Open(configure(t, withRTMP("")), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for says, kind := range map[string]string{
		"\x80\x46\x01\x03\x01\x00\x2d" + strings.Repeat("\x00", 65):          "speaks pseudo-TLS",
		"PROXY TCP4 192.0.2.1 192.0.2.2 5000 8080\r\nGET / HTTP/1.1\r\n\r\n": "speaks PROXY",
	} {
		for range 2 {
			conn := dial(t, s)
			io.WriteString(conn, says)
			conn.SetReadDeadline(time.Now().Add(patience))
			if got, err := io.ReadAll(conn); err != nil || len(got) > 0 { // and no reset
				t.Errorf("%s: %q, %v", kind, got, err)
			}
			conn.Close()
		}
		if n := strings.Count(log.text(), kind); n != 1 {
			t.Errorf("%d lines say that a connection %s: %s", n, kind, log.text())
		}
	}
}
