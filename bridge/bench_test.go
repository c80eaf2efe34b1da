package bridge

import (
	"testing"
	"time"

	"oneport/media"
)

// What a second of 4 Mbit/s video at 30 pictures costs, either way.
func BenchmarkBridge(b *testing.B) {
	format := frameFormat(b, media.H264)
	var frames []*media.Frame
	for i := range 30 {
		when := at(int64(i)*3000, 90000)
		frames = append(frames, &media.Frame{Arrival: epoch.Add(when), Format: format, DTS: when, PTS: when, Key: i == 0, Data: coded(media.H264, i == 0, i, 16_000, 1)})
	}
	b.Run("packetize", func(b *testing.B) {
		b.ReportAllocs()
		var packets []*media.Packet
		for b.Loop() {
			p := NewPacketizer(PacketizerOptions{})
			for _, f := range frames {
				packets, _ = p.Push(f, packets[:0])
			}
		}
	})
	packets := packetize(b, frames)
	b.Run("depacketize", func(b *testing.B) {
		b.ReportAllocs()
		var out []*media.Frame
		for b.Loop() {
			d := NewDepacketizer(epoch)
			for _, pkt := range packets {
				out, _ = d.Push(pkt.Arrival, pkt, out[:0])
			}
		}
		if len(out) == 0 || out[0].DTS < time.Millisecond {
			b.Fatal("no frame came out in the end")
		}
	})
}
