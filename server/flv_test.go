package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"oneport/bench"
	"oneport/config"
	"oneport/flv"
	"oneport/media"
	"oneport/stream"
)

// withFLV is allOnOne with streams by HTTP; more is put into the virtual host.
func withFLV(more string) string {
	vhost := "vhost __defaultVhost__ { rtc { enabled on; rtc_to_rtmp on; } http_remux { enabled on; } " + more + " }"
	return strings.Replace(allOnOne, "vhost __defaultVhost__ { rtc { enabled on; } }", vhost, 1)
}

// flvStream reads what a viewer is sent.
type flvStream struct {
	t       *testing.T
	res     *http.Response
	r       *bufio.Reader
	decoder flv.Reader
	flags   byte
	tags    []flv.Tag // all that came
}

// watch requests a stream.
func watch(t *testing.T, url string) *flvStream {
	t.Helper()
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "video/x-flv" || res.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("GET %s: %s, %v", url, res.Status, res.Header)
	}
	return &flvStream{t: t, res: res, r: bufio.NewReader(res.Body)}
}

// tag reads the next tag, the file header before the first.
func (v *flvStream) tag() (flv.Tag, error) {
	if v.flags == 0 {
		var head [13]byte
		if _, err := io.ReadFull(v.r, head[:]); err != nil {
			return flv.Tag{}, err
		}
		if string(head[:4]) != "FLV\x01" {
			return flv.Tag{}, fmt.Errorf("not FLV: %q", head)
		}
		v.flags = head[4] | 0x80
	}
	var head [11]byte
	if _, err := io.ReadFull(v.r, head[:]); err != nil {
		return flv.Tag{}, err
	}
	size := int(head[1])<<16 | int(head[2])<<8 | int(head[3])
	b := append(head[:], make([]byte, size+4)...)
	if _, err := io.ReadFull(v.r, b[11:]); err != nil {
		return flv.Tag{}, err
	}
	tag, rest, ok, err := flv.CutTag(b)
	if err != nil || !ok || len(rest) > 0 {
		return flv.Tag{}, fmt.Errorf("tag %x: %v", head, err)
	}
	v.tags = append(v.tags, tag)
	return tag, nil
}

// frame reads the next frame.
func (v *flvStream) frame() (*media.Frame, error) {
	for {
		tag, err := v.tag()
		if err != nil {
			return nil, err
		}
		if f, err := v.decoder.Read(time.Now(), tag); f != nil || err != nil {
			return f, err
		}
	}
}

// read reads so many frames of each kind, and checks their order.
func (v *flvStream) read(n int) [media.Kinds][]*media.Frame {
	v.t.Helper()
	return v.readUntil(func(frames [media.Kinds][]*media.Frame) bool {
		return len(frames[media.Audio]) >= n && len(frames[media.Video]) >= n
	})
}

// readUntil reads frames until they are enough, and checks their order.
func (v *flvStream) readUntil(enough func([media.Kinds][]*media.Frame) bool) (frames [media.Kinds][]*media.Frame) {
	v.t.Helper()
	for !enough(frames) {
		f, err := v.frame()
		if err != nil {
			v.t.Fatalf("after %d and %d frames: %v", len(frames[media.Audio]), len(frames[media.Video]), err)
		}
		k := f.Kind()
		if last := len(frames[k]) - 1; last >= 0 && f.DTS <= frames[k][last].DTS {
			v.t.Fatalf("%v goes from %v to %v", k, frames[k][last].DTS, f.DTS)
		}
		frames[k] = append(frames[k], f)
	}
	return frames
}

func checkStart(t *testing.T, v *flvStream, frames [media.Kinds][]*media.Frame) {
	t.Helper()
	if v.flags&5 != 5 {
		t.Errorf("the header says %b, not sound and picture", v.flags)
	}
	if v.tags[0].Type != flv.Script || v.tags[1].Type != flv.Video || v.tags[2].Type != flv.Audio {
		t.Errorf("it begins with tags of types %d, %d, %d", v.tags[0].Type, v.tags[1].Type, v.tags[2].Type)
	}
	video, sound := frames[media.Video][0], frames[media.Audio][0]
	if !video.Key || video.Format.Codec != media.H264 || sound.Format.Codec != media.AAC {
		t.Errorf("it begins with %v (key %v) and %v", video.Format.Codec, video.Key, sound.Format.Codec)
	}
	for _, tag := range v.tags[3:6] {
		if tag.Time > 100 {
			t.Errorf("time begins at %d ms", tag.Time)
		}
	}
	if apart := (video.DTS - sound.DTS).Abs(); apart > 40*time.Millisecond {
		t.Errorf("sound and picture begin %v apart", apart)
	}
}

// A WebRTC publisher is played by HTTP-FLV: from a keyframe, with sound in AAC, sound and picture from the same time on;
// a second viewer begins at once.
func TestFLV(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withFLV("")))
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 500})
	until(t, "a stream with sound and picture", func() bool { return len(s.hubs["__defaultVhost__"].Formats(streamName("x"))) == 2 })
	for i := range 3 {
		began := time.Now()
		v := watch(t, base(s)+"/live/x.flv")
		if _, err := v.frame(); err != nil {
			t.Fatal(err)
		}
		t.Logf("viewer %d: first frame after %v", i, time.Since(began))
		v.read(1) // the first sound is there too: who comes now is told of both, however late it was
		v = watch(t, base(s)+"/live/x.flv")
		checkStart(t, v, v.read(25))
	}
}

// Frames get their tags before anybody reads them, whoever publishes: it is the tag that viewers share.
func TestTagsAreShared(t *testing.T) {
	s := open(t, configure(t, withRTMP("")))
	publish(t, s, "packets", bench.ClientOptions{}, bench.SourceOptions{KBPS: 500})
	publishing(t, s, "frames")
	for _, name := range []string{"packets", "frames"} {
		w := make(waker, 1)
		r, err := s.hubs[config.DefaultVhost].SubscribeFrames(time.Now(), streamName(name), w)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for seen := [media.Kinds]int{}; seen[media.Audio] < 5 || seen[media.Video] < 5; {
			items := r.Next(time.Now(), nil, 100)
			if len(items) == 0 {
				<-w
			}
			for _, f := range items {
				seen[f.Kind()]++
				if tag, err := flv.FrameTag(f.Frame); err != nil || f.Tag == nil || !bytes.Equal(tag.Append(nil), f.Tag) {
					t.Fatalf("%s: a frame of %v has the tag %x, %v", name, f.Format.Codec, f.Tag, err)
				}
			}
		}
	}
}

// waker signals a test that there is something to read.
type waker chan struct{}

func (w waker) Wake(*stream.Stream) { signal(w) }

func streamName(name string) stream.Name {
	return stream.Name{Vhost: config.DefaultVhost, App: "live", Stream: name}
}

// A stream that has no sound can't be played as sound.
func TestNothingAskedFor(t *testing.T) {
	s := open(t, configure(t, withFLV("")))
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 300, NoAudio: true})
	until(t, "the picture", func() bool { return len(s.hubs["__defaultVhost__"].Formats(streamName("x"))) == 1 })
	if res := call(t, "GET", base(s)+"/live/x.aac", ""); res.StatusCode != http.StatusNotAcceptable {
		t.Errorf("its sound: %s", res.Status)
	}
}
