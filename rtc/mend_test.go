package rtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"oneport/ice"
)

// keyframe is the start of one.
func keyframe(c *call, seq uint16) *rtp.Packet {
	p := vp8(c, seq)
	p.Payload[1] = 0x00
	return p
}

// keyframesAsked counts the requests of a time.
func keyframesAsked(list []rtcp.Packet) int { return len(of[*rtcp.PictureLossIndication](list)) }

// After an outage a keyframe is asked for with the first packet, and once: what is lost is then no news any more.
func TestKeyframeAfterOutage(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(keyframe(c, 100))
		c.sendRTP(vp8(c, 101))
		if n := keyframesAsked(c.wait(3 * time.Second)); n != 0 {
			t.Errorf("a silence without loss asks %d times", n)
		}
		c.sendRTP(vp8(c, 102)) // silence without loss, as of a still screen
		if n := keyframesAsked(c.wait(3 * time.Second)); n != 0 {
			t.Errorf("a pause without loss asks %d times", n)
		}
		ev := c.sendRTP(vp8(c, 300))
		if n := keyframesAsked(c.told(ev)); n != 1 {
			t.Errorf("the first packet after an outage asks %d times", n)
		}
		c.sendRTP(keyframe(c, 301))
		if n := keyframesAsked(c.wait(3 * time.Second)); n != 0 {
			t.Errorf("asks %d times more after the keyframe", n)
		}
	})
}

// A packet that is given up is made good by a keyframe, unless a later one has come in the meantime.
func TestKeyframeForWhatIsGivenUp(t *testing.T) {
	for late, want := range map[uint16]int{
		104: 0, // 101 to 103 are lost before it
		102: 1, // 103 and 104 are lost of it
	} {
		bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
			c.sendRTP(vp8(c, 100))
			c.sendRTP(vp8(c, 105))
			asked := keyframesAsked(c.told(c.sendRTP(keyframe(c, late))))
			if asked += keyframesAsked(c.wait(3 * time.Second)); asked != want {
				t.Errorf("with a keyframe at %d asks %d times, want %d", late, asked, want)
			}
		})
	}
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 100))
		c.sendRTP(vp8(c, 102))
		if asked := keyframesAsked(c.wait(missingLifetime / 2)); asked != 0 {
			t.Errorf("asks %d times while the packet may still come", asked)
		}
		if asked := keyframesAsked(c.wait(3 * time.Second)); asked != 1 {
			t.Errorf("asks %d times when it is given up", asked)
		}
	})
}

// However much is lost, keyframes are asked for at intervals: they cost the publisher more than anything.
func TestKeyframesAreNotAskedForInRows(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		asked := 0
		const steps = 500
		for i := range uint16(steps) {
			c.sendRTP(vp8(c, 2*i)) // every second packet is lost
			asked += keyframesAsked(c.wait(20 * time.Millisecond))
		}
		most := int(steps*20*time.Millisecond/mendInterval) + 1
		if asked < most/2 || asked > most {
			t.Errorf("asked %d times, at most %d are wanted", asked, most)
		}
	})
}

// A viewer that leaves a dead path needs a keyframe and may not be able to say so. One that changes between living ones, or
// whose connection ended, has lost nothing that it can't ask for.
func TestKeyframeAfterDeadPath(t *testing.T) {
	move := func(c *call, silence time.Duration) int {
		c.check(udpPath, true)
		c.wait(silence)
		before := c.asked
		if ev := c.check(tcpPath, true); !ev.Moved {
			// A path of a lower priority takes over by data alone, or when the old one is dead.
			c.path = tcpPath
			c.sendRTCP(&rtcp.ReceiverReport{SSRC: 5})
		}
		if path, _ := c.peer.Selected(); path.Transport != ice.TCP {
			t.Fatal("the viewer has not moved")
		}
		return c.asked - before
	}
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		if n := move(c, deadPath+time.Millisecond); n != 1 {
			t.Errorf("after a dead path %d keyframes are asked for", n)
		}
	})
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		if n := move(c, deadPath/2); n != 0 {
			t.Errorf("between living paths %d keyframes are asked for", n)
		}
		if n := move(c, 0); n != 0 {
			t.Errorf("on the way back %d keyframes are asked for", n)
		}
	})
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		if n := move(c, 2*deadPath); n != 0 {
			t.Errorf("a publisher asks for %d keyframes", n)
		}
	})
}
