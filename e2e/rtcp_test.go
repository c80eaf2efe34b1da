package e2e

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"oneport/bench"
)

// A viewer's NACK is answered by RTX, with the very payload.
func TestRetransmission(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, network := range []string{"udp", "tcp"} {
		o := pionOptions{network: network, codecs: []*codec{h264()}}
		viewer := playPion(t, s, "rtx-"+network, o)
		publisher := publishPion(t, s, "rtx-"+network, o)
		for n := range uint64(20) {
			publisher.send(o.codecs[0], n, n == 0, 300, 3000)
		}
		video := webrtc.RTPCodecTypeVideo
		eventually(t, joinLimit, "20 packets", func() bool { return len(viewer.packets(video)) == 20 })
		asked := viewer.packets(video)[7]
		must(t, viewer.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
			SenderSSRC: 1, MediaSSRC: asked.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{asked.SequenceNumber})}}))
		// pion hands a retransmission to whoever reads the track's next packet.
		var again []*rtp.Packet
		n := uint64(20)
		eventually(t, joinLimit, "the packet comes again over "+network, func() bool {
			publisher.send(o.codecs[0], n, false, 300, 3000)
			n++
			viewer.mu.Lock()
			defer viewer.mu.Unlock()
			again = viewer.resent
			return len(again) > 0
		})
		if len(again) != 1 || again[0].SequenceNumber != asked.SequenceNumber || string(again[0].Payload) != string(asked.Payload) {
			t.Errorf("%s: %d packets came again, the first is %v", network, len(again), again[0].Header)
		}
		if c := s.client("rtx-"+network, false); c.Resent != 1 {
			t.Errorf("the API shows %d packets resent", c.Resent)
		}
	}
}

// A hundred requests for a keyframe from ten viewers reach the publisher as two at most, and the keyframe reaches all.
func TestKeyframeRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	var asked atomic.Int64
	publish(t, s, "pli", bench.ClientOptions{OnRTCP: func(compound []byte, _ time.Time) {
		packets, _ := rtcp.Unmarshal(compound)
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				asked.Add(1)
			}
		}
	}}, longGOP)
	var viewers []*viewer
	for range 10 {
		viewers = append(viewers, play(t, s, "pli", bench.ClientOptions{}))
	}
	for _, v := range viewers { // more than a second: the requests of the beginning are over
		eventually(t, joinLimit, "300 packets", func() bool { return len(v.sightings()) >= 300 })
	}
	before := asked.Load()
	var wg sync.WaitGroup
	began := time.Now()
	from := make([]int, len(viewers))
	for i, v := range viewers {
		from[i] = len(v.sightings())
		wg.Go(func() {
			for range 10 {
				if err := v.PLI(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	t.Logf("100 requests within %v", took)
	for i, v := range viewers {
		eventually(t, joinLimit, "a keyframe", func() bool {
			return slices.ContainsFunc(v.sightings()[from[i]:], func(p sighting) bool { return p.key })
		})
	}
	viewers[0].awaitMore(t, 300) // a request that waited would have been made by now
	// At once, and half a second later for whoever came after that: once more where a busy machine takes that long to ask.
	if n, most := asked.Load()-before, 2+int64(took/(500*time.Millisecond)); n < 1 || n > most {
		t.Errorf("the publisher was asked %d times, want 1 to %d", n, most)
	}
}

// By the sender reports a viewer maps sound and picture onto one clock as the publisher did, whose two clocks had different
// origins.
func TestSenderReports(t *testing.T) {
	t.Parallel()
	const tolerance = 5 * time.Millisecond
	s := start(t)
	var mu sync.Mutex
	reports := map[uint32]*rtcp.SenderReport{}
	v := play(t, s, "sync", bench.ClientOptions{OnRTCP: func(compound []byte, _ time.Time) {
		packets, _ := rtcp.Unmarshal(compound)
		mu.Lock()
		defer mu.Unlock()
		for _, p := range packets {
			if sr, ok := p.(*rtcp.SenderReport); ok {
				reports[sr.SSRC] = sr
			}
		}
	}})
	w, keys := handmade(true).secure(t, s, "sync")
	// An instant of the stream is 1000 + 48 d on the clock of sound and 4e9 + 90 d, which wraps, on that of the picture.
	const audioSSRC, videoSSRC, audioOrigin, videoOrigin = 0xa, 0xb, 1000, 4_294_000_000
	began, origin := time.Now(), time.Now().Add(-time.Hour) // the publisher's wall clock is an hour late
	sendReport := func(ssrc, timestamp uint32, at time.Duration) {
		compound, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: ssrc, NTPTime: ntp(origin.Add(at)), RTPTime: timestamp}})
		must(t, err)
		sealed, err := keys.EncryptRTCP(nil, compound, nil)
		must(t, err)
		w.send(t, sealed)
	}
	n := uint16(0)
	eventually(t, joinLimit, "a sender report of each track", func() bool {
		at := time.Since(began)
		audio, video := uint32(audioOrigin+at.Microseconds()*48/1000), uint32(videoOrigin+at.Microseconds()*90/1000)
		w.send(t, seal(t, keys, rtp.Header{PayloadType: 111, SequenceNumber: n, Timestamp: audio, SSRC: audioSSRC}, opus().payload(uint64(n), false, 80)))
		w.send(t, seal(t, keys, rtp.Header{PayloadType: 102, SequenceNumber: n, Timestamp: video, SSRC: videoSSRC, Marker: true}, h264().payload(uint64(n), n%20 == 0, 400)))
		if n%40 == 0 { // the reports of the two are 70 ms of stream time apart
			sendReport(audioSSRC, audio, at)
			sendReport(videoSSRC, video-uint32(70*90), at-70*time.Millisecond)
		}
		n++
		mu.Lock()
		defer mu.Unlock()
		return len(reports) == 2
	})
	sound, picture := first(v, false), first(v, true)
	mu.Lock()
	defer mu.Unlock()
	a, b := reports[sound.SSRC], reports[picture.SSRC]
	if a == nil || b == nil {
		t.Fatalf("reports of %v, tracks %x and %x", reports, sound.SSRC, picture.SSRC)
	}
	// The two clocks at one instant of the stream, as the publisher has them, must map to one time.
	const instant = 500 * time.Millisecond
	audioAt := wallClock(a, uint32(audioOrigin+instant.Milliseconds()*48), 48000)
	videoAt := wallClock(b, uint32(videoOrigin+instant.Milliseconds()*90&0xffffffff), 90000)
	t.Logf("sound and picture are %v apart", audioAt.Sub(videoAt))
	if d := audioAt.Sub(videoAt).Abs(); d > tolerance {
		t.Errorf("sound and picture are %v apart", d)
	}
	if d := audioAt.Sub(began.Add(instant)).Abs(); d > 10*time.Second {
		t.Errorf("the reports are %v from the server's clock", d)
	}
}

func first(v *viewer, video bool) sighting { return only(v.sightings(), video)[0] }

// wallClock maps an RTP timestamp by a sender report.
func wallClock(sr *rtcp.SenderReport, timestamp uint32, clock int64) time.Time {
	ticks := int64(int32(timestamp - sr.RTPTime))
	seconds := int64(sr.NTPTime>>32) - 2208988800
	at := time.Unix(seconds, int64(sr.NTPTime&0xffffffff*1e9>>32))
	return at.Add(time.Duration(ticks * int64(time.Second) / clock))
}

func ntp(t time.Time) uint64 {
	return uint64(t.Unix()+2208988800)<<32 | uint64(t.Nanosecond())<<32/1e9
}
