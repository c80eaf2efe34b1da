package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/pion/rtcp"
)

// Close deletes the session at the server, closes every connection and waits for the client's goroutines.
func (c *Client) Close() error {
	var err error
	if c.resource != nil && !c.links.isClosing() {
		ctx, cancel := context.WithTimeout(context.Background(), c.opt.CheckTimeout)
		err = c.resource.remove(ctx, c.shared.http, c.opt.Bearer)
		cancel()
	}
	c.Kill()
	return err
}

// Kill is Close without a word to the server.
func (c *Client) Kill() {
	c.links.shut()
	_ = c.pipe.Close()
	c.links.readers.Wait()
	if assoc := c.association(); assoc != nil {
		assoc.close()
	}
}

// Err says why nothing more can come: the server ended the session, or no connection is left. It is nil while all is well.
func (c *Client) Err() error {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	return c.links.err
}

// association is nil before the handshake is over.
func (c *Client) association() *association {
	c.rx.Lock()
	defer c.rx.Unlock()
	return c.rx.assoc
}

// Hangup tells the server in DTLS that the session is over, as a browser does that closes its peer connection.
func (c *Client) Hangup() error {
	assoc := c.association()
	if assoc == nil || assoc.closeNotify == nil {
		return errors.New("hangup: no close_notify at hand")
	}
	return c.send(assoc.closeNotify)
}

// Cut ends the current connection: with a reset, or in the orderly way, after which what still comes is thrown away.
// The session stays; see Reconnect.
func (c *Client) Cut(reset bool) error {
	p := c.links.take()
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
	return nil
}

// Network is what the client was last moved to.
func (c *Client) Network() string {
	c.links.mu.Lock()
	defer c.links.mu.Unlock()
	return c.links.network
}

// Stall stops reading, as a viewer on a dead link, or goes on. Keepalives are sent all the while. What Stats tells once Stall
// has returned is all that comes before it goes on.
func (c *Client) Stall(stall bool) { c.links.stall(stall) }

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
	if assoc := c.association(); assoc != nil {
		return assoc.profile
	}
	return ""
}

// Location is the URL of the session, "" if the server named none.
func (c *Client) Location() string { return c.resource.location }

// Answer is the server's SDP.
func (c *Client) Answer() string { return string(c.resource.answer) }
