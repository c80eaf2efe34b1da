package server

import (
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"oneport/config"
	"oneport/media"
	"oneport/stream"
)

var (
	h264 = media.Format{Codec: media.H264, ClockRate: 90000}
	h265 = media.Format{Codec: media.H265, ClockRate: 90000}
)

// The NAL units that come before a keyframe, and those of pictures without their last byte, which tells one from another.
var (
	h264Sets = []string{"6764000cac3b50b04b420000030002000003003d08", "68ce3880"}
	h265Sets = []string{
		"40010c01ffff016000000300900000030000030078959809",
		"420101016000000300900000030000030078a003c08010e596666924cae010000003001000000301e080",
		"4401c172b46240",
	}
	h264Pictures = map[bool]string{true: "658884", false: "419a24"}
	h265Pictures = map[bool]string{true: "2601af09", false: "0201d009"}
)

// packetFeed publishes packets that the test makes, 40 ms of the publisher's time for each picture.
type packetFeed struct {
	*stream.Publication
	numbers [media.Kinds]uint64
	n       int // pictures so far
}

func feedPackets(t *testing.T, s *Server, name string) *packetFeed {
	t.Helper()
	p, err := s.hubs[config.DefaultVhost].Publish(time.Now(), streamName(name), sender{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return &packetFeed{Publication: p, numbers: [media.Kinds]uint64{1 << 16, 1 << 16}}
}

func (f *packetFeed) push(format *media.Format, timestamp uint32, marker bool, payload []byte) {
	start, key := media.Inspect(format.Codec, payload)
	k := format.Codec.Kind()
	f.Push(&media.Packet{
		Arrival: time.Now(), Format: format, Seq: f.numbers[k], Timestamp: timestamp,
		Marker: marker, Start: start, Key: key, Payload: payload,
	})
	f.numbers[k]++
}

// picture publishes one, whose last byte is how many came before it.
func (f *packetFeed) picture(format *media.Format, key bool) {
	sets, pictures := h264Sets, h264Pictures
	if format.Codec == media.H265 {
		sets, pictures = h265Sets, h265Pictures
	}
	timestamp := uint32(f.n * 3600)
	if key {
		for _, set := range sets {
			f.push(format, timestamp, false, bytesOf(set))
		}
	}
	f.push(format, timestamp, true, append(bytesOf(pictures[key]), byte(f.n)))
	f.n++
}

func bytesOf(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// number tells which picture of a packetFeed a frame is.
func number(f *media.Frame) int { return int(f.Data[len(f.Data)-1]) }

// pictures reads so many frames and sees that they are all picture.
func (v *flvStream) pictures(n int) (list []*media.Frame) {
	v.t.Helper()
	for range n {
		f, err := v.frame()
		if err != nil || f.Kind() != media.Video {
			v.t.Fatalf("after %d pictures: %v, %v", len(list), f, err)
		}
		list = append(list, f)
	}
	return list
}

// H265 goes into FLV as it came: with its parameter sets in the configuration, the pictures whole and in order.
func TestFLVH265(t *testing.T) {
	s := open(t, configure(t, withFLV("")))
	f := feedPackets(t, s, "x")
	f.picture(&h265, true)
	v := watch(t, base(s)+"/live/x.flv")
	for range 5 {
		f.picture(&h265, false)
	}
	for i, frame := range v.pictures(6) {
		if frame.Format.Codec != media.H265 || frame.Key != (i == 0) || number(frame) != i || frame.DTS != time.Duration(i)*40*time.Millisecond {
			t.Errorf("picture %d: %v, key %v, number %d, at %v", i, frame.Format.Codec, frame.Key, number(frame), frame.DTS)
		}
		if want := frame.Format; want.Width != 1920 || want.Height != 1080 {
			t.Errorf("picture %d is of %dx%d", i, want.Width, want.Height)
		}
	}
}

// Sound that can't be turned into AAC is left out, which the log says once for a publication, and the picture goes on.
func TestFLVSoundRefused(t *testing.T) {
	w := &lateLog{}
	s, err := Open(configure(t, withFLV("")), slog.New(slog.NewTextHandler(w, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := feedPackets(t, s, "x")
	f.picture(&h264, true)
	v := watch(t, base(s)+"/live/x.flv")
	for i := range 20 {
		f.push(&pcmu, uint32(i*320), true, make([]byte, 320))
		f.picture(&h264, false)
	}
	v.pictures(21)
	if v.flags&5 != 1 {
		t.Errorf("the header says %b, not picture alone", v.flags)
	}
	until(t, "the sounds", func() bool { return s.stats.soundErrors.Load() == 20 })
	if said := strings.Count(w.text(), "can't be converted and is left out"); said != 1 || !strings.Contains(w.text(), "from=PCMU to=AAC") {
		t.Errorf("the log says it %d times:\n%s", said, w.text())
	}
}

// The header says what there is; with guess_has_av off, what has_audio and has_video say.
func TestFLVGuess(t *testing.T) {
	for _, test := range []struct {
		settings string
		flags    byte
	}{
		{"", 1},
		{"guess_has_av off;", 5},
		{"guess_has_av off; has_audio off;", 1},
	} {
		s := open(t, configure(t, strings.Replace(withFLV(""), "http_remux { ", "http_remux { "+test.settings, 1)))
		f := feedPackets(t, s, "x")
		f.picture(&h264, true)
		v := watch(t, base(s)+"/live/x.flv")
		f.picture(&h264, false)
		if v.pictures(1); v.flags&5 != test.flags {
			t.Errorf("%q: the header says %b, not %b", test.settings, v.flags&5, test.flags)
		}
	}
}

// A new viewer begins at the keyframe that was there before it; with gop_cache off, at the next.
func TestFLVGopCache(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		settings string
		first    int
	}{
		{"play { gop_cache on; }", 0},
		{"play { gop_cache off; }", 6},
	} {
		s := open(t, configure(t, withFLV(test.settings)))
		f := feedPackets(t, s, "x")
		early := watch(t, base(s)+"/live/x.flv") // keeps the bridge
		f.picture(&h264, true)
		for range 5 {
			f.picture(&h264, false)
		}
		early.pictures(6)
		late := watch(t, base(s)+"/live/x.flv?late")
		f.picture(&h264, true)
		f.picture(&h264, false)
		if first := late.pictures(1)[0]; !first.Key || number(first) != test.first {
			t.Errorf("%s: it begins with picture %d, key %v", test.settings, number(first), first.Key)
		}
		f.Close()
		if _, err := drain(early); !errors.Is(err, io.EOF) {
			t.Errorf("%s: the early viewer ends with %v", test.settings, err)
		}
	}
}

// drain reads frames to the end.
func drain(v *flvStream) (n int, err error) {
	for {
		if _, err = v.frame(); err != nil {
			return n, err
		}
		n++
	}
}
