package bench

import (
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Header is the RTP header of a packet (RFC 3550 §5.1), without what a load generator has no use for.
type Header struct {
	PayloadType uint8
	Marker      bool
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	Video       bool // by the payload type of the answer
}

// receiver is the inbound half of a client. Its mutex guards all of it.
type receiver struct {
	sync.Mutex
	tally
	check   verifier
	decrypt bool
	assoc   *association  // nil before the handshake is over
	early   [][]byte      // packets that came before the keys: at most mostEarly, more are dropped
	media   bool          // something has come
	started chan struct{} // closed by the first packet
	began   time.Time     // of the first packet

	header rtp.Header
	plain  []byte
}

// mostEarly is more than the group of pictures, 2 s and 1 MB, that a server may send at once to a new viewer.
const mostEarly = 2048

var errByServer = errors.New("closed by the server (DTLS alert)")

// receive sorts a datagram by its first byte (RFC 7983 §7). The receiver is locked.
func (c *Client) receive(p *path, b []byte, at time.Time) {
	const alert = 21
	switch first := b[0]; {
	case first < 4:
		c.checks.receive(p, b)
	case first == alert && c.rx.assoc != nil && c.rx.assoc.server == nil:
		c.links.fail(errByServer)
	case first >= 20 && first < 64:
		c.pipe.deliver(b)
	case first >= 128 && first < 192 && len(b) >= 12 && b[1] >= 192 && b[1] < 224:
		c.receiveRTCP(b, at)
	case first >= 128 && first < 192 && len(b) >= 12:
		c.receiveRTP(b, at)
	}
}

func (c *Client) receiveRTP(b []byte, at time.Time) {
	pt := b[1] & 0x7f
	media := pt == c.answer.video.pt || pt == c.answer.audio.pt
	c.rx.add(binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[2:]), len(b), media, at)
	if !c.rx.media && media {
		c.rx.media, c.rx.began = true, at
		close(c.rx.started)
	}
	if !c.rx.decrypt {
		return
	}
	if c.rx.assoc == nil {
		c.keepEarly(b)
		return
	}
	c.decryptRTP(b, at)
}

func (c *Client) keepEarly(b []byte) {
	if len(c.rx.early) < mostEarly {
		c.rx.early = append(c.rx.early, append([]byte(nil), b...))
	}
}

// secured gives the receiver its keys and the packets that waited for them.
func (c *Client) secured(a *association) {
	c.rx.Lock()
	defer c.rx.Unlock()
	c.rx.assoc = a
	at := time.Now()
	for _, b := range c.rx.early {
		if b[1] >= 192 && b[1] < 224 {
			c.receiveRTCP(b, at)
		} else {
			c.decryptRTP(b, at)
		}
	}
	c.rx.early = nil
}

func (c *Client) decryptRTP(b []byte, at time.Time) {
	rx := &c.rx
	plain, err := rx.assoc.recv.DecryptRTP(rx.plain[:0], b, &rx.header)
	if err != nil {
		rx.Checked++
		rx.Wrong++
		return
	}
	rx.plain = plain
	payload := plain[rx.header.MarshalSize():]
	if rx.header.Padding && len(payload) > 0 {
		payload = payload[:len(payload)-min(int(payload[len(payload)-1]), len(payload))]
	}
	video := rx.header.PayloadType == c.answer.video.pt
	if len(payload) == 0 || !video && rx.header.PayloadType != c.answer.audio.pt {
		return // a probe, or a codec we did not ask for
	}
	if c.opt.Verify {
		rx.check.check(&rx.Stats, video, payload, at)
	}
	if c.opt.OnRTP != nil {
		h := &rx.header
		c.opt.OnRTP(Header{h.PayloadType, h.Marker, h.SequenceNumber, h.Timestamp, h.SSRC, video}, payload, at)
	}
}

// receiveRTCP reads reports and requests, if anyone cares for them.
func (c *Client) receiveRTCP(b []byte, at time.Time) {
	rx := &c.rx
	if !rx.decrypt && c.opt.Role != Publish {
		return
	}
	if rx.assoc == nil {
		c.keepEarly(b)
		return
	}
	plain, err := rx.assoc.recv.DecryptRTCP(nil, b, nil)
	if err != nil {
		return
	}
	if c.opt.OnRTCP != nil {
		c.opt.OnRTCP(plain, at)
	}
	packets, err := rtcp.Unmarshal(plain)
	if err != nil {
		return
	}
	for _, packet := range packets {
		switch packet := packet.(type) {
		case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
			c.tx.keyframe.Store(true)
		case *rtcp.SenderReport:
			if f := rx.flow(packet.SSRC); f != nil {
				f.sr.ntp, f.sr.at = uint32(packet.NTPTime>>16), at
			}
		}
	}
}

// reports makes the reception reports of all media flows (RFC 3550 §6.4.1). The receiver is locked.
func (t *tally) reports(now time.Time) []rtcp.ReceptionReport {
	var reports []rtcp.ReceptionReport
	for i := range t.flows {
		f := &t.flows[i]
		if !f.media {
			continue
		}
		expected := f.high - f.first + 1
		r := rtcp.ReceptionReport{
			SSRC:               f.ssrc,
			LastSequenceNumber: uint32(f.high - 1<<16),
			TotalLost:          uint32(max(0, min(int64(expected)-int64(f.received), 1<<23-1))),
			LastSenderReport:   f.sr.ntp,
		}
		due, came := expected-f.reported.expected, f.received-f.reported.received
		if due > came {
			r.FractionLost = uint8(min((due-came)<<8/due, 255))
		}
		f.reported.expected, f.reported.received = expected, f.received
		if f.sr.ntp != 0 {
			r.Delay = uint32(now.Sub(f.sr.at) * 65536 / time.Second)
		}
		reports = append(reports, r)
	}
	return reports
}
