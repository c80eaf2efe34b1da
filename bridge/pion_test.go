package bridge

import (
	"bytes"
	"testing"

	"github.com/pion/rtp/codecs"

	"oneport/media"
)

// Another implementation's depacketizers make the same picture of our packets.
func TestPionReadsPackets(t *testing.T) {
	type depacketizer interface {
		Unmarshal(payload []byte) ([]byte, error)
	}
	for c, reader := range map[media.Codec]depacketizer{
		media.H264: &codecs.H264Packet{}, media.H265: &codecs.H265Depacketizer{}, media.AV1: &codecs.AV1Depacketizer{},
		media.VP8: &codecs.VP8Packet{}, media.VP9: &codecs.VP9Packet{},
	} {
		for i, size := range []int{40, 1100, 1198, 1199, 1200, 1201, 2400, 9000, 100_000} {
			key := i%2 == 0
			f := &media.Frame{Format: frameFormat(t, c), Key: key, Data: coded(c, key, i, size, 3)}
			packets, err := NewPacketizer(PacketizerOptions{}).Push(f, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, pkt := range packets {
				part, err := reader.Unmarshal(pkt.Payload)
				if err != nil {
					t.Fatalf("%v, %d bytes: %v", c, size, err)
				}
				got = append(got, part...)
			}
			want := f.Data
			if c == media.H264 || c == media.H265 {
				want = appendAnnexB(nil, f.Data)
				if key {
					sets, _, _ := media.ReadParameterSets(c, f.Format.Config)
					var before []byte
					for _, set := range sets.All() {
						before = media.AppendNAL(before, set)
					}
					want = append(appendAnnexB(nil, before), want...)
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v, %d bytes, key %v: %d bytes come out, want %d", c, size, key, len(got), len(want))
			}
		}
	}
}

// appendAnnexB appends NAL units as a byte stream, as pion has them.
func appendAnnexB(dst, data []byte) []byte {
	for nal := range media.NALs(data) {
		dst = append(append(dst, 0, 0, 0, 1), nal...)
	}
	return dst
}

// And its payloaders' packets make the same picture here.
func TestPacketsOfPion(t *testing.T) {
	type payloader interface {
		Payload(mtu uint16, payload []byte) [][]byte
	}
	for c, writer := range map[media.Codec]payloader{
		media.H264: &codecs.H264Payloader{}, media.H265: &codecs.H265Payloader{}, media.AV1: &codecs.AV1Payloader{},
		media.VP8: &codecs.VP8Payloader{EnablePictureID: true}, media.VP9: &codecs.VP9Payloader{},
	} {
		d := NewDepacketizer(epoch)
		seq := uint64(firstSeq)
		for i, size := range []int{40, 1190, 1200, 2400, 9000, 100_000} {
			data := coded(c, true, i, size, 3)
			input := data
			if c == media.H264 || c == media.H265 {
				sets, _, _ := media.ReadParameterSets(c, frameFormat(t, c).Config)
				input = nil
				for _, set := range sets.All() {
					input = append(append(input, 0, 0, 0, 1), set...)
				}
				input = appendAnnexB(input, data)
			}
			var frames []*media.Frame
			payloads := writer.Payload(1200, input)
			for j, payload := range payloads {
				start, key := media.Inspect(c, payload)
				pkt := &media.Packet{
					Arrival: ms(33 * i), Format: &media.Format{Codec: c, ClockRate: 90000}, Seq: seq, Timestamp: uint32(3000 * i),
					Marker: j == len(payloads)-1, Start: start, Key: key, Payload: payload,
				}
				seq++
				frames, _ = d.Push(pkt.Arrival, pkt, frames)
			}
			if len(frames) != 1 || !bytes.Equal(frames[0].Data, data) || !frames[0].Key {
				t.Errorf("%v, %d bytes: %d frames from %d packets, %+v", c, size, len(frames), len(payloads), d.Stats())
			}
		}
	}
}
