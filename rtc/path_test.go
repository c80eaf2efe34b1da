package rtc

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"oneport/ice"
	"oneport/media"
)

// item is a packet for a viewer, sent and opened at the client.
func (c *call) deliver(seq uint64) (out uint16) {
	c.t.Helper()
	p := packet(&vp8Format, seq)
	p.Arrival = c.now
	return opened(c.t, c.client.dec, c.out.Append(c.now, nil, []media.Item{{Packet: p}}))[0].SequenceNumber
}

// A call that changes its path keeps its keys and its numbers, both ways.
func TestPathMoves(t *testing.T) {
	for _, test := range []struct{ from, to ice.Path }{{udpPath, tcpPath}, {tcpPath, udpPath}} {
		name := fmt.Sprintf("%v to %v", test.from.Transport, test.to.Transport)
		t.Run(name+", publisher", func(t *testing.T) {
			bubble(t, publisher, test.from, func(t *testing.T, c *call) {
				c.sendRTP(vp8(c, 65535))
				c.now = c.now.Add(4 * time.Second)
				c.path = test.to
				if ev := c.check(test.to, true); !ev.Moved || !ev.Verified {
					t.Errorf("a nomination leads to %+v", ev)
				}
				if p, _ := c.peer.Selected(); p != test.to {
					t.Errorf("the path is %v", p)
				}
				if p := c.sendRTP(vp8(c, 0)).Packet; p == nil || p.Seq != 2<<16 {
					t.Errorf("the first packet on the new path is %+v", p)
				}
				c.told(c.peer.RequestKeyframe())
			})
		})
		t.Run(name+", viewer", func(t *testing.T) {
			bubble(t, viewer, test.from, func(t *testing.T, c *call) {
				first := c.deliver(1 << 16)
				c.now = c.now.Add(4 * time.Second)
				c.check(test.to, true)
				c.path = test.to
				if next := c.deliver(1<<16 | 1); next != first+1 {
					t.Errorf("after %d comes %d", first, next)
				}
				if ev := c.sendRTCP(pliOf(videoSSRC)); !ev.Keyframe || !ev.Verified {
					t.Errorf("a report on the new path leads to %+v", ev)
				}
			})
		})
	}
}

// Media that authenticates shows where the client sends now; what does not, shows nothing.
func TestPathFollowsMedia(t *testing.T) {
	bubble(t, publisher, tcpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 1))
		c.check(udpPath, true)
		c.path = tcpPath
		c.sendRTP(vp8(c, 2))
		c.now = c.now.Add(time.Second)
		c.path = udpPath
		b := c.sealRTP(vp8(c, 3))
		b[len(b)-1] ^= 1
		if ev := c.receive(b); ev.Moved || ev.Verified {
			t.Errorf("a forgery leads to %+v", ev)
		}
		c.sendRTP(vp8(c, 4))
		if p, _ := c.peer.Selected(); p != udpPath {
			t.Errorf("the path is %v", p)
		}
		stranger := udpPath
		stranger.Local = tcpPath.Remote
		c.path = stranger
		if ev := c.sendRTP(vp8(c, 5)); ev.Moved || ev.Packet == nil {
			t.Errorf("media by a path without a check leads to %+v", ev)
		}
		if p, _ := c.peer.Selected(); p != udpPath {
			t.Errorf("the path is %v", p)
		}
	})
}

// A session without a path keeps what the handshake or a report has to say, and goes on when the client is back.
func TestPathLost(t *testing.T) {
	bubble(t, publisher, tcpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 1))
		if ev := c.peer.Lost(c.now, tcpPath); ev.Moved {
			t.Error("there is no path to move to")
		}
		c.now = c.now.Add(20 * time.Second)
		if ev := c.peer.Service(c.now); ev.Closed != nil {
			t.Fatalf("the session did not wait: %v", ev.Closed)
		}
		c.path.Conn = 2
		if ev := c.check(c.path, true); !ev.Moved {
			t.Error("the client is not welcome back")
		}
		if p := c.sendRTP(vp8(c, 2)).Packet; p == nil || p.Seq != 1<<16|2 {
			t.Errorf("the first packet after that is %+v", p)
		}
	})
}

// An ICE restart changes the credentials and nothing else.
func TestRestart(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 1))
		old := *c.client
		renewed := credentials()
		c.peer.Restart(c.now, renewed, credentials())
		if got := c.peer.Ufrags(); !equal(got, []string{renewed.Ufrag, c.server.Ufrag}) {
			t.Errorf("valid are %v", got)
		}
		c.check(udpPath, false)
		if c.ufrags != nil {
			t.Errorf("the restart is complete too early: %v", c.ufrags)
		}
		c.client.remote = renewed
		if ev := c.check(tcpPath, true); !ev.Moved || !equal(ev.Ufrags, []string{renewed.Ufrag}) {
			t.Errorf("the restart ends with %+v", ev)
		}
		c.path = tcpPath
		if p := c.sendRTP(vp8(c, 2)).Packet; p == nil || p.Seq != 1<<16|2 {
			t.Errorf("the next packet is %+v", p)
		}
		c.client.remote = old.remote
		_, msg := c.client.request(true)
		if ev := c.receive(msg); ev.Reply != nil || ev.Verified {
			t.Errorf("the old credentials still hold: %+v", ev)
		}
	})
}

// Sender reports keep a viewer's sound and picture together: their RTP time is the packets' own, before and after another
// publisher has taken over.
func TestSenderReports(t *testing.T) {
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		pinned := map[media.Kind]media.Timing{}
		timing := func(k media.Kind) (media.Timing, bool) { p, ok := pinned[k]; return p, ok }
		reports := func() []*rtcp.SenderReport {
			list := c.openRTCP(c.out.AppendReports(c.now, nil, timing))
			if sr, sdes := of[*rtcp.SenderReport](list), of[*rtcp.SourceDescription](list); len(sr) != len(sdes) {
				t.Errorf("reports are %v", list)
			}
			return of[*rtcp.SenderReport](list)
		}
		if got := reports(); len(got) != 0 || !c.out.Deadline().IsZero() {
			t.Errorf("before anything was sent: %v", got)
		}
		send := func(f *media.Format, seq uint64, timestamp uint32, b media.Break) uint32 {
			p := &media.Packet{Arrival: c.now, Format: f, Seq: seq, Timestamp: timestamp, Payload: []byte{1, 2, 3, 4}}
			return opened(t, c.client.dec, c.out.Append(c.now, nil, []media.Item{{Packet: p, Break: b, First: seq}}))[0].Timestamp
		}
		send(&vp8Format, 1<<16, 90_000, media.Restarted)
		send(&opusFormat, 1<<16, 48_000, media.Restarted)
		if !c.out.Deadline().Equal(c.now) {
			t.Errorf("the first reports are due in %v", c.out.Deadline().Sub(c.now))
		}
		if got := reports(); len(got) != 0 {
			t.Errorf("without timing: %v", got)
		}
		pinned[media.Video] = media.Timing{RTP: 90_000, At: c.now.Add(-100 * time.Millisecond)}
		if got := reports(); len(got) != 0 {
			t.Errorf("within the interval: %v", got)
		}
		c.now = c.now.Add(reportInterval)
		got := reports()
		if len(got) != 1 {
			t.Fatalf("reports are %v", got)
		}
		want := rtcp.SenderReport{SSRC: videoSSRC, NTPTime: ntp(c.now), RTPTime: 90_000 + 99_000, PacketCount: 1, OctetCount: 4}
		if fmt.Sprint(*got[0]) != fmt.Sprint(want) {
			t.Errorf("reports %v, want %v", got[0], want)
		}

		c.now = c.now.Add(reportInterval)
		sent := send(&vp8Format, 1<<16|77, 4_000_000_000, media.Restarted)
		pinned[media.Video] = media.Timing{RTP: 4_000_000_000, At: c.now.Add(-40 * time.Millisecond)}
		pinned[media.Audio] = media.Timing{RTP: 48_000, At: c.now.Add(-2 * time.Second)}
		got = reports()
		if len(got) != 2 || got[0].SSRC != audioSSRC || got[0].RTPTime != 48_000+96_000 || got[1].RTPTime != sent+3600 {
			t.Errorf("after a restart at %d the reports are %v", sent, got)
		}
	})
}

// A publisher is sent reports under our SSRC, and no media.
func TestOutboundOfPublisher(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		if b := c.out.Append(c.now, nil, []media.Item{{Packet: packet(&vp8Format, 1<<16)}}); len(b) != 0 || c.out.Stats.Refused != 1 {
			t.Errorf("a publisher is sent % x", b)
		}
		if b := c.out.AppendRTCP([]byte{1}, nil); len(b) != 1 {
			t.Error("no report is sent as one")
		}
		if b := c.out.AppendRTCP(nil, make([]byte, ice.MaxFrame)); len(b) != 0 {
			t.Error("a report is sent that fits no frame")
		}
	})
}
