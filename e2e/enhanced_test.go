package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	av1codec "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	opuscodec "github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"oneport/media"
)

// encode runs ffmpeg over a test picture or beeps of some seconds, and returns what it writes.
func encode(t *testing.T, args string) []byte {
	t.Helper()
	words := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i"}, strings.Fields(args)...)
	cmd := exec.Command("ffmpeg", append(words, "-")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("ffmpeg: %v: %s", err, errs.String())
	}
	return out
}

// decodable counts the frames that ffmpeg decodes of a stream.
func decodable(t *testing.T, format string, stream []byte) string {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-f", format, "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", "-")
	cmd.Stdin = bytes.NewReader(stream)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// rtmpClient connects with the field's library. It is closed at the test's end.
func rtmpClient(t *testing.T, s *server, publish bool) *gortmplib.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	u := &url.URL{Scheme: "rtmp", Host: s.addr, Path: "/live/enhanced"}
	c := &gortmplib.Client{URL: u, Publish: publish}
	must(t, c.Initialize(ctx))
	t.Cleanup(c.Close)
	c.NetConn().SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

const enhancedFrames = 100 // pictures that are sent, at 25 a second

// enhanced is a stream to publish: the pictures and sounds are what is written, in order.
type enhanced struct {
	video, audio   *gortmplib.Track
	pictures       [][][]byte // NAL units or OBUs of each
	sounds         [][]byte
	soundEvery     time.Duration
	format         string // of a file of pictures alone
	write          func(w *gortmplib.Writer, i int, at time.Duration) error
	writeSound     func(w *gortmplib.Writer, i int, at time.Duration) error
	onPicture      func(r *gortmplib.Reader, video *gortmplib.Track, got func([][]byte))
	onSound        func(r *gortmplib.Reader, audio *gortmplib.Track, got func([]byte))
	appendPictures func(dst []byte, picture [][]byte) []byte
}

// publish writes the stream in real time, until it is all sent or the connection ends.
func (e *enhanced) publish(c *gortmplib.Client) error {
	w := &gortmplib.Writer{Conn: c, Tracks: []*gortmplib.Track{e.video, e.audio}}
	if err := w.Initialize(); err != nil {
		return err
	}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	sound := 0
	for i := range e.pictures {
		at := time.Duration(i) * 40 * time.Millisecond
		for ; sound < len(e.sounds) && time.Duration(sound)*e.soundEvery <= at; sound++ {
			if err := e.writeSound(w, sound, time.Duration(sound)*e.soundEvery); err != nil {
				return err
			}
		}
		if err := e.write(w, i, at); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// play reads a number of pictures and of sounds.
func (e *enhanced) play(t *testing.T, c *gortmplib.Client, n int) (pictures [][][]byte, sounds [][]byte) {
	t.Helper()
	r := &gortmplib.Reader{Conn: c}
	must(t, r.Initialize())
	for _, track := range r.Tracks() {
		if track.Codec.IsVideo() {
			e.onPicture(r, track, func(p [][]byte) { pictures = append(pictures, p) })
		} else {
			e.onSound(r, track, func(p []byte) { sounds = append(sounds, slices.Clone(p)) })
		}
	}
	for len(pictures) < n || len(sounds) < n {
		if err := r.Read(); err != nil {
			t.Fatalf("after %d pictures and %d sounds: %v", len(pictures), len(sounds), err)
		}
	}
	return pictures, sounds
}

// What Enhanced RTMP alone can carry goes in and comes out as it was, and a decoder takes it.
func TestEnhancedRTMP(t *testing.T) {
	for name, source := range map[string]func(*testing.T) *enhanced{"HEVC and AAC": hevcAndAAC, "AV1 and Opus": av1AndOpus} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := source(t)
			s := start(t)
			viewer := rtmpClient(t, s, false)
			publisher := rtmpClient(t, s, true)
			done := startTask(func() error { return e.publish(publisher) })
			pictures, sounds := e.play(t, viewer, 60)
			publisher.Close()
			<-done
			var stream []byte
			for _, p := range pictures {
				stream = e.appendPictures(stream, p)
			}
			if n := decodable(t, e.format, stream); n != fmt.Sprint(len(pictures)) {
				t.Errorf("of %d pictures %s can be decoded", len(pictures), n)
			}
			first := slices.IndexFunc(e.sounds, func(b []byte) bool { return bytes.Equal(b, sounds[0]) })
			if first < 0 || first+len(sounds) > len(e.sounds) || !slices.EqualFunc(sounds, e.sounds[first:first+len(sounds)], bytes.Equal) {
				t.Errorf("%d sounds are not a run of those that were sent (from %d)", len(sounds), first)
			}
		})
	}
}

// startTask runs f and tells when it has ended.
func startTask(f func() error) chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func hevcAndAAC(t *testing.T) *enhanced {
	const delimiter = 35
	// A keyframe comes with each beep.
	e := &enhanced{format: "hevc", soundEvery: 1024 * time.Second / 48000}
	file := encode(t, "testsrc=size=320x240:rate=25 -frames:v "+fmt.Sprint(enhancedFrames)+" -c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=25:min-keyint=25:bframes=0:aud=1 -f hevc")
	for nal := range media.AnnexB(file) {
		if media.NALType(media.H265, nal) == delimiter {
			e.pictures = append(e.pictures, nil)
			continue
		}
		last := len(e.pictures) - 1
		e.pictures[last] = append(e.pictures[last], nal)
	}
	adts := encode(t, beeps+"48000:d=4 -c:a aac -f adts")
	for len(adts) > 7 {
		size := int(adts[3]&3)<<11 | int(adts[4])<<3 | int(adts[5])>>5
		e.sounds = append(e.sounds, adts[7:size])
		adts = adts[size:]
	}
	e.sounds = e.sounds[1:] // which is before the beginning: the encoder's delay
	sets := e.pictures[0]
	e.video = &gortmplib.Track{Codec: &codecs.H265{VPS: sets[0], SPS: sets[1], PPS: sets[2]}}
	e.audio = &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48000, ChannelConfig: 1, ChannelCount: 1}}}
	e.write = func(w *gortmplib.Writer, i int, at time.Duration) error {
		return w.WriteH265(e.video, at, at, e.pictures[i])
	}
	e.writeSound = func(w *gortmplib.Writer, i int, at time.Duration) error {
		return w.WriteMPEG4Audio(e.audio, at, e.sounds[i])
	}
	e.onPicture = func(r *gortmplib.Reader, video *gortmplib.Track, got func([][]byte)) {
		sets := video.Codec.(*codecs.H265)
		begin := [][]byte{sets.VPS, sets.SPS, sets.PPS}
		r.OnDataH265(video, func(_, _ time.Duration, au [][]byte) {
			got(append(begin, au...))
			begin = nil
		})
	}
	e.onSound = func(r *gortmplib.Reader, audio *gortmplib.Track, got func([]byte)) {
		r.OnDataMPEG4Audio(audio, func(_ time.Duration, au []byte) { got(au) })
	}
	e.appendPictures = func(dst []byte, picture [][]byte) []byte {
		for _, nal := range picture {
			dst = append(append(dst, 0, 0, 0, 1), nal...)
		}
		return dst
	}
	return e
}

func av1AndOpus(t *testing.T) *enhanced {
	e := &enhanced{format: "obu", soundEvery: 20 * time.Millisecond}
	file := encode(t, "testsrc=size=320x240:rate=25 -frames:v "+fmt.Sprint(enhancedFrames)+" -c:v libaom-av1 -usage realtime -cpu-used 8 -row-mt 1 -pix_fmt yuv420p -g 25 -f obu")
	for obu, err := range media.OBUs(file) {
		must(t, err)
		if obu.Type == media.OBUTemporalDelimiter {
			e.pictures = append(e.pictures, nil)
			continue
		}
		last := len(e.pictures) - 1
		e.pictures[last] = append(e.pictures[last], obu.AppendBare(nil))
	}
	ogg, _, err := oggreader.NewWith(bytes.NewReader(encode(t, beeps+"48000:d=4 -c:a libopus -page_duration 20000 -f ogg")))
	must(t, err)
	for {
		packet, _, err := ogg.ParseNextPage()
		if err == io.EOF {
			break
		}
		must(t, err)
		if !bytes.HasPrefix(packet, []byte("OpusTags")) {
			e.sounds = append(e.sounds, packet)
		}
	}
	e.video = &gortmplib.Track{Codec: &codecs.AV1{}}
	e.audio = &gortmplib.Track{Codec: &codecs.Opus{IDHeader: &opuscodec.IDHeader{Version: 1, ChannelCount: 1, InputSampleRate: 48000}}}
	e.write = func(w *gortmplib.Writer, i int, at time.Duration) error {
		return w.WriteAV1(e.video, at, e.pictures[i])
	}
	e.writeSound = func(w *gortmplib.Writer, i int, at time.Duration) error { return w.WriteOpus(e.audio, at, e.sounds[i]) }
	e.onPicture = func(r *gortmplib.Reader, video *gortmplib.Track, got func([][]byte)) {
		r.OnDataAV1(video, func(_ time.Duration, tu [][]byte) { got(tu) })
	}
	e.onSound = func(r *gortmplib.Reader, audio *gortmplib.Track, got func([]byte)) {
		r.OnDataOpus(audio, func(_ time.Duration, packet []byte) { got(packet) })
	}
	e.appendPictures = func(dst []byte, picture [][]byte) []byte {
		tu, err := av1codec.Bitstream(picture).Marshal()
		must(t, err)
		return append(append(dst, 0x12, 0), tu...)
	}
	return e
}
