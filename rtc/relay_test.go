package rtc

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"oneport/ice"
	"oneport/media"
)

// relay is a publisher's peer and a viewer's, as a server joins them, each behind a network of its own.
type relay struct {
	t         *testing.T
	in, out   *call
	ring      map[uint64]*media.Packet
	rtxSeq    uint16
	numbers   map[uint16]string // what the viewer got, by outgoing number
	expected  uint16            // the next outgoing number
	asked     map[uint16]time.Time
	feedbacks int
}

// TestRelay carries a thousand packets from a publisher to a viewer. Whatever the networks lose, both sides repair it; what
// arrives is what was sent, contiguous, and nothing arrives that was not.
func TestRelay(t *testing.T) {
	for _, test := range []struct {
		name      string
		from, to  ice.Path
		near, far func() *network
	}{
		{"udp to udp, lossy", udpPath, udpPath, func() *network { return lossy(11) }, func() *network { return lossy(12) }},
		{"tcp to udp, lossy", tcpPath, udpPath, func() *network { return stream(13) }, func() *network { return lossy(14) }},
		{"udp, lossy, to tcp", udpPath, tcpPath, func() *network { return lossy(15) }, func() *network { return stream(16) }},
		{"tcp to tcp", tcpPath, tcpPath, func() *network { return stream(17) }, func() *network { return stream(18) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &relay{
					t: t, ring: make(map[uint64]*media.Packet), numbers: make(map[uint16]string), asked: make(map[uint16]time.Time),
					in: dial(t, publisher(t), test.from, test.near(), nil), out: dial(t, viewer(t), test.to, test.far(), nil),
				}
				r.in.handshake()
				r.out.now = time.Now()
				r.out.handshake()
				r.in.now = r.out.now
				r.run()
			})
		})
	}
}

// The publisher's numbers wrap on the way.
const (
	relayed      = 1000
	firstRelayed = 65_000
	lastRelayed  = (firstRelayed + relayed - 1) & 0xffff
)

func (r *relay) run() {
	for i := range relayed + 2000 {
		if i < relayed {
			r.publish(uint16((firstRelayed + i) & 0xffff))
		}
		r.serveIn()
		r.serveOut()
		r.publisherHears()
		r.viewerHears()
		r.in.now = r.in.now.Add(time.Millisecond)
		r.out.now = r.in.now
	}
	got := slices.Sorted(maps.Values(r.numbers))
	var want []string
	for i := range relayed {
		want = append(want, string(vp8(r.in, uint16((firstRelayed+i)&0xffff)).Payload))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.t.Errorf("%d packets arrived, not the %d that were sent", len(got), relayed)
	}
	numbers := slices.Sorted(maps.Keys(r.numbers))
	if span := int(numbers[len(numbers)-1] - numbers[0]); span != relayed-1 {
		r.t.Errorf("%d packets have numbers %d apart", len(numbers), span)
	}
	if r.feedbacks < 15 {
		r.t.Errorf("the publisher heard %d transport feedbacks", r.feedbacks)
	}
}

func (r *relay) publish(seq uint16) {
	p := withExtensions(vp8(r.in, seq), oneByteProfile, map[uint8][]byte{r.in.session.Video.TransportCCExt: binary.BigEndian.AppendUint16(nil, seq)})
	b := r.in.sealRTP(p)
	if seq == firstRelayed || seq == lastRelayed { // of these nobody would know that they are lost
		r.settle(r.in.peer.Receive(r.in.now, r.in.path, b))
		return
	}
	r.in.net.send(r.in.now, toServer, b)
}

// serveIn is the server's publishing side.
func (r *relay) serveIn() {
	c := r.in
	r.settle(c.peer.Service(c.now))
	for _, b := range c.net.arrived(c.now, toServer) {
		r.settle(c.peer.Receive(c.now, c.path, b))
	}
}

// settle does with what the publisher's peer says what a server does.
func (r *relay) settle(ev Events) {
	c := r.in
	for _, compound := range ev.Feedback {
		for _, frame := range frames(r.t, c.out.AppendRTCP(nil, compound)) {
			c.net.send(c.now, toClient, frame)
		}
	}
	if ev.Packet == nil {
		return
	}
	if r.ring[ev.Packet.Seq] != nil {
		r.t.Fatalf("packet %d came twice", ev.Packet.Seq)
	}
	r.ring[ev.Packet.Seq] = ev.Packet
	r.forward(ev.Packet)
}

func (r *relay) forward(p *media.Packet) {
	it := media.Item{Packet: p}
	if len(r.ring) == 1 {
		it.Break, it.First = media.Restarted, p.Seq
	}
	for _, frame := range frames(r.t, r.out.out.Append(r.out.now, nil, []media.Item{it})) {
		if seq := uint16(p.Seq); seq == firstRelayed || seq == lastRelayed {
			r.open(frame)
			continue
		}
		r.out.net.send(r.out.now, toClient, frame)
	}
}

// serveOut is the server's playing side.
func (r *relay) serveOut() {
	c := r.out
	find := func(_ media.Kind, seq uint64) *media.Packet { return r.ring[seq] }
	for _, b := range c.net.arrived(c.now, toServer) {
		for _, ask := range c.peer.Receive(c.now, c.path, b).Nacks {
			for _, frame := range frames(r.t, again(c.out, c.now, ask, find)) {
				c.net.send(c.now, toClient, frame)
			}
		}
	}
}

// publisherHears answers NACKs by RTX.
func (r *relay) publisherHears() {
	c := r.in
	for _, b := range c.net.arrived(c.now, toClient) {
		if Classify(b) != RTCP {
			continue // the end of the handshake, once more
		}
		plain, err := c.client.dec.DecryptRTCP(nil, b, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		list, err := rtcp.Unmarshal(plain)
		if err != nil {
			r.t.Fatal(err)
		}
		r.feedbacks += len(of[*rtcp.TransportLayerCC](list))
		for _, seq := range asked(list) {
			r.rtxSeq++
			c.net.send(c.now, toServer, c.sealRTP(rtx(c, vp8(c, seq), r.rtxSeq)))
		}
	}
}

// viewerHears takes in media, and asks for what is missing.
func (r *relay) viewerHears() {
	c := r.out
	for _, b := range c.net.arrived(c.now, toClient) {
		if Classify(b) == RTP {
			r.open(b)
		}
	}
	var missing []uint16
	for seq, since := range r.asked {
		if c.now.Sub(since) > 40*time.Millisecond {
			missing = append(missing, seq)
			r.asked[seq] = c.now
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		c.net.send(c.now, toServer, c.sealRTCP(&rtcp.TransportLayerNack{
			SenderSSRC: 5, MediaSSRC: videoSSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(missing[:min(len(missing), 100)]),
		}))
	}
}

func (r *relay) open(b []byte) {
	for _, p := range opened(r.t, r.out.client.dec, ice.AppendFrame(nil, b)) {
		r.play(p)
	}
}

func (r *relay) play(p *rtp.Packet) {
	seq, payload := p.SequenceNumber, string(p.Payload)
	if p.SSRC == rtxSSRC {
		seq, payload = binary.BigEndian.Uint16(p.Payload), string(p.Payload[2:])
	}
	if before, ok := r.numbers[seq]; ok && before != payload {
		r.t.Fatalf("number %d stands for % x and % x", seq, before, payload)
	}
	if len(r.numbers) == 0 {
		r.expected = seq
	}
	for ; int16(seq-r.expected) >= 0; r.expected++ {
		r.asked[r.expected] = r.out.now
	}
	r.numbers[seq] = payload
	delete(r.asked, seq)
}
