package server

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A player of HLS or DASH that is refused learns whether to ask again: when nobody publishes yet, or when there is no place now,
// and not when what it asks for will not come. Pages of other sites may read it.
func TestHLSSaysWhetherToAskAgain(t *testing.T) {
	on, off := open(t, configure(t, withHLS("", "dash { enabled on; }"))), open(t, configure(t, allOnOne))
	video, audio := h264AndAAC(t)
	synthesize(t, on, "x", video, audio).play(on, "/live/x.m3u8", 3)
	master, _ := fetch(t, base(on)+"/live/x.m3u8")
	viewer := regexp.MustCompile(`hls_ctx=(\w+)`).FindStringSubmatch(master)
	call(t, "DELETE", base(on)+"/api/v1/clients/"+viewer[1], "")
	for _, c := range []struct {
		s     *Server
		path  string
		why   string
		again bool
	}{
		{on, "/live/nobody.m3u8", "nobody publishes", true},
		{on, "/live/nobody.mpd", "nobody publishes", true},
		{on, "/live/x.m3u8?" + viewer[0], "this viewer was ended", false},
		{on, "/live/x-1.ts", "no such segment", false},
		{off, "/live/x.m3u8", "hls.enabled", false},
		{off, "/live/x.mpd", "dash.enabled", false},
	} {
		res := call(t, "GET", base(c.s)+c.path, "", elsewhere)
		if body := text(t, res); res.StatusCode != http.StatusNotFound || !strings.Contains(body, c.why) {
			t.Errorf("%s: %s: %s", c.path, res.Status, body)
		}
		if after := res.Header.Get("Retry-After"); (after != "") != c.again {
			t.Errorf("%s: Retry-After is %q", c.path, after)
		}
		if exposed := res.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "Retry-After") {
			t.Errorf("%s: pages of other sites may read %s", c.path, exposed)
		}
	}
}
