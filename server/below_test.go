package server

import (
	"crypto/tls"
	"net"
	"testing"

	"oneport/port"
)

// The connection that a port accepted is found below TLS, and below what was sniffed inside that.
func TestBelow(t *testing.T) {
	tcp := new(net.TCPConn)
	accepted := &port.Conn{Conn: tcp}
	secure := tls.Server(accepted, new(tls.Config))
	for name, c := range map[string]net.Conn{
		"plain": accepted, "TLS": secure, "sniffed inside TLS": &port.Conn{Conn: secure}, "RTMP": (&rtmpConn{Conn: accepted}).Conn,
	} {
		if portBelow(c) != accepted || tcpBelow(c) != tcp {
			t.Errorf("%s: %v, %v", name, portBelow(c), tcpBelow(c))
		}
	}
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	if portBelow(here) != nil || tcpBelow(here) != nil || tcpBelow(nil) != nil {
		t.Error("something is found below a pipe, or below nothing")
	}
}
