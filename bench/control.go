package bench

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/pion/rtcp"
)

// Close deletes the session at the server, closes every connection and waits for the client's goroutines.
func (c *Client) Close() error {
	var err error
	if c.resource != nil && !c.isClosing() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		err = c.resource.remove(ctx, c.shared.http, c.opt.Bearer)
		cancel()
	}
	c.Kill()
	return err
}

// Kill is Close without a word to the server.
func (c *Client) Kill() {
	c.mu.Lock()
	if !c.closing {
		c.closing = true
		close(c.closed)
	}
	open := append([]*path(nil), c.paths...)
	c.mu.Unlock()
	for _, p := range open {
		p.conn.Close()
	}
	_ = c.pipe.Close()
	c.readers.Wait()
	c.rx.Lock()
	assoc := c.assoc
	c.rx.Unlock()
	if assoc != nil {
		assoc.close()
	}
}

func (c *Client) isClosing() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// Hangup tells the server in DTLS that the session is over, as a browser does that closes its peer connection.
func (c *Client) Hangup() error {
	c.rx.Lock()
	assoc := c.assoc
	c.rx.Unlock()
	if assoc == nil || assoc.closeNotify == nil {
		return fmt.Errorf("hangup: no close_notify at hand")
	}
	return c.send(assoc.closeNotify)
}

// Cut ends the current connection: with a reset, or in the orderly way, after which what still comes is thrown away.
// The session stays; see Reconnect.
func (c *Client) Cut(reset bool) error {
	c.mu.Lock()
	p := c.current
	c.current = nil
	c.mu.Unlock()
	if p == nil {
		return errNoPath
	}
	p.cut.Store(true)
	conn, ok := p.conn.(*net.TCPConn)
	if !ok {
		return p.conn.Close()
	}
	if reset {
		_ = conn.SetLinger(0)
		return conn.Close()
	}
	// Closing with unread bytes would make the kernel send a reset: only the writing side ends here.
	return conn.CloseWrite()
}

// Reconnect opens another connection over the same network, with the same ufrag and no new offer, and nominates it.
func (c *Client) Reconnect(ctx context.Context) error {
	return c.Move(ctx, c.Network())
}

// Move opens a connection over "tcp" or "udp" and nominates it. The old one stays open, and is kept alive, until it is cut.
func (c *Client) Move(ctx context.Context, network string) error {
	if err := c.connect(ctx, network); err != nil {
		return fmt.Errorf("move to %s: %w", network, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opt.Net = network
	return nil
}

// Network is what the client was last moved to.
func (c *Client) Network() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opt.Net
}

// Stall stops reading, as a viewer on a dead link, or goes on. Keepalives are sent all the while.
func (c *Client) Stall(stall bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.stalled.Swap(stall)
	if was == stall {
		return
	}
	if !stall {
		close(c.resume)
		return
	}
	c.resume = make(chan struct{})
}

// resumed is closed by the end of the stall.
func (c *Client) resumed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stalled.Load() {
		over := make(chan struct{})
		close(over)
		return over
	}
	return c.resume
}

// PLI asks for a keyframe of the video.
func (c *Client) PLI() error {
	var ssrc uint32
	if len(c.answer.video.ssrcs) > 0 {
		ssrc = c.answer.video.ssrcs[0]
	}
	return c.sendReports(&rtcp.PictureLossIndication{SenderSSRC: c.ssrc[1], MediaSSRC: ssrc})
}

// Started is closed when the first media packet has come.
func (c *Client) Started() <-chan struct{} { return c.rx.started }

// Stats tells what has come so far.
func (c *Client) Stats() Stats {
	at := time.Now()
	c.rx.Lock()
	defer c.rx.Unlock()
	return c.rx.snapshot(at)
}

// ResetStats begins a new measurement.
func (c *Client) ResetStats() {
	at := time.Now()
	c.rx.Lock()
	defer c.rx.Unlock()
	c.rx.reset(at)
}

// Profile names the SRTP profile that was negotiated.
func (c *Client) Profile() string {
	c.rx.Lock()
	defer c.rx.Unlock()
	if c.assoc == nil {
		return ""
	}
	return c.assoc.profile
}

// Location is the URL of the session, "" if the server named none.
func (c *Client) Location() string { return c.resource.location }

// Answer is the server's SDP.
func (c *Client) Answer() string { return string(c.resource.answer) }
