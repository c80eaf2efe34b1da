package rtc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

var profiles = []dtls.Profile{dtls.AEADAES128GCM, dtls.AES128CMHMACSHA1_80, dtls.AEADAES256GCM}

// fixedKeys are keys for tests that need no handshake.
func fixedKeys(p dtls.Profile) dtls.Keys {
	key, salt := 16, 12
	switch p {
	case dtls.AES128CMHMACSHA1_80:
		salt = 14
	case dtls.AEADAES256GCM:
		key = 32
	}
	of := func(seed byte, n int) []byte { return bytes.Repeat([]byte{seed}, n) }
	return dtls.Keys{Profile: p, LocalKey: of(1, key), LocalSalt: of(2, salt), RemoteKey: of(3, key), RemoteSalt: of(4, salt)}
}

// sending makes the outbound half for a session, and the context with which its viewer decrypts.
func sending(t testing.TB, s *sdp.Session, p dtls.Profile, first uint16) (*Outbound, *srtp.Context) {
	t.Helper()
	keys := fixedKeys(p)
	o, err := newOutbound(s, keys, cname, reportSSRC, func() uint16 { return first })
	if err != nil {
		t.Fatal(err)
	}
	return o, srtpContext(t, p, keys.LocalKey, keys.LocalSalt)
}

var (
	vp8Format  = media.Format{Codec: media.VP8, ClockRate: 90000}
	opusFormat = media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2}
	h264Format = media.Format{Codec: media.H264, ClockRate: 90000, Profile: "42e01f", PacketizationMode: 1}
)

// packet is one of a publisher's; its payload says which.
func packet(f *media.Format, seq uint64) *media.Packet {
	return &media.Packet{
		Arrival: time.Unix(1_700_000_000, 0).Add(time.Duration(seq-1<<16) * time.Millisecond), Format: f, Seq: seq,
		Timestamp: uint32(seq) * 90, Marker: seq%3 == 0, Payload: binary.BigEndian.AppendUint64([]byte{0x10}, seq),
	}
}

// opened decrypts what was appended.
func opened(t testing.TB, ctx *srtp.Context, b []byte) (list []*rtp.Packet) {
	t.Helper()
	for _, frame := range frames(t, b) {
		plain, err := ctx.DecryptRTP(nil, frame, nil)
		if err != nil {
			t.Fatalf("the viewer can't decrypt: %v", err)
		}
		p := new(rtp.Packet)
		if err := p.Unmarshal(plain); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

func TestAppend(t *testing.T) {
	for _, profile := range profiles {
		t.Run(profile.String(), func(t *testing.T) {
			s := viewer(t)
			o, ctx := sending(t, s, profile, 0x7ffe)
			var items []media.Item
			for i := range uint64(50) {
				items = append(items, media.Item{Packet: packet(&vp8Format, 1<<16|65_500+i)})
				if i%5 == 0 {
					items = append(items, media.Item{Packet: packet(&opusFormat, 1<<16|i/5)})
				}
			}
			codec, _ := s.Video.Choose(vp8Format)
			next := map[uint32]uint16{videoSSRC: 0x7fff, audioSSRC: 0x7fff}
			for i, p := range opened(t, ctx, o.Append(time.Now(), nil, items)) {
				in := items[i].Packet
				if p.SequenceNumber != next[p.SSRC] || p.Timestamp != in.Timestamp || p.Marker != in.Marker || !bytes.Equal(p.Payload, in.Payload) {
					t.Fatalf("item %d is sent as %v", i, p)
				}
				next[p.SSRC]++
				if in.Kind() == media.Video && (p.SSRC != videoSSRC || p.PayloadType != codec.PT) {
					t.Fatalf("a picture is sent as %v", p)
				}
			}
			if next[videoSSRC] != 0x7fff+50 || next[audioSSRC] != 0x7fff+10 {
				t.Errorf("sent up to %v", next)
			}
			if s := o.Stats; s.Packets != 60 || s.Refused != 0 || s.Oversized != 0 {
				t.Errorf("stats are %+v", s)
			}
		})
	}
}

// What a viewer can't take is left out and counted, and what follows is none the worse.
func TestAppendLeavesOut(t *testing.T) {
	s := negotiate(t, "chromium-play-VP8", false)
	s.Audio = nil
	o, ctx := sending(t, s, dtls.AEADAES128GCM, 0)
	large := packet(&vp8Format, 1<<16+2)
	large.Payload = make([]byte, ice.MaxFrame)
	late := packet(&vp8Format, 1<<16)
	got := opened(t, ctx, o.Append(time.Now(), nil, []media.Item{
		{Packet: packet(&opusFormat, 1<<16)},
		{Packet: packet(&h264Format, 1<<16)},
		{Packet: packet(&vp8Format, 1<<16+1), Break: media.Restarted, First: 1<<16 + 1},
		{Packet: large},
		{Packet: packet(&vp8Format, 1<<16+3)},
		{Packet: late},
	}))
	if len(got) != 2 || got[0].SequenceNumber != 1 || got[1].SequenceNumber != 3 {
		t.Errorf("got %v", got)
	}
	if s := o.Stats; s.Packets != 2 || s.Refused != 3 || s.Oversized != 1 {
		t.Errorf("stats are %+v", s)
	}
}

// The largest packets that fit a datagram are sent, or a frame where TCP is the path, whatever their header carries; none larger
// is. GStreamer's are of 1,400 bytes.
func TestAppendKeepsToThePath(t *testing.T) {
	o, ctx := sending(t, viewer(t), dtls.AEADAES128GCM, 0)
	p := packet(&vp8Format, 1<<16)
	p.Payload = make([]byte, 1400-12)
	if got := opened(t, ctx, o.Append(time.Now(), nil, []media.Item{{Packet: p}})); len(got) != 1 {
		t.Error("a packet of 1,400 bytes is left out")
	}
	for i, profile := range append(profiles, profiles...) {
		s := viewer(t)
		s.Video.Ext = [media.Extensions]uint8{1, 2, 3, 4}
		s.Video.MixedExtensions = true
		o, ctx := sending(t, s, profile, 0)
		maxPacket := maxPacket
		if i >= len(profiles) {
			o.Over(ice.UDP)
			o.Over(ice.TCP)
			maxPacket = ice.MaxFrame
		}
		var sent, longest int
		for n := 700; n <= ice.MaxFrame; n++ {
			p := packet(&vp8Format, 1<<16|uint64(n))
			p.Payload = make([]byte, n)
			for i := range p.Ext {
				p.Ext[i] = make([]byte, n/8)
			}
			b := o.Append(time.Now(), nil, []media.Item{{Packet: p}})
			for _, frame := range frames(t, b) {
				longest = max(longest, len(frame))
			}
			sent += len(opened(t, ctx, b))
		}
		if sent != int(o.Stats.Packets) || sent+int(o.Stats.Oversized) != ice.MaxFrame-699 || longest < maxPacket-16 || longest > maxPacket {
			t.Errorf("%v: %d sent, the longest of %d; stats are %+v", profile, sent, longest, o.Stats)
		}
	}
}

// What is said to fit a datagram does, of whatever size it is and its extensions are.
func TestFitsDatagram(t *testing.T) {
	s := viewer(t)
	s.Video.Ext = [media.Extensions]uint8{1, 2, 3, 4}
	s.Video.MixedExtensions = true
	o, _ := sending(t, s, dtls.AEADAES128GCM, 0)
	seq, fits := uint64(1<<16), 0
	for size := 1100; size < ice.MaxFrame; size++ {
		for _, extension := range []int{0, 1, 40} {
			seq++
			p := packet(&vp8Format, seq)
			p.Payload = make([]byte, size)
			p.Ext[media.DependencyDescriptor] = make([]byte, extension)
			b := o.Append(time.Now(), nil, []media.Item{{Packet: p}})
			if FitsDatagram(p) != (len(b) > 0) {
				t.Fatalf("%d bytes with an extension of %d fit: %v; sent are %d", size, extension, FitsDatagram(p), len(b))
			}
			if len(b) > 0 {
				fits++
			}
		}
	}
	if fits < 900 || fits > 960 {
		t.Errorf("%d fit", fits)
	}
}

// A packet that went over TCP and does not fit a datagram is not sent again over UDP; back on TCP it is.
func TestResendKeepsToThePath(t *testing.T) {
	s := viewer(t)
	s.Video.RTXSSRC = 0
	o, _ := sending(t, s, dtls.AEADAES128GCM, 0)
	p := packet(&vp8Format, 1<<16)
	p.Payload = make([]byte, 1450)
	now := time.Now()
	o.Over(ice.TCP)
	sent := o.Append(now, nil, []media.Item{{Packet: p}})
	for i, transport := range []ice.Transport{ice.UDP, ice.TCP} {
		now = now.Add(time.Second)
		o.Over(transport)
		b := again(o, now, Nack{SSRC: videoSSRC, Seqs: []uint16{1}}, func(media.Kind, uint64) *media.Packet { return p })
		if want := [][]byte{nil, sent}[i]; !bytes.Equal(b, want) {
			t.Errorf("over %v come %d bytes of %d", transport, len(b), len(sent))
		}
	}
	if o.Stats.Oversized != 1 {
		t.Errorf("stats are %+v", o.Stats)
	}
}

// Header extensions travel under the viewer's ids; mid is the viewer's; nothing else is there.
func TestAppendExtensions(t *testing.T) {
	long := bytes.Repeat([]byte{9}, 100)
	for _, test := range []struct {
		name  string
		ids   [media.Extensions]uint8
		mixed bool
		in    [media.Extensions][]byte
		want  map[uint8]string
	}{
		{"none", [media.Extensions]uint8{}, true, [media.Extensions][]byte{media.PlayoutDelay: {1, 2, 3}}, map[uint8]string{9: "0"}},
		{"all", [media.Extensions]uint8{1, 2, 3, 14}, false, [media.Extensions][]byte{{1}, {2}, {3, 3, 3}, {4, 4}},
			map[uint8]string{9: "0", 1: "\x01", 2: "\x02", 3: "\x03\x03\x03", 14: "\x04\x04"}},
		{"16 bytes", [media.Extensions]uint8{3: 4}, false, [media.Extensions][]byte{3: long[:16]}, map[uint8]string{9: "0", 4: string(long[:16])}},
		{"17 bytes", [media.Extensions]uint8{3: 4}, true, [media.Extensions][]byte{3: long[:17]}, map[uint8]string{9: "0", 4: string(long[:17])}},
		{"17 bytes, not mixed", [media.Extensions]uint8{1, 0, 0, 4}, false, [media.Extensions][]byte{0: {5}, 3: long[:17]},
			map[uint8]string{9: "0", 1: "\x05"}},
		{"high id", [media.Extensions]uint8{3: 200}, true, [media.Extensions][]byte{3: {1}}, map[uint8]string{9: "0", 200: "\x01"}},
		{"empty", [media.Extensions]uint8{3: 4}, true, [media.Extensions][]byte{3: {}}, map[uint8]string{9: "0"}},
		{"impossible", [media.Extensions]uint8{3: 4}, true, [media.Extensions][]byte{3: make([]byte, 256)}, map[uint8]string{9: "0"}},
	} {
		s := viewer(t)
		s.Video.Mid, s.Video.MidExt, s.Video.Ext, s.Video.MixedExtensions = "0", 9, test.ids, test.mixed
		o, ctx := sending(t, s, dtls.AEADAES128GCM, 0)
		p := packet(&vp8Format, 1<<16)
		p.Ext = test.in
		got := opened(t, ctx, o.Append(time.Now(), nil, []media.Item{{Packet: p}}))[0]
		if ids := got.GetExtensionIDs(); len(ids) != len(test.want) {
			t.Errorf("%s: the extensions are %v", test.name, ids)
		}
		for id, data := range test.want {
			if string(got.GetExtension(id)) != data {
				t.Errorf("%s: extension %d is % x", test.name, id, got.GetExtension(id))
			}
		}
		if !bytes.Equal(got.Payload, p.Payload) {
			t.Errorf("%s: the payload is % x", test.name, got.Payload)
		}
	}
}

// From a publisher's wire to a viewer's, with the recorded offers: what is only between the publisher and us stays away.
func TestExtensionsFromPublisherToViewer(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		in := c.session.Video
		sent := map[uint8][]byte{
			in.Ext[media.VideoOrientation]: {1}, in.Ext[media.PlayoutDelay]: {0, 1, 2}, in.MidExt: []byte("1"),
			in.TransportCCExt: {0, 1}, 2: {7, 7, 7}, // abs-send-time is not negotiated, but here it is
		}
		got := c.sendRTP(withExtensions(vp8(c, 1), oneByteProfile, sent)).Packet
		s := viewer(t)
		o, ctx := sending(t, s, dtls.AEADAES128GCM, 0)
		p := opened(t, ctx, o.Append(c.now, nil, []media.Item{{Packet: got}}))[0]
		want := map[uint8]string{
			s.Video.MidExt: s.Video.Mid, s.Video.Ext[media.VideoOrientation]: "\x01", s.Video.Ext[media.PlayoutDelay]: "\x00\x01\x02",
		}
		for _, id := range p.GetExtensionIDs() {
			if string(p.GetExtension(id)) != want[id] {
				t.Errorf("extension %d is % x", id, p.GetExtension(id))
			}
			delete(want, id)
		}
		if len(want) != 0 {
			t.Errorf("these are missing: %v", want)
		}
	})
}

// again is what comes of a NACK.
func again(o *Outbound, now time.Time, ask Nack, find func(media.Kind, uint64) *media.Packet) []byte {
	o.Ask(now, ask)
	b, _ := o.Resend(now, nil, maxAsked, find)
	return b
}

// Append and Resend decrypt in the order of the wire: with RTX under its own SSRC, else as the very same bytes.
func TestResend(t *testing.T) {
	for _, profile := range profiles {
		for _, withRTX := range []bool{true, false} {
			s := viewer(t)
			if !withRTX {
				s.Video.RTXSSRC = 0
			}
			o, ctx := sending(t, s, profile, 0x7000)
			ring := make(map[uint64]*media.Packet)
			find := func(k media.Kind, seq uint64) *media.Packet {
				if k != media.Video {
					return nil
				}
				return ring[seq]
			}
			sent := make(map[uint16][]byte)
			rng := rand.New(rand.NewPCG(1, 1))
			codec, _ := s.Video.Choose(vp8Format)
			nextRTX := uint16(0x7000)
			for seq := uint64(1<<16 | 64_000); seq < 1<<16|64_000+5000; seq++ {
				p := packet(&vp8Format, seq)
				p.Ext[media.VideoOrientation] = []byte{byte(seq)}
				ring[seq] = p
				b := o.Append(time.Now(), nil, []media.Item{{Packet: p}})
				out := binary.BigEndian.Uint16(b[4:])
				sent[out] = bytes.Clone(b)
				original := opened(t, ctx, b)[0]
				if rng.IntN(4) > 0 {
					continue
				}
				again := again(o, time.Now(), Nack{SSRC: videoSSRC, Seqs: []uint16{out}}, find)
				if !withRTX {
					if !bytes.Equal(again, b) {
						t.Fatal("what is sent again is not the same")
					}
					continue
				}
				got := opened(t, ctx, again)[0]
				if got.SSRC != rtxSSRC || got.PayloadType != codec.RTX || got.Timestamp != p.Timestamp || got.Marker != p.Marker ||
					got.SequenceNumber != nextRTX || binary.BigEndian.Uint16(got.Payload) != out || !bytes.Equal(got.Payload[2:], original.Payload) {
					t.Fatalf("%v is sent again as %v", original, got)
				}
				nextRTX++
			}
			for name, ask := range map[string]Nack{
				"nobody's":   {SSRC: 5, Seqs: []uint16{0x7001}},
				"sound":      {SSRC: audioSSRC, Seqs: []uint16{0x7001}},
				"the future": {SSRC: videoSSRC, Seqs: []uint16{uint16(o.senders[media.Video].highest) + 1}},
				"the past":   {SSRC: videoSSRC, Seqs: []uint16{uint16(o.senders[media.Video].highest) - resendWindow}},
			} {
				if b := again(o, time.Now(), ask, find); len(b) != 0 {
					t.Errorf("%s is sent again", name)
				}
			}
			clear(ring)
			if b := again(o, time.Now(), Nack{SSRC: videoSSRC, Seqs: []uint16{uint16(o.senders[media.Video].highest)}}, find); len(b) != 0 {
				t.Error("what is gone is sent again")
			}
		}
	}
}

// A new publication goes on where the last one ended: in numbers at once, in time by what passed between them, whatever
// came late at the end.
func TestRestartIsContinuous(t *testing.T) {
	o, ctx := sending(t, viewer(t), dtls.AEADAES128GCM, 100)
	last := packet(&vp8Format, 1<<16+10)
	straggler := packet(&vp8Format, 1<<16+5)
	straggler.Arrival = last.Arrival.Add(400 * time.Millisecond)
	first := packet(&vp8Format, 1<<16+40_000)
	first.Arrival, first.Timestamp = last.Arrival.Add(2*time.Second), 0xffff0000
	got := opened(t, ctx, o.Append(time.Now(), nil, []media.Item{
		{Packet: packet(&vp8Format, 1<<16+4)}, {Packet: last}, {Packet: straggler},
		{Packet: first, Break: media.Restarted, First: first.Seq},
	}))
	if before, after := got[1], got[3]; after.SequenceNumber != before.SequenceNumber+1 || after.Timestamp-before.Timestamp != 2*90_000 {
		t.Errorf("after %v comes %v", before, after)
	}
}

// A restart that came with a packet which could not be sent is none the less a restart.
func TestRestartIsNotForgotten(t *testing.T) {
	for name, spoil := range map[string]func(p *media.Packet){
		"another format": func(p *media.Packet) { p.Format = &media.Format{Codec: media.H265, ClockRate: 90000} },
		"too large":      func(p *media.Packet) { p.Payload = make([]byte, ice.MaxFrame) },
	} {
		s := negotiate(t, "chromium-play-VP8", false)
		o, ctx := sending(t, s, dtls.AEADAES128GCM, 100)
		var items []media.Item
		for i := range uint64(10) {
			items = append(items, media.Item{Packet: packet(&vp8Format, 1<<16+i)})
		}
		before := opened(t, ctx, o.Append(time.Now(), nil, items))
		spoilt := packet(&vp8Format, 1<<16)
		spoil(spoilt)
		o.Append(time.Now(), nil, []media.Item{{Packet: spoilt, Break: media.Restarted, First: 1 << 16}})
		again := again(o, time.Now(), Nack{SSRC: videoSSRC, Seqs: []uint16{before[3].SequenceNumber}}, func(media.Kind, uint64) *media.Packet {
			return packet(&vp8Format, 1<<16)
		})
		if len(again) != 0 {
			t.Errorf("%s: a packet of the new publication is sent under a number of the old", name)
		}
		b := o.Append(time.Now(), nil, []media.Item{{Packet: packet(&vp8Format, 1<<16+3)}})
		if seq := binary.BigEndian.Uint16(b[4:]); seq-before[9].SequenceNumber > maxLeap || seq == before[9].SequenceNumber {
			t.Errorf("%s: after %d comes %d", name, before[9].SequenceNumber, seq)
		}
	}
}

// Nor is how long the restart was ago: time goes on by what passed since the last packet that was sent, whatever could not be
// sent in between.
func TestRestartKeepsItsTime(t *testing.T) {
	s := negotiate(t, "chromium-play-VP8", false)
	o, ctx := sending(t, s, dtls.AEADAES128GCM, 100)
	last := packet(&vp8Format, 1<<16+10)
	refused := packet(&media.Format{Codec: media.H265, ClockRate: 90000}, 1<<16)
	first := packet(&vp8Format, 1<<16+1)
	first.Arrival, first.Timestamp = last.Arrival.Add(3*time.Second), 0x80000000
	got := opened(t, ctx, o.Append(time.Now(), nil, []media.Item{
		{Packet: last},
		{Packet: refused, Break: media.Restarted, First: 1 << 16},
		{Packet: first, Break: media.Skipped, First: 1<<16 + 1},
	}))
	if len(got) != 2 || got[1].SequenceNumber != got[0].SequenceNumber+1 || got[1].Timestamp-got[0].Timestamp != 3*90_000 {
		t.Errorf("got %v", got)
	}
}

// Two things under one SSRC would share their keystream.
func TestSSRCsAreDistinct(t *testing.T) {
	for _, spoil := range []func(s *sdp.Session){
		func(s *sdp.Session) { s.Audio.SSRC = videoSSRC },
		func(s *sdp.Session) { s.Audio.SSRC = rtxSSRC },
		func(s *sdp.Session) { s.Video.RTXSSRC = videoSSRC },
	} {
		s := viewer(t)
		spoil(s)
		_, err := newOutbound(s, fixedKeys(dtls.AEADAES128GCM), cname, reportSSRC, func() uint16 { return 1 })
		if err == nil || !strings.Contains(err.Error(), "SSRC") {
			t.Errorf("newOutbound says %v", err)
		}
	}
	keys := fixedKeys(dtls.AEADAES128GCM)
	keys.LocalKey = nil
	if _, err := newOutbound(viewer(t), keys, cname, reportSSRC, nil); err == nil {
		t.Error("no key is good enough")
	}
}
