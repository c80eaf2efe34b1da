package server

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What a path that is switched off is answered, and by what environment it is switched on; then the stream is there, or
// nobody publishes it.
func TestSwitchesOfPlaying(t *testing.T) {
	for _, test := range []struct {
		path, setting string
		environ       []string
	}{
		{"/live/x.m3u8", "hls.enabled", []string{"SRS_VHOST_HLS_ENABLED=on"}},
		{"/live/x.mpd", "dash.enabled", []string{"SRS_VHOST_DASH_ENABLED=on"}},
		{"/live/x.flv", "http_remux.enabled", []string{"SRS_VHOST_HTTP_REMUX_ENABLED=on"}},
		{"/live/x.ts", "http_remux.enabled", []string{"SRS_VHOST_HTTP_REMUX_ENABLED=on"}},
		{"/live/x.aac", "http_remux.enabled", []string{"SRS_VHOST_HTTP_REMUX_ENABLED=on"}},
	} {
		off := offline(t, configure(t, allOnOne))
		res := local(off, http.MethodGet, test.path, "")
		if body := text(t, res); res.StatusCode != http.StatusNotFound || !strings.Contains(body, test.setting) {
			t.Errorf("%s, switched off: %s: %s", test.path, res.Status, body)
		}
		if n := off.stats.refused.Load(); n != 1 {
			t.Errorf("%s, switched off: %d refusals are counted", test.path, n)
		}
		on := offline(t, configure(t, allOnOne, test.environ...))
		if res := local(on, http.MethodOptions, test.path, ""); res.StatusCode != http.StatusOK {
			t.Errorf("%s with %v: %s", test.path, test.environ, res.Status)
		}
	}
	if res := local(offline(t, configure(t, allOnOne)), http.MethodGet, "/no/page.html", ""); res.StatusCode != http.StatusNotFound || strings.Contains(text(t, res), "enabled") {
		t.Errorf("a page that is not there: %s", res.Status)
	}
}

// The bridges between WebRTC and the rest are switched by the environment, each by itself.
func TestSwitchesOfBridges(t *testing.T) {
	for _, test := range []struct {
		environ []string
		flv     int // of what is published by WebRTC
		whep    int // of what is published by RTMP
	}{
		{nil, 406, 406},
		{[]string{"SRS_VHOST_RTC_RTC_TO_RTMP=on"}, 200, 406},
		{[]string{"SRS_VHOST_RTC_RTMP_TO_RTC=on"}, 406, 201},
		{[]string{"SRS_VHOST_RTC_RTC_TO_RTMP=on", "SRS_VHOST_RTC_RTMP_TO_RTC=on"}, 200, 201},
	} {
		s := open(t, configure(t, "listen shared;"+allOnOne, append(test.environ, "SRS_VHOST_HTTP_REMUX_ENABLED=on")...))
		feedPackets(t, s, "packets").picture(&h264, true)
		publishing(t, s, "frames")
		until(t, "the encoder's picture", func() bool { return len(s.hubs["__defaultVhost__"].FrameFormats(streamName("frames"))) == 2 })
		if res := call(t, http.MethodGet, base(s)+"/live/packets.flv", ""); res.StatusCode != test.flv {
			t.Errorf("%v: a browser's stream by FLV: %s", test.environ, res.Status)
		}
		if res := call(t, http.MethodPost, base(s)+"/rtc/v1/whep/?stream=frames", offerFile(t, "chromium-play-default"), sdpType); res.StatusCode != test.whep {
			t.Errorf("%v: an encoder's stream by WebRTC: %s: %s", test.environ, res.Status, text(t, res))
		}
	}
}

// SRT is switched on for a virtual host by the environment.
func TestSwitchOfSRT(t *testing.T) {
	text := allOnOne + "srt_server { enabled on; listen 127.0.0.1:PORT1; }"
	off := open(t, configure(t, text))
	if conn, err := dialSRT(off, "#!::r=live/x,m=publish", ""); err == nil {
		conn.Close()
		t.Error("a publisher is taken where SRT is off")
	}
	publishSRT(t, open(t, configure(t, text, "SRS_VHOST_SRT_ENABLED=on")), "#!::r=live/x,m=publish")
}

// Virtual hosts of one file have switches of their own.
func TestSwitchesOfVhosts(t *testing.T) {
	s := open(t, configure(t, allOnOne+`
		vhost one.example { rtc { enabled on; rtmp_to_rtc on; } hls { enabled on; } }
		vhost two.example { http_remux { enabled on; } dash { enabled on; } }`))
	video, audio := h264AndAAC(t)
	for _, host := range []string{"one.example", "two.example"} {
		name := streamName("x")
		name.Vhost = host
		i, err := s.publishFrames(name, origin{kind: "fmle-publish"})
		if err != nil {
			t.Fatal(err)
		}
		f := &synthetic{t: t, in: i, group: time.Second, size: 2000, video: video, audio: audio}
		defer i.end(errGone)
		f.feed(1)
	}
	offer := offerFile(t, "chromium-play-default")
	for _, test := range []struct {
		host, method, path string
		status             int
	}{
		{"one.example", http.MethodOptions, "/live/x.m3u8", 200},
		{"two.example", http.MethodGet, "/live/x.m3u8", 404},
		{"one.example", http.MethodGet, "/live/x.mpd", 404},
		{"two.example", http.MethodOptions, "/live/x.mpd", 200},
		{"one.example", http.MethodGet, "/live/x.flv", 404},
		{"two.example", http.MethodGet, "/live/x.flv", 200},
		{"one.example", http.MethodPost, "/rtc/v1/whep/?stream=x", 201},
		{"two.example", http.MethodPost, "/rtc/v1/whep/?stream=x", 403},
	} {
		body := ""
		if test.method == http.MethodPost {
			body = offer
		}
		if res := call(t, test.method, base(s)+test.path, body, "Host: "+test.host, sdpType); res.StatusCode != test.status {
			t.Errorf("%s %s of %s: %s", test.method, test.path, test.host, res.Status)
		}
	}
}
