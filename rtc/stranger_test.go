package rtc

import (
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"oneport/media"
	"oneport/sdp"
)

// sendFor sends packets of some sources for a while, each 100 ms one of each, and returns what is passed on and what is told.
func (c *call) sendFor(d time.Duration, sources ...func(i uint16) *rtp.Packet) (passed []*media.Packet, notices []string) {
	for i := range uint16(d / (100 * time.Millisecond)) {
		c.wait(100 * time.Millisecond)
		for _, source := range sources {
			ev := c.sendRTP(source(i))
			if ev.Packet != nil {
				passed = append(passed, ev.Packet)
			}
			if ev.Notice != "" {
				notices = append(notices, ev.Notice)
			}
		}
	}
	return passed, notices
}

// source is one of the publisher's picture, by its SSRC and where its numbers and its time begin.
func source(c *call, ssrc uint32, seq uint16, timestamp uint32) func(uint16) *rtp.Packet {
	return func(i uint16) *rtp.Packet {
		p := vp8(c, seq+i)
		p.SSRC, p.Timestamp = ssrc, timestamp+9000*uint32(i)
		return p
	}
}

// A publisher that changes its SSRC is followed once the old one is silent. For the stream it goes on: numbers and time
// rise, one number is missing, a keyframe is asked for; reports are about the new source.
func TestFollowsAnotherSource(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		told := c.session.Video.Sources[0].SSRC
		before, _ := c.sendFor(2*time.Second, source(c, told, 65530, 1<<32-50_000))
		last := before[len(before)-1]
		after, notices := c.sendFor(3*time.Second, source(c, 4711, 40_000, 777))
		if len(after) < 19 || len(notices) != 1 || !strings.Contains(notices[0], "video comes from SSRC 4711 now") {
			t.Fatalf("%d of 30 packets are passed on; told: %q", len(after), notices)
		}
		first := after[0]
		if first.Seq != last.Seq+2 {
			t.Errorf("after %d it goes on with %d", last.Seq, first.Seq)
		}
		ticks := uint32(first.Arrival.Sub(last.Arrival) / time.Microsecond * 90 / 1000)
		if first.Timestamp != last.Timestamp+ticks {
			t.Errorf("after %v it goes on %d ticks later", first.Arrival.Sub(last.Arrival), first.Timestamp-last.Timestamp)
		}
		for i, p := range after[1:] {
			if p.Seq != after[i].Seq+1 || p.Timestamp != after[i].Timestamp+9000 {
				t.Errorf("%d at %d follows %d at %d", p.Seq, p.Timestamp, after[i].Seq, after[i].Timestamp)
			}
		}
		if p := c.sendRTP(vp8(c, 40_000)).Packet; p != nil {
			t.Error("the old source is still heard")
		}
		late := source(c, 4711, 40_000, 777)(3)
		if p := c.sendRTP(late).Packet; p != nil {
			t.Errorf("what the new source sent before it was followed is passed on as %d", p.Seq)
		}
	})
}

// Retransmissions are the followed source's alone: those of a source before go on by numbers of their own, and so would those
// of a third. It is so after each change, also where a source in between never sent any.
func TestFollowsAnotherSourceOfRetransmissions(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		told := c.session.Video.Sources[0]
		sent := uint16(0)
		resend := func(ssrc uint32, seq uint16) *media.Packet {
			sent++
			again := rtx(c, vp8(c, seq), sent)
			again.SSRC = ssrc
			return c.sendRTP(again).Packet
		}
		c.sendFor(2*time.Second, source(c, told.SSRC, 100, 0))
		for i, next := range []struct {
			ssrc, rtx uint32
			seq       uint16
		}{{4711, 0, 200}, {4721, 4722, 300}, {4731, 4732, 400}} {
			c.sendFor(2*time.Second, source(c, next.ssrc, next.seq, 777))
			highest := next.seq + 19
			gone := []uint32{told.RTX, told.RTX, 4722}[i]
			if p := resend(gone, highest+3); p != nil {
				t.Errorf("SSRC %d sends again, of a source before %d, what is passed on as %d", gone, next.ssrc, p.Seq)
			}
			if next.rtx == 0 {
				continue
			}
			if p := resend(next.rtx, highest+2); p == nil {
				t.Errorf("what SSRC %d sends again is not passed on", next.rtx)
			}
			for _, ssrc := range []uint32{gone, next.rtx + 1} {
				if p := resend(ssrc, highest+1); p != nil {
					t.Errorf("SSRC %d sends again beside %d what is passed on as %d", ssrc, next.rtx, p.Seq)
				}
			}
		}
	})
}

func TestReportsFollowAnotherSource(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		told := c.session.Video.Sources[0].SSRC
		c.sendFor(2*time.Second, source(c, told, 100, 0))
		next := source(c, 4711, 200, 777)
		if passed, _ := c.sendFor(time.Second, next); len(passed) != 0 {
			t.Fatalf("%d packets are passed on", len(passed))
		}
		c.wait(100 * time.Millisecond)
		ev := c.sendRTP(next(10))
		if pli := of[*rtcp.PictureLossIndication](c.told(ev)); ev.Packet == nil || len(pli) != 1 || pli[0].MediaSSRC != 4711 {
			t.Fatalf("%+v is passed on, and %+v asked", ev.Packet, pli)
		}
		shift := ev.Packet.Timestamp - (777 + 10*9000)
		rr := of[*rtcp.ReceiverReport](c.wait(receptionInterval))
		if block := rr[len(rr)-1].Reports[0]; block.SSRC != 4711 || block.LastSequenceNumber != 210 || block.TotalLost != 0 {
			t.Errorf("the report is %+v", block)
		}
		c.timings = nil
		c.sendRTCP(&rtcp.SenderReport{SSRC: told, NTPTime: ntp(c.now), RTPTime: 1})
		c.sendRTCP(&rtcp.SenderReport{SSRC: 4711, NTPTime: ntp(c.now), RTPTime: 1})
		if len(c.timings) != 1 || c.timings[0].RTP != 1+shift {
			t.Errorf("the timings are %+v, want one of %d", c.timings, 1+shift)
		}
		c.sendRTP(next(12))
		c.wait(2 * reorderTolerance)
		again := rtx(c, next(11), 9)
		again.SSRC = 4712
		if p := c.sendRTP(again).Packet; p == nil || p.Timestamp != 777+11*9000+shift {
			t.Errorf("a retransmission of the new source is %+v", p)
		}
	})
}

// A publisher that sends another SSRC than it told is heard as well; its numbers are its own.
func TestFollowsUntoldSource(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		passed, notices := c.sendFor(2*time.Second, source(c, 4711, 100, 777))
		if len(passed) != 10 || passed[0].Seq != 1<<16|110 || passed[0].Timestamp != 777+10*9000 || len(notices) != 1 {
			t.Errorf("%d packets are passed on; told: %q", len(passed), notices)
		}
	})
}

// Two sources under one payload type, as of simulcast: the first is heard as long as it sends, and it is told once. With a
// third beside them, one of those left is followed when the first falls silent.
func TestLeavesStrangersOut(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		told := c.session.Video.Sources[0].SSRC
		first, second, third := source(c, told, 1, 0), source(c, 4711, 500, 777), source(c, 4712, 900, 888)
		passed, notices := c.sendFor(5*time.Second, first, second, third)
		if len(passed) != 50 || len(notices) != 1 || !strings.Contains(notices[0], "video comes from SSRC 4711 beside") {
			t.Errorf("%d packets are passed on; told: %q", len(passed), notices)
		}
		for i, p := range passed {
			if p.Seq != 1<<16|uint64(i+1) {
				t.Fatalf("the packet of number %d is passed on as %d", i+1, p.Seq)
			}
		}
		if s, _ := c.peer.Stats(); s.Unknown != 100 {
			t.Errorf("%d unknown", s.Unknown)
		}
		passed, notices = c.sendFor(3*time.Second, source(c, 4711, 550, 0), source(c, 4712, 950, 0))
		if len(passed) < 19 || passed[0].Payload[3] == byte(950&255) || len(notices) != 0 {
			t.Errorf("when the first is silent %d packets are passed on; told: %q", len(passed), notices)
		}
		for i, p := range passed[1:] {
			if p.Seq != passed[i].Seq+1 {
				t.Errorf("%d follows %d", p.Seq, passed[i].Seq)
			}
		}
	})
}

// What names another m-line is nobody's, whatever its payload type.
func TestStrangerOfAnotherMid(t *testing.T) {
	const id = 9
	session := func(t testing.TB) *sdp.Session {
		s := publisher(t)
		s.Video.MidExt = id
		return s
	}
	for _, test := range []struct {
		mid  string
		want int
	}{{"", 10}, {"other", 0}} {
		bubble(t, session, udpPath, func(t *testing.T, c *call) {
			if test.mid == "" {
				test.mid = c.session.Video.Mid
			}
			plain := source(c, 4711, 100, 777)
			passed, _ := c.sendFor(2*time.Second, func(i uint16) *rtp.Packet {
				p := plain(i)
				withExtensions(p, oneByteProfile, map[uint8][]byte{id: []byte(test.mid)})
				return p
			})
			if len(passed) != test.want {
				t.Errorf("of mid %q %d packets are passed on", test.mid, len(passed))
			}
		})
	}
}
