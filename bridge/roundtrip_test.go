package bridge

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"oneport/media"
)

var videoCodecs = []media.Codec{media.H264, media.H265, media.AV1, media.VP8, media.VP9}

// at is the exact time of a tick.
func at(ticks, rate int64) time.Duration { return span(ticks, rate) }

// drawFrames makes pictures of a codec at 30 a second and a keyframe now and then, the first included.
func drawFrames(t *rapid.T, c media.Codec) (frames []*media.Frame) {
	format := frameFormat(t, c)
	for i := range rapid.IntRange(2, 20).Draw(t, "frames") {
		key := i == 0 || rapid.IntRange(0, 5).Draw(t, "key") == 0
		size := rapid.OneOf(rapid.IntRange(12, 100), rapid.IntRange(1150, 1250), rapid.IntRange(2000, 9000)).Draw(t, "size")
		data := coded(c, key, i, size, rapid.IntRange(1, 4).Draw(t, "slices"))
		when := at(int64(i)*3000, 90000)
		frames = append(frames, &media.Frame{Arrival: epoch.Add(when), Format: format, DTS: when, PTS: when, Key: key, Data: data})
	}
	return frames
}

func packetize(t fataler, frames []*media.Frame) (packets []*media.Packet) {
	p := NewPacketizer(PacketizerOptions{})
	for _, f := range frames {
		var err error
		if packets, err = p.Push(f, packets); err != nil {
			t.Fatal(err)
		}
	}
	for i, pkt := range packets {
		if pkt.Seq != firstSeq+uint64(i) || len(pkt.Payload) > maxPayload || len(pkt.Payload) == 0 {
			t.Fatal("packet", i, "has number", pkt.Seq, "and a payload of", len(pkt.Payload))
		}
	}
	return packets
}

// What was packetized is depacketized again, whatever the order of arrival is within the bound.
func TestRoundTripInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := drawFrames(t, rapid.SampledFrom(videoCodecs).Draw(t, "codec"))
		packets := packetize(t, frames)
		shuffle(packets[1:], rapid.Uint64().Draw(t, "seed"), 40*time.Millisecond)
		d := NewDepacketizer(epoch)
		got, asks := push(d, packets...)
		if asks > 0 || len(got) != len(frames) {
			t.Fatalf("%d frames of %d came out, and %d keyframes were asked for: %+v", len(got), len(frames), asks, d.Stats())
		}
		for i, f := range got {
			want := frames[i]
			if !bytes.Equal(f.Data, want.Data) || f.Key != want.Key || f.DTS != want.DTS || f.PTS != want.PTS || f.Format.Codec != want.Format.Codec {
				t.Fatalf("frame %d is at %v, key %v, %v of %d bytes, want %v, %v, %v of %d", i, f.DTS, f.Key, f.Format.Codec, len(f.Data), want.DTS, want.Key, want.Format.Codec, len(want.Data))
			}
			if want.Format.Config != nil && !bytes.Equal(f.Format.Config, want.Format.Config) {
				t.Fatalf("the configuration is\n%x, want\n%x", f.Format.Config, want.Format.Config)
			}
		}
	})
}

// shuffle delays each packet by chance, up to a bound, and sorts them by arrival.
func shuffle(packets []*media.Packet, seed uint64, most time.Duration) {
	chance := rand.New(rand.NewPCG(seed, 1))
	for _, pkt := range packets {
		pkt.Arrival = pkt.Arrival.Add(time.Duration(chance.Int64N(int64(most))))
	}
	slices.SortStableFunc(packets, func(a, b *media.Packet) int { return a.Arrival.Compare(b.Arrival) })
}

// With loss, what comes out is what went in, without the pictures that lack something and those up to the next keyframe.
func TestRoundTripWithLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := drawFrames(t, rapid.SampledFrom(videoCodecs).Draw(t, "codec"))
		packets := packetize(t, frames)
		lost := map[uint32]bool{} // by timestamp
		kept := packets[:1:1]
		for _, pkt := range packets[1:] {
			if !parametersAlone(pkt) && rapid.IntRange(0, 9).Draw(t, "lost") == 0 {
				lost[pkt.Timestamp] = true
				continue
			}
			kept = append(kept, pkt)
		}
		shuffle(kept[1:], rapid.Uint64().Draw(t, "seed"), 40*time.Millisecond)
		d := NewDepacketizer(epoch)
		got, _ := push(d, kept...)
		got, _ = d.Tick(epoch.Add(time.Hour), got)

		var want []*media.Frame
		whole := false
		for _, f := range frames {
			broken := lost[uint32(ticks(f.PTS, 90000))]
			if whole = !broken && (whole || f.Key); whole {
				want = append(want, f)
			}
		}
		same := func(a, b *media.Frame) bool { return bytes.Equal(a.Data, b.Data) && a.Key == b.Key }
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("%d frames came out, want %d of %d: %+v", len(got), len(want), len(frames), d.Stats())
		}
	})
}

// parametersAlone tells a packet that holds nothing but parameter sets: a picture is whole without it, since they are known.
func parametersAlone(pkt *media.Packet) bool {
	typ := media.NALType(pkt.Format.Codec, pkt.Payload)
	stap, ap := pkt.Format.Codec == media.H264 && typ == h264STAPA, pkt.Format.Codec == media.H265 && typ == h265AP
	if !stap && !ap {
		return false
	}
	b := pkt.Payload[pick(stap, 1, 2):]
	for nal := range media.SplitNALs(b, 2) {
		if media.ClassifyNAL(pkt.Format.Codec, nal) != media.ParameterNAL {
			return false
		}
	}
	return true
}

func TestOpusRoundTrip(t *testing.T) {
	p, d := NewPacketizer(PacketizerOptions{}), NewDepacketizer(epoch)
	format := frameFormat(t, media.Opus)
	for i := range 100 {
		when := at(int64(i)*960, 48000)
		packets, err := p.Push(&media.Frame{Arrival: epoch.Add(when), Format: format, DTS: when, PTS: when, Key: true, Data: []byte{0xfc, byte(i)}}, nil)
		if err != nil || len(packets) != 1 || packets[0].Timestamp != uint32(i*960) || packets[0].Seq != firstSeq+uint64(i) || packets[0].Marker {
			t.Fatalf("frame %d: %+v, %v", i, packets, err)
		}
		frames, _ := push(d, packets...)
		if len(frames) != 1 || frames[0].DTS != when || frames[0].Data[1] != byte(i) || !frames[0].Key || frames[0].Format.Channels != 2 || !bytes.Equal(frames[0].Format.Config, format.Config) {
			t.Fatalf("frame %d: %+v", i, frames)
		}
	}
}
