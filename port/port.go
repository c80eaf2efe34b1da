// Package port is a TCP port that tells by a connection's first bytes what it speaks, and hands it on.
package port

import (
	"container/list"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// Options say how a port treats connections and whom it tells. What is 0 has a default.
type Options struct {
	Log      *slog.Logger  // nil: silence
	Deadline time.Duration // for a connection's first bytes, all together; 10 s
	Setting  string        // the name of the setting that chose the address, for the error when it can't be opened

	// MaxSniffing bounds the connections that have not yet told what they speak; 4096. One more closes the one that has
	// been silent for longest, so that a client which speaks at once gets through a crowd that does not.
	MaxSniffing int

	// MakeRoom is called when no connection can be accepted, as at the limit of file descriptors, which is the process's and
	// not the port's. It closes some of what has said nothing of use since before that moment, and says whether there was
	// any. It must not block. nil: the port's own MakeRoom.
	MakeRoom func(before time.Time) bool
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Deadline <= 0 {
		o.Deadline = 10 * time.Second
	}
	if o.MaxSniffing <= 0 {
		o.MaxSniffing = 4096
	}
	return o
}

// Port accepts connections until it is closed. Each has one goroutine, in which its handler runs.
type Port struct {
	listener   net.Listener
	handlers   map[Kind]func(*Conn)
	options    Options
	log        *slog.Logger
	turned     limiter
	counters   counters
	goroutines sync.WaitGroup
	stopping   chan struct{}
	stopOnce   sync.Once

	mu       sync.Mutex // guards what follows; never held across a call out but Close of a connection
	closed   bool
	sniffing list.List          // of *Conn, the oldest first; at most MaxSniffing
	serving  map[*Conn]struct{} // those in a handler
}

// Open listens on a TCP address such as ":8080" and serves each kind of connection with its handler. The handler owns the
// connection and closes it; it may pass it on and return. While it has not returned, Close of the port closes it.
func Open(addr string, handlers map[Kind]func(*Conn), o Options) (*Port, error) {
	// Go sets TCP_NODELAY and keep-alive on what this accepts.
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, ListenError("TCP", addr, o.Setting, err)
	}
	return Serve(l, handlers, o), nil
}

// Serve does the same with the connections of a listener, which it closes in the end.
func Serve(l net.Listener, handlers map[Kind]func(*Conn), o Options) *Port {
	o = o.withDefaults()
	p := &Port{
		listener: l,
		handlers: maps.Clone(handlers),
		options:  o,
		log:      o.Log.With("port", l.Addr().String()),
		stopping: make(chan struct{}),
		serving:  make(map[*Conn]struct{}),
	}
	if p.options.MakeRoom == nil {
		p.options.MakeRoom = p.MakeRoom
	}
	p.goroutines.Go(p.accept)
	return p
}

// Addr is where the port listens.
func (p *Port) Addr() net.Addr { return p.listener.Addr() }

// Stop accepts no more connections. Those that are open go on.
func (p *Port) Stop() {
	p.stopOnce.Do(func() {
		close(p.stopping)
		p.listener.Close()
	})
}

// Close stops, closes every connection that is being sniffed or handled, and waits for the goroutines of all. A handler
// must not call it.
func (p *Port) Close() {
	p.Stop()
	p.closeAll()
	p.goroutines.Wait()
}

func (p *Port) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for e := p.sniffing.Front(); e != nil; e = e.Next() {
		e.Value.(*Conn).Close()
	}
	for c := range p.serving {
		c.Close()
	}
}

// accept is the loop that only Stop ends.
func (p *Port) accept() {
	trouble := trouble{log: p.log}
	for {
		raw, err := p.listener.Accept()
		select {
		case <-p.stopping:
			if err == nil {
				raw.Close()
			}
			return
		default:
		}
		if err != nil {
			p.counters.acceptErrors.Add(1)
			made := p.options.MakeRoom(time.Now().Add(-slow))
			p.pause(trouble.enter(time.Now(), err, made))
			continue
		}
		trouble.leave(time.Now())
		p.counters.accepted.Add(1)
		c := &Conn{Conn: raw, accepted: time.Now()}
		p.admit(c)
		p.goroutines.Go(func() { p.serve(c) })
	}
}

func (p *Port) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.stopping:
	}
}

// admit puts a connection among those being sniffed, the oldest of which it may displace.
func (p *Port) admit(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sniffing.Len() >= p.options.MaxSniffing {
		p.displaceOldest()
	}
	c.place = p.sniffing.PushBack(c)
	if p.closed {
		c.Close()
	}
}

const (
	// slow is how long a connection may take to speak before another may have its descriptor.
	slow = time.Second
	// Room is how many connections of a kind are closed at once where none can be accepted. With the pause that follows it
	// bounds how fast a crowd that dials again and again is turned over: faster than it waits in the kernel's queue.
	Room = 16
)

// MakeRoom closes the oldest connections being sniffed that were accepted before that moment, Room of them at most, and says
// whether there was one.
func (p *Port) MakeRoom(before time.Time) (made bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range Room {
		oldest := p.sniffing.Front()
		if oldest == nil || oldest.Value.(*Conn).accepted.After(before) {
			break
		}
		p.displaceOldest()
		made = true
	}
	return made
}

// displaceOldest closes the connection that has been sniffed for longest. There is one, and the lock is held.
func (p *Port) displaceOldest() {
	c := p.sniffing.Remove(p.sniffing.Front()).(*Conn)
	c.place = nil
	c.Close()
	p.counters.displaced.Add(1)
}

// promote moves a connection from those being sniffed to those being served, unless it was displaced.
func (p *Port) promote(c *Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.place == nil {
		return false
	}
	p.sniffing.Remove(c.place)
	c.place = nil
	p.serving[c] = struct{}{}
	return true
}

// forget is the end of a connection's goroutine.
func (p *Port) forget(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.place != nil {
		p.sniffing.Remove(c.place)
		c.place = nil
	}
	delete(p.serving, c)
}

// serve is the goroutine of a connection.
func (p *Port) serve(c *Conn) {
	defer p.forget(c)
	defer p.rescue(c)
	c.SetReadDeadline(c.accepted.Add(p.options.Deadline))
	kind, err := c.Sniff()
	if err != nil {
		p.countEnd(c, err)
		c.Close()
		return
	}
	p.counters.kinds[kind].Add(1)
	handler := p.handlers[kind]
	if handler == nil {
		p.turnAway(c, kind)
		return
	}
	if !p.promote(c) {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	handler(c)
}

// countEnd counts a connection that ended before it told what it speaks. Health checks do so; it is not worth a log line.
func (p *Port) countEnd(c *Conn, err error) {
	p.mu.Lock()
	displaced := c.place == nil
	p.mu.Unlock()
	switch {
	case displaced: // and counted as such
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.counters.timeouts.Add(1)
	default:
		p.counters.gone.Add(1)
	}
}

// rescue keeps a handler's panic from ending more than its own connection.
func (p *Port) rescue(c *Conn) {
	reason := recover()
	if reason == nil {
		return
	}
	c.Close()
	p.counters.panics.Add(1)
	p.log.Error("port: a handler panicked, its connection is closed",
		"remote", c.RemoteAddr().String(), "panic", fmt.Sprint(reason), "stack", string(debug.Stack()))
}

// turnAway closes a connection that nobody here serves.
func (p *Port) turnAway(c *Conn, kind Kind) {
	if kind == Unknown {
		c.Close()
		return
	}
	p.counters.unserved.Add(1)
	if others, ok := p.turned.allow(kind, time.Now()); ok {
		text := "port: a connection speaks " + kind.String() + ", which is not configured on this port"
		p.log.Warn(text, "remote", c.RemoteAddr().String(), "others", others)
	}
	c.closeUnread()
}
