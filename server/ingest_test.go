package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"oneport/api"
	"oneport/media"
	"oneport/stream"
)

const (
	testAVCC = "0164000cffe100156764000cac3b50b04b420000030002000003003d0801000468ce3880fdf8f800"
	testASC  = "1210" // AAC-LC, 44.1 kHz, stereo
)

// frameFormat is a format of a configuration in hexadecimal.
func frameFormat(t *testing.T, c media.Codec, config string) *media.FrameFormat {
	t.Helper()
	b, err := hex.DecodeString(config)
	if err != nil {
		t.Fatal(err)
	}
	f, err := media.NewFrameFormat(c, b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// feed gives a stream n pictures and as many sounds, 40 ms apart, with a keyframe every 5.
func feed(t *testing.T, i *ingest, n int) {
	t.Helper()
	video, sound := frameFormat(t, media.H264, testAVCC), frameFormat(t, media.AAC, testASC)
	for f := range n {
		at := time.Duration(f) * 40 * time.Millisecond
		picture := &media.Frame{Arrival: time.Now(), Format: video, DTS: at, PTS: at, Key: f%5 == 0, Data: []byte{0, 0, 0, 3, 0x41, 1, 2}}
		if picture.Key {
			picture.Data = []byte{0, 0, 0, 3, 0x65, 0x88, 0x84}
		}
		i.heard(len(picture.Data))
		i.push(picture)
		i.push(&media.Frame{Arrival: time.Now(), Format: sound, DTS: at, PTS: at, Key: true, Data: []byte{0x21, 0x10}})
	}
}

var livestream = stream.Name{Vhost: "127.0.0.1", App: "live", Stream: "livestream"}

// ended ends a publisher when it is told to go, as a session does, and gives the reason.
func ended(i *ingest) chan error {
	done := make(chan error, 1)
	go func() {
		<-i.ctx.Done()
		i.end(context.Cause(i.ctx))
		done <- context.Cause(i.ctx)
	}()
	return done
}

func reply[T any](t *testing.T, res *http.Response) (v T) {
	t.Helper()
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A publisher of frames is played by HTTP-FLV and shown by the API as fully as one of packets, and can be kicked.
func TestPublisherOfFrames(t *testing.T) {
	s := open(t, configure(t, withFLV("")))
	i, err := s.publishFrames(livestream, origin{kind: "fmle-publish", ip: "192.0.2.1", tcURL: "rtmp://h/live"})
	if err != nil {
		t.Fatal(err)
	}
	done := ended(i)
	if _, err := s.publishFrames(livestream, origin{}); !errors.Is(err, stream.ErrBusy) {
		t.Errorf("a second publisher got %v", err)
	}
	feed(t, i, 20)
	v := watch(t, base(s)+"/live/livestream.flv")
	frames := v.read(3)
	if frames[media.Video][0].Format.Codec != media.H264 || !frames[media.Video][0].Key {
		t.Error("a viewer does not begin with a keyframe")
	}
	streams := reply[api.StreamsReply](t, call(t, "GET", base(s)+"/api/v1/streams/", "")).Streams
	if len(streams) != 1 {
		t.Fatalf("there are %d streams", len(streams))
	}
	st := streams[0]
	if st.Publish != (api.Publish{Active: true, CID: i.id}) || st.Frames != 20 || st.RecvBytes != 20*7 || st.TCURL != "rtmp://h/live" ||
		st.Video == nil || *st.Video != (api.Video{Codec: "H264", Profile: "High", Level: "1.2", Width: 352, Height: 288}) ||
		st.Audio == nil || *st.Audio != (api.Audio{Codec: "AAC", SampleRate: 44100, Channel: 2, Profile: "LC"}) {
		t.Errorf("the stream is %+v, %+v, %+v", st, st.Video, st.Audio)
	}
	c := reply[api.ClientReply](t, call(t, "GET", base(s)+"/api/v1/clients/"+i.id, "")).Client
	if c.Type != "fmle-publish" || !c.Publish || c.IP != "192.0.2.1" || c.RecvBytes != 20*7 || c.Packets != 40 {
		t.Errorf("the client is %+v", c)
	}
	for _, want := range []string{`oneport_publishers{type="fmle-publish"} 1`, "oneport_frames_received_total 40", "srs_clients 2"} {
		if metrics := text(t, call(t, "GET", base(s)+"/metrics", "")); !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	call(t, "DELETE", base(s)+"/api/v1/clients/"+i.id, "")
	if err := <-done; !errors.Is(err, errKicked) {
		t.Errorf("the kicked publisher ended with %v", err)
	}
	if _, err := v.frame(); err == nil {
		for err == nil {
			_, err = v.frame()
		}
	}
	until(t, "nothing is left", func() bool { return leftovers(s) == "" })
}

// A publisher that is silent is replaced by the next; one that is there at the server's end is ended.
func TestPublisherOfFramesGoes(t *testing.T) {
	s, err := Open(configure(t, strings.Replace(allOnOne, "vhost __defaultVhost__ {", "vhost __defaultVhost__ { publish { publisher_silence 1; }", 1)), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.publishFrames(livestream, origin{kind: "srt-publish"})
	if err != nil {
		t.Fatal(err)
	}
	done := ended(first)
	var second *ingest
	until(t, "the second takes the place", func() bool {
		second, err = s.publishFrames(livestream, origin{kind: "srt-publish"})
		return err == nil
	})
	if err := <-done; !errors.Is(err, errReplaced) {
		t.Errorf("the silent one ended with %v", err)
	}
	done = ended(second)
	s.Close()
	if err := <-done; !errors.Is(err, errShutdown) {
		t.Errorf("the server's end gave %v", err)
	}
	if _, err := s.publishFrames(livestream, origin{}); !errors.Is(err, errStopping) {
		t.Errorf("after the end: %v", err)
	}
	nothingLeft(t, s)
}

func TestNoPlaceForPublisher(t *testing.T) {
	s := offline(t, configure(t, allOnOne))
	if _, err := s.publishFrames(stream.Name{Vhost: "x", App: "..", Stream: "s"}, origin{}); !errors.Is(err, errBadName) {
		t.Errorf("a climbing name: %v", err)
	}
	p := places{most: 1}
	if !p.take() || p.take() {
		t.Error("there is not one place")
	}
	p.give()
	if !p.take() {
		t.Error("a place given back is not free")
	}
}
