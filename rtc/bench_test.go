package rtc

import (
	"testing"
	"time"

	"github.com/pion/rtp"

	"oneport/dtls"
	"oneport/media"
)

// batch is a frame of eleven full packets, as a viewer gets it.
func batch() []media.Item {
	var items []media.Item
	for i := range uint64(11) {
		p := packet(&vp8Format, 1<<16|i)
		p.Payload = make([]byte, 1160)
		p.Ext[media.VideoOrientation] = []byte{1}
		items = append(items, media.Item{Packet: p})
	}
	return items
}

// onward gives the batch the numbers that follow.
func onward(items []media.Item) {
	for i := range items {
		items[i].Packet.Seq += uint64(len(items))
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, profile := range profiles[:2] {
		b.Run(profile.String(), func(b *testing.B) {
			o, _ := sending(b, viewer(b), profile, 1)
			items := batch()
			dst := o.Append(time.Now(), make([]byte, 0, 64<<10), items)
			now := time.Now()
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				onward(items)
				dst = o.Append(now, dst[:0], items)
			}
		})
	}
}

func BenchmarkReceiveRTP(b *testing.B) {
	c := &call{t: b, session: publisher(b)}
	for _, profile := range profiles[:2] {
		b.Run(profile.String(), func(b *testing.B) {
			keys := fixedKeys(profile)
			in := newInbound(c.session)
			if err := in.key(keys); err != nil {
				b.Fatal(err)
			}
			client := srtpContext(b, profile, keys.RemoteKey, keys.RemoteSalt)
			now := time.Now()
			var sealed [][]byte
			seq := uint16(0)
			seal := func() {
				sealed = sealed[:0]
				for range 1000 {
					seq++
					p := withExtensions(vp8(c, seq), oneByteProfile, map[uint8][]byte{c.session.Video.TransportCCExt: {byte(seq >> 8), byte(seq)}})
					p.Version = 2
					p.Payload = make([]byte, 1160)
					plain, _ := p.Marshal()
					ciphertext, _ := client.EncryptRTP(nil, plain, &rtp.Header{})
					sealed = append(sealed, ciphertext)
				}
			}
			b.SetBytes(1160)
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if i%1000 == 0 {
					b.StopTimer()
					seal()
					b.StartTimer()
				}
				if p, _ := in.receiveRTP(now, sealed[i%1000]); p == nil {
					b.Fatal("a packet was not taken")
				}
			}
		})
	}
}

// The way of a viewer's packet allocates nothing.
func TestAppendAllocatesNothing(t *testing.T) { expectAllocations(t, dtls.AEADAES128GCM, 0) }

// Nor does it to say of every packet of a publisher whether it fits a datagram.
func TestFitsDatagramAllocatesNothing(t *testing.T) {
	p := packet(&vp8Format, 1<<16)
	p.Payload = make([]byte, safePayload+1)
	for _, extension := range []int{0, 3, 255} {
		for i := range p.Ext {
			p.Ext[i] = make([]byte, extension)
		}
		if n := testing.AllocsPerRun(100, func() { FitsDatagram(p) }); n != 0 {
			t.Errorf("with extensions of %d bytes it allocates %v times", extension, n)
		}
	}
}

// The fallback profile allocates what the library's CTR mode does, once a packet.
func TestAppendAllocatesLittleWithCM(t *testing.T) {
	expectAllocations(t, dtls.AES128CMHMACSHA1_80, 11)
}

// expectAllocations says how much a batch of eleven packets may allocate.
func expectAllocations(t *testing.T, profile dtls.Profile, most float64) {
	t.Helper()
	o, _ := sending(t, viewer(t), profile, 1)
	items := batch()
	now := time.Now()
	dst := o.Append(now, make([]byte, 0, 64<<10), items)
	if n := testing.AllocsPerRun(1000, func() {
		onward(items)
		dst = o.Append(now, dst[:0], items)
	}); n > most {
		t.Errorf("%v: a batch costs %v allocations", profile, n)
	}
	if o.Stats.Packets < 11*1000 {
		t.Errorf("%v: only %d packets were sent", profile, o.Stats.Packets)
	}
}
