package rtc

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/pion/rtp"

	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

// vp8 is a packet of the publisher's picture.
func vp8(c *call, seq uint16) *rtp.Packet {
	track := c.session.Video
	return &rtp.Packet{
		Header: rtp.Header{
			PayloadType: track.Codecs[0].PT, SequenceNumber: seq, Timestamp: 3000 * uint32(seq), SSRC: track.Sources[0].SSRC,
		},
		Payload: []byte{0x10, 0x01, byte(seq >> 8), byte(seq)}, // the start of an inter frame
	}
}

// opus is a packet of the publisher's sound.
func opus(c *call, seq uint16) *rtp.Packet {
	track := c.session.Audio
	return &rtp.Packet{
		Header: rtp.Header{
			PayloadType: track.Codecs[0].PT, SequenceNumber: seq, Timestamp: 960 * uint32(seq), SSRC: track.Sources[0].SSRC,
		},
		Payload: []byte{0x78, byte(seq >> 8), byte(seq)},
	}
}

// rtx is p as a retransmission under seq (RFC 4588).
func rtx(c *call, p *rtp.Packet, seq uint16) *rtp.Packet {
	track := c.session.Video
	again := *p
	again.PayloadType, again.SSRC, again.SequenceNumber = track.Codecs[0].RTX, track.Sources[0].RTX, seq
	again.Payload = append(binary.BigEndian.AppendUint16(nil, p.SequenceNumber), p.Payload...)
	return &again
}

func withExtensions(p *rtp.Packet, profile uint16, list map[uint8][]byte) *rtp.Packet {
	p.Extension, p.ExtensionProfile = true, profile
	for id, data := range list {
		if err := p.SetExtension(id, data); err != nil {
			panic(err)
		}
	}
	return p
}

func TestReceivePacket(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		p := vp8(c, 7)
		p.Marker = true
		p.Payload = []byte{0x10, 0x00, 0x9d} // the start of a keyframe
		ev := c.sendRTP(p)
		want := &media.Packet{
			Arrival: c.now, Format: ev.Packet.Format, Seq: 1<<16 | 7, Timestamp: p.Timestamp, Marker: true, Start: true, Key: true,
			Payload: p.Payload,
		}
		if !reflect.DeepEqual(ev.Packet, want) {
			t.Errorf("got %+v, want %+v", ev.Packet, want)
		}
		if *ev.Packet.Format != c.session.Video.Codecs[0].Format || !ev.Verified {
			t.Errorf("the format is %v, verified %v", ev.Packet.Format, ev.Verified)
		}
		if next := c.sendRTP(vp8(c, 8)).Packet; next.Format != want.Format || next.Key || next.Marker {
			t.Errorf("the next packet is %+v", next)
		}
		sound := c.sendRTP(opus(c, 1)).Packet
		if sound.Kind() != media.Audio || sound.Seq != 1<<16|1 || sound.Timestamp != 960 || string(sound.Payload) != "\x78\x00\x01" {
			t.Errorf("sound is %+v", sound)
		}
	})
}

// Numbers are extended over wraps, whichever way the packets come; each packet is passed on once.
func TestReceiveNumbers(t *testing.T) {
	for _, path := range []ice.Path{udpPath, tcpPath} {
		bubble(t, publisher, path, func(t *testing.T, c *call) {
			rng := rand.New(rand.NewPCG(4, 4))
			const first, count = 1<<16 + 65000, 70_000
			seen := make(map[uint64]bool)
			var window [][]byte
			send := func() {
				i := rng.IntN(len(window))
				b := window[i]
				window = append(window[:i], window[i+1:]...)
				for range 2 { // the second is a replay
					p := c.receive(b).Packet
					if p == nil {
						continue
					}
					if seen[p.Seq] || uint16(p.Seq) != binary.BigEndian.Uint16(p.Payload[2:]) {
						t.Fatalf("%d came twice or wrong: % x", p.Seq, p.Payload)
					}
					seen[p.Seq] = true
				}
			}
			for seq := uint64(first); seq < first+count; seq++ {
				if window = append(window, c.sealRTP(vp8(c, uint16(seq)))); len(window) > 20 {
					send()
				}
			}
			for len(window) > 0 {
				send()
			}
			for seq := uint64(first); seq < first+count; seq++ {
				if !seen[seq] {
					t.Fatalf("%d is missing", seq)
				}
			}
			if s, _ := c.peer.Stats(); s.Packets != count || s.Rejected != count || s.Unknown != 0 {
				t.Errorf("stats are %+v", s)
			}
		})
	}
}

// A leap of any width begins again above everything before, and what comes late is no surprise.
func TestReceiveLeaps(t *testing.T) {
	r := receiver{}
	now := time.Unix(0, 0)
	var highest uint64
	given := make(map[uint64]bool)
	rng := rand.New(rand.NewPCG(5, 5))
	for range 200_000 {
		seq := uint16(highest) + uint16(rng.IntN(64)) - 20
		if rng.IntN(50) == 0 {
			seq = uint16(rng.Uint32())
		}
		ext, ok := r.accept(now, seq)
		if want := !given[ext] && highest < ext+seenWindow; ok != want || uint16(ext) != seq {
			t.Fatalf("%d is taken for %d, new: %v, want %v; the highest was %d", seq, ext, ok, want, highest)
		}
		if !ok {
			continue
		}
		given[ext] = true
		highest = max(highest, ext)
	}
}

func TestReceiveExtensions(t *testing.T) {
	session := func(t testing.TB) *sdp.Session {
		s := publisher(t)
		s.Video.Ext[media.DependencyDescriptor] = 12
		return s
	}
	long := bytes.Repeat([]byte{7}, 40)
	bubble(t, session, udpPath, func(t *testing.T, c *call) {
		track := c.session.Video
		orientation, delay := track.Ext[media.VideoOrientation], track.Ext[media.PlayoutDelay]
		for i, test := range []struct {
			profile uint16
			sent    map[uint8][]byte
			want    [media.Extensions][]byte
		}{
			{oneByteProfile, map[uint8][]byte{orientation: {1}, delay: {1, 2, 3}, track.MidExt: []byte("1"), track.TransportCCExt: {0, 9}},
				[media.Extensions][]byte{media.VideoOrientation: {1}, media.PlayoutDelay: {1, 2, 3}}},
			{oneByteProfile, map[uint8][]byte{11: {1}, 12: {9, 9, 9, 9, 9}}, [media.Extensions][]byte{media.DependencyDescriptor: {9, 9, 9, 9, 9}}},
			{twoByteProfile, map[uint8][]byte{12: long, orientation: {2}, 200: {1}},
				[media.Extensions][]byte{media.DependencyDescriptor: long, media.VideoOrientation: {2}}},
			{0x1234, map[uint8][]byte{0: {orientation<<4 | 0, 1, 0, 0}}, [media.Extensions][]byte{}},
		} {
			p := withExtensions(vp8(c, uint16(i)), test.profile, test.sent)
			got := c.sendRTP(p).Packet
			if got == nil || !reflect.DeepEqual(got.Ext, test.want) || !bytes.Equal(got.Payload, p.Payload) {
				t.Errorf("test %d: got %+v", i, got)
			}
		}
		level := c.session.Audio.Ext[media.AudioLevel]
		sound := c.sendRTP(withExtensions(opus(c, 1), oneByteProfile, map[uint8][]byte{level: {0x85}})).Packet
		if !bytes.Equal(sound.Ext[media.AudioLevel], []byte{0x85}) {
			t.Errorf("audio level is % x", sound.Ext[media.AudioLevel])
		}
	})
}

// Contributing sources and padding are no part of the payload.
func TestReceivePadding(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		p := withExtensions(vp8(c, 1), oneByteProfile, map[uint8][]byte{c.session.Video.Ext[media.VideoOrientation]: {1}})
		p.CSRC = []uint32{1, 2, 3}
		p.Padding, p.PaddingSize = true, 9
		got := c.sendRTP(p).Packet
		if got == nil || !bytes.Equal(got.Payload, p.Payload) || !bytes.Equal(got.Ext[media.VideoOrientation], []byte{1}) {
			t.Errorf("got %+v", got)
		}
		p = vp8(c, 2)
		p.Payload, p.Padding, p.PaddingSize = nil, true, 200
		if got = c.sendRTP(p).Packet; got == nil || len(got.Payload) != 0 || got.Start || got.Seq != 1<<16|2 {
			t.Errorf("a packet of padding alone keeps its number: got %+v", got)
		}
	})
}

// A publisher's probes before its first frame have nothing to forward, but their arrival counts for its bandwidth.
func TestReceiveProbesFirst(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		for i := range uint16(5) {
			probe := rtx(c, vp8(c, 0), 100+i)
			probe.Payload, probe.Padding, probe.PaddingSize = nil, true, 224
			withExtensions(probe, oneByteProfile, map[uint8][]byte{c.session.Video.TransportCCExt: {0, byte(i)}})
			if ev := c.sendRTP(probe); ev.Packet != nil || !ev.Verified {
				t.Errorf("a probe led to %+v", ev)
			}
		}
		if ev := c.sendRTP(rtx(c, vp8(c, 2), 99)); ev.Packet != nil {
			t.Error("a retransmission before the first packet is passed on: nobody knows where it belongs")
		}
		if c.peer.in.twcc.pending != 5 {
			t.Errorf("%d probes are to be reported", c.peer.in.twcc.pending)
		}
		if p := c.sendRTP(vp8(c, 3)).Packet; p == nil || p.Seq != 1<<16|3 {
			t.Errorf("the first packet is %+v", p)
		}
		if ev := c.sendRTP(rtx(c, vp8(c, 3), 105)); ev.Packet != nil {
			t.Error("a redundant retransmission is passed on")
		}
	})
}

func TestReceiveRTX(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		c.sendRTP(vp8(c, 65534))
		c.sendRTP(vp8(c, 1))
		lost := vp8(c, 65535)
		lost.Marker = true
		withExtensions(lost, oneByteProfile, map[uint8][]byte{c.session.Video.Ext[media.VideoOrientation]: {3}})
		foreign := rtx(c, lost, 39_999)
		foreign.SSRC++
		if ev := c.sendRTP(foreign); ev.Packet != nil {
			t.Error("a stranger's retransmission is passed on")
		}
		got := c.sendRTP(rtx(c, lost, 40_000)).Packet
		want := &media.Packet{
			Arrival: c.now, Format: got.Format, Seq: 1<<16 | 65535, Timestamp: lost.Timestamp, Marker: true, Start: true, Payload: lost.Payload,
		}
		want.Ext[media.VideoOrientation] = []byte{3}
		if !reflect.DeepEqual(got, want) || *got.Format != c.session.Video.Codecs[0].Format {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if ev := c.sendRTP(rtx(c, lost, 40_001)); ev.Packet != nil {
			t.Error("the same packet is recovered twice")
		}
		if ev := c.sendRTP(lost); ev.Packet != nil {
			t.Error("a recovered packet is passed on when it comes itself")
		}
		if s, _ := c.peer.Stats(); s.Recovered != 1 {
			t.Errorf("%d recovered", s.Recovered)
		}
	})
}

// An offer that tells no SSRCs is served by what comes first.
func TestReceiveUntoldSources(t *testing.T) {
	session := func(t testing.TB) *sdp.Session {
		s := publisher(t)
		s.Video.Sources, s.Audio.Sources = nil, nil
		return s
	}
	bubble(t, session, udpPath, func(t *testing.T, c *call) {
		pt := c.session.Video.Codecs[0].PT
		packet := func(ssrc uint32, seq uint16) *rtp.Packet {
			return &rtp.Packet{Header: rtp.Header{PayloadType: pt, SSRC: ssrc, SequenceNumber: seq}, Payload: []byte{0x10, 1}}
		}
		if p := c.sendRTP(packet(55, 1)).Packet; p == nil {
			t.Fatal("the first packet was not taken")
		}
		if p := c.sendRTP(packet(56, 2)).Packet; p != nil {
			t.Error("a second source was mixed in")
		}
		again := packet(57, 9)
		again.PayloadType, again.Payload = c.session.Video.Codecs[0].RTX, []byte{0, 0, 0x10, 1}
		if p := c.sendRTP(again).Packet; p == nil || p.Seq != 1<<16 {
			t.Errorf("a retransmission from before the first packet is %+v", p)
		}
		if p := c.sendRTP(packet(55, 3)).Packet; p == nil || p.Seq != 1<<16|3 {
			t.Errorf("the next is %+v", p)
		}
		if s, _ := c.peer.Stats(); s.Unknown != 1 {
			t.Errorf("stats are %+v", s)
		}
	})
}

// What is broken, foreign or replayed is dropped and counted, and does no harm.
func TestReceiveRejects(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		good := c.sealRTP(vp8(c, 1))
		before := c.receive(good)
		if before.Packet == nil {
			t.Fatal("a good packet was not taken")
		}
		forged := bytes.Clone(c.sealRTP(vp8(c, 2)))
		forged[len(forged)-1] ^= 1
		foreign := vp8(c, 3)
		foreign.SSRC++
		unannounced := vp8(c, 4)
		unannounced.PayloadType = 77
		overPadded := vp8(c, 5)
		overPadded.Padding, overPadded.PaddingSize, overPadded.Version = true, 1, 2
		b, _ := overPadded.Marshal()
		b[len(b)-1] = 255
		sealed, err := c.client.enc.EncryptRTP(nil, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name              string
			b                 []byte
			rejected, unknown uint64
			verified          bool
		}{
			{"nothing", nil, 1, 0, false},
			{"one byte", []byte{0x80}, 1, 0, false},
			{"no protocol", []byte{0xff, 1, 2, 3}, 1, 0, false},
			{"a header cut short", good[:11], 1, 0, false},
			{"a packet cut short", good[:len(good)-1], 1, 0, false},
			{"a replay", good, 1, 0, false},
			{"a forgery", forged, 1, 0, false},
			{"an extension longer than the packet", append([]byte{0x90, 96, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff}, good...), 1, 0, false},
			{"another SSRC", c.sealRTP(foreign), 0, 1, true},
			{"another payload type", c.sealRTP(unannounced), 0, 1, true},
			{"padding longer than the packet", sealed, 1, 0, true},
			{"RTCP cut short", c.sealRTCP(pliOf(1))[:10], 1, 0, false},
			{"STUN from nobody", []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1, 0, false},
		} {
			was, _ := c.peer.Stats()
			ev := c.receive(test.b)
			is, _ := c.peer.Stats()
			if ev.Packet != nil || ev.Verified != test.verified || is.Rejected-was.Rejected != test.rejected || is.Unknown-was.Unknown != test.unknown {
				t.Errorf("%s: %+v, stats from %+v to %+v", test.name, ev, was, is)
			}
		}
		if p := c.sendRTP(vp8(c, 6)).Packet; p == nil || p.Seq != 1<<16|6 {
			t.Errorf("after all that a good packet is %+v", p)
		}
	})
}

// A viewer sends no media, and before there are keys nothing is decrypted.
func TestReceiveMediaFromNobody(t *testing.T) {
	bubble(t, viewer, udpPath, func(t *testing.T, c *call) {
		p := &rtp.Packet{Header: rtp.Header{PayloadType: 96, SSRC: 5}, Payload: []byte{1}}
		if ev := c.sendRTP(p); ev.Packet != nil || ev.Verified {
			t.Errorf("a viewer's packet led to %+v", ev)
		}
		if s, _ := c.peer.Stats(); s.Unknown != 1 {
			t.Errorf("stats are %+v", s)
		}
	})
	c := &call{t: t, session: publisher(t)}
	in := newInbound(c.session)
	if p, ok := in.receiveRTP(time.Now(), make([]byte, 100)); p != nil || ok {
		t.Error("a packet was taken before there were keys")
	}
	if in.receiveRTCP(time.Now(), make([]byte, 100), &Events{}) {
		t.Error("a report was taken before there were keys")
	}
}

// An authentic but hostile client that makes up a source for each packet cannot make the peer remember them all.
func TestSourcesAreBounded(t *testing.T) {
	bubble(t, publisher, udpPath, func(t *testing.T, c *call) {
		for i := range uint32(1000) {
			p := vp8(c, 1)
			p.SSRC = 100_000 + i
			rtpOK, rtcpOK := c.sendRTP(p).Verified, c.sendRTCP(pliFrom(100_000+i)).Verified
			if want := i < maxSources/2; want && !(rtpOK && rtcpOK) || i >= maxSources && (rtpOK || rtcpOK) {
				t.Fatalf("of source %d RTP is decrypted: %v, RTCP: %v", i, rtpOK, rtcpOK)
			}
		}
		if p := c.sendRTP(vp8(c, 1)).Packet; p == nil {
			t.Error("the announced source is not heard any more")
		}
	})
}
