package server

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
)

// nack asks for the packets before the newest, 17 with each pair.
func (c *fakeClient) nack(pairs int) {
	c.t.Helper()
	newest := c.media[len(c.media)-1]
	request := &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: newest.SSRC}
	for i := range uint16(pairs) {
		request.Nacks = append(request.Nacks, rtcp.NackPair{PacketID: newest.SequenceNumber - 17*(i+1), LostPackets: 0xffff})
	}
	plain, err := request.Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	sealed, err := c.seal.EncryptRTCP(nil, plain, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sess.receive(time.Now(), c.sess.link(), sealed)
}

// A viewer over UDP that asks for everything again, a thousand times a second, gets at most as much again as it gets at all and
// a little more, never a burst of it, and what it is refused is counted. Another viewer's packets come when they always come.
func TestNackFloodOverUDP(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher := joined(t, s, "whip", "")
		greedy, m := metered(t, s, 1)
		other, m2 := metered(t, s, 2)
		frame := uint32(0)
		second := func(each func()) { // of 50 pictures, 10 packets each: 4.4 Mbit/s
			for ms := range 1000 {
				if ms%20 == 0 {
					publisher.sendLarge(frame*1800, frame%50 == 0, 10)
					frame++
				}
				each()
				time.Sleep(time.Millisecond)
				synctest.Wait()
			}
			greedy.pump()
			other.pump()
		}
		second(func() {})
		*m, *m2 = meter{wire: m.wire}, meter{wire: m2.wire}
		const seconds = 5
		for range seconds {
			second(func() { greedy.nack(16) })
		}
		stream := seconds * 500 * 1160
		if most := 2*stream + (seconds+1)*(64<<10); m.bytes > most {
			t.Errorf("%d bytes are sent, the stream is of %d", m.bytes, stream)
		}
		if m.bytes < stream+stream/2 {
			t.Errorf("only %d bytes are sent: nothing is resent", m.bytes)
		}
		if m.longest > udpBurst {
			t.Errorf("%d datagrams are sent without a pause", m.longest)
		}
		if _, media := m2.packets, len(other.media); media != (seconds+1)*500 || m2.longest > 12 {
			t.Errorf("another viewer got %d packets, %d without a pause", media, m2.longest)
		}
		shown := greedy.sess.describe()
		if shown.Resent == 0 || shown.Withheld == 0 {
			t.Errorf("shown are %+v", shown)
		}
		check := func() {
			t.Helper()
			metrics := text(t, local(s, "GET", "/metrics", ""))
			for _, want := range []string{
				fmt.Sprintf("\noneport_packets_resent_total %v\n", float64(shown.Resent)),
				fmt.Sprintf("\noneport_packets_withheld_total %v\n", float64(shown.Withheld)),
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("the metrics lack %q", want)
				}
			}
		}
		check()
		greedy.sess.close(errKicked)
		check()
	})
}

// What is lost is sent again, at once and once, however often it is asked for within a round trip.
func TestNackOverUDP(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		publisher := joined(t, s, "whip", "")
		viewer, m := metered(t, s, 1)
		publisher.sendLarge(0, true, 20)
		time.Sleep(5 * time.Millisecond)
		viewer.pump()
		want := make(map[uint16][]byte)
		for _, p := range viewer.media[2:19] {
			want[p.SequenceNumber] = p.Payload
		}
		viewer.media = viewer.media[len(viewer.media)-1:]
		m.packets = 0
		for range 3 {
			viewer.nack(1)
			synctest.Wait()
		}
		if m.packets != 17 {
			t.Errorf("%d packets came at once", m.packets)
		}
		for _, b := range viewer.wire.take() {
			if seq := binary.BigEndian.Uint16(b[2:]); want[seq] == nil {
				t.Errorf("packet %d is sent again", seq)
			}
		}
	})
}
