package rtc

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"pgregory.net/rapid"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

// law9 watches an outbound half: no SRTP index may ever stand for two different packets (law 9 in docs/design.md), and a
// viewer that gets everything decrypts everything.
//
// It drives the half as a stream's reader does, and worse: it loses, reorders, repeats, leaps and skips at will, and
// restarts on publications whose numbers and contents differ, with packets in between that cannot be sent.
type law9 struct {
	t       *rapid.T
	o       *Outbound
	viewer  *srtp.Context
	used    map[uint32]map[uint64]string // by SSRC and index: the plain packet
	highest map[uint32]uint64

	epoch   int // of the publication
	seq     uint64
	restart bool // the next item says so
	arrival time.Time
	formats []*media.Format
	packets map[uint64]*media.Packet // of this publication
}

func TestLaw9(t *testing.T) {
	for _, profile := range profiles[:2] {
		for _, withRTX := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v, RTX %v", profile, withRTX), func(t *testing.T) {
				session := viewer(t)
				if !withRTX {
					session.Video.RTXSSRC = 0
				}
				rapid.Check(t, func(t *rapid.T) {
					l := newLaw9(t, session, profile)
					t.Repeat(map[string]func(*rapid.T){
						"":        func(*rapid.T) {},
						"forward": l.forward,
						"late":    l.late,
						"leap":    l.leap,
						"skip":    l.skip,
						"publish": l.publish,
						"ask":     l.ask,
						"resend":  l.resend,
						"wait":    l.wait,
						"many":    l.many,
					})
				})
			})
		}
	}
}

func newLaw9(t *rapid.T, s *sdp.Session, p dtls.Profile) *law9 {
	keys := fixedKeys(p)
	first := rapid.Uint16().Draw(t, "first")
	o, err := newOutbound(s, keys, cname, reportSSRC, func() uint16 { return first })
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := srtp.CreateContext(keys.LocalKey, keys.LocalSalt, srtp.ProtectionProfile(p))
	if err != nil {
		t.Fatal(err)
	}
	l := &law9{
		t: t, o: o, viewer: ctx, used: make(map[uint32]map[uint64]string), highest: make(map[uint32]uint64),
		formats: []*media.Format{&vp8Format, &h264Format}, arrival: time.Unix(1_700_000_000, 0),
	}
	l.publish(t)
	return l
}

// publish begins another publication.
func (l *law9) publish(t *rapid.T) {
	l.epoch++
	l.restart = true
	l.packets = make(map[uint64]*media.Packet)
	l.seq = 1<<16 | uint64(rapid.Uint16().Draw(t, "start"))
}

// packet is the present publication's packet of a number: always the same.
func (l *law9) packet(t *rapid.T, seq uint64) *media.Packet {
	if p := l.packets[seq]; p != nil {
		return p
	}
	l.arrival = l.arrival.Add(time.Millisecond)
	p := &media.Packet{
		Arrival: l.arrival, Format: rapid.SampledFrom(l.formats).Draw(t, "format"), Seq: seq, Timestamp: uint32(seq) * 90,
		Payload: fmt.Appendf([]byte{0x10}, "%d of publication %d", seq, l.epoch),
	}
	switch rapid.IntRange(0, 20).Draw(t, "kind") {
	case 0:
		p.Payload = make([]byte, ice.MaxFrame)
	case 1:
		p.Format = &media.Format{Codec: media.Codec(99), ClockRate: 90000} // the viewer can't take it
	case 2:
		p.Ext[media.VideoOrientation] = []byte{byte(seq)}
	case 3:
		p.Payload = nil
	}
	if p.Kind() != media.Video {
		p.Format = &media.Format{Codec: media.H265, ClockRate: 90000, Profile: "99"}
	}
	l.packets[seq] = p
	return p
}

func (l *law9) send(items ...media.Item) {
	l.watch(l.o.Append(l.arrival, nil, items))
}

// item is a packet as the reader gives it: it tells a restart with whatever comes first.
func (l *law9) item(t *rapid.T, seq uint64) media.Item {
	it := media.Item{Packet: l.packet(t, seq)}
	if l.restart {
		it.Break, it.First, l.restart = media.Restarted, seq-min(seq-1, rapid.Uint64Range(0, 50).Draw(t, "before")), false
	}
	return it
}

func (l *law9) forward(t *rapid.T) {
	l.seq += rapid.Uint64Range(1, 4).Draw(t, "step")
	l.send(l.item(t, l.seq))
}

// late sends a packet from before, maybe once more, maybe from long ago.
func (l *law9) late(t *rapid.T) {
	back := rapid.OneOf(rapid.Uint64Range(0, 30), rapid.Uint64Range(0, 1<<16-1)).Draw(t, "back")
	l.send(l.item(t, l.seq-min(back, l.seq-1)))
}

func (l *law9) leap(t *rapid.T) {
	l.seq += rapid.OneOf(rapid.Uint64Range(maxLeap-3, maxLeap+3), rapid.Uint64Range(1, 1<<18)).Draw(t, "leap")
	l.send(l.item(t, l.seq))
}

// skip leaves packets out and says so.
func (l *law9) skip(t *rapid.T) {
	l.seq += rapid.Uint64Range(1, 1<<17).Draw(t, "left out")
	it := l.item(t, l.seq)
	if it.Break == media.Continues {
		before := rapid.OneOf(rapid.Uint64Range(0, 50), rapid.Uint64Range(0, 1<<16)).Draw(t, "before")
		it.Break, it.First = media.Skipped, l.seq-before
	}
	l.send(it)
}

// many sends a long run, so that numbers wrap.
func (l *law9) many(t *rapid.T) {
	step := rapid.Uint64Range(1, 3000).Draw(t, "step")
	for range 20 {
		l.seq += step
		l.send(l.item(t, l.seq))
	}
}

// ask asks for packets as a viewer does: for some once more, and for some that never were.
func (l *law9) ask(t *rapid.T) {
	s := l.o.senders[media.Video]
	ask := Nack{SSRC: videoSSRC, RTT: time.Duration(rapid.IntRange(0, 50).Draw(t, "round trip")) * time.Millisecond}
	for _, back := range rapid.SliceOfN(rapid.Uint16Range(0, 3000), 1, 5).Draw(t, "asked") {
		ask.Seqs = append(ask.Seqs, uint16(s.highest)-back)
	}
	l.o.Ask(l.arrival, ask)
}

// resend sends some of what was asked for, whatever has happened since; what is found is what a ring of the present
// publication holds. Until its first item was delivered a reader finds nothing.
func (l *law9) resend(t *rapid.T) {
	most := rapid.IntRange(1, 10).Draw(t, "most")
	b, sent := l.o.Resend(l.arrival, nil, most, func(_ media.Kind, seq uint64) *media.Packet {
		if l.restart || rapid.IntRange(0, 9).Draw(t, "gone") == 0 {
			return nil
		}
		return l.packet(t, seq)
	})
	if n := l.watch(b); n != sent || n > most {
		t.Fatalf("%d packets are sent again, said are %d of at most %d", n, sent, most)
	}
}

func (l *law9) wait(t *rapid.T) {
	l.arrival = l.arrival.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "wait")) * time.Millisecond)
}

// watch follows the index of every packet as SRTP's sender does, holds the packets to the law, and counts them.
func (l *law9) watch(b []byte) (packets int) {
	for ; len(b) > 0; packets++ {
		frame, rest, err := ice.NextFrame(b)
		if err != nil || frame == nil {
			l.t.Fatalf("frames are broken: %v", err)
		}
		b = rest
		plain, err := l.viewer.DecryptRTP(nil, frame, nil)
		if err != nil {
			l.t.Fatalf("the viewer can't decrypt: %v", err)
		}
		var h rtp.Header
		if _, err := h.Unmarshal(plain); err != nil {
			l.t.Fatal(err)
		}
		l.use(h.SSRC, h.SequenceNumber, string(plain))
	}
	return packets
}

// use notes that a packet was encrypted. Its index is by RFC 3711 section 3.3.1 the one nearest to the highest.
func (l *law9) use(ssrc uint32, seq uint16, plain string) {
	if l.used[ssrc] == nil {
		l.used[ssrc] = make(map[uint64]string)
		l.highest[ssrc] = uint64(seq)
	}
	index := extend(l.highest[ssrc], seq)
	if index > l.highest[ssrc] && index-l.highest[ssrc] > 1<<15-1 {
		l.t.Fatalf("the index leaps from %d to %d: the viewer would lose count", l.highest[ssrc], index)
	}
	if before, ok := l.used[ssrc][index]; ok && before != plain {
		l.t.Fatalf("index %d of SSRC %d encrypts two packets:\n%q\n%q", index, ssrc, before, plain)
	}
	if sequence := binary.BigEndian.Uint16([]byte(plain[2:])); sequence != seq {
		l.t.Fatalf("the header says %d", sequence)
	}
	l.used[ssrc][index] = plain
	l.highest[ssrc] = max(l.highest[ssrc], index)
	roc, ok := l.viewer.ROC(ssrc)
	if !ok || uint64(roc) != l.highest[ssrc]>>16 {
		l.t.Fatalf("the viewer counts %d rollovers at index %d", roc, l.highest[ssrc])
	}
}

// A packet that comes as late as half the number space would be taken for one of the next round, by the viewer and by our
// own cipher: the next round's would then have its index.
func TestLatecomersAreNotSent(t *testing.T) {
	o, ctx := sending(t, viewer(t), dtls.AEADAES128GCM, 20_000)
	seq := uint64(1 << 16)
	for range 40_000 {
		seq++
		opened(t, ctx, o.Append(time.Now(), nil, []media.Item{{Packet: packet(&vp8Format, seq)}}))
	}
	for _, test := range []struct {
		back uint64
		want int
	}{{1000, 1}, {maxLeap, 1}, {maxLeap + 1, 0}, {1 << 15, 0}, {36_000, 0}, {39_000, 0}} {
		b := o.Append(time.Now(), nil, []media.Item{{Packet: packet(&vp8Format, seq-test.back)}})
		if got := frames(t, b); len(got) != test.want {
			t.Errorf("%d packets late, %d are sent", test.back, len(got))
		}
	}
	seq++
	opened(t, ctx, o.Append(time.Now(), nil, []media.Item{{Packet: packet(&vp8Format, seq)}}))
}

// In a run without loss the numbers are contiguous, over any number of wraps, skips and restarts; the time is too.
func TestNumbersAreContiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLaw9(t, viewerOf, dtls.AEADAES128GCM)
		s := l.o.senders[media.Video]
		next := s.highest + 1
		var lastTimestamp uint32
		seq, timestamp := l.seq, rapid.Uint32().Draw(t, "timestamp")
		for i := range rapid.IntRange(1, 200).Draw(t, "packets") {
			it := media.Item{}
			gap := time.Duration(rapid.IntRange(1, 40).Draw(t, "gap")) * time.Millisecond
			l.arrival = l.arrival.Add(gap)
			timestamp += uint32(gap/time.Millisecond) * 90
			switch rapid.IntRange(0, 9).Draw(t, "break") {
			case 0:
				it.Break = media.Skipped
				seq += rapid.Uint64Range(0, 1<<20).Draw(t, "left out")
				it.First = seq
			case 1:
				it.Break = media.Restarted
				seq, timestamp = 1<<16|uint64(rapid.Uint16().Draw(t, "start")), rapid.Uint32().Draw(t, "another clock")
				it.First = seq
			}
			it.Packet = &media.Packet{Arrival: l.arrival, Format: &vp8Format, Seq: seq, Timestamp: timestamp, Payload: []byte{1}}
			b := l.o.Append(l.arrival, nil, []media.Item{it})
			plain, err := l.viewer.DecryptRTP(nil, b[2:], nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := binary.BigEndian.Uint16(plain[2:]); got != uint16(next) {
				t.Fatalf("packet %d is sent as %d, want %d", i, got, uint16(next))
			}
			sent := binary.BigEndian.Uint32(plain[4:])
			if i > 0 && sent-lastTimestamp != uint32(gap/time.Millisecond)*90 {
				t.Fatalf("packet %d comes %v after the last and says %d ticks", i, gap, int32(sent-lastTimestamp))
			}
			lastTimestamp = sent
			next++
			seq++
		}
	})
}

// viewerOf is a session that takes VP8, without extensions.
var viewerOf = &sdp.Session{Video: &sdp.Track{
	Kind: media.Video, SSRC: videoSSRC, RTXSSRC: rtxSSRC, Codecs: []sdp.Codec{{PT: 96, RTX: 97, Format: vp8Format}},
}}
