package server

import (
	"container/list"
	"errors"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"oneport/port"
)

const (
	// mostNewcomers bounds the connections whose handshake is under way.
	mostNewcomers = 4096
	// mostOfOneAddress bounds those of them that come from one address.
	mostOfOneAddress = mostNewcomers / 8
	// maxHello is what a client may send before its handshake is over. A browser's takes 2 KB; crypto/tls alone would keep 64 KB.
	maxHello  = 16 << 10
	unlimited = math.MaxInt
)

// newcomers are the connections that have not said yet what they want. They take no place of those who have. One too many, in
// all or from its address, closes that which has lasted longest, so that a client which goes on at once gets through a crowd
// that does not.
type newcomers struct {
	most, mostOfOne int
	displaced       atomic.Uint64

	mu  sync.Mutex
	all list.List                 // of *newcomer, the oldest first
	of  map[netip.Addr]*list.List // the same by address
}

// newcomer is one of them, and its places in the lists.
type newcomer struct {
	conn     net.Conn
	from     netip.Addr
	since    time.Time
	all, own *list.Element
}

// enter counts a connection in, which may close another.
func (n *newcomers) enter(c net.Conn) *newcomer {
	in := &newcomer{conn: c, from: addressOf(c.RemoteAddr().String()), since: time.Now()}
	if below := portBelow(c); below != nil {
		in.conn = below // closing TLS would send a word first, and wait for that
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if own := n.of[in.from]; own != nil && own.Len() >= n.mostOfOne {
		n.displace(own.Front().Value.(*newcomer))
	}
	if n.all.Len() >= n.most {
		n.displace(n.all.Front().Value.(*newcomer))
	}
	if n.of == nil {
		n.of = make(map[netip.Addr]*list.List)
	}
	if n.of[in.from] == nil {
		n.of[in.from] = list.New()
	}
	in.all, in.own = n.all.PushBack(in), n.of[in.from].PushBack(in)
	return in
}

// makeRoom closes the oldest that have been here since before that moment, port.Room of them at most, and says whether there
// was one.
func (n *newcomers) makeRoom(before time.Time) (made bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range port.Room {
		oldest := n.all.Front()
		if oldest == nil || oldest.Value.(*newcomer).since.After(before) {
			break
		}
		n.displace(oldest.Value.(*newcomer))
		made = true
	}
	return made
}

// displace makes room. Called locked.
func (n *newcomers) displace(old *newcomer) {
	n.remove(old)
	old.conn.Close()
	n.displaced.Add(1)
}

// leave ends what enter began.
func (n *newcomers) leave(in *newcomer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.remove(in)
}

// remove does nothing to one that was displaced. Called locked.
func (n *newcomers) remove(in *newcomer) {
	if in.own == nil {
		return
	}
	own := n.of[in.from]
	n.all.Remove(in.all)
	own.Remove(in.own)
	if in.own = nil; own.Len() == 0 {
		delete(n.of, in.from)
	}
}

// hello is a connection of which no more is read than is left to it.
type hello struct {
	*port.Conn
	left int
}

// NetConn is the connection below, as of tls.Conn.
func (h *hello) NetConn() net.Conn { return h.Conn }

var errLongHello = errors.New("tls: the handshake is too long")

func (h *hello) Read(b []byte) (int, error) {
	if h.left == unlimited {
		return h.Conn.Read(b)
	}
	if h.left == 0 {
		return 0, errLongHello
	}
	n, err := h.Conn.Read(b[:min(len(b), h.left)])
	h.left -= n
	return n, err
}
