package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// interfacesOf stands for a machine's addresses.
func interfacesOf(addrs ...string) func() ([]net.Addr, error) {
	return func() ([]net.Addr, error) {
		var list []net.Addr
		for _, a := range addrs {
			p := netip.MustParsePrefix(a)
			list = append(list, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())})
		}
		return list, nil
	}
}

// names stands for the DNS.
func names(_ context.Context, network, host string) (ips []netip.Addr, err error) {
	for _, ip := range map[string][]string{
		"dual.example":     {"198.51.100.20", "2001:db8::20"},
		"mapped.example":   {"::ffff:198.51.100.21"},
		"loopback.example": {"127.0.0.1"},
	}[host] {
		a := netip.MustParseAddr(ip)
		if network == "ip" || a.Unmap().Is4() == (network == "ip4") {
			ips = append(ips, a)
		}
	}
	if ips == nil {
		err = errors.New("no such host")
	}
	return ips, err
}

func TestCandidates(t *testing.T) {
	for _, test := range []struct {
		name    string
		setting string // of rtc_server
		environ []string
		udp     string // the address that is listened on; empty: every one
		tcp     string
		query   string
		host    string // the API was called by
		want    string // "transport address port", in the order offered
	}{
		{name: "configured", setting: "candidate 203.0.113.1;", want: "udp 203.0.113.1 8000, tcp 203.0.113.1 9000"},
		{name: "udp", setting: "candidate 203.0.113.1; protocol udp;", want: "udp 203.0.113.1 8000"},
		{name: "tcp", setting: "candidate 203.0.113.1; protocol tcp;", want: "tcp 203.0.113.1 9000"},
		{name: "variable", setting: "candidate $CANDIDATE;", environ: []string{"CANDIDATE=203.0.113.2"}, want: "udp 203.0.113.2 8000, tcp 203.0.113.2 9000"},
		{name: "variable unset", setting: "candidate $CANDIDATE; protocol udp;", want: "udp 192.0.2.10 8000, udp 10.0.0.5 8000"},
		{name: "environment", setting: "candidate 203.0.113.1; protocol udp;", environ: []string{"SRS_RTC_SERVER_CANDIDATE=203.0.113.3"}, want: "udp 203.0.113.3 8000"},
		{name: "every interface, public first", setting: "protocol udp; ip_family all;",
			want: "udp 192.0.2.10 8000, udp 2001:db8::10 8000, udp 10.0.0.5 8000, udp fd00::5 8000"},
		{name: "IPv6 only", setting: "protocol udp; ip_family ipv6;", want: "udp 2001:db8::10 8000, udp fd00::5 8000"},
		{name: "no detection", setting: "protocol udp; use_auto_detect_network_ip off;", host: "198.51.100.9", want: "udp 198.51.100.9 8000"},
		{name: "0.0.0.0 is *", setting: "protocol udp; candidate 0.0.0.0;", want: "udp 192.0.2.10 8000, udp 10.0.0.5 8000"},
		{name: "eip first", setting: "protocol udp; candidate 203.0.113.1;", query: "eip=198.51.100.7", want: "udp 198.51.100.7 8000, udp 203.0.113.1 8000"},
		{name: "eip with a port", setting: "candidate 203.0.113.1;", query: "eip=198.51.100.7:4321",
			want: "udp 198.51.100.7 4321, tcp 198.51.100.7 4321, udp 203.0.113.1 8000, tcp 203.0.113.1 9000"},
		{name: "eip of IPv6 with a port", setting: "protocol udp; candidate 203.0.113.1;", query: "eip=[2001:db8::7]:4321",
			want: "udp 2001:db8::7 4321, udp 203.0.113.1 8000"},
		{name: "candidate in the query", setting: "protocol udp; candidate 203.0.113.1;", query: "candidate=edge.example&eip=198.51.100.7",
			want: "udp 198.51.100.7 8000, udp edge.example 8000, udp 203.0.113.1 8000"},
		{name: "nonsense in the query", setting: "protocol udp; candidate 203.0.113.1;", query: "eip=a%20b&candidate=1.2.3&eip=%0d%0aa=x&eip=0.0.0.0&eip=1.2.3.4:0",
			want: "udp 1.2.3.4 8000, udp 203.0.113.1 8000"},
		{name: "nothing twice", setting: "protocol udp; candidate 203.0.113.1;", query: "eip=203.0.113.1&candidate=203.0.113.1", host: "203.0.113.1",
			want: "udp 203.0.113.1 8000"},
		{name: "host by address", setting: "protocol udp; candidate 203.0.113.1;", host: "198.51.100.9", want: "udp 203.0.113.1 8000, udp 198.51.100.9 8000"},
		{name: "host by IPv6 address", setting: "protocol udp; candidate 203.0.113.1;", host: "2001:db8::9", want: "udp 203.0.113.1 8000, udp 2001:db8::9 8000"},
		{name: "host switched off", setting: "protocol udp; candidate 203.0.113.1; api_as_candidates off;", host: "198.51.100.9", want: "udp 203.0.113.1 8000"},
		{name: "name resolved", setting: "protocol udp; candidate 203.0.113.1; ip_family all;", host: "dual.example",
			want: "udp 203.0.113.1 8000, udp 198.51.100.20 8000, udp 2001:db8::20 8000"},
		{name: "name resolved for IPv4", setting: "protocol udp; candidate 203.0.113.1;", host: "dual.example", want: "udp 203.0.113.1 8000, udp 198.51.100.20 8000"},
		{name: "IPv4 written as IPv6", setting: "protocol udp; candidate 203.0.113.1;", host: "mapped.example", want: "udp 203.0.113.1 8000, udp 198.51.100.21 8000"},
		{name: "name kept and resolved", setting: "protocol udp; candidate 203.0.113.1; keep_api_domain on;", host: "dual.example",
			want: "udp 203.0.113.1 8000, udp 198.51.100.20 8000, udp dual.example 8000"},
		{name: "name kept alone", setting: "protocol udp; candidate 203.0.113.1; keep_api_domain on; resolve_api_domain off;", host: "dual.example",
			want: "udp 203.0.113.1 8000, udp dual.example 8000"},
		{name: "name of nobody", setting: "protocol udp; candidate 203.0.113.1;", host: "nobody.example", want: "udp 203.0.113.1 8000"},
		{name: "name of the loopback", setting: "protocol udp; candidate 203.0.113.1;", host: "loopback.example", want: "udp 203.0.113.1 8000"},
		{name: "localhost", setting: "candidate 203.0.113.1;", host: "localhost",
			want: "udp 203.0.113.1 8000, tcp 203.0.113.1 9000, udp 127.0.0.1 8000, tcp 127.0.0.1 9000"},
		{name: "127.0.0.1", setting: "protocol udp; candidate 203.0.113.1;", host: "127.0.0.1", want: "udp 203.0.113.1 8000, udp 127.0.0.1 8000"},
		{name: "::1", setting: "protocol udp; candidate 203.0.113.1;", host: "::1", want: "udp 203.0.113.1 8000, udp 127.0.0.1 8000"},
		{name: "a name below localhost", setting: "protocol udp; candidate 203.0.113.1;", host: "app.LOCALHOST", want: "udp 203.0.113.1 8000, udp 127.0.0.1 8000"},
		{name: "localhost twice", setting: "protocol udp; candidate 127.0.0.1;", host: "localhost", want: "udp 127.0.0.1 8000"},
		{name: "localhost with a dot", setting: "protocol udp; candidate 203.0.113.1;", host: "localhost.", want: "udp 203.0.113.1 8000, udp 127.0.0.1 8000"},
		{name: "one address listened on", udp: "10.0.0.5", tcp: "10.0.0.5", host: "localhost", want: "udp 10.0.0.5 8000, tcp 10.0.0.5 9000"},
		{name: "one address each", udp: "10.0.0.5", tcp: "192.0.2.10", host: "localhost", want: "udp 10.0.0.5 8000, tcp 192.0.2.10 9000"},
		{name: "one address by UDP", udp: "192.0.2.10", host: "localhost",
			want: "udp 192.0.2.10 8000, tcp 192.0.2.10 9000, tcp 10.0.0.5 9000, tcp 127.0.0.1 9000"},
		{name: "an address behind NAT", setting: "candidate 203.0.113.1;", udp: "10.0.0.5", tcp: "10.0.0.5", host: "localhost",
			want: "udp 203.0.113.1 8000, tcp 203.0.113.1 9000, udp 10.0.0.5 8000, tcp 10.0.0.5 9000"},
		{name: "loopback alone listened on", udp: "127.0.0.1", tcp: "127.0.0.1", want: "udp 127.0.0.1 8000, tcp 127.0.0.1 9000"},
		{name: "IPv6 alone listened on", setting: "protocol udp;", udp: "[2001:db8::10]", want: "udp 2001:db8::10 8000"},
		{name: "no detection, one address listened on", setting: "protocol udp; use_auto_detect_network_ip off;", udp: "10.0.0.5", want: "udp 10.0.0.5 8000"},
		{name: "nothing but loopback", setting: "protocol udp; use_auto_detect_network_ip off;", host: "nobody.example", want: "udp 127.0.0.1 8000"},
	} {
		t.Run(test.name, func(t *testing.T) {
			udp, tcp := "8000", "9000"
			if test.udp != "" {
				udp = test.udp + ":8000"
			}
			if test.tcp != "" {
				tcp = test.tcp + ":9000"
			}
			c := configure(t, `http_api { enabled on; listen 8080; }
				rtc_server { enabled on; listen `+udp+`; tcp { enabled on; listen `+tcp+`; } `+withProtocol(test.setting)+` }
				vhost __defaultVhost__ { rtc { enabled on; } }`, test.environ...)
			s, err := start(c, logTo(t))
			if err != nil {
				t.Fatal(err)
			}
			s.udp, s.rtcTCPPort = &udpPort{local: netip.MustParseAddrPort("[::]:8000")}, 9000
			t.Cleanup(func() { s.udp = nil; s.Close() })
			s.interfaces = interfacesOf("127.0.0.1/8", "::1/128", "10.0.0.5/8", "fe80::1/64", "fd00::5/64", "192.0.2.10/24", "2001:db8::10/64", "169.254.1.1/16")
			s.lookup = names
			list, err := s.candidates(t.Context(), looseQuery(test.query), test.host, isLocalhost(test.host))
			if err != nil {
				t.Fatal(err)
			}
			if got := brief(t, list); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// withProtocol adds the protocol of most cases.
func withProtocol(setting string) string {
	if strings.Contains(setting, "protocol") {
		return setting
	}
	return "protocol all; " + setting
}

// brief checks what every list of candidates must keep to, and shortens it.
func brief(t *testing.T, list []string) string {
	t.Helper()
	var short, seen []string
	lowestUDP, highestTCP := "9", "0"
	for _, c := range list {
		f := strings.Fields(c)
		if len(f) < 8 || f[1] != "1" || f[6] != "typ" || f[7] != "host" || f[2] == "tcp" && !strings.HasSuffix(c, " tcptype passive") {
			t.Errorf("not a host candidate: %q", c)
			continue
		}
		if slices.Contains(seen, f[2]+f[4]+f[5]) || slices.Contains(seen, f[0]) {
			t.Errorf("address or foundation twice: %q", c)
		}
		seen = append(seen, f[2]+f[4]+f[5], f[0])
		if len(f[3]) != 10 {
			t.Errorf("priority %s", f[3])
		}
		if f[2] == "udp" {
			lowestUDP = min(lowestUDP, f[3])
		} else {
			highestTCP = max(highestTCP, f[3])
		}
		short = append(short, f[2]+" "+f[4]+" "+f[5])
	}
	if highestTCP >= lowestUDP {
		t.Errorf("TCP of priority %s beside UDP of %s", highestTCP, lowestUDP)
	}
	return strings.Join(short, ", ")
}

// A name server that doesn't answer costs a second, not the session.
func TestSlowResolver(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		s.config.RTC.APIAsCandidates = true
		s.lookup = func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		began := time.Now()
		list, _ := s.candidates(t.Context(), nil, "slow.example", false)
		if took := time.Since(began); took != time.Second || len(list) != 1 {
			t.Errorf("%v, %v", took, list)
		}
	})
}

// However many addresses a request asks for, and however many a name has, the answer is of a bounded length.
func TestManyAddresses(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		asked := make([]string, mostAddresses)
		for i := range asked {
			asked[i] = fmt.Sprintf("%s=198.51.100.%d", []string{"eip", "candidate"}[i%2], i)
		}
		client, res := offered(t, s, "whip", strings.Join(asked, "&"))
		if client == nil {
			t.Fatal(res.Status)
		}
		client.sess.close(errDeleted)
		_, res = offered(t, s, "whip", strings.Join(append(asked, "eip=198.51.100.99"), "&"))
		if reason := text(t, res); res.StatusCode != 400 || !strings.Contains(reason, "more than 8 addresses in eip and candidate") {
			t.Errorf("%s: %s", res.Status, reason)
		}
		s.config.RTC.APIAsCandidates = true
		s.lookup = func(context.Context, string, string) (ips []netip.Addr, err error) {
			for i := range 200 {
				ips = append(ips, netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}))
			}
			return ips, nil
		}
		if list, err := s.candidates(t.Context(), nil, "many.example", false); err != nil || len(list) > 2*mostAddresses {
			t.Errorf("%d candidates, %v", len(list), err)
		}
		synctest.Wait()
		nothingLeft(t, s)
	})
}

// A server that offers a transport it does not listen on says so instead of answering with nothing.
func TestNoTransport(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		s.config.RTC.Protocol = "udp"
		if _, res := offered(t, s, "whip", ""); res.StatusCode != 503 || !strings.Contains(text(t, res), "rtc_server.protocol") {
			t.Error(res.Status)
		}
		nothingLeft(t, s)
	})
}

// The names that are looked up are the host that the client called, and the virtual hosts that the configuration names.
func TestNamesLookedUp(t *testing.T) {
	for _, test := range []struct{ query, want string }{
		{"", "called.example"},
		{"vhost=own.example", "own.example"},
		{"domain=own.example", "own.example"},
		{"vhost=nobody.example", "called.example"},
		{"vhost=__defaultVhost__", "called.example"},
		{"vhost=198.51.100.9", "198.51.100.9"},
		{"vhost=2001:db8::9", "2001:db8::9"},
	} {
		s := &Server{config: configure(t, allOnOne+"vhost own.example { rtc { enabled on; } }")}
		r := httptest.NewRequest("POST", "http://called.example:8080/rtc/v1/whip/?"+test.query, nil)
		if got := s.apiHost(r, looseQuery(r.URL.RawQuery)); got != test.want {
			t.Errorf("%s: %q, want %q", test.query, got, test.want)
		}
	}
}

// The host that a client called stands among the candidates, whichever API it called: that of the URL, or of streamurl. One that
// called a name of the loopback is on this machine.
func TestCalledHostIsCandidate(t *testing.T) {
	setting := strings.Replace(allOnOne, "candidate 127.0.0.1; api_as_candidates off;", "candidate 203.0.113.1;", 1)
	s := open(t, configure(t, setting))
	play := offerFile(t, "gst-play-h264")
	for _, test := range []struct {
		method, url, body string
		want              string // addresses
	}{
		{"WHEP", "http://198.51.100.9/rtc/v1/whep/", play, "203.0.113.1 198.51.100.9"},
		{"WHEP", "http://localhost:8080/rtc/v1/whep/", play, "203.0.113.1 127.0.0.1"},
		{"WHEP", "http://198.51.100.9/rtc/v1/whep/?vhost=198.51.100.10", play, "203.0.113.1 198.51.100.10"},
		{"JSON", "http://192.0.2.5/rtc/v1/play/", rtcBody(t, "webrtc://198.51.100.9:1985/live/x", play), "203.0.113.1 198.51.100.9"},
		{"JSON", "http://192.0.2.5/rtc/v1/play/", rtcBody(t, "webrtc://localhost/live/x", play), "203.0.113.1 127.0.0.1"},
		{"JSON", "http://localhost/rtc/v1/play/", rtcBody(t, "webrtc://198.51.100.9/live/x", play), "203.0.113.1 198.51.100.9 127.0.0.1"},
		{"JSON", "http://192.0.2.5/rtc/v1/play/", rtcBody(t, "webrtc://198.51.100.9/live/x?vhost=198.51.100.10", play), "203.0.113.1 198.51.100.9"},
	} {
		answer := strings.ReplaceAll(text(t, local(s, "POST", test.url, test.body, sdpType)), `\r\n`, "\r\n")
		var got []string
		for line := range strings.Lines(answer) {
			f := strings.Fields(line)
			if strings.HasPrefix(line, "a=candidate:") && !slices.Contains(got, f[4]) {
				got = append(got, f[4])
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s of %s: %v, want %s", test.method, test.url, got, test.want)
		}
	}
}
