package rtc

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
	"oneport/sdp"
)

// fuzzed is a peer that has keys without a handshake, and the client's context.
func fuzzed(t testing.TB, session *sdp.Session, certificate *dtls.Certificate, keyed bool) (*Peer, ice.Credentials, *srtp.Context) {
	t.Helper()
	local := ice.Credentials{Ufrag: "abcdefgh", Pwd: "0123456789abcdefghijklmnopqrstuv"}
	session.Fingerprint = sdp.Fingerprint(certificate.Fingerprint())
	p, err := NewPeer(time.Unix(1_700_000_000, 0), Config{
		Session: session, Local: local, Certificate: certificate, SSRC: reportSSRC, Random: func() uint16 { return 1 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(); p.dtls.Wait() })
	keys := fixedKeys(dtls.AEADAES128GCM)
	if keyed {
		if err := p.in.key(keys); err != nil {
			t.Fatal(err)
		}
		p.keyed = true
	}
	return p, local, srtpContext(t, keys.Profile, keys.RemoteKey, keys.RemoteSalt)
}

// FuzzReceive: datagrams of any kind by any path, before and after there are keys. An input is a script: one byte says how
// a chunk is sent, two how long it is. Nothing panics, and nothing that the peer remembers or says grows without bound.
func FuzzReceive(f *testing.F) {
	script := func(chunks ...[]byte) (b []byte) {
		for i, c := range chunks {
			b = append(b, byte(i*37))
			b = binary.BigEndian.AppendUint16(b, uint16(len(c)))
			b = append(b, c...)
		}
		return b
	}
	media, _ := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1439708128, SequenceNumber: 7}, Payload: []byte{0x10, 1}}).Marshal()
	report, _ := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 1439708128}, pliOf(videoSSRC)})
	check := ice.AppendRequest(nil, [12]byte{}, ice.Credentials{Ufrag: "them"}, ice.Credentials{Ufrag: "abcdefgh", Pwd: "0123456789abcdefghijklmnopqrstuv"}, 1, true)
	hello := []byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0}
	for _, keyed := range []bool{false, true} {
		for _, publish := range []bool{false, true} {
			f.Add(keyed, publish, script(media, report, check, hello, media))
			f.Add(keyed, publish, script(nil, []byte{0x80}, []byte{0x80, 200, 0, 1}, []byte{0xff, 0}))
		}
	}
	certificate := certify(f)
	sessions := map[bool]*sdp.Session{true: publisher(f), false: viewer(f)}
	f.Fuzz(func(t *testing.T, keyed, publish bool, input []byte) {
		session := *sessions[publish]
		p, _, client := fuzzed(t, &session, certificate, keyed)
		now := time.Unix(1_700_000_000, 0)
		for len(input) >= 3 {
			how := input[0]
			n := min(int(binary.BigEndian.Uint16(input[1:])), len(input)-3)
			b := bytes.Clone(input[3 : 3+n])
			input = input[3+n:]
			path := []ice.Path{udpPath, tcpPath}[how&1]
			if how&2 != 0 { // sealed with the right keys, so that it gets further
				if sealed := sealAny(client, b); sealed != nil {
					b = sealed
				}
			}
			now = now.Add(time.Duration(how>>2) * time.Millisecond)
			expectBounded(t, p, p.Receive(now, path, b))
		}
		expectBounded(t, p, p.Service(now.Add(time.Second)))
	})
}

// sealAny encrypts what can be.
func sealAny(client *srtp.Context, b []byte) []byte {
	var sealed []byte
	switch Classify(b) {
	case RTP:
		sealed, _ = client.EncryptRTP(nil, b, nil)
	case RTCP:
		sealed, _ = client.EncryptRTCP(nil, b, nil)
	}
	return sealed
}

func expectBounded(t *testing.T, p *Peer, ev Events) {
	t.Helper()
	asked := 0
	for _, ask := range ev.Nacks {
		asked += len(ask.Seqs)
	}
	if asked > maxNack || len(ev.Feedback) > 32 || len(ev.Timings) > 400 {
		t.Fatalf("an event asks for %d packets, with %d reports and %d timings", asked, len(ev.Feedback), len(ev.Timings))
	}
	for _, compound := range ev.Feedback {
		if len(compound) > 1200 {
			t.Fatalf("a report of %d bytes", len(compound))
		}
	}
	for _, r := range p.in.receivers {
		if r != nil && len(r.missing.gaps) > maxMissing {
			t.Fatalf("%d packets are missing", len(r.missing.gaps))
		}
	}
	if len(p.in.rtpSources) > maxSources || len(p.in.rtcpSources) > maxSources {
		t.Fatal("too many sources are remembered")
	}
	if !ev.Deadline.IsZero() && ev.Closed != nil {
		t.Fatal("a session that is over has a deadline")
	}
}

// FuzzExtensions: whatever an extension block holds, each element lies within it, and what we write of what we read is
// read back the same, by us and by pion.
func FuzzExtensions(f *testing.F) {
	for _, profile := range []uint16{oneByteProfile, twoByteProfile, twoByteProfile | 5, 0x1234} {
		f.Add(profile, []byte{0x10, 0x85, 0x22, 1, 2, 3, 0, 0})
		f.Add(profile, []byte{1, 1, 0x85, 2, 0, 3, 3, 1, 2, 3, 0, 0})
		f.Add(profile, []byte{0xf0, 1, 2, 3})
		f.Add(profile, []byte{1, 255, 0, 0})
		f.Add(profile, []byte{})
	}
	f.Fuzz(func(t *testing.T, profile uint16, block []byte) {
		b := []byte{0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}
		b = binary.BigEndian.AppendUint16(b, profile)
		b = binary.BigEndian.AppendUint16(b, uint16(len(block)/4))
		b = append(b, block...)
		var p media.Packet
		total := 0
		eachExtension(b, 12, func(id uint8, data []byte) {
			total += len(data) + 1
			if cap(data) != len(data) {
				t.Fatal("an element could be appended to in place")
			}
			p.Ext[int(id)%len(p.Ext)] = data
		})
		if total > len(block)/4*4 {
			t.Fatalf("%d bytes of extensions in a block of %d", total, len(block))
		}
		for _, n := range []int{0, 3, 11, 12} {
			eachExtension(b[:max(n, 1)], min(n, 12), func(uint8, []byte) { t.Fatal("an extension of a packet cut short") })
		}
		ids := [media.Extensions]uint8{1, 2, 14, 200}
		h := outHeader{pt: 96, seq: 1, mixed: true, extIDs: &ids, ext: &p.Ext}
		out := h.append(nil)
		var parsed rtp.Header
		if n, err := parsed.Unmarshal(out); err != nil || n != len(out) {
			t.Fatalf("pion reads %d of % x: %v", n, out, err)
		}
		for i, data := range p.Ext {
			var read []byte
			eachExtension(out, 12, func(id uint8, got []byte) {
				if id == ids[i] {
					read = got
				}
			})
			if !bytes.Equal(read, data) || !bytes.Equal(parsed.GetExtension(ids[i]), data) {
				t.Fatalf("extension %d went out as % x, read back as % x", i, data, read)
			}
		}
	})
}

// FuzzPayload: what is left of a decrypted packet lies within it.
func FuzzPayload(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9})
	f.Add([]byte{0xa0, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9, 2})
	f.Add([]byte{0xb1, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x10, 1, 0, 0, 7, 7, 255})
	f.Add([]byte{0x9f, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2})
	f.Fuzz(func(t *testing.T, plain []byte) {
		var parsed rtp.Packet
		if err := parsed.Unmarshal(plain); err != nil || plain[0]>>6 != 2 {
			return // the decryption refuses it
		}
		body, ok := payloadOf(plain, 12+4*int(plain[0]&15))
		if !ok || len(plain) > 0 && plain[0]&0x20 != 0 && plain[len(plain)-1] == 0 {
			return
		}
		if !bytes.Equal(body, parsed.Payload) {
			t.Fatalf("the payload is % x, pion says % x", body, parsed.Payload)
		}
	})
}

// FuzzReports: compound packets as they are after decryption.
func FuzzReports(f *testing.F) {
	for _, list := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: 1439708128, NTPTime: 1 << 40, RTPTime: 5, Reports: []rtcp.ReceptionReport{{SSRC: 1, LastSenderReport: 9, Delay: 1}}}},
		{&rtcp.ReceiverReport{SSRC: 5, Reports: []rtcp.ReceptionReport{{SSRC: videoSSRC}}}, pliOf(videoSSRC)},
		{&rtcp.FullIntraRequest{SenderSSRC: 5, FIR: []rtcp.FIREntry{{SSRC: videoSSRC}}}},
		{&rtcp.TransportLayerNack{SenderSSRC: 5, MediaSSRC: videoSSRC, Nacks: []rtcp.NackPair{{PacketID: 65535, LostPackets: 0xffff}}}},
		{&rtcp.ExtendedReport{SenderSSRC: 5, Reports: []rtcp.ReportBlock{&rtcp.DLRRReportBlock{Reports: []rtcp.DLRRReport{{LastRR: 1, DLRR: 2}}}}}},
		{&rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 5, Bitrate: 1e6, SSRCs: []uint32{videoSSRC}}, &rtcp.Goodbye{Sources: []uint32{5}}},
	} {
		b, err := rtcp.Marshal(list)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, b)
		f.Add(false, b)
		f.Add(false, b[:len(b)-1])
	}
	f.Add(true, []byte{0x80, 207, 0xff, 0xff})
	certificate := certify(f)
	sessions := map[bool]*sdp.Session{true: publisher(f), false: viewer(f)}
	f.Fuzz(func(t *testing.T, publish bool, compound []byte) {
		session := *sessions[publish]
		p, _, _ := fuzzed(t, &session, certificate, true)
		now := time.Unix(1_700_000_000, 0)
		var ev Events
		p.in.reports(now, compound, &ev)
		expectBounded(t, p, ev)
		if publish && (ev.Keyframe || ev.Nacks != nil) || !publish && ev.Timings != nil {
			t.Fatalf("a report led to %+v", ev)
		}
		if p.in.rtt < 0 || p.in.rtt >= 10*time.Second {
			t.Fatalf("the round trip is %v", p.in.rtt)
		}
		for _, timing := range ev.Timings {
			if timing.At.Sub(now).Abs() > maxClockError+maxClockSlew {
				t.Fatalf("a track is pinned %v off", timing.At.Sub(now))
			}
		}
	})
}
