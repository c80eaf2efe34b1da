package dtls

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// queueLen bounds the datagrams that wait for the handshake. A newer one is dropped when it is full: flights are
// repeated, and the counter Stats.ReceiveDropped says so.
const queueLen = 16

// pipe is the socket that pion sees: it reads from a bounded queue and hands what it is given to emit.
type pipe struct {
	in   chan []byte
	end  chan struct{} // closed by cut
	done chan struct{} // closed when pion reads no more: it was told the end, or it closed the connection
	emit func([]byte)

	mu    sync.Mutex
	kick  chan struct{} // closed while the read deadline is in the past
	last  []byte        // the newest datagram written
	ended bool          // end is closed: nothing is read or written any more
	quiet bool          // done is closed
	shut  bool          // pion closed the connection
}

func newPipe(emit func([]byte)) *pipe {
	return &pipe{
		in:   make(chan []byte, queueLen),
		end:  make(chan struct{}),
		done: make(chan struct{}),
		kick: make(chan struct{}),
		emit: emit,
	}
}

// cut ends reading with io.EOF and makes writing a no-op. What is written after it never leaves.
func (p *pipe) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		close(p.end)
	}
}

// outcome tells the newest datagram that was written and whether pion closed the connection by itself.
func (p *pipe) outcome() (last []byte, shut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.shut
}

func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	kick, ended := p.kick, p.ended
	p.mu.Unlock()
	if ended { // What still waits in the queue is for the time after the handshake.
		p.settle()
		return 0, nil, io.EOF
	}
	select {
	case d := <-p.in:
		return copy(b, d), addr{}, nil
	case <-p.end:
		p.settle()
		return 0, nil, io.EOF
	case <-kick:
		return 0, nil, os.ErrDeadlineExceeded
	}
}

// settle says that pion has come to the end of what it will ever read.
func (p *pipe) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet {
		p.quiet = true
		close(p.done)
	}
}

func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	d := append([]byte(nil), b...)
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return len(b), nil
	}
	p.last = d
	p.mu.Unlock()
	p.emit(d)
	return len(b), nil
}

// SetReadDeadline is how pion interrupts a read: with a time long past, and then with none.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.kick:
		if t.IsZero() {
			p.kick = make(chan struct{})
		}
	default:
		if !t.IsZero() {
			close(p.kick)
		}
	}
	return nil
}

func (p *pipe) Close() error {
	p.mu.Lock()
	p.shut = true
	p.mu.Unlock()
	p.cut()
	p.settle()
	return nil
}

func (p *pipe) SetDeadline(t time.Time) error      { return p.SetReadDeadline(t) }
func (p *pipe) SetWriteDeadline(_ time.Time) error { return nil } // Writing never blocks.
func (p *pipe) LocalAddr() net.Addr                { return addr{} }

// addr stands for both ends of a pipe, which has no addresses.
type addr struct{}

func (addr) Network() string { return "pipe" }
func (addr) String() string  { return "pipe" }
