package bench

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// sender is the outbound half of a client. Its mutex makes packets leave in the order in which they were encrypted.
type sender struct {
	keyframe atomic.Bool  // asked for by the server
	late     atomic.Int64 // the most nanoseconds that Publish was behind its schedule

	sync.Mutex
	seal   *srtp.Context // nil before the handshake is over
	header rtp.Header
	sealed [][]byte // buffers of encrypted packets, used again for each write
}

func (s *sender) open(a *association) {
	s.Lock()
	defer s.Unlock()
	s.seal = a.send
}

// send writes one datagram to the current path.
func (c *Client) send(b []byte) error {
	p := c.links.path()
	if p == nil {
		return errNoPath
	}
	return p.write(b)
}

// SendRTP encrypts packets and sends them; over TCP in one write.
func (c *Client) SendRTP(packets ...[]byte) error {
	c.tx.Lock()
	defer c.tx.Unlock()
	if c.tx.seal == nil {
		return errNoPath
	}
	for len(c.tx.sealed) < len(packets) {
		c.tx.sealed = append(c.tx.sealed, make([]byte, 0, 1500))
	}
	for i, plain := range packets {
		sealed, err := c.tx.seal.EncryptRTP(c.tx.sealed[i][:0], plain, &c.tx.header)
		if err != nil {
			return fmt.Errorf("srtp: %w", err)
		}
		c.tx.sealed[i] = sealed
	}
	p := c.links.path()
	if p == nil {
		return errNoPath // the packets are lost, their sequence numbers used
	}
	return p.write(c.tx.sealed[:len(packets)]...)
}

// SendRTCP encrypts a compound packet and sends it.
func (c *Client) SendRTCP(plain []byte) error {
	c.tx.Lock()
	defer c.tx.Unlock()
	if c.tx.seal == nil {
		return errNoPath
	}
	sealed, err := c.tx.seal.EncryptRTCP(nil, plain, nil)
	if err != nil {
		return fmt.Errorf("srtcp: %w", err)
	}
	return c.send(sealed)
}

func (c *Client) sendReports(packets ...rtcp.Packet) error {
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		return fmt.Errorf("rtcp: %w", err)
	}
	return c.SendRTCP(plain)
}

// report sends a receiver report about every media flow.
func (c *Client) report(now time.Time) {
	c.rx.Lock()
	reports := c.rx.reports(now)
	c.rx.Unlock()
	if len(reports) == 0 {
		return
	}
	_ = c.sendReports(&rtcp.ReceiverReport{SSRC: c.ssrc[1], Reports: reports}, description(c.ssrc[1]))
}

func description(ssrc uint32) rtcp.Packet {
	return &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: ssrc,
		Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "bench"}},
	}}}
}
