package rtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"oneport/media"
	"oneport/sdp"
)

func TestClassify(t *testing.T) {
	for _, test := range []struct {
		b    []byte
		want Class
	}{
		{nil, Unknown}, {[]byte{0}, Unknown}, {[]byte{0, 1}, STUN}, {[]byte{3, 0}, STUN}, {[]byte{4, 0}, Unknown}, {[]byte{19, 0}, Unknown},
		{[]byte{20, 0}, DTLS}, {[]byte{63, 0}, DTLS}, {[]byte{64, 0}, Unknown}, {[]byte{127, 0}, Unknown}, {[]byte{128, 191}, RTP},
		{[]byte{128, 192}, RTCP}, {[]byte{191, 223}, RTCP}, {[]byte{191, 224}, RTP}, {[]byte{192, 200}, Unknown}, {[]byte{255, 255}, Unknown},
	} {
		if got := Classify(test.b); got != test.want {
			t.Errorf("% x is %d, want %d", test.b, got, test.want)
		}
	}
}

func TestNTP(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)
	if v := ntp(at); uint32(v) != 1<<30 || v>>32 != uint64(at.Unix())+ntpEpoch {
		t.Errorf("ntp says %x", v)
	}
	if got := fromNTP(ntp(at)); got.Sub(at).Abs() > time.Nanosecond {
		t.Errorf("there and back is %v", got)
	}
	for _, d := range []time.Duration{0, time.Second, 1234 * time.Millisecond, time.Hour} {
		if got := fromShort(toShort(d)); (got - d).Abs() > 16*time.Microsecond {
			t.Errorf("%v comes back as %v", d, got)
		}
	}
}

func TestReceiverReports(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		start := c.now
		theirs := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		ssrc := c.session.Video.Sources[0].SSRC
		c.sendRTP(vp8(c, 65535))
		c.sendRTCP(&rtcp.SenderReport{SSRC: ssrc, NTPTime: ntp(theirs), RTPTime: 1})
		c.sendRTP(vp8(c, 0))
		c.sendRTP(vp8(c, 3)) // of 5, two are lost
		reports := c.wait(receptionInterval / 4)
		rr := of[*rtcp.ReceiverReport](reports)
		if len(rr) != 1 || rr[0].SSRC != reportSSRC || len(rr[0].Reports) != 1 {
			t.Fatalf("after %v the reports are %v", c.now.Sub(start), reports)
		}
		want := rtcp.ReceptionReport{
			SSRC: ssrc, FractionLost: 2 * 256 / 5, TotalLost: 2, LastSequenceNumber: 1<<16 | 3, Jitter: rr[0].Reports[0].Jitter,
			LastSenderReport: shortNTP(ntp(theirs)), Delay: toShort(receptionInterval / 4),
		}
		if rr[0].Reports[0] != want {
			t.Errorf("reports %+v, want %+v", rr[0].Reports[0], want)
		}
		if sdes := of[*rtcp.SourceDescription](reports); len(sdes) != 1 || sdes[0].Chunks[0].Items[0].Text != cname {
			t.Errorf("SDES is %v", sdes)
		}
		xr := of[*rtcp.ExtendedReport](reports)
		if rrtr := xr[0].Reports[0].(*rtcp.ReceiverReferenceTimeReportBlock); rrtr.NTPTimestamp != ntp(c.now) {
			t.Errorf("the reference time is %v", fromNTP(rrtr.NTPTimestamp))
		}
		c.sendRTP(vp8(c, 4))
		rr = of[*rtcp.ReceiverReport](c.wait(receptionInterval))
		if len(rr) != 1 || rr[0].Reports[0].FractionLost != 0 || rr[0].Reports[0].TotalLost != 2 || rr[0].Reports[0].LastSequenceNumber != 1<<16|4 {
			t.Errorf("the next report is %+v", rr)
		}
		c.sendRTP(opus(c, 9))
		if rr = of[*rtcp.ReceiverReport](c.wait(receptionInterval)); len(rr[0].Reports) != 2 {
			t.Errorf("two tracks are reported as %+v", rr[0])
		}
	})
}

// What RTX brings back was lost on its way all the same: its packets are of another source (RFC 4588 section 4), and the
// publisher's congestion control is to know.
func TestReceiverReportsOfRepairedLoss(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		const packets = 100
		for seq := range uint16(packets) {
			if seq%4 != 2 {
				c.sendRTP(vp8(c, seq))
			}
		}
		for seq := range uint16(packets / 4) {
			c.sendRTP(rtx(c, vp8(c, 4*seq+2), seq))
		}
		rr := of[*rtcp.ReceiverReport](c.wait(receptionInterval))
		if block := rr[0].Reports[0]; block.FractionLost != 256/4 || block.TotalLost != packets/4 {
			t.Errorf("the report says %d/256 and %d of %d lost", block.FractionLost, block.TotalLost, packets)
		}
		if s, _ := c.peer.Stats(); s.Recovered != packets/4 || s.Lost != 0 {
			t.Errorf("recovered %d, given up %d", s.Recovered, s.Lost)
		}
		c.sendRTP(rtx(c, vp8(c, packets), packets)) // all of the next interval
		rr = of[*rtcp.ReceiverReport](c.wait(receptionInterval))
		if block := rr[0].Reports[0]; block.FractionLost != 255 || block.TotalLost != packets/4+1 {
			t.Errorf("when all was lost the report says %d/256 and %d", block.FractionLost, block.TotalLost)
		}
	})
}

// Jitter is RFC 3550's (appendix A.8): packets 20 ms apart that arrive 10 ms early and late by turns.
func TestJitter(t *testing.T) {
	var r receiver
	now := time.Unix(1_700_000_000, 0)
	for i := range 1000 {
		r.accept(now, uint16(i))
		late := time.Duration(i%2) * 10 * time.Millisecond
		r.interarrival(now.Add(time.Duration(i)*20*time.Millisecond+late), uint32(960*i), 48000)
	}
	if r.jitter < 470 || r.jitter > 481 { // 10 ms are 480 ticks
		t.Errorf("jitter is %v ticks", r.jitter)
	}
	var steady receiver
	for i := range 100_000 { // years of it: no step in our clock's ticks
		steady.accept(now, uint16(i))
		at := now.Add(time.Duration(i) * time.Hour)
		steady.interarrival(at, uint32(int64(i)*3600*90000), 90000)
	}
	if steady.jitter > 1 {
		t.Errorf("jitter of a perfect stream is %v ticks", steady.jitter)
	}
}

// The round trip is told by the answer to our reference time (RFC 3611) and by reports on what we sent.
func TestRoundTrip(t *testing.T) {
	const rtt, held = 80 * time.Millisecond, 500 * time.Millisecond
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		asked := shortNTP(ntp(c.now))
		c.now = c.now.Add(held + rtt)
		dlrr := func(last, delay uint32) rtcp.Packet {
			return &rtcp.ExtendedReport{SenderSSRC: 5, Reports: []rtcp.ReportBlock{
				&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{SSRC: reportSSRC, LastRR: last, DLRR: delay}}},
			}}
		}
		if _, got := c.peer.Stats(); got != 0 {
			t.Errorf("before any report the round trip is %v", got)
		}
		c.sendRTCP(dlrr(0, 0))
		c.sendRTCP(dlrr(asked, toShort(held+2*rtt))) // less than nothing
		if _, got := c.peer.Stats(); got != 0 {
			t.Errorf("nonsense makes a round trip of %v", got)
		}
		c.sendRTCP(dlrr(asked, toShort(held)))
		if _, got := c.peer.Stats(); (got - rtt).Abs() > time.Millisecond {
			t.Errorf("the round trip is %v", got)
		}
	})
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		sent := shortNTP(ntp(c.now))
		c.now = c.now.Add(held + rtt)
		c.sendRTCP(&rtcp.ReceiverReport{SSRC: 5, Reports: []rtcp.ReceptionReport{{SSRC: videoSSRC, LastSenderReport: sent, Delay: toShort(held)}}})
		if _, got := c.peer.Stats(); (got - rtt).Abs() > time.Millisecond {
			t.Errorf("a viewer's round trip is %v", got)
		}
	})
}

// Sender reports pin both tracks to one mapping of the publisher's clock to ours: it keeps their distance, follows a drift
// gently, and begins anew after a leap.
func TestTiming(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 1))
		c.sendRTP(opus(c, 1))
		video, audio := c.session.Video.Sources[0].SSRC, c.session.Audio.Sources[0].SSRC
		theirs := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
		report := func(ssrc uint32, at time.Time, rtp uint32) Timing {
			c.timings = nil
			c.sendRTCP(&rtcp.SenderReport{SSRC: ssrc, NTPTime: ntp(at), RTPTime: rtp})
			if len(c.timings) != 1 {
				t.Fatalf("a report gives %+v", c.timings)
			}
			return c.timings[0]
		}
		if got := report(video, theirs, 1234); got.Kind != media.Video || got.RTP != 1234 || !got.At.Equal(c.now) {
			t.Errorf("the first report gives %+v at %v", got, c.now)
		}
		c.now = c.now.Add(time.Second)
		got := report(audio, theirs.Add(970*time.Millisecond), 5) // 30 ms late
		if want := c.now.Add(-30 * time.Millisecond); got.Kind != media.Audio || got.At.Sub(want).Abs() > maxClockSlew {
			t.Errorf("sound is pinned %v off", got.At.Sub(want))
		}
		for range 600 { // their clock loses 100 us a second
			c.now = c.now.Add(time.Second)
			theirs = theirs.Add(time.Second - 100*time.Microsecond)
			was := c.peer.in.clock.ahead
			got = report(video, theirs.Add(time.Second), 6)
			if step := (c.peer.in.clock.ahead - was).Abs(); step > maxClockSlew {
				t.Fatalf("the mapping leapt by %v", step)
			}
		}
		if off := c.now.Sub(got.At).Abs(); off > 20*time.Millisecond {
			t.Errorf("after ten minutes of drift the mapping is %v off", off)
		}
		if got = report(video, theirs.Add(-24*time.Hour), 7); !got.At.Equal(c.now) {
			t.Errorf("after a leap the mapping is %v off", c.now.Sub(got.At))
		}
		for range 3 { // RFC 3550 section 6.4.1: a sender without a clock says 0
			c.now = c.now.Add(time.Second)
			c.timings = nil
			c.sendRTCP(&rtcp.SenderReport{SSRC: video, RTPTime: 8})
			if len(c.timings) != 1 || !c.timings[0].At.Equal(c.now) {
				t.Errorf("without a clock the report gives %+v at %v", c.timings, c.now)
			}
		}
		c.timings = nil
		c.sendRTCP(&rtcp.SenderReport{SSRC: 77, NTPTime: 1})
		if len(c.timings) != 0 {
			t.Error("a report of nobody was believed")
		}
	})
}

// Keyframes are asked for by what was offered.
func TestKeyframeRequest(t *testing.T) {
	for _, test := range []struct{ pli, fir bool }{{true, true}, {true, false}, {false, true}, {false, false}} {
		session := func(t testing.TB) *sdp.Session {
			s := publisher(t)
			s.Video.Codecs[0].PLI, s.Video.Codecs[0].FIR = test.pli, test.fir
			return s
		}
		bubble(t, session, tcpPath, func(t *testing.T, c *call) {
			ssrc := c.session.Video.Sources[0].SSRC
			for i := range uint8(3) {
				list := c.told(c.peer.RequestKeyframe())
				pli, fir := of[*rtcp.PictureLossIndication](list), of[*rtcp.FullIntraRequest](list)
				switch {
				case test.pli:
					if len(list) != 1 || len(pli) != 1 || pli[0].MediaSSRC != ssrc || pli[0].SenderSSRC != reportSSRC {
						t.Errorf("%+v: asks %v", test, list)
					}
				case test.fir:
					// RFC 5104 section 4.3.1.2: the media SSRC of the header is 0, the entry names the source.
					if len(list) != 1 || len(fir) != 1 || fir[0].SenderSSRC != reportSSRC || fir[0].MediaSSRC != 0 || fir[0].FIR[0] != (rtcp.FIREntry{SSRC: ssrc, SequenceNumber: i + 1}) {
						t.Errorf("%+v: asks %v", test, list)
					}
				case len(list) != 0:
					t.Errorf("%+v: asks %v", test, list)
				}
			}
		})
	}
	s := publisher(t)
	s.Video = nil
	bubble(t, func(testing.TB) *sdp.Session { return s }, udpPath, func(t *testing.T, c *call) {
		if ev := c.peer.RequestKeyframe(); len(ev.Feedback) != 0 {
			t.Error("a picture is asked for where there is none")
		}
	})
}

// A viewer asks for keyframes by either message, and several in a datagram are one.
func TestKeyframeAsked(t *testing.T) {
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		fir := &rtcp.FullIntraRequest{SenderSSRC: 5, MediaSSRC: videoSSRC, FIR: []rtcp.FIREntry{{SSRC: videoSSRC, SequenceNumber: 1}}}
		if c.sendRTCP(pliOf(videoSSRC)); c.asked != 1 {
			t.Error("PLI is not heard")
		}
		if c.sendRTCP(fir); c.asked != 2 {
			t.Error("FIR is not heard")
		}
		c.sendRTCP(&rtcp.ReceiverReport{SSRC: 5}, pliOf(videoSSRC), fir, &rtcp.Goodbye{Sources: []uint32{5}})
		if c.asked != 3 {
			t.Error("a compound packet is not heard")
		}
	})
}

// Reports of kinds that mean nothing here cost nothing: a feedback of 36 bytes could make a parser allocate megabytes.
func TestForeignReportsAreCheap(t *testing.T) {
	c := &call{session: viewer(t)}
	in := newInbound(c.session)
	bomb := []byte{0x8f, 205, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0}
	for range 8 {
		bomb = append(bomb, 0x20|0x1f, 0xff) // 8191 small deltas that do not come
	}
	var compound []byte
	for range 30 {
		compound = append(compound, bomb...)
	}
	pli, _ := pliOf(videoSSRC).Marshal()
	compound = append(compound, pli...)
	var ev Events
	bytes := testing.AllocsPerRun(1, func() { ev = Events{}; in.reports(time.Now(), compound, &ev) })
	if !ev.Keyframe {
		t.Error("what follows a foreign report is not read")
	}
	if bytes > 100 {
		t.Errorf("a datagram of foreign reports costs %v allocations", bytes)
	}
}
