package bench

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// flvTag makes a tag with its PreviousTagSize.
func flvTag(kind byte, data []byte) []byte {
	b := append([]byte{kind, byte(len(data) >> 16), byte(len(data) >> 8), byte(len(data)), 0, 0, 0, 0, 0, 0, 0}, data...)
	return binary.BigEndian.AppendUint32(b, uint32(len(b)))
}

// flvFrame makes the data of a video tag: parameter sets, and a slice of ours of several packets.
func flvFrame(sent time.Time) []byte {
	b := []byte{0x17, 1, 0, 0, 0}
	stamp := Stamp{Run: 1, Sent: stampTime(sent)}
	slice := append(stamp.append([]byte{nalIDR}), bytes.Repeat([]byte{7}, 3000)...)
	for _, nal := range [][]byte{[]byte("\x67\x42\xe0\x1f"), []byte("\x68\xce"), slice} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(nal))), nal...)
	}
	return b
}

const flvStart = "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"

// flvServer sends a stream of a frame and a sound every 20 ms.
func flvServer(t *testing.T) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".flv") {
			http.Error(w, "no such stream", http.StatusNotFound)
			return
		}
		io.WriteString(w, flvStart)
		w.Write(flvTag(flvScript, []byte("onMetaData")))
		w.Write(flvTag(flvVideo, []byte{0x17, 0, 0, 0, 0, 1}))
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for r.Context().Err() == nil {
			w.Write(flvTag(flvVideo, flvFrame(time.Now())))
			w.Write(flvTag(flvAudio, []byte{0xaf, 1, 2, 3}))
			w.(http.Flusher).Flush()
			select {
			case <-ticker.C:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestRunFLV(t *testing.T) {
	s := flvServer(t)
	var out, progress bytes.Buffer
	code := Main([]string{"-flv", s.URL + "/live/{stream}.flv", "-streams", "2", "-n", "3", "-d", "1s", "-json"}, &out, &progress)
	var r Result
	if err := json.Unmarshal(out.Bytes(), &r); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, progress.String())
	}
	if r.Protocol != "flv" || r.Unit != "tag" || r.Streams != 2 || r.Viewers != 6 || r.Joined != 6 || len(r.Lost) != 0 {
		t.Errorf("%+v", r)
	}
	if r.Packets < 6*20 || r.Bytes < 6*10*3000 || r.Join.P50 <= 0 || r.LongestStall <= 0 || r.Latency.P50 <= 0 || r.Latency.P50 > 20_000 {
		t.Errorf("%+v", r)
	}
	if len(r.Series) == 0 {
		t.Error("no series")
	}
}

// What is no FLV ends a viewer, and says why.
func TestFLVBroken(t *testing.T) {
	frame := string(flvTag(flvVideo, flvFrame(time.Now())))
	for _, test := range []struct{ name, body, want string }{
		{"empty", "", "no header"},
		{"no FLV", "<html>nothing here</html>", `not FLV: it begins with "<html>not"`},
		{"ends in a tag", flvStart + frame[:100], "the server ended the stream"},
		{"ends", flvStart + frame, "the server ended the stream"},
		{"type", flvStart + frame + "\x05" + frame, "tag of type 5"},
		{"size", flvStart + frame[:len(frame)-1] + "\x00" + frame, "PreviousTagSize"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, test.body) }))
			defer s.Close()
			v, err := dialFLV(t.Context(), s.URL, "")
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			within(t, "start or end", v.Started())
			until(t, "end", func() bool { return v.Err() != nil })
			if err := v.Err(); !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
}

func TestFLVRefused(t *testing.T) {
	s := flvServer(t)
	var out, stderr bytes.Buffer
	if code := Main([]string{"-flv", s.URL + "/x", "-n", "2"}, &out, &stderr); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if want := "no viewer joined: get /x: the server says 404 Not Found: no such stream"; !strings.Contains(stderr.String(), want) {
		t.Errorf("stderr: %s", stderr.String())
	}
}

func TestFrameStamp(t *testing.T) {
	at := time.Now()
	if s, ok := frameStamp(flvFrame(at)[:flvLook]); !ok || s.Latency(at) != 0 {
		t.Errorf("%+v, %v", s, ok)
	}
	for name, b := range map[string]string{
		"empty": "", "sequence header": "\x17\x00\x00\x00\x00\x00\x00\x00\x01\x65",
		"other codec": "\x12\x01\x00\x00\x00\x00\x00\x00\x01\x65", "cut": "\x17\x01\x00\x00\x00\x00\x00\x10\x00\x67\x00",
		"huge": "\x17\x01\x00\x00\x00\xff\xff\xff\xff\x67\x00", "not ours": "\x17\x01\x00\x00\x00\x00\x00\x00\x02\x65\x00",
	} {
		if _, ok := frameStamp([]byte(b)); ok {
			t.Errorf("%s: a stamp in %x", name, b)
		}
	}
}

func FuzzFrameStamp(f *testing.F) {
	f.Add(flvFrame(time.Unix(0, 0))[:200])
	f.Add([]byte("\x17\x01\x00\x00\x00\x80\x00\x00\x00\x67\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) { frameStamp(b) })
}

// hlsServer makes a segment of 100 ms each time; the playlist holds the last four.
type hlsServer struct {
	*httptest.Server
	begun    time.Time
	stopped  atomic.Bool // no further segments
	requests atomic.Int64
}

const hlsLength = 100 * time.Millisecond

func newHLSServer(t *testing.T) *hlsServer {
	s := &hlsServer{begun: time.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("/live/master.m3u8", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8?x=1\n#EXT-X-STREAM-INF:BANDWIDTH=2\nother.m3u8\n")
	})
	mux.HandleFunc("/live/list.m3u8", func(w http.ResponseWriter, _ *http.Request) {
		n := int(s.requests.Add(1))
		if n < 3 {
			http.NotFound(w, nil)
			return
		}
		newest := int(time.Since(s.begun) / hlsLength)
		first := max(0, newest-3)
		fmt.Fprintf(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n", first)
		for i := first; i <= newest; i++ {
			fmt.Fprintf(w, "#EXTINF:%.3f,\nseg-%d.ts\n", hlsLength.Seconds(), i)
		}
		if s.stopped.Load() {
			fmt.Fprintln(w, "#EXT-X-ENDLIST")
		}
	})
	mux.HandleFunc("/live/{segment}", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1880)) })
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestRunHLS(t *testing.T) {
	s := newHLSServer(t)
	var out, progress bytes.Buffer
	code := Main([]string{"-hls", s.URL + "/live/master.m3u8", "-n", "3", "-d", "1500ms", "-json"}, &out, &progress)
	var r Result
	if err := json.Unmarshal(out.Bytes(), &r); code != 0 || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, progress.String())
	}
	if r.Protocol != "hls" || r.Unit != "segment" || r.Joined != 3 || len(r.Lost) != 0 {
		t.Errorf("%+v", r)
	}
	if r.Packets == 0 || r.Bytes != r.Packets*1880 || r.Join.P50 <= 0 {
		t.Errorf("%+v", r)
	}
}

func TestHLSEnds(t *testing.T) {
	s := newHLSServer(t)
	s.stopped.Store(true)
	v := dialHLS(s.URL+"/live/list.m3u8", "")
	defer v.Close()
	within(t, "media", v.Started())
	until(t, "end", func() bool { return v.Err() != nil })
	if v.Err() != errStreamEnded {
		t.Error(v.Err())
	}
}

func TestHLSRefused(t *testing.T) {
	for name, test := range map[string]struct {
		code       int
		body, want string
	}{
		"forbidden": {403, "go away\n", "the server says 403 Forbidden: go away"},
		"circle":    {200, "#EXTM3U\n#EXT-X-STREAM-INF:X\n/\n", "a master playlist leads to another one"},
		"html":      {200, "<html>", "is no playlist: it does not begin with #EXTM3U"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.code)
			io.WriteString(w, test.body)
		}))
		v := dialHLS(s.URL, "")
		within(t, name, v.Started())
		if err := v.Err(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		v.Close()
		s.Close()
	}
}

// A player stalls when what it has had is played before more comes.
func TestHLSStall(t *testing.T) {
	v := &hlsViewer{pull: new(pull)}
	at := time.Now().Add(time.Hour)
	for _, segment := range []struct{ came, lasts, stall time.Duration }{
		{0, 2 * time.Second, 0},
		{time.Second, 2 * time.Second, 0},
		{5 * time.Second, 2 * time.Second, time.Second},
		{6 * time.Second, 2 * time.Second, time.Second},
	} {
		v.count(100, segment.lasts, at.Add(segment.came))
		if got := v.Stats().Stall; got != segment.stall {
			t.Errorf("after %v: stall of %v, want %v", segment.came, got, segment.stall)
		}
	}
	if v.ResetStats(); v.Stats().Stall != 0 || v.Stats().Packets != 0 {
		t.Errorf("after reset %+v", v.Stats())
	}
}

func TestParseHLS(t *testing.T) {
	base, err := url.Parse("http://h/live/a.m3u8?t=1")
	if err != nil {
		t.Fatal(err)
	}
	text := "#EXTM3U\r\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:7\n\n#EXTINF:5.5,title\r\na.ts\n#EXTINF:x,\n/b.ts?k\n# a word\n#EXTINF:1e9,\nhttp://o/c.ts\nd.ts\n"
	l, err := parseHLS(strings.NewReader(text), base)
	if err != nil {
		t.Fatal(err)
	}
	want := []hlsSegment{{"http://h/live/a.ts", 7, 5500 * time.Millisecond}, {"http://h/b.ts?k", 8, 0}, {"http://o/c.ts", 9, 0}, {"http://h/live/d.ts", 10, 0}}
	if fmt.Sprint(l.segments) != fmt.Sprint(want) || l.target != 6*time.Second || l.ended {
		t.Errorf("%+v", l)
	}
	for seen, first := range map[int64]int64{-1: 8, 0: 7, 7: 8, 9: 10} {
		if got := l.after(seen); len(got) == 0 || got[0].sequence != first {
			t.Errorf("after %d: %v", seen, got)
		}
	}
	if got := l.after(10); len(got) != 0 {
		t.Errorf("after the last: %v", got)
	}
	if _, err := parseHLS(strings.NewReader("#EXTM3U\n#EXTINF:1,\n:%\n"), base); err == nil {
		t.Error("a broken URL was taken")
	}
}

func FuzzParseHLS(f *testing.F) {
	f.Add("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:-7\n#EXTINF:5.5,\na.ts\n#EXT-X-ENDLIST\n")
	f.Add("#EXTM3U\n#EXT-X-STREAM-INF:X\nb.m3u8\n")
	f.Add("#EXTM3U\n0\n#EXT-X-MEDIA-SEQUENCE \n00")
	base := &url.URL{Scheme: "http", Host: "h"}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parseHLS(strings.NewReader(text), base)
		if err != nil {
			return
		}
		for i, s := range l.segments {
			if s.duration < 0 || s.url == "" || i > 0 && s.sequence != l.segments[i-1].sequence+1 {
				t.Errorf("segment %d: %+v", i, s)
			}
		}
	})
}

func TestStreamURL(t *testing.T) {
	for _, test := range []struct {
		template string
		i, n     int
		want     string
	}{
		{"http://h/w?app=live&stream=a", 0, 1, "http://h/w?app=live&stream=a"},
		{"http://h/w?app=live&stream=a", 0, 2, "http://h/w?app=live&stream=a1"},
		{"http://h/w?stream=a&app=live", 11, 20, "http://h/w?stream=a12&app=live"},
		{"http://h/w?stream=a#x", 1, 2, "http://h/w?stream=a2#x"},
		{"http://h/live/s-{stream}.flv?again={stream}", 1, 2, "http://h/live/s-2.flv?again=2"},
		{"http://h/live/s-{stream}.flv", 0, 1, "http://h/live/s-1.flv"},
		{"http://h/w?upstream=a", 0, 2, "http://h/w?upstream=a"},
	} {
		if got := streamURL(test.template, test.i, test.n); got != test.want {
			t.Errorf("%s: %s, want %s", test.template, got, test.want)
		}
	}
	if err := checkURL("-flv", "http://h/w?upstream=a", 2); err == nil || !strings.Contains(err.Error(), "-flv needs {stream}") {
		t.Error(err)
	}
}
