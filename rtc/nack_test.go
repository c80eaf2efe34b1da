package rtc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"oneport/ice"
)

func pliOf(media uint32) rtcp.Packet {
	return &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: media}
}
func pliFrom(ssrc uint32) rtcp.Packet {
	return &rtcp.PictureLossIndication{SenderSSRC: ssrc, MediaSSRC: 1}
}

// asked lists the numbers that reports ask for again.
func asked(list []rtcp.Packet) (seqs []uint16) {
	for _, n := range of[*rtcp.TransportLayerNack](list) {
		for _, pair := range n.Nacks {
			seqs = append(seqs, pair.PacketList()...)
		}
	}
	return seqs
}

func TestNackAsksForWhatIsLost(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 65533))
		c.sendRTP(vp8(c, 2))
		if got := asked(c.wait(reorderTolerance - 1)); got != nil {
			t.Errorf("%v asked for while it may be reordering", got)
		}
		c.sendRTP(vp8(c, 0)) // was reordered
		reports := c.wait(1)
		if got := asked(reports); !equal(got, []uint16{65534, 65535, 1}) {
			t.Errorf("asks for %v", got)
		}
		n := of[*rtcp.TransportLayerNack](reports)[0]
		if n.SenderSSRC != reportSSRC || n.MediaSSRC != c.session.Video.Sources[0].SSRC {
			t.Errorf("the NACK is %+v", n)
		}
		c.sendRTP(rtx(c, vp8(c, 65535), 1))
		counts := make(map[uint16]int)
		for _, seq := range asked(c.wait(3 * time.Second)) {
			counts[seq]++
		}
		if len(counts) != 2 || counts[65534] == 0 || counts[65534] > missingTries || counts[1] != counts[65534] {
			t.Errorf("asked again %v times", counts)
		}
		if s, _ := c.peer.Stats(); s.Lost != 2 {
			t.Errorf("%d given up", s.Lost)
		}
		if !c.peer.feedback.nack.IsZero() {
			t.Error("the asking never ends")
		}
	})
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// With a client that answers NACKs, everything comes through a network that loses a fifth, once each.
func TestNackRepairs(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		rng := rand.New(rand.NewPCG(7, 7))
		got := make(map[uint64]int)
		push := func(b []byte) {
			if rng.Float64() < 0.2 {
				return
			}
			if p := c.receive(b).Packet; p != nil {
				got[p.Seq]++
			}
		}
		rtxSeq := uint16(65_000)
		answer := func(reports []rtcp.Packet) {
			for _, seq := range asked(reports) {
				rtxSeq++
				push(c.sealRTP(rtx(c, vp8(c, seq), rtxSeq)))
			}
		}
		const first, count = 1<<16 + 64_000, 4000
		for seq := uint64(first); seq < first+count; seq++ {
			push(c.sealRTP(vp8(c, uint16(seq))))
			answer(c.wait(time.Millisecond))
		}
		for range 1000 {
			answer(c.wait(time.Millisecond))
		}
		missing := 0
		for seq := uint64(first); seq < first+count; seq++ {
			if got[seq] > 1 {
				t.Errorf("%d came %d times", seq, got[seq])
			}
			if got[seq] == 0 {
				missing++
			}
		}
		if missing > 2 { // the first or the last may be lost without anyone knowing
			t.Errorf("%d packets never came", missing)
		}
	})
}

// A stream over TCP loses nothing but what a dying path took with it.
func TestNackOverTCP(t *testing.T) {
	bubble(t, publisher, tcpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 1))
		c.wait(2 * pathRepair)
		c.sendRTP(vp8(c, 5))
		if got := asked(c.wait(2 * time.Second)); got != nil {
			t.Errorf("asks for %v over TCP", got)
		}
		again := tcpPath
		again.Conn = 2
		c.peer.Lost(c.now, tcpPath)
		if _, ok := c.peer.Selected(); ok {
			t.Error("a lost path is still selected")
		}
		c.path = again
		if ev := c.check(again, true); !ev.Moved {
			t.Error("the new connection is not selected")
		}
		c.sendRTP(vp8(c, 9))
		if got := asked(c.wait(15 * time.Millisecond)); !equal(got, []uint16{6, 7, 8}) {
			t.Errorf("after a change of path asks for %v", got)
		}
	})
}

// What was not offered is not used.
func TestNackByOffer(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(opus(c, 1)) // Chromium offers no NACK for sound
		c.sendRTP(opus(c, 3))
		if got := asked(c.wait(2 * time.Second)); got != nil {
			t.Errorf("asks for sound: %v", got)
		}
		if s, _ := c.peer.Stats(); s.Lost != 1 {
			t.Errorf("%d given up", s.Lost)
		}
	})
}

// However much is lost, every report fits a datagram, and all of it is asked for.
func TestNackAsksForMuch(t *testing.T) {
	for _, path := range []ice.Path{udpPath} {
		bubble(t, publisher, path, func(t *testing.T, c *call) {
			for seq := uint16(0); seq < 18*300; seq += 18 { // far apart: each gap needs two pairs
				c.sendRTP(vp8(c, seq))
			}
			counts := make(map[uint16]bool)
			for steps := 0; steps < 3; steps++ {
				c.now = c.now.Add(reorderTolerance)
				ev := c.peer.Service(c.now)
				for _, compound := range ev.Feedback {
					if len(compound) > 1200 {
						t.Errorf("a report of %d bytes", len(compound))
					}
				}
				for _, seq := range asked(c.told(ev)) {
					counts[seq] = true
				}
			}
			if len(counts) != maxMissing {
				t.Errorf("%d packets are asked for, want %d", len(counts), maxMissing)
			}
		})
	}
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		in := c.peer.in
		c.sendRTP(vp8(c, 0))
		r := in.receivers[1]
		for i := range uint16(maxMissing) { // nothing nearer than 17, as far as one track goes
			seq := 1<<16 | uint64(17*i+1)
			r.missing.add(c.now, seq, seq+1)
		}
		c.peer.feedback.arm(c.now, in)
		counts := make(map[uint16]bool)
		for _, seq := range asked(c.wait(reorderTolerance)) {
			counts[seq] = true
		}
		if len(counts) != maxMissing {
			t.Errorf("%d packets are asked for, want %d", len(counts), maxMissing)
		}
	})
}

// A publisher whose numbers leap must not cost more than a packet should.
func TestLeapsAreCheap(t *testing.T) {
	r := receiver{}
	now := time.Unix(0, 0)
	r.accept(now, 0)
	r.accept(now, seenWindow-1)
	if len(r.missing.gaps) != maxMissing || r.missing.lost != seenWindow-2-maxMissing {
		t.Errorf("%d missing, %d lost", len(r.missing.gaps), r.missing.lost)
	}
	if g := r.missing.gaps; uint16(g[0].seq) != seenWindow-1-maxMissing || uint16(g[len(g)-1].seq) != seenWindow-2 {
		t.Errorf("missing are %d to %d", uint16(g[0].seq), uint16(g[len(g)-1].seq))
	}
	seq := uint16(seenWindow - 1)
	start := time.Now()
	for range 1000 {
		seq += seenWindow - 1
		r.accept(now, seq)
	}
	if took := time.Since(start); took > 10*time.Second { // a busy machine takes one at most; half a minute if each gap moves the others
		t.Errorf("a leap costs %v", took/1000)
	}
}

// A viewer's requests are bounded by the datagram, whatever numbers it packs into it.
func TestViewerNacksAreBounded(t *testing.T) {
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		ev := c.sendRTCP(&rtcp.TransportLayerNack{SenderSSRC: 5, MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0b101}}})
		if len(ev.Nacks) != 1 || ev.Nacks[0].SSRC != videoSSRC || !equal(ev.Nacks[0].Seqs, []uint16{65535, 0, 2}) {
			t.Errorf("a NACK is read as %+v", ev.Nacks)
		}
		var pairs []rtcp.NackPair
		for i := range uint16(120) {
			pairs = append(pairs, rtcp.NackPair{PacketID: 17 * i, LostPackets: 0xffff})
		}
		greedy := &rtcp.TransportLayerNack{SenderSSRC: 5, MediaSSRC: videoSSRC, Nacks: pairs}
		ev = c.sendRTCP(greedy, greedy)
		total := 0
		for _, ask := range ev.Nacks {
			total += len(ask.Seqs)
		}
		if total != maxNack {
			t.Errorf("%d packets asked for in a datagram, the bound is %d", total, maxNack)
		}
	})
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		ev := c.sendRTCP(&rtcp.TransportLayerNack{SenderSSRC: 5, MediaSSRC: 6, Nacks: []rtcp.NackPair{{PacketID: 1}}}, pliOf(6))
		if len(ev.Nacks) != 0 || ev.Keyframe || !ev.Verified {
			t.Errorf("a publisher asks for %+v", ev)
		}
	})
}
