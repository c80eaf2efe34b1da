package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"oneport/ice"
)

// path is one connection to the server, with one goroutine that reads it.
type path struct {
	network string // "udp" or "tcp"
	conn    net.Conn
	client  *Client
	done    chan struct{} // closed when reading has ended, after err is set
	err     error
	cut     atomic.Bool // drop what comes; see Cut

	// The reader's.
	rest []byte  // of a TCP stream, the beginning of a frame
	buf  *[]byte // what was taken, and is to be delivered
	ends []int   // where each read ended in it

	mu  sync.Mutex // guards out
	out []byte     // frames on their way into one write
}

var errStalled = errors.New("stalled")

// dial opens a path and starts its reader.
func (c *Client) dial(ctx context.Context, to candidate) (*path, error) {
	dialer := net.Dialer{Timeout: c.opt.CheckTimeout, Control: receiveBuffer(c.opt.ReceiveBuffer)}
	conn, err := dialer.DialContext(ctx, to.network, to.addr())
	if err != nil {
		return nil, err
	}
	p := &path{network: to.network, conn: conn, client: c, done: make(chan struct{})}
	if to.network == "udp" && c.opt.ReceiveBuffer == 0 {
		_ = conn.(*net.UDPConn).SetReadBuffer(1 << 20) // as much as the system grants
	}
	poll, err := newPoller(conn, c.opt.GRO, p.take)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if !c.links.adopt(p) {
		conn.Close()
		return nil, errClosed
	}
	go func() {
		defer c.links.readers.Done()
		p.read(poll)
	}()
	return p, nil
}

// read is the path's goroutine: it reads until the connection ends, and keeps it alive in the pauses that its deadline makes.
func (p *path) read(poll *poller) {
	c := p.client
	_ = p.extend(time.Now())
	var err error
	for err == nil {
		switch err = poll.wait(); {
		case err == nil:
			err = p.deliver()
		case errors.Is(err, os.ErrDeadlineExceeded) && p.cut.Load():
			err = errClosed // the server had a tick's time to close its side
		case errors.Is(err, os.ErrDeadlineExceeded):
			now := time.Now()
			c.tick(p, now)
			err = p.extend(now)
		case errors.Is(err, errStalled):
			err = p.waitForResume()
		}
	}
	p.conn.Close()
	p.err = err
	close(p.done)
	if c.links.lost(p, err) && c.opt.OnState != nil {
		c.opt.OnState(p.network, err)
	}
}

// extend sets the next tick, and bounds every write until then.
func (p *path) extend(now time.Time) error {
	if err := p.conn.SetWriteDeadline(now.Add(10 * time.Second)); err != nil {
		return err
	}
	return p.conn.SetReadDeadline(now.Add(p.client.opt.Tick))
}

// waitForResume keeps the session alive while nothing is read.
func (p *path) waitForResume() error {
	ticker := time.NewTicker(p.client.opt.Tick)
	defer ticker.Stop()
	for {
		resumed := p.client.links.resumed()
		if resumed == nil {
			return p.extend(time.Now())
		}
		select {
		case <-resumed:
		case <-p.client.links.closed:
			return errClosed
		case now := <-ticker.C:
			p.client.tick(p, now)
			if err := p.extend(now); err != nil {
				return err
			}
		}
	}
}

// datagrams is where a path reads from: n bytes that are datagrams of the size segment, the last of the rest. A segment of 0
// means that they belong together.
type datagrams interface {
	read(b []byte) (n, segment int, err error)
}

// take reads what waits into a buffer, for deliver: once from a TCP connection, behind the beginning of a frame that is at
// hand already, and a batch of datagrams from a UDP socket. Nothing else may happen here, as the socket can't be closed
// meanwhile.
func (p *path) take(r datagrams) error {
	c := p.client
	if c.links.stalled.Load() {
		return errStalled
	}
	buf := c.shared.buffers.Get().(*[]byte)
	p.ends = p.ends[:0]
	at, reads := copy(*buf, p.rest), 1
	if p.network == "udp" {
		reads = batch
	}
	for len(p.ends) < reads && len(*buf)-at >= mostAtOnce {
		n, segment, err := r.read((*buf)[at:])
		if err != nil && len(p.ends) == 0 {
			c.shared.buffers.Put(buf)
			return err
		}
		if err != nil {
			break // it comes again
		}
		end := at + n
		for segment > 0 && end-at > segment {
			at += segment
			p.ends = append(p.ends, at)
		}
		at = end
		p.ends = append(p.ends, at)
	}
	p.buf = buf
	return nil
}

// mostAtOnce is as much as one read may bring: a run of datagrams is never longer.
const mostAtOnce = 64 << 10

// deliver hands what was taken to the client, after the stall that began meanwhile.
func (p *path) deliver() error {
	c := p.client
	defer c.shared.buffers.Put(p.buf)
	at := time.Now()
	for c.rx.Lock(); c.links.stalled.Load(); c.rx.Lock() {
		c.rx.Unlock()
		if err := p.waitForResume(); err != nil {
			return err
		}
		at = time.Now()
	}
	defer c.rx.Unlock()
	if p.cut.Load() {
		return nil
	}
	if p.network == "tcp" {
		return p.frames((*p.buf)[:p.ends[0]], at)
	}
	begin := 0
	for _, end := range p.ends {
		if datagram := (*p.buf)[begin:end]; len(datagram) > 0 {
			c.receive(p, datagram, at)
		}
		begin = end
	}
	return nil
}

// frames delivers the whole frames of a stream, and keeps the rest.
func (p *path) frames(b []byte, at time.Time) error {
	for {
		frame, rest, err := ice.NextFrame(b)
		if err != nil {
			return err
		}
		if frame == nil {
			p.rest = append(p.rest[:0], rest...)
			return nil
		}
		p.client.receive(p, frame, at)
		b = rest
	}
}

// write sends datagrams: over TCP as frames in one write, over UDP one by one.
func (p *path) write(datagrams ...[]byte) error {
	if p.network == "udp" {
		for _, d := range datagrams {
			if _, err := p.conn.Write(d); err != nil && !refused(err) {
				return fmt.Errorf("udp: %w", err)
			}
		}
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = p.out[:0]
	for _, d := range datagrams {
		p.out = ice.AppendFrame(p.out, d)
	}
	if n, err := p.conn.Write(p.out); err != nil {
		if n > 0 {
			p.conn.Close() // a frame sent in part makes the rest unreadable
		}
		return fmt.Errorf("tcp: %w", err)
	}
	return nil
}
