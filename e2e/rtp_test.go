package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"oneport/bench"
)

// seal encrypts one packet of the handmade publisher.
func seal(t testing.TB, keys *srtp.Context, h rtp.Header, payload []byte) []byte {
	t.Helper()
	h.Version = 2
	plain, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	must(t, err)
	sealed, err := keys.EncryptRTP(nil, plain, nil)
	must(t, err)
	return sealed
}

// nonsense is what a publisher can send between two good packets, after a good handshake.
func nonsense(t testing.TB, keys *srtp.Context, good []byte, n uint16) map[string][]byte {
	t.Helper()
	forged := bytes.Clone(good)
	binary.BigEndian.PutUint16(forged[2:], n+5000)
	noise := make([]byte, 400)
	_, _ = rand.Read(noise)
	unknown := rtp.Header{PayloadType: 102, SequenceNumber: n, SSRC: 0xbad}
	wrongType := rtp.Header{PayloadType: 77, SequenceNumber: n, SSRC: 0xbad0}
	emptyExtension := []byte{0x90, 102, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff}
	report := []byte{0x80, 200, 0, 1, 0, 0, 0, 1} // a sender report of 8 bytes
	sealedReport, err := keys.EncryptRTCP(nil, report, nil)
	must(t, err)
	return map[string][]byte{
		"replay":              good,
		"other index":         forged,
		"wrong keys":          append([]byte{0x80, 102, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, noise...),
		"rtcp of wrong keys":  append([]byte{0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}, noise...),
		"short":               {0x80, 102},
		"too many csrcs":      {0x8f, 102, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},
		"extension too long":  emptyExtension,
		"broken report":       sealedReport,
		"unknown ssrc":        seal(t, keys, unknown, noise),
		"unknown type":        seal(t, keys, wrongType, noise),
		"dtls of wrong keys":  append([]byte{23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40}, noise[:40]...),
		"alert in the clear":  {21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40},
		"neither this nor it": {0x50, 1, 2, 3},
	}
}

// After a good handshake nonsense is dropped and counted, and what is good goes through as if there were none.
func TestNonsense(t *testing.T) {
	t.Parallel()
	const rounds, ssrc = 200, 0x600d
	s := start(t)
	viewer := playPion(t, s, "nonsense", pionOptions{network: "tcp", codecs: []*codec{h264(), opus()}})
	w, keys := handmade(true).secure(t, s, "nonsense")
	id := s.client("nonsense", true).ID
	before := s.footprint()
	c := h264()
	var sent [][]byte
	kinds := 0
	for n := range uint16(rounds) {
		payload := c.payload(uint64(n), n == 0, 900)
		header := rtp.Header{PayloadType: 102, SequenceNumber: n + 100, Timestamp: uint32(n) * 3000, SSRC: ssrc, Marker: true}
		good := seal(t, keys, header, payload)
		sent = append(sent, payload)
		w.send(t, good)
		bad := nonsense(t, keys, good, n)
		kinds = len(bad)
		for _, b := range bad {
			w.send(t, b)
		}
	}
	video := c.kind()
	eventually(t, joinLimit, "what is good arrives", func() bool { return len(viewer.packets(video)) >= rounds })
	for n, p := range viewer.packets(video) {
		if n >= rounds || !bytes.Equal(p.Payload, sent[n]) {
			t.Fatalf("packet %d of the viewer is not the publisher's", n)
		}
		if n > 0 && p.SequenceNumber != viewer.packets(video)[n-1].SequenceNumber+1 {
			t.Fatalf("packet %d is not numbered after the one before", n)
		}
	}
	// DTLS has no counter of its own, and a report that is broken inside did authenticate.
	eventually(t, joinLimit, "the rest is counted", func() bool {
		return s.metric("oneport_packets_rejected_total") >= float64(rounds*(kinds-3))
	})
	t.Logf("%v rejected", s.metric("oneport_packets_rejected_total"))
	if got := clientOf(t, s, id); got.Transport != "tcp" {
		t.Errorf("the session is on %q", got.Transport)
	}
	s.checkRecovers(t, before, slack)
}

// A viewer that asks for packets again in large numbers, those that never were and those that it has, costs its own session at
// most: what it gets again is about what it gets at all, and other viewers get everything, also those who share its socket, and as
// soon as those of a server that nobody floods.
func TestNackFlood(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) { floodNacks(t, network) })
	}
}

func floodNacks(t *testing.T, network string) {
	s, o := start(t), bench.ClientOptions{Net: network}
	publish(t, s, "nacks", o, longGOP)
	v, other := play(t, s, "nacks", o), play(t, s, "nacks", o)
	quiet := start(t)
	publish(t, quiet, "nacks", o, longGOP)
	spared := play(t, quiet, "nacks", o)
	for _, v := range []*viewer{v, other, spared} {
		v.awaitMore(t, 200)
	}
	began, before, had := time.Now(), s.footprint(), other.Stats().Packets
	for n := range 200 { // a million packets
		pictures := only(v.sightings(), true)
		newest := pictures[len(pictures)-1]
		must(t, v.SendRTCP(nackOf(newest.SSRC, func(i int) uint16 {
			if n%2 == 0 {
				return uint16(i * 17)
			}
			return newest.Sequence - uint16(i+1)*17
		})))
	}
	other.awaitMore(t, 500)
	other.checkWhole(t)
	const most = (64 << 10) / 1000 // packets a second that are always resent, about
	again := s.metric("oneport_packets_resent_total")
	stream := float64(other.Stats().Packets - had)
	if again > stream+200+most*(time.Since(began).Seconds()+2) {
		t.Errorf("%v packets are sent again, the stream is of %v", again, stream)
	} else {
		t.Logf("%v packets are sent again, %v withheld, the stream is of %v", again, s.metric("oneport_packets_withheld_total"), stream)
	}
	late, usual := other.Stats(), spared.Stats()
	t.Logf("the other viewer's packets were %v late, those of a quiet server %v", late.Latency(99), usual.Latency(99))
	if late.Latency(99) > usual.Latency(99)+time.Second {
		t.Errorf("the other viewer's packets were %v late, those of a quiet server %v", late.Latency(99), usual.Latency(99))
	}
	s.checkRecovers(t, before, slack)
}

// nackOf asks for as many packets as a datagram may name, 17 from each number on.
func nackOf(ssrc uint32, from func(i int) uint16) []byte {
	b := []byte{0x81, 205, 0, 0, 0, 0, 0, 1}
	b = binary.BigEndian.AppendUint32(b, ssrc)
	for i := range 300 {
		b = binary.BigEndian.AppendUint16(b, from(i))
		b = binary.BigEndian.AppendUint16(b, 0xffff)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return b
}
