package server

import (
	"net"

	"oneport/port"
)

// portBelow finds the connection that a port accepted below what TLS and others have put on it; nil if there is none.
func portBelow(c net.Conn) *port.Conn {
	for {
		switch above := c.(type) {
		case *port.Conn:
			if above.TCP() != nil {
				return above
			}
			c = above.Conn // what speaks inside TLS was sniffed too
		case interface{ NetConn() net.Conn }:
			c = above.NetConn()
		default:
			return nil
		}
	}
}

// tcpBelow finds the TCP connection below, for socket options and raw writes; nil if there is none.
func tcpBelow(c net.Conn) *net.TCPConn {
	if p := portBelow(c); p != nil {
		return p.TCP()
	}
	return nil
}
