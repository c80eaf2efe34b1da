package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oneport/bench"
	"oneport/config"
	"oneport/media"
	"oneport/stream"
)

// sender publishes packets that the test makes.
type sender struct{}

func (sender) RequestKeyframe()              {}
func (sender) Alive(time.Time) time.Duration { return stream.Forever }
func (sender) Replaced()                     {}

// published is a stream of one packet of each format.
func published(t *testing.T, s *Server, name string, formats ...media.Format) {
	t.Helper()
	now := time.Now()
	p, err := s.hubs[config.DefaultVhost].Publish(now, streamName(name), sender{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for _, f := range formats {
		p.Push(&media.Packet{Arrival: now, Format: &f, Seq: 1 << 16, Marker: true, Payload: []byte{1, 2, 3}})
	}
}

var pcmu = media.Format{Codec: media.PCMU, ClockRate: 8000, Channels: 1}

// What can't be played is answered by a status that fits, and words that say why.
func TestFLVRefusals(t *testing.T) {
	s := open(t, configure(t, withFLV("")+"max_connections 1;"))
	published(t, s, "vp8", media.Format{Codec: media.VP8, ClockRate: 90000}, media.Format{Codec: media.Opus, ClockRate: 48000, Channels: 2})
	published(t, s, "pcmu", pcmu)
	for _, test := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"GET", "/live/vp8.flv", 406, "VP8"},
		{"GET", "/live/pcmu.flv", 406, "PCMU"},
		{"GET", "/live/more/x.flv", 404, ""},
		{"GET", "/x.flv", 404, ""},
		{"GET", "/live/../x.flv", 400, `".."`},
		{"GET", "/live/..x.flv", 400, `".."`},
		{"GET", "/live/%00.flv", 400, "control"},
		{"GET", "/live/" + strings.Repeat("x", 300) + ".flv", 400, "256"},
		{"POST", "/live/x.flv", 405, "GET"},
		{"OPTIONS", "/live/x.flv", 200, ""},
		{"HEAD", "/live/x.flv", 200, ""},
	} {
		res := ask(site(s), test.method, "http://x"+test.path, "")
		if body := text(t, res); res.StatusCode != test.status || !strings.Contains(body, test.says) {
			t.Errorf("%s %.40s: %s: %s; want %d with %q", test.method, test.path, res.Status, body, test.status, test.says)
		}
	}
	watch(t, base(s)+"/live/nobody.flv")
	if res := call(t, "GET", base(s)+"/live/other.flv", ""); res.StatusCode != 503 || !strings.Contains(text(t, res), "max_connections") {
		t.Errorf("one viewer too many: %s", res.Status)
	}
}

// Who waits for streams is bounded by its address, whatever a request says of it; who has begun to play waits no more.
func TestFLVWaiting(t *testing.T) {
	s := open(t, configure(t, withFLV("")+"max_waiting_per_address 2;"))
	f := feedPackets(t, s, "live")
	f.picture(&h264, true)
	watch(t, base(s)+"/live/a.flv")
	playing := watch(t, base(s)+"/live/b.flv")
	for _, stream := range []string{"a", "c"} {
		res := call(t, "GET", base(s)+"/live/"+stream+".flv", "", "X-Forwarded-For: 192.0.2."+stream)
		if res.StatusCode != 429 || !strings.Contains(text(t, res), "max_waiting_per_address") {
			t.Errorf("one too many waits for %s: %s", stream, res.Status)
		}
	}
	watch(t, base(s)+"/live/live.flv").pictures(1) // what is live needs no waiting
	feedPackets(t, s, "b").picture(&h264, true)
	playing.pictures(1)
	waiting := watch(t, base(s)+"/live/d.flv")
	waiting.res.Body.Close()
	until(t, "the end of who waited", func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.all == 1 && s.queue.of[netip.MustParseAddr("127.0.0.1")] == 1
	})
	watch(t, base(s)+"/live/e.flv")
}

// What goes wrong on the way from packets to frames is counted.
func TestBridgeCounts(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withFLV("")))
	f := feedPackets(t, s, "x")
	v := watch(t, base(s)+"/live/x.flv")
	f.picture(&h264, true)
	v.pictures(1)            // or it would begin with the other keyframe
	f.numbers[media.Video]++ // a packet that never comes
	f.picture(&h264, false)
	f.picture(&h264, false)
	f.n += 90_000 // an hour
	f.picture(&h264, true)
	v.pictures(1)
	b := &s.stats.bridged
	until(t, "the counters", func() bool { return b.jumps.Load() > 0 && b.lost.Load() > 0 })
	body := text(t, call(t, "GET", base(s)+"/metrics", ""))
	for name, want := range map[string]uint64{"pictures_incomplete": b.incomplete.Load(), "pictures_skipped": b.skipped.Load(), "packets_lost": 1, "jumps": 1} {
		if line := fmt.Sprintf("oneport_bridge_%s_total %d\n", name, want); !strings.Contains(body, line) {
			t.Errorf("no %q in the metrics", line)
		}
	}
	if incomplete, skipped := b.incomplete.Load(), b.skipped.Load(); incomplete+skipped != 2 {
		t.Errorf("%d pictures incomplete, %d skipped, of two that can't be used", incomplete, skipped)
	}
}

// The switches of SRS: without http_remux there is no such URL, without rtc_to_rtmp no publisher for it.
func TestFLVSwitches(t *testing.T) {
	off := open(t, configure(t, allOnOne))
	if res := call(t, "GET", base(off)+"/live/x.flv", ""); res.StatusCode != 404 {
		t.Errorf("http_remux off: %s", res.Status)
	}
	s := open(t, configure(t, strings.Replace(withFLV(""), "rtc_to_rtmp on", "rtc_to_rtmp off", 1)))
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 100})
	if res := call(t, "GET", base(s)+"/live/x.flv", ""); res.StatusCode != 406 || !strings.Contains(text(t, res), "rtc_to_rtmp") {
		t.Errorf("rtc_to_rtmp off: %s", res.Status)
	}
	silent := open(t, configure(t, strings.Replace(withFLV(""), "http_remux { ", "http_remux { has_audio off; mount [vhost]/tv/[stream].flv; ", 1)))
	publish(t, silent, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 100})
	v := watch(t, base(silent)+"/tv/x.flv")
	for range 20 {
		if tag, err := v.tag(); err != nil || tag.Type == 8 {
			t.Fatalf("has_audio off: a tag of type %d, %v", tag.Type, err)
		}
	}
	if v.flags&5 != 1 {
		t.Errorf("the header says %b, not picture alone", v.flags)
	}
}

// A mount that nothing can be played by is found when the configuration is read.
func TestMount(t *testing.T) {
	for text, fine := range map[string]bool{
		"[vhost]/[app]/[stream].flv": true, "/[app]-[stream].flv": true, "tv.example/[stream].flv": true,
		"": false, "[app]/x.flv": false, "[vhost]/[app]/[stream].ts": true, "[vhost]/[app]/[stream].mp4": false, "[vhost]/[app]/[stream]": false, "[vhost]/[app]/[app]/[stream].flv": false,
	} {
		if _, err := parseMount(text); (err == nil) != fine {
			t.Errorf("%q: %v", text, err)
		}
	}
	m, _ := parseMount("tv.example/[app]-[stream].flv")
	if app, stream, c := m.match("tv.example", "/a-b.flv"); c == nil || app != "a" || stream != "b" {
		t.Errorf("%q, %q, %v", app, stream, c)
	}
	if _, _, c := m.match("example", "/a-b.flv"); c != nil {
		t.Error("another host's")
	}
}

// A viewer that comes first waits, plays when the stream is there, and its response ends when the publisher leaves.
func TestFLVWaitsAndEnds(t *testing.T) {
	c := configure(t, withFLV(""))
	synctest.Test(t, func(t *testing.T) {
		s := offline(t, c)
		client := pipeTo(t, s)
		io.WriteString(client, "GET /live/x.flv?token=a HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		v := &flvStream{t: t, res: res, r: bufio.NewReader(res.Body)}
		f := feedPackets(t, s, "x")
		go func() {
			defer f.Close()
			for i := range 50 {
				for n := range 2 { // before the picture, for it to be known that there will be sound
					f.push(&opus, uint32(2*i+n)*960, true, []byte{0xfc, 0xff, 0xfe})
				}
				f.picture(&h264, i%25 == 0)
				time.Sleep(40 * time.Millisecond)
			}
		}()
		checkStart(t, v, v.read(10))
		for err == nil {
			_, err = v.frame()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("the response ends with %v", err)
		}
		synctest.Wait()
		nothingLeft(t, s)
	})
}

// Who waits in vain is sent away when viewer_patience is over.
func TestFLVPatience(t *testing.T) {
	t.Parallel()
	s := open(t, configure(t, withFLV("play { viewer_patience 1; }")))
	v := watch(t, base(s)+"/live/x.flv")
	if _, err := v.tag(); !errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
	until(t, "the end of all", func() bool { return leftovers(s) == "" })
}

// The API shows a viewer and ends it; /metrics counts it.
func TestFLVClient(t *testing.T) {
	s := open(t, configure(t, withFLV("")))
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 300})
	v := watch(t, base(s)+"/live/x.flv")
	v.read(5)
	list := s.viewers.all()
	if len(list) != 1 {
		t.Fatalf("%d viewers", len(list))
	}
	id := list[0].id
	body := text(t, call(t, "GET", base(s)+"/api/v1/clients/", ""))
	if !strings.Contains(body, `"type":"flv-play"`) || !strings.Contains(body, id) {
		t.Errorf("clients: %s", body)
	}
	if body := text(t, call(t, "GET", base(s)+"/metrics", "")); !strings.Contains(body, `oneport_frame_viewers{type="flv-play"} 1`) || !strings.Contains(body, "oneport_bridges 1") {
		t.Error("metrics don't count it")
	}
	if body := text(t, call(t, "DELETE", base(s)+"/api/v1/clients/"+id, "")); !strings.Contains(body, `"code":0`) {
		t.Errorf("kick: %s", body)
	}
	var err error
	for err == nil {
		_, err = v.frame()
	}
	until(t, "the viewer's end", func() bool { return s.viewers.byID(id) == nil })
}

// FLV is played by HTTP/2 inside TLS too.
func TestFLVByHTTP2(t *testing.T) {
	c := secured(t, "a")
	for v := range c.Vhosts.All() {
		v.Settings.Remux.Enabled, v.Settings.RTC.ToRTMP = true, true
	}
	s := open(t, c)
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 300})
	watch(t, base(s)+"/live/x.flv").read(1) // both sound and picture are there
	res, err := browser(t, true).Get("https://" + s.ports[0].Addr().String() + "/live/x.flv")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 {
		t.Fatalf("over %s", res.Proto)
	}
	v := &flvStream{t: t, res: res, r: bufio.NewReader(res.Body)}
	checkStart(t, v, v.read(10))
}

// Close ends viewers that play and viewers that wait, and leaves nothing.
func TestFLVClose(t *testing.T) {
	s, err := Open(configure(t, withFLV("")), logTo(t))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, s, "x", bench.ClientOptions{}, bench.SourceOptions{KBPS: 300})
	watch(t, base(s)+"/live/x.flv").read(3)
	watch(t, base(s)+"/live/nobody.flv")
	began := time.Now()
	s.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Close took %v", took)
	}
	nothingLeft(t, s)
	if res := ask(site(s), http.MethodGet, "/live/x.flv", ""); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a viewer after the end: %s", res.Status)
	}
}
