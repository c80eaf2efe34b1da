package ice

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Candidate is one of the server's addresses as the answer offers it. Every candidate is a host candidate of component 1.
type Candidate struct {
	Transport  Transport
	Addr       string // an IP address, or a domain that the client resolves
	Port       uint16
	Priority   uint32
	Foundation string
}

// String is the value of the candidate's SDP attribute (RFC 8839 section 5.1, RFC 6544 section 4.5), without "a=".
func (c Candidate) String() string {
	s := fmt.Sprintf("candidate:%s 1 %s %d %s %d typ host", c.Foundation, c.Transport, c.Priority, c.Addr, c.Port)
	if c.Transport == TCP {
		s += " tcptype passive"
	}
	return s
}

// Host is a place where clients reach the server. A Port other than 0 overrides the transports' own: some router in front
// of the server maps it.
type Host struct {
	Addr     string
	Port     uint16
	Protocol string // by which it is reached: "udp" or "tcp"; what is neither means both
}

// ParseHost reads "address", "address:port", "[IPv6]:port" or the same with a domain. It refuses whatever could not
// stand in a candidate line, and addresses that nobody can reach.
func ParseHost(s string) (Host, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return hostOf(s, ap.Addr(), ap.Port())
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return hostOf(s, ip, 0)
	}
	name, portText, hasPort := strings.Cut(s, ":")
	if !isDomain(name) {
		return Host{}, fmt.Errorf("ice: %.80q is neither an IP address nor a domain", s)
	}
	h := Host{Addr: name}
	if hasPort {
		n, err := strconv.ParseUint(portText, 10, 16)
		if err != nil || n == 0 {
			return Host{}, fmt.Errorf("ice: %.80q has no valid port", s)
		}
		h.Port = uint16(n)
	}
	return h, nil
}

func hostOf(s string, ip netip.Addr, port uint16) (Host, error) {
	ip = ip.Unmap()
	if ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
		return Host{}, fmt.Errorf("ice: %.80q is not an address that clients can reach", s)
	}
	return Host{Addr: ip.String(), Port: port}, nil
}

// isDomain accepts letters, digits, hyphens and underscores between dots, with a letter somewhere in the last label, so
// that a mistyped IP address is not taken for a name.
func isDomain(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for _, label := range labels {
		if len(label) == 0 || len(label) > 63 || strings.Trim(label, domainLetters) != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789-_") != ""
}

const domainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// Ports are where the server listens; 0 leaves a transport out.
type Ports struct {
	UDP uint16
	TCP uint16
}

// Only leaves the ports of one transport; what is neither "udp" nor "tcp" means both, as in SRS.
func (p Ports) Only(protocol string) Ports {
	switch protocol {
	case "udp":
		p.TCP = 0
	case "tcp":
		p.UDP = 0
	}
	return p
}

// Candidates lists the candidates of the hosts, best first, each host with UDP before TCP and nothing twice. Any UDP
// candidate has a higher priority than any TCP one, and an earlier host a higher one than a later.
func Candidates(hosts []Host, ports Ports) []Candidate {
	var list []Candidate
	seen := make(map[Candidate]bool)
	for _, h := range hosts {
		by := ports.Only(h.Protocol)
		for _, c := range [...]Candidate{
			{Transport: UDP, Addr: h.Addr, Port: by.UDP},
			{Transport: TCP, Addr: h.Addr, Port: by.TCP},
		} {
			if c.Port == 0 {
				continue
			}
			if h.Port != 0 {
				c.Port = h.Port
			}
			if seen[c] {
				continue
			}
			seen[c] = true
			c.Priority = hostPriority(c.Transport, len(list))
			c.Foundation = strconv.Itoa(len(list) + 1)
			list = append(list, c)
		}
	}
	return list
}

// hostPriority is the formula of RFC 8445 section 5.1.2.1 for component 1. UDP has the recommended type preference of a
// host; TCP has libwebrtc's, well below it (RFC 6544 section 4.2 leaves the number open), and a direction preference
// of 4 for passive. The place in the list lowers the local preference.
func hostPriority(t Transport, place int) uint32 {
	const (
		component  = 1
		udpType    = 126
		tcpType    = 90
		udpLocal   = 1<<16 - 1
		tcpPassive = 4 << 13
		tcpOther   = 1<<13 - 1
	)
	if t == TCP {
		local := tcpPassive + max(tcpOther-place, 0)
		return tcpType<<24 | uint32(local)<<8 | (256 - component)
	}
	return udpType<<24 | uint32(max(udpLocal-place, 0))<<8 | (256 - component)
}
