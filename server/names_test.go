package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A name that would climb in a file system, or that no URL could hold, is refused by every protocol, with words; each refusal
// is counted, and nothing is left of it.
func TestBadNames(t *testing.T) {
	config := withSRT("", "hls { enabled on; } dash { enabled on; }")
	s := open(t, configure(t, "listen shared;"+config))
	long := strings.Repeat("x", maxName+1)
	refused := func(what string, ask func() bool) {
		t.Helper()
		before := s.stats.refused.Load()
		if !ask() {
			t.Errorf("%s: not refused", what)
		}
		until(t, what+" is counted", func() bool { return s.stats.refused.Load() > before })
	}
	bad := func(method, path, body string, headers ...string) func() bool {
		return func() bool {
			res := call(t, method, base(s)+path, body, headers...)
			words := text(t, res)
			return len(words) > 10 && (res.StatusCode == http.StatusBadRequest || strings.Contains(words, `"code":400`))
		}
	}
	for _, name := range []string{"..x", "a%00", "a%07", "a%5cb", "%2e%2e%2fx", long} {
		for _, extension := range []string{"flv", "ts", "aac", "m3u8", "mpd"} {
			path := "/live/" + name + "." + extension
			refused(path, bad(http.MethodGet, path, ""))
		}
		plain, err := url.PathUnescape(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, endpoint := range []string{"whip", "whep"} {
			for _, query := range []string{"stream=" + name, "stream=x&app=" + name} {
				path := "/rtc/v1/" + endpoint + "/?" + query
				refused(path, bad(http.MethodPost, path, offerFile(t, "gst-publish-h264"), sdpType))
			}
		}
		for _, asks := range []func(*rtmpClient, string) (string, string){(*rtmpClient).publish, (*rtmpClient).play} {
			refused(fmt.Sprintf("RTMP: %q", plain), func() bool {
				code, why := asks(dialRTMP(t, addrOf(s), "live"), plain)
				return !strings.Contains(code, "Start") && len(why) > 10
			})
		}
		for _, mode := range []string{"publish", "request"} {
			id := "#!::r=live/" + plain + ",m=" + mode
			refused(fmt.Sprintf("SRT: %q", id), func() bool {
				conn, err := dialSRT(s, id, "")
				if err == nil {
					conn.Close()
				}
				return err != nil
			})
		}
	}
	refused("the JSON API", bad(http.MethodPost, "/rtc/v1/publish/", rtcBody(t, "webrtc://localhost/live/..", offerFile(t, "gst-publish-h264"))))
	want := fmt.Sprintf("srs_clients_errs_total %d\n", s.stats.refused.Load())
	if body := text(t, call(t, http.MethodGet, base(s)+"/metrics", "")); !strings.Contains(body, want) {
		t.Error("the metrics do not tell of the refusals")
	}
	until(t, "the end of all", func() bool { return leftovers(s) == "" })
}
