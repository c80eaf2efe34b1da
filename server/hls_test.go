package server

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oneport/api"
	"oneport/bench"
	"oneport/config"
	"oneport/media"
	"oneport/stream"
	"oneport/ts"
)

// listed are the URIs of a playlist.
func listed(playlist string) (list []string) {
	for line := range strings.Lines(playlist) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// fetch gets a URL and demands success.
func fetch(t *testing.T, url string, headers ...string) (string, http.Header) {
	t.Helper()
	res := call(t, "GET", url, "", headers...)
	body := text(t, res)
	if res.StatusCode/100 != 2 {
		t.Fatalf("GET %s: %s: %s", url, res.Status, body)
	}
	return body, res.Header
}

// What a WebRTC publisher sends is played by HLS: the first segment comes soon, with picture and sound, each next one begins with a
// keyframe that was asked for, and nothing reads the stream when nobody plays any more.
func TestHLS(t *testing.T) {
	c := configure(t, withHLS("hls_dispose 1; hls_ctx off;", ""))
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		browser := &camera{fakeClient: joined(t, s, "whip", "stream=x"), sounds: opusNoise(t, 8)}
		browser.film(time.Second, func() {})
		began, asked := time.Now(), make(chan *http.Response, 1)
		go func() { asked <- local(s, http.MethodGet, "/live/x.m3u8", "") }()
		for len(asked) == 0 && time.Since(began) < 3*time.Second {
			browser.film(20*time.Millisecond, func() {})
		}
		res := <-asked
		playlist := text(t, res)
		if got := res.Header; got.Get("Content-Type") != "application/vnd.apple.mpegurl" || got.Get("Cache-Control") != "public, max-age=1" {
			t.Errorf("the playlist's headers: %v", got)
		}
		names := listed(playlist)
		if took := time.Since(began); len(names) == 0 || !strings.Contains(playlist, "#EXT-X-TARGETDURATION:1\n") || took > 1500*time.Millisecond {
			t.Fatalf("after %v: %s", took, playlist)
		}
		res = local(s, http.MethodGet, "/live/"+names[0], "")
		if got := res.Header; got.Get("Content-Type") != "video/mp2t" || !strings.Contains(got.Get("Cache-Control"), "max-age=3600") || got.Get("ETag") == "" {
			t.Errorf("the segment's headers: %v", got)
		}
		checkTS(t, text(t, res))
		for range 8 {
			browser.film(500*time.Millisecond, func() {})
			playlist = text(t, local(s, http.MethodGet, "/live/x.m3u8", ""))
		}
		if len(listed(playlist)) < 4 || !strings.Contains(playlist, "INDEPENDENT-SEGMENTS") {
			t.Error(playlist)
		}
		browser.film(2*time.Second, func() {})
		if left := s.segmenters.list(); len(left) != 0 {
			t.Errorf("%d segmenters go on though nobody plays", len(left))
		}
		browser.sess.close(errKicked)
	})
}

// The Opus of an encoder is turned into AAC for HLS with MPEG-TS, which knows no other sound, and sound that can't be turned
// into it is left out.
func TestHLSConvertsSound(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_ctx off;", "")))
	video, _ := h264AndAAC(t)
	f := synthesize(t, s, "x", video, &media.FrameFormat{Codec: media.Opus, SampleRate: 48000, Channels: 2})
	names := listed(f.play(s, "/live/x.m3u8", 4))
	if len(names) == 0 {
		t.Fatal("there is no segment")
	}
	segment, _ := fetch(t, base(s)+"/live/"+names[0])
	checkTS(t, segment)
	r := ts.Reader{}
	for _, f := range r.Read(time.Now(), nil, []byte(segment)) {
		if f.Kind() == media.Audio && f.Format.Codec != media.AAC {
			t.Fatalf("the sound is %v", f.Format.Codec)
		}
	}
	if n := s.stats.soundErrors.Load(); n > 0 {
		t.Errorf("%d errors of sound", n)
	}
	law := synthesize(t, s, "law", video, &media.FrameFormat{Codec: media.PCMU, SampleRate: 8000, Channels: 1})
	if names := listed(law.play(s, "/live/law.m3u8", 4)); len(names) == 0 {
		t.Error("a picture with sound that HLS can't carry is not played")
	}
}

// checkTS demands a segment of MPEG-TS with picture, from a keyframe on, and sound.
func checkTS(t *testing.T, segment string) {
	t.Helper()
	var counts [media.Kinds]int
	r := ts.Reader{}
	frames := r.Read(time.Now(), nil, []byte(segment))
	for _, f := range r.Flush(time.Now(), frames) {
		if counts[f.Kind()] == 0 && !f.Key {
			t.Error("the picture does not begin with a keyframe")
		}
		counts[f.Kind()]++
	}
	if counts[media.Video] < 5 || counts[media.Audio] < 10 {
		t.Errorf("a segment has %v frames", counts)
	}
}

// Fragmented MP4 and DASH come from the same segments: what DASH players get of each track is a part of what HLS players get.
func TestHLSAndDASHShare(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_use_fmp4 on; hls_ctx off;", "dash { enabled on; }")))
	video, audio := h264AndAAC(t)
	playlist := synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 3)
	mpd, header := fetch(t, base(s)+"/live/x.mpd")
	if header.Get("Content-Type") != "application/dash+xml" || len(s.segmenters.list()) != 1 {
		t.Errorf("%v, %d segmenters", header, len(s.segmenters.list()))
	}
	number := regexp.MustCompile(`video-(\d+)-\$Time\$`).FindStringSubmatch(mpd)[1]
	times := regexp.MustCompile(`<S t="(\d+)"`).FindAllStringSubmatch(mpd, 2)
	whole, header := fetch(t, base(s)+"/live/x-"+number+".m4s")
	if !strings.Contains(playlist, "x-"+number+".m4s") || header.Get("Content-Type") != "video/mp4" {
		t.Errorf("%v\n%s\n%s", header, playlist, mpd)
	}
	for i, kind := range []string{"audio", "video"} {
		track, header := fetch(t, base(s)+"/live/x/"+kind+"-"+number+"-"+times[i][1]+".m4s")
		if !strings.Contains(whole, track) || header.Get("Content-Type") != kind+"/mp4" {
			t.Errorf("%s is not of the segment", kind)
		}
		fetch(t, base(s)+"/live/x/"+kind+"-init-"+number+".mp4")
	}
	res := call(t, "GET", base(s)+"/live/x-"+number+".m4s", "", "Range: bytes=4-7")
	if got := text(t, res); res.StatusCode != 206 || got != "moof" {
		t.Errorf("a range: %s, %q", res.Status, got)
	}
	if res := call(t, "HEAD", base(s)+"/live/x-"+number+".m4s", ""); res.ContentLength != int64(len(whole)) {
		t.Errorf("HEAD says %d bytes", res.ContentLength)
	}
	_, header = fetch(t, base(s)+"/live/x-"+number+".m4s")
	if res := call(t, "GET", base(s)+"/live/x-"+number+".m4s", "", "If-None-Match: "+header.Get("ETag")); res.StatusCode != 304 {
		t.Errorf("If-None-Match: %s", res.Status)
	}
	if res := call(t, "POST", base(s)+"/live/x.m3u8", ""); res.StatusCode != 405 {
		t.Errorf("POST: %s", res.Status)
	}
}

// Low latency: a request for what is to come is answered when it is there, at once with the part that is hinted at; what is
// absurd is refused.
func TestLowLatencyHLS(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_low_latency on; hls_part_duration 200; hls_ctx off;", "")))
	video, audio := h264AndAAC(t)
	source := synthesize(t, s, "x", video, audio)
	source.play(s, "/live/x.m3u8", 4)
	var playlist string
	until(t, "four segments and the parts of what was fed after them", func() bool {
		playlist, _ = fetch(t, base(s)+"/live/x.m3u8")
		return len(listed(playlist)) == 4 && strings.HasSuffix(playlist, ".p4.m4s\"\n") // the hint
	})
	hint := regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI="(x-(\d+)\d{6}\.p(\d+)\.m4s)"`).FindStringSubmatch(playlist)
	if hint == nil || !strings.Contains(playlist, "CAN-BLOCK-RELOAD=YES") {
		t.Fatal(playlist)
	}
	for query, status := range map[string]int{"_HLS_part=1": 400, "_HLS_msn=x": 400, "_HLS_msn=99999999999": 400, "_HLS_msn=1": 200} {
		if res := call(t, "GET", base(s)+"/live/x.m3u8?"+query, ""); res.StatusCode != status {
			t.Errorf("%s: %s", query, res.Status)
		}
	}
	var waiting sync.WaitGroup
	var part, blocked string
	waiting.Go(func() { part, _ = fetch(t, base(s)+"/live/"+hint[1]) })
	waiting.Go(func() { blocked, _ = fetch(t, base(s)+"/live/x.m3u8?_HLS_msn="+hint[2]+"&_HLS_part="+hint[3]) })
	until(t, "both requests to wait", func() bool { return s.segmenters.waits.Load() == 2 })
	source.feed(2)
	waiting.Wait()
	if !strings.HasPrefix(part[4:], "moof") || !strings.Contains(blocked, `URI="`+hint[1]+`"`) {
		t.Errorf("%q\n%s", part[:8], blocked)
	}
}

// A request that waits for what does not come is answered in the end.
func TestReloadInVain(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withHLS("hls_low_latency on; hls_part_duration 200; hls_ctx off;", "")))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 3)
	var playlist string
	until(t, "three segments", func() bool {
		playlist, _ = fetch(t, base(s)+"/live/x.m3u8")
		return len(listed(playlist)) == 3
	})
	next := regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI="x-(\d+)\d{6}\.`).FindStringSubmatch(playlist)[1]
	if res := call(t, "GET", base(s)+"/live/x.m3u8?_HLS_msn="+next, ""); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%s", res.Status)
	}
}

// A viewer is told apart by an id, listed, and gets nothing more when it was kicked.
func TestHLSContext(t *testing.T) {
	s := open(t, configure(t, withHLS("", "")))
	video, audio := h264AndAAC(t)
	source := synthesize(t, s, "x", video, audio)
	source.play(s, "/live/x.m3u8", 6)
	master, header := fetch(t, base(s)+"/live/x.m3u8?token=a%20b")
	names := listed(master)
	if len(names) != 1 || !strings.Contains(master, `CODECS="avc1.42c01e,mp4a.40.2"`) || header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%v\n%s", header, master)
	}
	id := regexp.MustCompile(`hls_ctx=(\w+)&token=a\+b$`).FindStringSubmatch(names[0])[1]
	playlist, header := fetch(t, base(s)+"/live/"+names[0])
	segments := listed(playlist)
	if header.Get("Cache-Control") != "no-cache" || len(segments) < 3 || !strings.HasSuffix(segments[0], "?hls_ctx="+id) {
		t.Fatalf("%v\n%s", header, playlist)
	}
	body, _ := fetch(t, base(s)+"/live/"+segments[0])
	clients := reply[api.ClientsReply](t, call(t, "GET", base(s)+"/api/v1/clients/", "")).Clients
	i := slices.IndexFunc(clients, func(c api.Client) bool { return c.ID == id })
	if i < 0 || clients[i].Type != "hls-play" || clients[i].SendBytes != uint64(len(master)+len(playlist)+len(body)) {
		t.Errorf("%+v", clients)
	}
	if st := reply[api.StreamsReply](t, call(t, "GET", base(s)+"/api/v1/streams/", "")).Streams[0]; st.Clients != 3 {
		t.Errorf("%d clients", st.Clients)
	}
	call(t, "DELETE", base(s)+"/api/v1/clients/"+id, "")
	for _, name := range []string{names[0], segments[0]} {
		if res := call(t, "GET", base(s)+"/live/"+name, ""); res.StatusCode != 404 {
			t.Errorf("%s of a kicked viewer: %s", name, res.Status)
		}
	}
	if again, _ := fetch(t, base(s)+"/live/x.m3u8?hls_ctx=abcd1234"); len(listed(again)) < 3 {
		t.Error("an id from before a restart is not taken up: ", again)
	}
}

// Ten thousand requests for streams that are not live are answered at once, and leave nothing.
func TestHLSOfNothing(t *testing.T) {
	s := open(t, configure(t, withHLS("", "dash { enabled on; }")))
	handler := site(s)
	for i := range 10_000 {
		name := fmt.Sprintf("/live/%d%s", i, []string{".m3u8", ".mpd", "-1.ts", "/video-1-1.m4s"}[i%4])
		if res := ask(handler, "GET", name, ""); res.StatusCode != 404 {
			t.Fatalf("%s: %s", name, res.Status)
		}
	}
	if left := leftovers(s); left != "" || len(s.segmenters.list()) > 0 {
		t.Error(left)
	}
	for _, name := range []string{"/live/..%2f..%2fx.m3u8", "/live/.x.m3u8", "/live/a:b.m3u8", "/live/a%5cb.m3u8"} {
		if res := ask(handler, "GET", name, ""); res.StatusCode/100 != 4 {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
}

// What the segments can't carry is refused by name, and so is what is not turned into frames.
func TestHLSRefuses(t *testing.T) {
	s := open(t, configure(t, withHLS("", "")))
	_, audio := h264AndAAC(t)
	for name, format := range map[string]*media.FrameFormat{
		"VP8": {Codec: media.VP8, Width: 640, Height: 360}, "VP9": {Codec: media.VP9, Width: 640, Height: 360},
	} {
		if name == "VP9" { // the picture is named though the sound can't be carried either
			audio = formatOf(t, media.Opus, []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"))
		}
		synthesize(t, s, name, format, audio).feed(2)
		res := call(t, "GET", base(s)+"/live/"+name+".m3u8", "")
		if body := text(t, res); res.StatusCode != 406 || !strings.Contains(body, name) || strings.Contains(body, "hls_use_fmp4") != (name == "VP9") {
			t.Errorf("%s: %s: %s", name, res.Status, body)
		}
	}
	off := open(t, configure(t, strings.Replace(withHLS("", ""), "rtc_to_rtmp on", "rtc_to_rtmp off", 1)))
	publish(t, off, "x", bench.ClientOptions{}, bench.SourceOptions{})
	until(t, "a stream", func() bool { return off.hubs["__defaultVhost__"].Live(streamName("x")) })
	if res := call(t, "GET", base(off)+"/live/x.m3u8", ""); res.StatusCode != 406 || !strings.Contains(text(t, res), "rtc_to_rtmp") {
		t.Error(res.Status)
	}
}

// A stream whose name looks like a segment's is played by HTTP-TS; a segment that is gone is not waited for.
func TestSegmentOrStream(t *testing.T) {
	s := open(t, configure(t, withHLS("", "")))
	video, audio := h264AndAAC(t)
	synthesize(t, s, "cam-1", video, audio).feed(3)
	res := call(t, "GET", base(s)+"/live/cam-1.ts", "")
	if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 188)); err != nil {
		t.Error(err)
	}
	if res := call(t, "GET", base(s)+"/live/cam-2.ts", ""); res.StatusCode != 404 {
		t.Error(res.Status)
	}
}

// Another publication of a stream that is played goes on in the same playlist, behind a discontinuity.
func TestHLSRepublish(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_ctx off;", "")))
	video, audio := h264AndAAC(t)
	first := synthesize(t, s, "x", video, audio)
	before := first.play(s, "/live/x.m3u8", 4)
	first.end()
	second := synthesize(t, s, "x", video, audio)
	second.feed(1) // and not more before it is cut, or the discontinuity might leave the list unseen
	until(t, "the second publication to be cut", func() bool { return second.cut(s).Turns == 1 })
	second.feed(1)
	var after string
	until(t, "a discontinuity", func() bool {
		after, _ = fetch(t, base(s)+"/live/x.m3u8")
		return strings.Count(after, "#EXT-X-DISCONTINUITY\n") == 1
	})
	if first := listed(before)[0]; slices.Compare(listed(after)[:1], []string{first}) < 0 || strings.Contains(after, "SEQUENCE:0\n") {
		t.Errorf("numbers go back from %s to\n%s", first, after)
	}
}

// Segments of a stream end with the server.
func TestHLSEndsWithServer(t *testing.T) {
	t.Parallel()
	s, err := Open(configure(t, withHLS("hls_ctx off;", "dash { enabled on; }")), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.publishFrames(stream.Name{Vhost: config.DefaultVhost, App: "live", Stream: "x"}, origin{})
	if err != nil {
		t.Fatal(err)
	}
	done := ended(in)
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		if res, err := http.Get(base(s) + "/live/x.m3u8"); err == nil { // nothing ever comes
			res.Body.Close()
		}
	}()
	until(t, "a request that waits", func() bool { return s.segmenters.waits.Load() == 1 })
	s.Close()
	<-done
	<-waited
	if len(s.segmenters.list()) > 0 {
		t.Error("segments are still made")
	}
}

// A path that both HLS and DASH could have named is HLS's, each time.
func TestHLSComesBeforeDASH(t *testing.T) {
	s := open(t, configure(t, withHLS("hls_ctx off; hls_use_fmp4 on; hls_keys on; hls_fmp4_file [app]/[stream]/video-[seq]-[timestamp].m4s;", "dash { enabled on; }")))
	video, audio := h264AndAAC(t)
	names := listed(synthesize(t, s, "x", video, audio).play(s, "/live/x.m3u8", 3))
	handler := site(s)
	for range 64 {
		if res := ask(handler, "GET", "/live/"+names[0], ""); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", names[0], res.Status)
		}
	}
}
