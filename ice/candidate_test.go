package ice

import (
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	both := Ports{UDP: 8080, TCP: 8081}
	for _, test := range []struct {
		name  string
		hosts []Host
		ports Ports
		want  []string
	}{
		{"none", nil, both, nil},
		{"IPv4, IPv6 and a domain, each once",
			[]Host{{Addr: "192.0.2.1"}, {Addr: "2001:db8::1"}, {Addr: "192.0.2.1"}, {Addr: "live.example.com"}}, both,
			[]string{
				"candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host",
				"candidate:2 1 tcp 1520434943 192.0.2.1 8081 typ host tcptype passive",
				"candidate:3 1 udp 2130705919 2001:db8::1 8080 typ host",
				"candidate:4 1 tcp 1520434431 2001:db8::1 8081 typ host tcptype passive",
				"candidate:5 1 udp 2130705407 live.example.com 8080 typ host",
				"candidate:6 1 tcp 1520433919 live.example.com 8081 typ host tcptype passive",
			}},
		{"the host's own port", []Host{{Addr: "192.0.2.1", Port: 443}, {Addr: "192.0.2.1"}}, both.Only("tcp"),
			[]string{
				"candidate:1 1 tcp 1520435199 192.0.2.1 443 typ host tcptype passive",
				"candidate:2 1 tcp 1520434943 192.0.2.1 8081 typ host tcptype passive",
			}},
		{"UDP alone", []Host{{Addr: "192.0.2.1", Port: 443}}, both.Only("udp"), []string{"candidate:1 1 udp 2130706431 192.0.2.1 443 typ host"}},
		{"no TCP listener", []Host{{Addr: "192.0.2.1", Port: 443}}, Ports{UDP: 1}.Only("all"), []string{"candidate:1 1 udp 2130706431 192.0.2.1 443 typ host"}},
	} {
		var got []string
		for _, c := range Candidates(test.hosts, test.ports) {
			got = append(got, c.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s", test.name, strings.Join(got, "\n"))
		}
	}
}

// TestPriorities holds for more hosts than the numbers of RFC 6544 were made for.
func TestPriorities(t *testing.T) {
	for place := range 10000 {
		udp, tcp := hostPriority(UDP, place), hostPriority(TCP, place)
		if udp <= hostPriority(TCP, 0) || udp >= hostPriority(UDP, place-1) && place > 0 || tcp > hostPriority(TCP, max(place-1, 0)) {
			t.Fatalf("place %d: UDP %d, TCP %d", place, udp, tcp)
		}
	}
}

func TestParseHost(t *testing.T) {
	for text, want := range map[string]Host{
		"192.0.2.1":              {Addr: "192.0.2.1"},
		"192.0.2.1:443":          {Addr: "192.0.2.1", Port: 443},
		"::ffff:192.0.2.1":       {Addr: "192.0.2.1"},
		"2001:DB8:0::1":          {Addr: "2001:db8::1"},
		"[2001:db8::1]":          {Addr: "2001:db8::1"},
		"[2001:db8::1]:443":      {Addr: "2001:db8::1", Port: 443},
		"live.example.com":       {Addr: "live.example.com"},
		"live-2.example.com.:80": {Addr: "live-2.example.com.", Port: 80},
		"localhost":              {Addr: "localhost"},
	} {
		if got, err := ParseHost(text); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "*", "0.0.0.0", "::", "0.0.0.0:80", "224.0.0.1", "fe80::1%eth0", "a b", "a\r\na=x", "a..b", ".",
		"192.0.2.300", "192.0.2", "host:", "host:0", "host:65536", "host:+1", "h/x", strings.Repeat("a", 64), strings.Repeat("a.", 200)} {
		if got, err := ParseHost(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

// FuzzParseHost proves that nothing gets into a candidate line which would end or split it.
func FuzzParseHost(f *testing.F) {
	f.Add("192.0.2.1:443")
	f.Add("[2001:db8::1]:443")
	f.Add("live.example.com:80")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHost(s)
		if err != nil {
			return
		}
		if again, err := ParseHost(h.Addr); err != nil || again.Addr != h.Addr || strings.ContainsAny(h.Addr, " \r\n\t\x00%/") {
			t.Errorf("%q became %q, %v", s, h.Addr, err)
		}
	})
}
