package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"oneport/ice"
)

// resolveTimeout bounds the look-up of the API's host name: an answer without its addresses is better than none.
const resolveTimeout = time.Second

// mostAddresses bounds the addresses that a request asks for, and those that a name has: each makes two candidates in every
// m-line of the answer, and the session keeps them.
const mostAddresses = 8

var errTooManyAddresses = statusError{http.StatusBadRequest, fmt.Sprintf("the URL has more than %d addresses in eip and candidate", mostAddresses)}

// candidates are the addresses that a client is told, the likeliest first: what the request asks for (eip, candidate),
// the configured candidate, the host the API was called by, the interfaces' addresses where none is configured, and for a
// client on this very machine the loopback address at the end. Where media is listened for on one address alone, that stands for
// the machine's own.
func (s *Server) candidates(ctx context.Context, query url.Values, apiHost string, local bool) ([]string, error) {
	hosts, err := addressesAsked(query)
	if err != nil {
		return nil, err
	}
	add := func(text string) {
		if h, err := ice.ParseHost(text); err == nil {
			hosts = append(hosts, h)
		}
	}
	configured, told, _ := s.config.RTC.told() // it was good when the configuration was checked
	if told {
		hosts = append(hosts, configured)
	}
	if s.config.RTC.APIAsCandidates {
		for _, h := range s.apiCandidates(ctx, apiHost) {
			add(h)
		}
	}
	if !told && s.config.RTC.AutoDetect {
		hosts = append(hosts, s.listening(s.interfaceAddrs())...)
	}
	if local || len(hosts) == 0 { // or a machine with nothing but loopback
		hosts = append(hosts, s.listening([]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})})...)
	}
	var list []string
	for _, c := range ice.Candidates(hosts, s.rtcPorts()) {
		list = append(list, c.String())
	}
	return list, nil
}

// listening are the hosts by which media is reached on this machine: those of its addresses, or, where one alone is listened
// on, that.
func (s *Server) listening(addrs []netip.Addr) []ice.Host {
	udp, tcp := s.config.mediaAt()
	if udp == tcp {
		return hostsAt(udp, addrs, "")
	}
	return append(hostsAt(udp, addrs, "udp"), hostsAt(tcp, addrs, "tcp")...)
}

func hostsAt(bound netip.Addr, addrs []netip.Addr, protocol string) (hosts []ice.Host) {
	if !bound.IsUnspecified() {
		addrs = []netip.Addr{bound}
	}
	for _, a := range addrs {
		if h, err := ice.ParseHost(a.String()); err == nil {
			h.Protocol = protocol
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// mediaAt are the addresses that media is listened on, by UDP and by TCP.
func (c *Config) mediaAt() (udp, tcp netip.Addr) {
	u, _ := parseListen(c.RTC.Listen) // they were good when the configuration was checked
	t, _ := parseListen(c.RTC.TCP.Listen)
	return u.Addr(), t.Addr()
}

// addressesAsked are what a request asks for by eip and candidate; what is no address is passed over.
func addressesAsked(query url.Values) (hosts []ice.Host, err error) {
	asked := slices.Concat(query["eip"], query["candidate"])
	if len(asked) > mostAddresses {
		return nil, errTooManyAddresses
	}
	for _, text := range asked {
		if h, err := ice.ParseHost(text); err == nil {
			hosts = append(hosts, h)
		}
	}
	return hosts, nil
}

// apiCandidates are the addresses behind the host a client called the API by.
func (s *Server) apiCandidates(ctx context.Context, host string) []string {
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if ip.IsLoopback() || ip.IsUnspecified() {
			return nil
		}
		return []string{ip.String()}
	}
	if host == "" || isLocalhost(host) {
		return nil
	}
	var list []string
	if s.config.RTC.ResolveAPIDomain {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		ips, _ := s.lookup(ctx, network(s.config.RTC.IPFamily), host)
		for _, ip := range ips[:min(len(ips), mostAddresses)] {
			if !ip.IsLoopback() {
				list = append(list, ip.Unmap().String())
			}
		}
	}
	if s.config.RTC.KeepAPIDomain {
		list = append(list, host)
	}
	return list
}

// rtcPorts are the ports clients are told, of the transports that are both offered and listened on.
func (s *Server) rtcPorts() ice.Ports {
	var p ice.Ports
	if s.udp != nil {
		p.UDP = s.udp.local.Port()
	}
	if s.config.RTC.TCP.Enabled {
		p.TCP = s.rtcTCPPort
	}
	return p.Only(s.config.RTC.Protocol)
}

// interfaceAddrs are the machine's own addresses: public ones first, then private ones, IPv4 before IPv6. Loopback and
// link-local addresses are left out: no other machine reaches them as they stand.
func (s *Server) interfaceAddrs() []netip.Addr {
	addrs, err := s.interfaces()
	if err != nil {
		return nil
	}
	var ranked [4][]netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || !familyHas(s.config.RTC.IPFamily, ip) {
			continue
		}
		rank := 0
		if ip.IsPrivate() {
			rank += 2
		}
		if ip.Is6() {
			rank++
		}
		ranked[rank] = append(ranked[rank], ip)
	}
	var list []netip.Addr
	for _, r := range ranked {
		list = append(list, r...)
	}
	return list
}

func familyHas(family string, ip netip.Addr) bool {
	return family == "all" || ip.Is4() == (family == "ipv4")
}

func network(family string) string {
	switch family {
	case "ipv4":
		return "ip4"
	case "ipv6":
		return "ip6"
	}
	return "ip"
}

// hostOf is the host of a "host[:port]", without brackets.
func hostOf(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return strings.Trim(hostport, "[]")
}

func isLocalhost(host string) bool {
	host = strings.TrimSuffix(host, ".") // of a name that is complete
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// clientIP is the client's address as proxies in front tell it, for showing (SRS's rule).
func clientIP(r *http.Request) string {
	if f := r.Header.Get("X-Forwarded-For"); f != "" {
		first, _, _ := strings.Cut(f, ",")
		return shown(strings.TrimSpace(first))
	}
	if f := r.Header.Get("X-Real-IP"); f != "" {
		return shown(hostOf(strings.TrimSpace(f)))
	}
	return hostOf(r.RemoteAddr)
}
