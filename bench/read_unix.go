//go:build unix

package bench

import (
	"errors"
	"net"
	"syscall"
)

// batch is how many datagrams are read at once.
const batch = 32

// poller waits for a connection to be readable before it takes a buffer, so that thousands of idle viewers hold none.
type poller struct {
	raw    syscall.RawConn
	take   func(source datagrams) error
	stream bool // nothing read means the end
	groups bool // several datagrams may come in one read
	fd     int
	err    error
}

// errAgain says that nothing more can be read now.
var errAgain = errors.New("nothing to read")

var errEnd = errors.New("the server closed the connection")

func newPoller(conn net.Conn, gro bool, take func(datagrams) error) (*poller, error) {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	_, stream := conn.(*net.TCPConn)
	return &poller{raw: raw, take: take, stream: stream, groups: gro && group(conn)}, nil
}

// wait blocks until take has read something or the read deadline passes.
func (p *poller) wait() error {
	if err := p.raw.Read(p.step); err != nil {
		return err
	}
	return p.err
}

func (p *poller) step(fd uintptr) bool {
	p.fd = int(fd)
	p.err = p.take(p)
	return !errors.Is(p.err, errAgain)
}

// read reads once without blocking; it is for take alone.
func (p *poller) read(b []byte) (n, segment int, err error) {
	var control [64]byte
	for {
		if p.groups {
			n, segment, err = receiveGroup(p.fd, b, control[:])
		} else {
			n, err = syscall.Read(p.fd, b)
		}
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, 0, errAgain
		case err == syscall.ECONNREFUSED && !p.stream:
			continue // an ICMP error of an earlier datagram; checks tell whether the server is there
		case err != nil:
			return 0, 0, err
		case n == 0 && p.stream:
			return 0, 0, errEnd
		}
		return n, segment, nil
	}
}
