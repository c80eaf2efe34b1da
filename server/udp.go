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
)

const (
	// udpBuffer is asked of the kernel for both directions of the shared socket; it gives what its limits allow.
	udpBuffer = 4 << 20
	// udpBurst is how many datagrams one viewer gets at once; the rest of a large frame follows at udpSpacing.
	udpBurst   = 32
	udpSpacing = 2 * time.Millisecond
)

// udpPort is the one UDP socket that all sessions share, and the table that says whose an address is. An address is bound
// only by a verified Binding request, the newest wins.
type udpPort struct {
	server *Server
	conn   *net.UDPConn
	out    *datagrams
	local  netip.AddrPort

	mu    sync.RWMutex
	bound map[netip.AddrPort]*session

	dropped atomic.Uint64 // datagrams the kernel would not take
}

func (s *Server) openUDP(listen string) (*udpPort, error) {
	addr, err := net.ResolveUDPAddr("udp", listen)
	if err != nil {
		return nil, fmt.Errorf("rtc_server.listen %q is not an address: %w", listen, err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("UDP %s can't be listened on (rtc_server.listen): %w: stop what uses it, or choose another port", listen, err)
	}
	conn.SetReadBuffer(udpBuffer)
	conn.SetWriteBuffer(udpBuffer)
	out, err := newDatagrams(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("UDP %s can't be written to: %w", listen, err)
	}
	u := &udpPort{server: s, conn: conn, out: out, local: addrPort(conn.LocalAddr()), bound: make(map[netip.AddrPort]*session)}
	s.tasks.Go(u.read)
	return u, nil
}

// read is the socket's one reader. Only closing the socket ends it.
func (u *udpPort) read() {
	buf := make([]byte, ice.MaxFrame+1)
	for {
		n, from, err := u.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n > ice.MaxFrame {
			u.server.stats.unrouted.Add(1)
			continue
		}
		u.receive(time.Now(), netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), buf[:n])
	}
}

func (u *udpPort) receive(now time.Time, from netip.AddrPort, b []byte) {
	sess := u.owner(from)
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
	l := &udpLink{port: u, to: from}
	if sess.receive(now, l, b) && stun {
		u.bind(from, sess)
	}
}

func (u *udpPort) owner(from netip.AddrPort) *session {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.bound[from]
}

func (u *udpPort) bind(from netip.AddrPort, sess *session) {
	if u.owner(from) == sess {
		return
	}
	old := u.rebind(from, sess)
	if old != nil {
		old.unbound(from)
	}
}

// rebind changes the table and the session's list under one lock, so that no address outlives its session.
func (u *udpPort) rebind(from netip.AddrPort, sess *session) (old *session) {
	u.mu.Lock()
	defer u.mu.Unlock()
	given, ok := sess.bound(u.local, from)
	if !ok {
		return nil
	}
	u.forget(sess, given)
	old = u.bound[from]
	u.bound[from] = sess
	return old
}

// release forgets the addresses of a session that is over.
func (u *udpPort) release(sess *session, addrs []netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forget(sess, addrs)
}

// forget is release with the lock held.
func (u *udpPort) forget(sess *session, addrs []netip.AddrPort) {
	for _, a := range addrs {
		if u.bound[a] == sess {
			delete(u.bound, a)
		}
	}
}

// udpLink is one client address behind the shared socket. It holds nothing: what the kernel does not take is lost, as
// datagrams may be, and the client asks for it again.
type udpLink struct {
	port *udpPort
	to   netip.AddrPort
}

func (l *udpLink) path() ice.Path {
	return ice.Path{Transport: ice.UDP, Local: l.port.local, Remote: l.to}
}

func (l *udpLink) full() bool { return false }
func (l *udpLink) close()     {}

func (l *udpLink) send(frames []byte) { l.insist(frames) }

func (l *udpLink) insist(frames []byte) {
	if lost := l.port.out.send(frames, l.to); lost > 0 {
		l.port.dropped.Add(uint64(lost))
	}
}
