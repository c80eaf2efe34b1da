package server

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// filmed is a publisher's camera and microphone: at each step both sample the same instant, in clocks of their own.
type filmed struct {
	*fakeClient
	wall         time.Duration // how far the publisher's wall clock is ahead of ours
	video, audio uint32        // where the RTP clocks began
}

const filmStep = 20 * time.Millisecond

// step sends picture and sound that were sampled n steps after the beginning, and with reports what the clocks say.
func (f *filmed) step(n uint32, reports bool) {
	f.t.Helper()
	video, audio := f.video+n*1800, f.audio+n*960
	f.sendRTP(102, 7, video, binary.BigEndian.AppendUint32([]byte{0x65, 0x80}, n))
	f.sendRTP(111, 9, audio, binary.BigEndian.AppendUint32([]byte{0x78, 1}, n))
	if reports {
		f.sendRTCP(&rtcp.SenderReport{SSRC: 7, NTPTime: ntpOf(time.Now().Add(f.wall)), RTPTime: video})
		f.sendRTCP(&rtcp.SenderReport{SSRC: 9, NTPTime: ntpOf(time.Now().Add(f.wall)), RTPTime: audio})
	}
	time.Sleep(filmStep)
}

const secondsToUnix = 2208988800 // from NTP's epoch

func ntpOf(t time.Time) uint64 {
	return uint64(t.Unix()+secondsToUnix)<<32 | uint64(t.Nanosecond())<<32/1e9
}

func ofNTP(v uint64) time.Time {
	return time.Unix(int64(v>>32)-secondsToUnix, int64(v&0xffffffff*1e9>>32))
}

// sampled is when, by a report, a packet of its source was sampled.
func (r clockReport) sampled(p *rtp.Packet) time.Time {
	rate := time.Duration(90000)
	if p.PayloadType == 111 {
		rate = 48000
	}
	return ofNTP(r.NTPTime).Add(time.Duration(int32(p.Timestamp-r.RTPTime)) * time.Second / rate)
}

// before finds the last packet of a report's source that came before it.
func (c *fakeClient) before(r clockReport) *rtp.Packet {
	for i := r.after - 1; i >= 0; i-- {
		if c.media[i].SSRC == r.SSRC {
			return &c.media[i]
		}
	}
	return nil
}

// Whatever publishers follow one another, with whatever clocks: each sender report that a viewer gets dates what it has just
// been given rightly, in one wall clock, and so picture and sound of an instant are of one instant for it too.
func TestSenderReportsOverPublishers(t *testing.T) {
	c := bubbled(t, "")
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		viewer := joined(t, s, "whep", "")
		dated := [4]int{}
		for round, clocks := range []filmed{
			{wall: -5 * time.Hour, video: 1<<32 - 90_000, audio: 1000},
			{wall: 72 * time.Hour, video: 1 << 31, audio: 1<<32 - 480},
			{wall: 0, video: 3, audio: 1 << 30},
			{wall: -24 * time.Hour, video: 1<<31 - 1, audio: 1<<31 + 7},
		} {
			clocks.fakeClient = joined(t, s, "whip", "")
			began := time.Now()
			viewer.media, viewer.clocks = nil, nil
			for n := range uint32(250) {
				clocks.step(n, n >= 75 && n%25 == 0) // the first 1.5 s without: the last publisher's must not go on
				viewer.pump()
			}
			for _, report := range viewer.clocks {
				p := viewer.before(report)
				if p == nil {
					t.Errorf("publisher %d: a report of %d before anything else", round, report.SSRC)
					continue
				}
				dated[round]++
				real := began.Add(time.Duration(binary.BigEndian.Uint32(p.Payload[2:])) * filmStep)
				if off := report.sampled(p).Sub(real); off.Abs() > time.Millisecond {
					t.Errorf("publisher %d: payload type %d is dated %v off", round, p.PayloadType, off)
				}
			}
			clocks.sess.close(errKicked)
			synctest.Wait()
			viewer.pump()
		}
		for round, n := range dated {
			if n < 6 {
				t.Errorf("publisher %d: %d reports", round, n)
			}
		}
		viewer.sess.close(errKicked)
	})
}
