package rtc

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"pgregory.net/rapid"

	"oneport/dtls"
	"oneport/ice"
	"oneport/media"
)

// Law 9 for reports: no (SSRC, SRTCP index) stands for two of them, whichever of the half's SSRCs they are of and in whatever
// order they are made, and the client opens each. The index is the library's to count.
func TestReportsHaveIndexesOfTheirOwn(t *testing.T) {
	for _, profile := range profiles {
		t.Run(profile.String(), func(t *testing.T) {
			session := viewer(t)
			rapid.Check(t, func(t *rapid.T) {
				keys := fixedKeys(profile)
				o, err := newOutbound(session, keys, cname, reportSSRC, func() uint16 { return 0 })
				if err != nil {
					t.Fatal(err)
				}
				client, err := srtp.CreateContext(keys.LocalKey, keys.LocalSalt, srtp.ProtectionProfile(profile))
				if err != nil {
					t.Fatal(err)
				}
				w := reportWatch{t: t, profile: profile, client: client, used: make(map[[2]uint32]bool)}
				now := time.Unix(1_700_000_000, 0)
				timing := func(media.Kind) (media.Timing, bool) { return media.Timing{}, true }
				seq := uint64(1 << 16)
				t.Repeat(map[string]func(*rapid.T){
					"": func(*rapid.T) {},
					"media": func(*rapid.T) {
						for _, f := range []*media.Format{&vp8Format, &opusFormat} {
							p := packet(f, seq)
							p.Arrival = now
							o.Append(now, nil, []media.Item{{Packet: p}})
						}
						seq++
					},
					"reports": func(*rapid.T) {
						now = now.Add(reportInterval)
						w.watch(o.AppendReports(now, nil, timing))
					},
					"feedback": func(t *rapid.T) {
						ssrc := rapid.SampledFrom([]uint32{reportSSRC, videoSSRC, audioSSRC}).Draw(t, "ssrc")
						b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: ssrc}})
						if err != nil {
							t.Fatal(err)
						}
						for range rapid.IntRange(1, 20).Draw(t, "of it") {
							w.watch(o.AppendRTCP(nil, b))
						}
					},
				})
			})
		})
	}
}

// reportWatch is a client that notes what every report was encrypted with.
type reportWatch struct {
	t       *rapid.T
	profile dtls.Profile
	client  *srtp.Context
	used    map[[2]uint32]bool
}

func (w *reportWatch) watch(framed []byte) {
	for len(framed) > 0 {
		frame, rest, err := ice.NextFrame(framed)
		if err != nil || frame == nil {
			w.t.Fatalf("broken frame: %v", err)
		}
		framed = rest
		of := [2]uint32{binary.BigEndian.Uint32(frame[4:]), w.index(frame)}
		if w.used[of] {
			w.t.Fatalf("SSRC %d has two reports of index %d", of[0], of[1])
		}
		w.used[of] = true
		if _, err := w.client.DecryptRTCP(nil, frame, nil); err != nil {
			w.t.Fatalf("SSRC %d, index %d: %v", of[0], of[1], err)
		}
	}
}

// index reads E and the index (RFC 3711 section 3.4), which are the last of a packet with GCM (RFC 7714 section 9.2) and else come
// before the tag.
func (w *reportWatch) index(b []byte) uint32 {
	if w.profile == dtls.AES128CMHMACSHA1_80 {
		b = b[:len(b)-10]
	}
	v := binary.BigEndian.Uint32(b[len(b)-4:])
	if v>>31 != 1 {
		w.t.Fatal(fmt.Errorf("a report is sent in the clear"))
	}
	return v & 0x7fffffff
}
