package e2e

import (
	"net"
	"os"
	"sync"
	"time"
)

// recorder is a net.PacketConn that keeps the first datagram and answers nothing.
type recorder struct {
	first chan []byte
	mu    sync.Mutex
	read  chan struct{} // closed by Close or a deadline in the past
}

func (r *recorder) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case r.first <- append([]byte(nil), b...):
	default:
	}
	return len(b), nil
}

func (r *recorder) waiting() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = make(chan struct{})
	}
	return r.read
}

func (r *recorder) ReadFrom([]byte) (int, net.Addr, error) {
	<-r.waiting()
	return 0, nil, os.ErrDeadlineExceeded
}

func (r *recorder) Close() error {
	waiting := r.waiting()
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-waiting:
	default:
		close(waiting)
	}
	return nil
}

func (r *recorder) SetReadDeadline(t time.Time) error {
	if !t.IsZero() && !t.After(time.Now()) {
		return r.Close()
	}
	return nil
}

func (r *recorder) SetDeadline(t time.Time) error    { return r.SetReadDeadline(t) }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }
func (r *recorder) LocalAddr() net.Addr              { return &net.UDPAddr{} }
