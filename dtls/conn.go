package dtls

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pion/dtls/v3/pkg/protocol/alert"
)

const (
	// maxDatagram is the longest datagram that is looked at; longer ones are ignored.
	maxDatagram = 2048

	// maxOutgoing bounds the datagrams that wait for Outgoing. The oldest is dropped when there are more: a
	// flight that is repeated replaces its former self. Stats.OutgoingDropped counts.
	maxOutgoing = 16

	// repeatInterval is the least time between two repetitions of the last flight.
	repeatInterval = 100 * time.Millisecond
)

// Conn is one DTLS association. Its methods never block and may be called from several goroutines. The one
// goroutine that a Conn starts lives during the handshake only: Wait returns when it is gone.
type Conn struct {
	mu    sync.Mutex
	state State
	err   error
	out   [][]byte // at most maxOutgoing
	stats Stats

	hs   *handshake    // until the handshake has ended
	done chan struct{} // closed when the handshake's goroutine has ended; nil if it never began

	est      *established // from Connected until Destroy
	repeated time.Time    // when the last flight was last repeated
}

// NewServer makes the passive side of an association. Nothing runs before the first datagram.
func NewServer(c Config) (*Conn, error) { return newConn(c, false) }

// NewClient makes the active side of an association, which waits for Start.
func NewClient(c Config) (*Conn, error) { return newConn(c, true) }

func newConn(config Config, client bool) (*Conn, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	remote, err := config.RemoteFingerprint.parse()
	if err != nil {
		return nil, err
	}
	return &Conn{hs: &handshake{config: config, remote: remote, client: client}}, nil
}

// Start makes a client say hello. A server is started by the hello it receives.
func (c *Conn) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == New && c.hs.client {
		c.begin()
	}
}

// begin starts the handshake's goroutine.
func (c *Conn) begin() {
	h := c.hs
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	h.pipe = newPipe(func(b []byte) { c.emit(h, b) })
	c.state = Handshaking
	c.done = make(chan struct{})
	go c.negotiate(ctx, h)
}

// negotiate is the handshake's goroutine.
func (c *Conn) negotiate(ctx context.Context, h *handshake) {
	defer close(c.done)
	defer h.cancel()
	e, err := h.guarded(ctx)
	h.pipe.cut()
	c.conclude(h, e, err)
	h.config.Wake()
}

// conclude takes over what the handshake came to, unless Close or Destroy was quicker.
func (c *Conn) conclude(h *handshake, e *established, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hs != h {
		return
	}
	c.hs = nil
	for _, b := range h.last {
		c.push(b)
	}
	if err != nil {
		c.end(Failed, err)
		return
	}
	c.state, c.est = Connected, e
	if e.err != nil {
		c.end(Closed, e.err)
	}
	for {
		select {
		case b := <-h.pipe.in:
			c.receiveRecords(b)
		default:
			return
		}
	}
}

// emit queues a datagram of the handshake. The server's last flight, which begins with ChangeCipherSpec, waits for the
// keys: a client that has it sends media at once, and what comes before the keys is lost.
func (c *Conn) emit(h *handshake, b []byte) {
	c.mu.Lock()
	if c.hs == h {
		if !h.client && (len(h.last) > 0 || b[0] == typeChangeCipherSpec) {
			h.last = append(h.last, b)
			c.mu.Unlock()
			return
		}
		c.push(b)
	}
	c.mu.Unlock()
	h.config.Wake()
}

func (c *Conn) push(b []byte) {
	if len(c.out) == maxOutgoing {
		c.out = append(c.out[:0], c.out[1:]...)
		c.stats.OutgoingDropped++
	}
	c.out = append(c.out, b)
}

// end is the last change of state.
func (c *Conn) end(s State, err error) {
	if c.hs != nil && c.hs.cancel != nil {
		c.hs.cancel()
	}
	c.hs = nil
	c.state, c.err = s, err
}

// Receive takes a datagram, which is copied if it is kept. Look at Outgoing and State afterwards, and again
// when Wake is called. It returns true if the datagram is certainly from the peer and was not seen before,
// which can be known only once the association is established.
func (c *Conn) Receive(b []byte) (authentic bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !IsDTLS(b) || len(b) > maxDatagram {
		c.stats.Ignored++
		return false
	}
	switch c.state {
	case New:
		if c.hs.client || !opensHandshake(b) {
			c.stats.Ignored++
			return false
		}
		c.begin()
		c.feed(b)
	case Handshaking:
		c.feed(b)
	case Connected:
		return c.receiveRecords(b)
	default:
		c.stats.Ignored++
	}
	return false
}

// feed hands a datagram to the handshake's goroutine.
func (c *Conn) feed(b []byte) {
	h := c.hs
	if !admissible(b) {
		c.stats.Ignored++
		return
	}
	if h.admitted += len(b); h.admitted > maxAdmitted {
		c.end(Failed, ErrFlood)
		return
	}
	select {
	case h.pipe.in <- append([]byte(nil), b...):
	default:
		c.stats.ReceiveDropped++
	}
}

// receiveRecords looks for what can still matter after the handshake: an alert, and the Finished of a client
// that did not get our last flight. Both have to authenticate, so that a forgery changes nothing.
func (c *Conn) receiveRecords(b []byte) (authentic bool) {
	understood := false
	for r := range records(b) {
		if c.state != Connected {
			break
		}
		ok, fresh := false, false
		switch r.kind() {
		case typeAlert:
			ok, fresh = c.receiveAlert(r)
		case typeHandshake:
			ok, fresh = c.receiveFinished(r)
		}
		understood = understood || ok
		authentic = authentic || fresh
	}
	if !understood {
		c.stats.Ignored++
	}
	return authentic
}

func (c *Conn) receiveAlert(r record) (ok, fresh bool) {
	a, fresh, ok := c.est.protection.open(r, alertLen)
	switch {
	case !ok:
	case a[1] == alertCloseNotify:
		c.sayGoodbye() // RFC 5246 section 7.2.1 wants one in return.
		c.end(Closed, ErrPeerClosed)
	case a[0] == alertFatal:
		c.end(Closed, fmt.Errorf("dtls: the peer ended the association with the alert %v", alert.Description(a[1])))
	}
	return ok, fresh
}

func (c *Conn) receiveFinished(r record) (ok, fresh bool) {
	m, fresh, ok := c.est.protection.open(r, finishedLen)
	if !ok || m[0] != msgFinished {
		return ok, fresh
	}
	if now := time.Now(); len(c.est.last) > 0 && now.Sub(c.repeated) >= repeatInterval {
		c.repeated = now
		c.stats.Repeats++
		c.push(c.est.last) // The very same record: no sequence number is used for two.
	}
	return ok, fresh
}

// sayGoodbye queues a close_notify.
func (c *Conn) sayGoodbye() {
	r, err := c.est.protection.seal(typeAlert, []byte{alertWarning, alertCloseNotify})
	if err == nil {
		c.push(r)
	}
}

// Outgoing returns the datagrams to send, oldest first, and forgets them.
func (c *Conn) Outgoing() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.out
	c.out = nil
	return out
}

// State tells where the association stands.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Err says why the association has Failed or who has Closed it; it is nil before, and after our own Close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Keys returns the SRTP keys, once there are any, until Destroy.
func (c *Conn) Keys() (Keys, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.est == nil {
		return Keys{}, false
	}
	return c.est.keys, true
}

// Stats returns the counters.
func (c *Conn) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Close ends the association and leaves a close_notify in Outgoing if it was established.
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case Connected:
		c.sayGoodbye()
		c.end(Closed, nil)
	case New, Handshaking:
		c.end(Closed, nil)
	}
}

// Destroy ends the association without a word and forgets its keys.
func (c *Conn) Destroy() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state < Closed {
		c.end(Closed, nil)
	}
	c.est, c.out = nil, nil
}

// Wait returns when no goroutine of the Conn is left, which after Close or Destroy is at once or very soon. Do
// not hold a lock that Wake takes.
func (c *Conn) Wait() {
	c.mu.Lock()
	done := c.done
	c.mu.Unlock()
	if done != nil {
		<-done
	}
}
