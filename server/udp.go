package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"oneport/ice"
	"oneport/port"
)

const (
	// udpBuffer is asked of the kernel for both directions of the shared socket; it gives what its limits allow.
	udpBuffer = 4 << 20
	// udpBurst is how many datagrams of media one viewer gets without a pause of udpSpacing: no more than the buffers on its
	// way are sure to hold.
	udpBurst   = 32
	udpSpacing = 2 * time.Millisecond
	// udpRest keeps a socket that fails from taking a whole processor.
	udpRest = 10 * time.Millisecond
)

// udpPort is the one UDP socket that all sessions share, and the table that says whose a path is. A path is bound only
// by a verified Binding request, the newest wins.
type udpPort struct {
	server *Server
	conn   *net.UDPConn
	io     *datagrams
	local  netip.AddrPort

	mu    sync.RWMutex
	bound map[ice.Path]*session

	dropped atomic.Uint64 // datagrams the kernel would not take
	failed  atomic.Uint64 // attempts to receive
}

func (s *Server) openUDP(listen string) (*udpPort, error) {
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("rtc_server.listen %q is not an address: %w", listen, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, port.ListenError("UDP", listen, withVariable("rtc_server.listen"), err)
	}
	conn.SetReadBuffer(udpBuffer)
	conn.SetWriteBuffer(udpBuffer)
	socket, err := newDatagrams(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("UDP %s can't be used: %w", listen, err)
	}
	u := &udpPort{server: s, conn: conn, io: socket, local: addrPort(conn.LocalAddr()), bound: make(map[ice.Path]*session)}
	s.tasks.Go(func() { u.read(socket.receive) })
	return u, nil
}

// read is the socket's one reader. Only closing the socket ends it: after any other error it rests a moment and tries again.
func (u *udpPort) read(receive func(b, oob []byte) (received, error)) {
	buf, oob := make([]byte, largestDatagram), make([]byte, 128)
	for {
		got, err := receive(buf, oob)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			u.failed.Add(1)
			u.server.crowd.Warn("receiving by UDP fails", "address", u.local.String(), "err", err)
			time.Sleep(udpRest)
			continue
		case got.n > ice.MaxFrame:
			u.server.stats.unrouted.Add(1)
			continue
		}
		l := &udpLink{port: u, local: u.local, to: netip.AddrPortFrom(got.from.Addr().Unmap(), got.from.Port())}
		if got.to.IsValid() {
			l.local = netip.AddrPortFrom(got.to, u.local.Port())
		}
		u.server.survive(u.server.log, "a datagram", func() { u.receive(got.at, l, buf[:got.n]) })
	}
}

// received is a datagram as the socket gave it.
type received struct {
	n    int
	from netip.AddrPort
	to   netip.Addr // which of the machine's addresses it was sent to; invalid where the system does not say
	at   time.Time  // when it arrived, as near as the system says
}

func (u *udpPort) receive(now time.Time, l *udpLink, b []byte) {
	sess := u.owner(l.path())
	stun := ice.IsSTUN(b)
	if stun {
		// A check names its session: an address may have changed hands.
		if ufrag, ok := ice.LocalUfrag(b); ok {
			sess = u.server.sessions.byUfrag(ufrag)
		}
	}
	if sess == nil {
		u.server.stats.unrouted.Add(1)
		return
	}
	if sess.receive(now, l, b) && stun {
		u.bind(l.path(), sess)
	}
}

func (u *udpPort) owner(p ice.Path) *session {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.bound[p]
}

func (u *udpPort) bind(p ice.Path, sess *session) {
	if u.owner(p) == sess {
		return
	}
	if old := u.rebind(p, sess); old != nil {
		old.unbound(p)
	}
}

// rebind changes the table and the session's list under one lock, so that no path outlives its session.
func (u *udpPort) rebind(p ice.Path, sess *session) (old *session) {
	u.mu.Lock()
	defer u.mu.Unlock()
	given, ok := sess.bound(p)
	if !ok {
		return nil
	}
	u.forget(sess, given)
	old = u.bound[p]
	u.bound[p] = sess
	return old
}

// release forgets the paths of a session that is over.
func (u *udpPort) release(sess *session, paths []ice.Path) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(sess, paths)
}

// forget is release with the lock held.
func (u *udpPort) forget(sess *session, paths []ice.Path) {
	for _, p := range paths {
		if u.bound[p] == sess {
			delete(u.bound, p)
		}
	}
}

// udpLink is one client address behind the shared socket. It holds nothing: what the kernel does not take is lost, as
// datagrams may be, and the client asks for it again.
type udpLink struct {
	port  *udpPort
	local netip.AddrPort // which of the machine's addresses the client speaks to, as far as the system tells
	to    netip.AddrPort
}

func (l *udpLink) path() ice.Path {
	return ice.Path{Transport: ice.UDP, Local: l.local, Remote: l.to}
}

func (l *udpLink) full() bool    { return false }
func (l *udpLink) closing() bool { return false }

func (l *udpLink) close(goodbye []byte) {
	if len(goodbye) > 0 {
		l.insist(goodbye)
	}
}

func (l *udpLink) send(frames []byte) { l.insist(frames) }

func (l *udpLink) insist(frames []byte) {
	if lost := l.port.io.send(frames, l.local.Addr(), l.to); lost > 0 {
		l.port.dropped.Add(uint64(lost))
	}
}

// pace keeps what one viewer is sent from coming in bursts, however many wakes of its writer there are.
type pace struct {
	last  time.Time // when datagrams were sent last
	burst int       // datagrams sent without a pause
}

// room is how many datagrams may be sent at now.
func (p *pace) room(now time.Time) int {
	if now.Sub(p.last) >= udpSpacing {
		p.burst = 0
	}
	return udpBurst - p.burst
}

func (p *pace) sent(now time.Time, n int) {
	p.last = now
	p.burst += n
}

// next is when there is room again, whatever was sent.
func (p *pace) next() time.Time { return p.last.Add(udpSpacing) }
