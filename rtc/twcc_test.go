package rtc

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"pgregory.net/rapid"
)

// arrivals reads a transport feedback: which packets arrived, and when, counted from the reference time's zero.
func arrivals(t interface {
	Fatalf(string, ...any)
}, b []byte) (first uint16, at map[uint16]time.Duration) {
	var cc rtcp.TransportLayerCC
	if err := cc.Unmarshal(b); err != nil {
		t.Fatalf("the feedback % x is broken: %v", b, err)
	}
	at = make(map[uint16]time.Duration)
	clock := time.Duration(cc.ReferenceTime) * twccReference
	seq, delta := cc.BaseSequenceNumber, 0
	left := int(cc.PacketStatusCount)
	next := func(symbol uint16) {
		if left == 0 {
			return
		}
		left--
		if symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
			clock += time.Duration(cc.RecvDeltas[delta].Delta) * time.Microsecond
			delta++
			at[seq] = clock
		}
		seq++
	}
	for _, chunk := range cc.PacketChunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range chunk.RunLength {
				next(chunk.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, symbol := range chunk.SymbolList {
				next(symbol)
			}
		}
	}
	if left != 0 || delta != len(cc.RecvDeltas) {
		t.Fatalf("%d statuses and %d deltas are wrong", left, len(cc.RecvDeltas)-delta)
	}
	return cc.BaseSequenceNumber, at
}

// Property: whatever arrives, whenever feedback is written, every arrival that is not older than what was reported is
// reported exactly once with its time, in packets that fit a datagram.
func TestTWCCReportsEveryArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cc twcc
		now := time.Unix(1_700_000_000, 0).Add(time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "start")))
		seq := rapid.Uint16().Draw(t, "first")
		want := make(map[uint16]time.Time)
		count := uint8(0)
		report := func() {
			for cc.pending > 0 {
				b := cc.appendFeedback(nil, 7, 8)
				if len(b) > 1100 || len(b)%4 != 0 {
					t.Fatalf("a feedback of %d bytes", len(b))
				}
				if b[19] != count {
					t.Fatalf("feedback %d says it is %d", count, b[19])
				}
				count++
				_, got := arrivals(t, b)
				if len(got) == 0 {
					t.Fatalf("a feedback of nothing")
				}
				for seq, at := range got {
					true, ok := want[seq]
					if !ok {
						t.Fatalf("%d is reported and did not arrive, or for the second time", seq)
					}
					if off := cc.origin.Add(at).Sub(true).Abs(); off >= twccTick {
						t.Fatalf("%d is reported %v off", seq, off)
					}
					delete(want, seq)
				}
			}
			if len(want) != 0 {
				t.Fatalf("%d arrivals are not reported", len(want))
			}
		}
		for range rapid.IntRange(1, 300).Draw(t, "events") {
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0:
				report()
			case 1: // leaps, of which wide ones make the publisher begin anew
				leap := rapid.Uint16Range(0, 1500).Draw(t, "leap")
				seq += leap
			case 2: // reordering
				seq -= rapid.Uint16Range(0, 30).Draw(t, "back")
			case 3:
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause")))
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "gap")))
			ext := extend(cc.highest, seq)
			if cc.started && ext >= cc.next+twccWindow {
				clear(want) // a leap makes it forget
			}
			_, twice := want[seq]
			if fresh := !cc.started || ext >= cc.next; fresh && !twice {
				want[seq] = now
			}
			cc.record(now, seq)
			seq++
		}
		report()
	})
}

// A publisher that stays for weeks wraps the reference time of 24 bits, 12.4 days, and is none the worse for it.
func TestTWCCReferenceWraps(t *testing.T) {
	var cc twcc
	start := time.Unix(1_700_000_000, 0)
	const wrap = twccReference << 24
	cc.record(start, 0)
	cc.appendFeedback(nil, 7, 8)
	for i, after := range []time.Duration{time.Second, wrap - 100*time.Millisecond, wrap, wrap + time.Hour, 3*wrap + time.Minute} {
		for j := range uint16(3) {
			cc.record(start.Add(after+time.Duration(j)*10*time.Millisecond), uint16(10*i)+j+1)
		}
		_, got := arrivals(t, cc.appendFeedback(nil, 7, 8))
		for j := range uint16(3) {
			want := (start.Add(after + time.Duration(j)*10*time.Millisecond)).Sub(cc.origin) % wrap
			if off := (got[uint16(10*i)+j+1] - want).Abs(); off >= twccTick && wrap-off >= twccTick {
				t.Errorf("after %v packet %d is reported %v off", after, j, off)
			}
		}
	}
}

// A publisher hears every 50 ms what came, retransmissions and padding included, and nothing while nothing comes.
func TestTWCCSchedule(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		id := c.session.Video.TransportCCExt
		sent := make(map[uint16]time.Time)
		count := 0
		gather := func(list []rtcp.Packet) {
			for _, cc := range of[*rtcp.TransportLayerCC](list) {
				count++
				b, err := cc.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				_, got := arrivals(t, b)
				for seq, at := range got {
					if off := c.peer.in.twcc.origin.Add(at).Sub(sent[seq]).Abs(); off >= twccTick {
						t.Errorf("%d is %v off", seq, off)
					}
					delete(sent, seq)
				}
				if cc.SenderSSRC != reportSSRC || cc.MediaSSRC != c.session.Video.Sources[0].SSRC {
					t.Errorf("the feedback is from %d about %d", cc.SenderSSRC, cc.MediaSSRC)
				}
			}
		}
		for seq := range uint16(1000) {
			p := withExtensions(vp8(c, seq), oneByteProfile, map[uint8][]byte{id: {byte(seq >> 8), byte(seq)}})
			if seq%10 == 9 {
				p = withExtensions(opus(c, seq), oneByteProfile, map[uint8][]byte{c.session.Audio.TransportCCExt: {byte(seq >> 8), byte(seq)}})
			}
			sent[seq] = c.now
			gather(c.told(c.sendRTP(p)))
			gather(c.wait(time.Millisecond))
		}
		gather(c.wait(time.Second))
		if len(sent) != 0 || count < 19 || count > 21 {
			t.Errorf("%d feedbacks in a second, %d arrivals not reported", count, len(sent))
		}
		if list := of[*rtcp.TransportLayerCC](c.wait(time.Minute / 4)); len(list) != 0 {
			t.Errorf("%d feedbacks about nothing", len(list))
		}
	})
}
