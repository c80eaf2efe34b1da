//go:build !linux

package server

import (
	"net"
	"net/netip"
	"time"

	"oneport/ice"
)

// largestDatagram is the longest that there can be: a system may fail to receive one that does not fit.
const largestDatagram = 64 << 10

// datagrams sends what belongs to one viewer, a system call each.
type datagrams struct{ conn *net.UDPConn }

func newDatagrams(conn *net.UDPConn) (*datagrams, error) { return &datagrams{conn}, nil }

// receive reads one datagram. To which of the machine's addresses it was sent is not told here.
func (d *datagrams) receive(b, _ []byte) (got received, err error) {
	n, from, err := d.conn.ReadFromUDPAddrPort(b)
	return received{n: n, from: from, at: time.Now()}, err
}

// send sends the datagrams inside frames and returns how many the kernel did not take. From which address is the system's
// choice.
func (d *datagrams) send(frames []byte, _ netip.Addr, to netip.AddrPort) (lost int) {
	eachFrame(frames, func(datagram []byte) {
		if _, err := d.conn.WriteToUDPAddrPort(datagram, to); err != nil {
			lost++
		}
	})
	return lost
}

// eachFrame calls each with the datagrams inside frames, which are ours and therefore well formed.
func eachFrame(frames []byte, each func(datagram []byte)) {
	for len(frames) > 0 {
		frame, rest, err := ice.NextFrame(frames)
		if err != nil || frame == nil {
			return
		}
		each(frame)
		frames = rest
	}
}
